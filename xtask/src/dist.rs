//! `dist`: what is installed, in the folder `dist/`: programs, packages, an image, and the checksums of all.
//!
//! Each part is made in a folder of its own, and moved to `dist/` when it is complete. A part that cannot be made is an
//! error, unless `--allow-missing` names it. Without an error, `SHA256SUMS` lists every file. Two runs on one commit with
//! the same tools write the same files: times are those of the commit, and owners and orders are fixed.

mod archive;
mod chart;
mod deb;
mod image;
mod library;
mod pages;
mod programs;
mod sbom;
mod sums;
mod wheel;

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::tools::{target, top};
use programs::{Arch, Tree};

/// The version of everything: that of the workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Programs,
    Aarch64,
    Library,
    Deb,
    Image,
    Wheel,
    Chart,
    Sbom,
}

impl Part {
    /// Every part, in the order in which they are made: packages need the programs.
    const ALL: [Self; 8] =
        [Self::Programs, Self::Aarch64, Self::Library, Self::Deb, Self::Image, Self::Wheel, Self::Chart, Self::Sbom];

    fn name(self) -> &'static str {
        match self {
            Self::Programs => "programs",
            Self::Aarch64 => "aarch64",
            Self::Library => "library",
            Self::Deb => "deb",
            Self::Image => "image",
            Self::Wheel => "wheel",
            Self::Chart => "chart",
            Self::Sbom => "sbom",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

/// How the Rust code is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Profile {
    /// As it is shipped.
    Dist,
    /// As the tests compile it, for tests of the packages.
    Dev,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Dist => "dist",
            Self::Dev => "dev",
        }
    }

    /// The folder in Cargo's target folder.
    fn folder(self) -> &'static str {
        match self {
            Self::Dist => "dist",
            Self::Dev => "debug",
        }
    }
}

/// What is asked for.
#[derive(Debug)]
struct Options {
    profile: Profile,
    /// The parts that are made; by default, all.
    only: Vec<Part>,
    /// The parts whose absence is no error.
    may_miss: Vec<Part>,
}

impl Options {
    fn parse(words: &[&str]) -> Option<Self> {
        let mut options = Self { profile: Profile::Dist, only: Vec::new(), may_miss: Vec::new() };
        for option in words.chunks(2) {
            match option {
                ["--profile", "dist"] => options.profile = Profile::Dist,
                ["--profile", "dev"] => options.profile = Profile::Dev,
                ["--only", part] => options.only.push(Part::named(part)?),
                ["--allow-missing", part] => options.may_miss.push(Part::named(part)?),
                _ => return None,
            }
        }
        Some(options)
    }

