//! The C library for this machine: shared, static (but not in the profile `dev`), header, pkg-config files.

use std::env::consts::ARCH;
use std::io;
use std::path::PathBuf;

use super::{Profile, VERSION, Work, archive, copy};
use crate::library::{self, Build};
use crate::tools::top;

/// Builds the library, and packs it so that it can be unpacked anywhere.
pub(super) fn make(work: &Work) -> io::Result<PathBuf> {
    let folder = work.empty("library")?.join(format!("bidprice-c-{VERSION}-{ARCH}-unknown-linux-gnu"));
    let build = match work.profile {
        Profile::Dist => Build::Dist,
        Profile::Dev => Build::Debug,
    };
    library::install(&folder, build)?;
    for name in ["LICENSE", "CHANGELOG.md"] {
        copy(&top().join(name), &folder.join("share/doc/bidprice-c").join(name), 0o644)?;
    }
    archive::tar_gz(work, &folder)
}
