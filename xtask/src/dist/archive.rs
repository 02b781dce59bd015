//! Archives that only depend on what is in them.

use std::io;
use std::path::{Path, PathBuf};

use super::Work;
use crate::tools::run;

/// Packs a folder, with its name, as `NAME.tar.gz` beside it: sorted, owned by root, with the time of the commit.
pub(super) fn tar_gz(work: &Work, folder: &Path) -> io::Result<PathBuf> {
    let named = |part: Option<&std::ffi::OsStr>| {
        part.map(|part| part.to_string_lossy().into_owned())
            .ok_or_else(|| io::Error::other(format!("`{}` cannot be packed", folder.display())))
    };
    let (name, parent) = (named(folder.file_name())?, folder.parent().unwrap_or(Path::new(".")));
    let packed = parent.join(format!("{name}.tar.gz"));
    // Without a time of their own in the header of gzip, and without what depends on the umask.
    let fixed = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=u+rw,go=rX,a-s", "--format=gnu"];
    let mut tar = work.command("tar");
    tar.args(fixed).arg(format!("--mtime=@{}", work.epoch)).arg("--use-compress-program=gzip --best --no-name");
    run(tar.arg("--create").arg("--file").arg(&packed).arg("--directory").arg(parent).arg(&name))?;
    Ok(packed)
}
