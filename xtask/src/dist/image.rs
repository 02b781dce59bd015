//! The container image, for all machines that there are programs for: as an OCI layout folder, and as an archive for
//! `docker load`. `deploy/image` writes it; no daemon is needed.

use std::io;
use std::path::PathBuf;

use super::programs::Tree;
use super::{VERSION, Work};
use crate::tools::{self, run, top};

/// The Go module that writes images.
const MODULE: &str = "deploy/image";

/// Makes the image, and pushes it to a registry on loopback and back.
pub(super) fn make(work: &Work, trees: &[Tree]) -> io::Result<Vec<PathBuf>> {
    let (program, folder) = (tools::build(&top().join(MODULE), "image")?, work.empty("image")?);
    let (layout, archives) =
        (folder.join(format!("bidprice-{VERSION}-image")), folder.join(format!("bidprice-{VERSION}-docker")));
    let mut write = work.command(&program);
    write.args(["write", "-version", VERSION, "-revision", &work.revision, "-epoch", &work.epoch]);
    write.arg(&layout).arg(&archives);
    write.args(trees.iter().map(|tree| format!("{}={}", tree.arch.debian(), tree.folder.join("bin").display())));
    run(&mut write)?;
    let mut made = vec![layout];
    made.extend(trees.iter().map(|tree| folder.join(format!("bidprice-{VERSION}-docker-{}.tar", tree.arch.debian()))));
    run(work.command(&program).arg("check").args(&made))?;
    Ok(made)
}
