//! The Debian packages, built by debhelper from `deploy/debian`.
//!
//! debhelper writes what a package does to the system (its user, its unit, its configuration) as Debian's own packages do,
//! and it comes from Debian ready built. cargo-deb takes minutes to build, and would not need less to be said.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::programs::Tree;
use super::{VERSION, Work, copy, output, write};
use crate::tools::{run, top};

/// The folder with what debhelper reads. The changelog and the unit are written here.
const DEBIAN: &str = "deploy/debian";

/// The number of the packaging, after the version of what is packaged.
const REVISION: &str = "1";

/// Where the unit of a host differs from that of the package: each text is there so many times, and is replaced.
const UNIT: [(&str, usize, &str); 3] = [
    ("/usr/local/bin/", 2, "/usr/bin/"),
    ("file:///usr/local/share/doc/bidprice/README.md", 1, "man:bidprice-serve(1)"),
    // The package makes the user, so that its files stay its own, and an administrator can use `sudo -u bidprice`. What
    // DynamicUser= implies is all in the unit.
    ("DynamicUser=yes\n", 1, ""),
];

/// The same for the configuration: the folder of the schema.
const CONFIGURATION: [(&str, usize, &str); 1] =
    [("./bidprice.schema.json", 1, "/usr/share/bidprice/bidprice.schema.json")];

/// Builds a package for each machine.
pub(super) fn make(work: &Work, trees: &[Tree]) -> io::Result<Vec<PathBuf>> {
    let folder = work.empty("deb")?;
    trees.iter().map(|tree| package(work, &folder, tree)).collect()
}

fn package(work: &Work, folder: &Path, tree: &Tree) -> io::Result<PathBuf> {
    let arch = tree.arch.debian();
    let parent = folder.join(arch);
    let source = parent.join(format!("bidprice-{VERSION}"));
    fs::create_dir_all(&source)?;
    for (from, to) in [(top().join(DEBIAN), "debian"), (tree.folder.clone(), "tree")] {
        run(Command::new("cp").arg("--recursive").arg(from).arg(source.join(to)))?;
    }
    let deploy = top().join("deploy");
    let header = format!("# bidprice serve. `systemctl edit bidprice` changes it.\n{}", unit_body(&deploy)?);
    write(&source.join("debian/bidprice.service"), replaced(&header, &UNIT)?)?;
    let configuration = fs::read_to_string(deploy.join("bidprice.toml"))?;
    write(&source.join("bidprice.toml"), replaced(&configuration, &CONFIGURATION)?)?;
    copy(&deploy.join("bidprice.schema.json"), &source.join("bidprice.schema.json"), 0o644)?;
    copy(&top().join("CHANGELOG.md"), &source.join("CHANGELOG.md"), 0o644)?;
    write(&source.join("debian/changelog"), changelog(work)?)?;
    let mut build = work.command("dpkg-buildpackage");
    build.args(["--build=binary", "--no-sign", "--no-check-builddeps", "--host-arch", arch]).current_dir(&source);
    run(&mut build).map_err(|error| io::Error::other(format!("{error}; it needs Debian's debhelper")))?;
    Ok(parent.join(format!("bidprice_{VERSION}-{REVISION}_{arch}.deb")))
}

/// The unit without the comment at its top, which says how to install it by hand.
fn unit_body(deploy: &Path) -> io::Result<String> {
    let unit = fs::read_to_string(deploy.join("systemd/bidprice.service"))?;
    let body = unit.find("[Unit]").and_then(|start| unit.get(start..));
    body.map(str::to_owned).ok_or_else(|| io::Error::other("the unit has no [Unit]"))
}

/// Replaces texts. A text that is not there as often as expected is an error: the package would have what it must not.
fn replaced(text: &str, replacements: &[(&str, usize, &str)]) -> io::Result<String> {
    let mut text = text.to_owned();
    for (old, times, new) in replacements {
        let found = text.matches(old).count();
        if found != *times {
            return Err(io::Error::other(format!("`{old}` is there {found} times, not {times}")));
        }
        text = text.replace(old, new);
    }
    Ok(text)
}

/// Debian's changelog, which says the version and the time of the package.
fn changelog(work: &Work) -> io::Result<String> {
    let control = fs::read_to_string(top().join(DEBIAN).join("control"))?;
    let maintainer = control.lines().find_map(|line| line.strip_prefix("Maintainer: "));
    let maintainer = maintainer.ok_or_else(|| io::Error::other("the package has no maintainer"))?;
    let time = output(work.command("date").args(["--utc", "--rfc-email", "--date"]).arg(format!("@{}", work.epoch)))?;
    Ok(format!(
        "bidprice ({VERSION}-{REVISION}) unstable; urgency=medium\n\n  * Version {VERSION}: CHANGELOG.md has the changes.\n\n \
         -- {maintainer}  {}\n",
        String::from_utf8_lossy(&time).trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::{CONFIGURATION, UNIT, replaced, unit_body};
    use crate::tools::top;

    #[test]
    fn the_unit_and_the_configuration_have_what_the_package_replaces() -> std::io::Result<()> {
        let unit = replaced(&unit_body(&top().join("deploy"))?, &UNIT)?;
        assert!(unit.starts_with("[Unit]\n") && !unit.contains("/usr/local") && !unit.contains("DynamicUser"));
        let configuration = std::fs::read_to_string(top().join("deploy/bidprice.toml"))?;
        replaced(&configuration, &CONFIGURATION).map(drop)
    }

    #[test]
    fn a_text_that_is_not_there_as_often_as_expected_is_an_error() {
        assert!(replaced("a b", &[("a", 1, "c")]).is_ok_and(|text| text == "c b"));
        assert!(replaced("b", &[("a", 1, "c")]).is_err());
        assert!(replaced("a a", &[("a", 1, "c")]).is_err());
    }
}
