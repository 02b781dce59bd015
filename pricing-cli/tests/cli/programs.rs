//! The programs under test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// The path of `bidprice`.
pub(crate) const BIDPRICE: &str = env!("CARGO_BIN_EXE_bidprice");

/// A limit for waiting on what must happen. It only ends tests that hang.
pub(crate) const HANG: Duration = Duration::from_secs(600);

/// Returns `bidprice` in an environment with only `PATH`, so that the user's settings and cache cannot change its
/// answers.
pub(crate) fn bidprice() -> Command {
    let mut command = Command::new(BIDPRICE);
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

/// Starts a program that a test has just written.
///
/// A child that another thread has forked may hold the file open for writing until it executes its own program. Until
/// then, the file cannot be executed (ETXTBSY), so this tries again.
pub(crate) fn spawn_new(command: &mut Command) -> std::io::Result<Child> {
    loop {
        match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(5));
            }
            spawned => return spawned,
        }
    }
}

/// Returns the path of `bidprice-script`. It belongs to another package, and Cargo puts it beside `bidprice` when it
/// builds the workspace's tests.
pub(crate) fn bidprice_script() -> PathBuf {
    let program = Path::new(BIDPRICE).with_file_name("bidprice-script");
    assert!(program.is_file(), "bidprice-script is not built: run `cargo build -p pricing-script`, or all tests");
    program
}
