//! Where the programs are.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// The command line.
pub(crate) const BIDPRICE: &str = env!("CARGO_BIN_EXE_bidprice");

/// A bound on waits for what is bound to happen. It only ends a test that hangs.
pub(crate) const HANG: Duration = Duration::from_secs(600);

/// The command line with nothing of this environment but where programs are: neither a setting of whoever runs the tests
/// nor their cache changes what it answers.
pub(crate) fn bidprice() -> Command {
    let mut command = Command::new(BIDPRICE);
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

/// Starts a program that a test wrote just now. Another thread's child may have the file open for writing for a moment, from
/// its birth until it becomes another program; so long it cannot be run.
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

/// The drop-in. It is another package's program, which Cargo puts beside this one's when it builds the workspace's tests.
pub(crate) fn bidprice_script() -> PathBuf {
    let program = Path::new(BIDPRICE).with_file_name("bidprice-script");
    assert!(program.is_file(), "bidprice-script is not built: run `cargo build -p pricing-script`, or all tests");
    program
}