    fn has(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// What the parts share.
#[derive(Debug)]
struct Work {
    profile: Profile,
    /// The folder in which each part has one of its own.
    folder: PathBuf,
    /// The time of everything that is written, in seconds since 1970.
    epoch: String,
    /// The commit; with `-dirty` if the working tree differs from it.
    revision: String,
}

impl Work {
    fn new(profile: Profile) -> io::Result<Self> {
        let epoch = env::var("SOURCE_DATE_EPOCH").or_else(|_| git(&["log", "-1", "--format=%ct"]))?;
        if epoch.parse::<u32>().is_err() {
            return Err(io::Error::other(format!("SOURCE_DATE_EPOCH is not a time in seconds: `{epoch}`")));
        }
        let revision = git(&["describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"])?;
        Ok(Self { profile, folder: target().join("pack"), epoch, revision })
    }

    /// Returns the empty folder of a part.
    fn empty(&self, part: &str) -> io::Result<PathBuf> {
        let folder = self.folder.join(part);
        remove(&folder)?;
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Returns a program's command, in the top folder, with the time for all programs that look for one.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(top()).env("SOURCE_DATE_EPOCH", &self.epoch).env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        command
    }
}

/// Runs `dist` with its options. None if the words are others.
pub(crate) fn run(words: &[&str]) -> Option<bool> {
    let options = Options::parse(words)?;
    Some(crate::told(make(&options)))
}

fn make(options: &Options) -> io::Result<()> {
    let (work, output) = (Work::new(options.profile)?, top().join("dist"));
    remove(&output)?;
    fs::create_dir_all(&output)?;
    let (mut trees, mut missing) = (Vec::new(), Vec::new());
    for part in Part::ALL.into_iter().filter(|part| options.has(*part)) {
        eprintln!("\n== {}", part.name());
        let start = Instant::now();
        match make_part(part, &work, &mut trees).and_then(|made| made.iter().try_for_each(|at| hand_over(at, &output)))
        {
            Ok(()) => {}
            Err(error) => {
                eprintln!("{}: {error}", part.name());
                missing.push((part, error));
            }
        }
        eprintln!("took: {}: {} s", part.name(), start.elapsed().as_secs());
    }
    for (part, error) in &missing {
        eprintln!("missing: {}: {error}", part.name());
    }
    match missing.iter().find(|(part, _)| !options.may_miss.contains(part)) {
        Some((part, error)) => Err(io::Error::other(format!("{}: {error}", part.name()))),
        None => sums::write(&output),
    }
}

/// Makes a part, and returns its files and folders.
fn make_part(part: Part, work: &Work, trees: &mut Vec<Tree>) -> io::Result<Vec<PathBuf>> {
    let programs = |arch, trees: &mut Vec<Tree>| {
        let tree = Tree::lay(work, arch, trees)?;
        let packed = tree.pack(work)?;
        trees.push(tree);
        Ok(vec![packed])
    };
    match part {
        Part::Programs => programs(Arch::X86_64, trees),
        Part::Aarch64 => programs(Arch::Aarch64, trees),
        Part::Library => Ok(vec![library::make(work)?]),
        Part::Deb => deb::make(work, some(trees)?),
        Part::Image => image::make(work, some(trees)?),
        Part::Wheel => Ok(vec![wheel::make(work)?]),
        Part::Chart => Ok(vec![chart::make(work)?]),
        Part::Sbom => sbom::make(work),
    }
}

/// The programs that packages are made of.
fn some(trees: &[Tree]) -> io::Result<&[Tree]> {
    if trees.is_empty() {
        return Err(io::Error::other("it is made of the programs, which were not made"));
    }
    Ok(trees)
}

/// Moves what a part has made to the output.
fn hand_over(at: &Path, output: &Path) -> io::Result<()> {
    let name = at.file_name().ok_or_else(|| io::Error::other(format!("`{}` has no name", at.display())))?;
    // They may be on two file systems: `target` is often a mount of its own.
    crate::tools::run(Command::new("mv").arg("--").arg(at).arg(output.join(name)))
}

/// Removes a folder, if it is there.
fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies a file to a place whose folders may be missing, with these permissions.
fn copy(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    let failed = |error| io::Error::other(format!("{}: {error}", from.display()));
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).map_err(failed)?;
    fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

/// Writes a text file to a place whose folders may be missing.
fn write(to: &Path, text: impl AsRef<[u8]>) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, text)
}

/// Runs a program for what it prints.
fn output(command: &mut Command) -> io::Result<Vec<u8>> {
    let line = format!("{command:?}");
    let done = command.output().map_err(|error| io::Error::other(format!("{line}: {error}")))?;
    if !done.status.success() {
        return Err(io::Error::other(format!("{line}: {}", String::from_utf8_lossy(&done.stderr).trim())));
    }
    Ok(done.stdout)
}

fn git(words: &[&str]) -> io::Result<String> {
    let told = output(Command::new("git").args(words).current_dir(top()))?;
    Ok(String::from_utf8_lossy(&told).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Options, Part, Profile};

    #[test]
    fn options_name_parts_and_a_profile() {
        let all = Options::parse(&[]);
        assert!(
            all.is_some_and(
                |options| options.profile == Profile::Dist && Part::ALL.iter().all(|part| options.has(*part))
            )
        );
        let some = Options::parse(&["--profile", "dev", "--only", "deb", "--allow-missing", "sbom"]);
        assert!(some.is_some_and(|options| options.has(Part::Deb)
            && !options.has(Part::Sbom)
            && options.may_miss == [Part::Sbom]));
        for wrong in
            [&["--only"][..], &["--only", "dep"], &["--allow-missing", ""], &["--profile", "release"], &["deb"]]
        {
            assert!(Options::parse(wrong).is_none(), "{wrong:?}");
        }
    }
}
