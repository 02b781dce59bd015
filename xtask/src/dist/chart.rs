//! The Helm chart, packaged. `cargo xtask helm` checks it.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use super::{VERSION, Work, archive, output};
use crate::tools::{HELM, run, top};

/// Packages the chart. Helm writes the present time into a package, so it is packed again.
pub(super) fn make(work: &Work) -> io::Result<PathBuf> {
    let (helm, folder) = (HELM.installed()?, work.empty("chart")?);
    let name = format!("bidprice-{VERSION}.tgz");
    let (as_helm_has_it, unpacked) = (folder.join("helm"), folder.join("unpacked"));
    fs::create_dir_all(&unpacked)?;
    run(Command::new(&helm)
        .arg("package")
        .arg("deploy/helm/bidprice")
        .arg("--destination")
        .arg(&as_helm_has_it)
        .current_dir(top()))?;
    // The name tells that the chart has the workspace's version.
    let package = as_helm_has_it.join(&name);
    run(Command::new("tar").arg("--extract").arg("--file").arg(package).arg("--directory").arg(&unpacked))?;
    let packed = folder.join(&name);
    fs::rename(archive::tar_gz(work, &unpacked.join("bidprice"))?, &packed)?;
    output(Command::new(&helm).args(["show", "chart"]).arg(&packed))?;
    Ok(packed)
}
