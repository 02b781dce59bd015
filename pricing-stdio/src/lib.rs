//! Writes a program's answer to stdout completely, or reports that it could not.
//!
//! The standard library hides two failures. If stdout was closed (`>&-`), the runtime has opened `/dev/null` in its
//! place by the time `main` runs, so this is checked before. And a write to a descriptor that is only open for reading
//! is reported as successful. A program must not exit with 0 in either case.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{Errno, fcntl_getfd, write};
use rustix::stdio::stdout;

/// Whether stdout was closed when the program started.
static CLOSED: AtomicBool = AtomicBool::new(false);

ctor::declarative::ctor! {
    /// Checks stdout before the runtime does. Nothing of the runtime can be used here; this is a single system call.
    #[ctor(unsafe)]
    fn look_at_stdout() {
        CLOSED.store(fcntl_getfd(stdout()) == Err(Errno::BADF), Ordering::Relaxed);
    }
}

/// Writes an answer to stdout completely.
///
/// `/dev/null` is a valid destination: whoever redirects to it does not want the answer.
///
/// # Errors
/// When it could not be written, or stdout was closed.
pub fn answer(bytes: &[u8]) -> io::Result<()> {
    if CLOSED.load(Ordering::Relaxed) {
        return Err(io::Error::other("stdout is closed"));
    }
    Stdout.write_all(bytes)
}

/// The raw descriptor, without the standard library's buffer and error handling.
struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(write(stdout(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
