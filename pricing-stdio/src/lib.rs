//! Stdout as the place where a program's answer goes: it is written whole, or the program learns that it was not.
//!
//! The standard library hides two ways in which nobody gets an answer. A stdout that was closed (`>&-`) is `/dev/null` by
//! the time `main` runs, because the runtime opens that in its place; so whether it was open is looked at before. And a
//! write to a descriptor that is open for reading only counts as done. A program that exits 0 must not have used either.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{Errno, fcntl_getfd, write};
use rustix::stdio::stdout;

/// Whether stdout was closed when the program was started.
static CLOSED: AtomicBool = AtomicBool::new(false);

ctor::declarative::ctor! {
    /// Looks at stdout before the runtime does. Nothing of the runtime may be used here: this is one system call.
    #[ctor(unsafe)]
    fn look_at_stdout() {
        CLOSED.store(fcntl_getfd(stdout()) == Err(Errno::BADF), Ordering::Relaxed);
    }
}

/// Writes an answer to stdout, all of it.
///
/// `/dev/null` takes an answer like any other file: whoever names it wants none.
///
/// # Errors
/// When it could not be written, or when there was no stdout to write it to.
pub fn answer(bytes: &[u8]) -> io::Result<()> {
    if CLOSED.load(Ordering::Relaxed) {
        return Err(io::Error::other("stdout is closed"));
    }
    Stdout.write_all(bytes)
}

/// The descriptor itself, without the standard library's buffer and its opinion of errors.
struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(write(stdout(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
