//! The Python package.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::tools::{run, target, top};

/// Builds the wheel into a folder. In the profile `dev` it is made of what the tests are built from. With an epoch (seconds
/// since 1970), that is the time of its files.
///
/// # Errors
/// When maturin is missing or fails.
pub(crate) fn build(profile: &str, folder: &Path, epoch: Option<&str>) -> io::Result<()> {
    let module = top().join("pricing-python");
    let mut maturin = Command::new("maturin");
    crate::without_cargo(&mut maturin);
    maturin.args(["build", "--quiet", "--locked", "--profile", profile, "--out"]).arg(folder);
    maturin.env("CARGO", module.join("workspace-cargo.sh"));
    if let Some(epoch) = epoch {
        maturin.env("SOURCE_DATE_EPOCH", epoch);
    }
    run(maturin.env("CARGO_TARGET_DIR", target()).current_dir(&module))
        .map_err(|error| io::Error::other(format!("{error}; pricing-python/requirements.txt has maturin's version")))
}
