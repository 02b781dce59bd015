//! Where the programs are.

#[cfg(feature = "service")]
use std::path::{Path, PathBuf};

/// The command line.
pub(crate) const BIDPRICE: &str = env!("CARGO_BIN_EXE_bidprice");

/// The drop-in. It is another package's program, which Cargo puts beside this one's when it builds the workspace's tests.
#[cfg(feature = "service")]
pub(crate) fn bidprice_script() -> PathBuf {
    let program = Path::new(BIDPRICE).with_file_name("bidprice-script");
    assert!(program.is_file(), "bidprice-script is not built: run `cargo build -p pricing-script`, or all tests");
    program
}
