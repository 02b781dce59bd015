//! The programs, linked statically, so that they run on any Linux and in an empty root folder.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Profile, VERSION, Work, archive, copy, output, pages};
use crate::tools::{run, target, top};

/// The programs that are shipped.
pub(super) const NAMES: [&str; 2] = ["bidprice", "bidprice-script"];

/// The machine that programs run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arch {
    X86_64,
    Aarch64,
}

impl Arch {
    /// Cargo's name for it.
    fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The name for it in Debian and in images.
    pub(super) fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    fn is_this_machine(self) -> bool {
        self.name() == env::consts::ARCH
    }
}

/// The programs and what belongs to them, laid out as in `/usr/local`.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) arch: Arch,
    pub(super) folder: PathBuf,
}

impl Tree {
    /// Builds the programs for a machine, and lays them out. `laid` are the trees that there are already.
    pub(super) fn lay(work: &Work, arch: Arch, laid: &[Self]) -> io::Result<Self> {
        let target = static_target(arch)?;
        let built = build(work.profile, arch, &target)?;
        let folder = work.empty(arch.name())?.join(format!("bidprice-{VERSION}-{target}"));
        for name in NAMES {
            let (from, to) = (built.join(name), folder.join("bin").join(name));
            copy(&from, &to, 0o755)?;
            check_static(&to)?;
        }
        let tree = Self { arch, folder };
        pages::lay(&tree, laid)?;
        tree.lay_documents()?;
        Ok(tree)
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// Whether its programs can be run here.
    pub(super) fn is_this_machine(&self) -> bool {
        self.arch.is_this_machine()
    }

    pub(super) fn pack(&self, work: &Work) -> io::Result<PathBuf> {
        archive::tar_gz(work, &self.folder)
    }

    fn lay_documents(&self) -> io::Result<()> {
        let documents = self.folder.join("share/doc/bidprice");
        for name in ["README.md", "CHANGELOG.md", "LICENSE"] {
            copy(&top().join(name), &documents.join(name), 0o644)?;
        }
        let examples = [
            "bidprice.toml",
            "bidprice.schema.json",
            "systemd/bidprice.service",
            "prometheus/bidprice.rules.yml",
            "prometheus/scrape.yml",
            "grafana/bidprice.json",
        ];
        for name in examples {
            copy(&top().join("deploy").join(name), &documents.join("examples").join(name), 0o644)?;
        }
        copy(&top().join("examples/rates.toml"), &documents.join("examples/rates.toml"), 0o644)
    }
}

/// The target that links statically: musl where rustup has it, else, on this machine, glibc.
///
/// The service resolves host names, for which glibc's static library would need its shared ones. So musl comes first.
fn static_target(arch: Arch) -> io::Result<String> {
    let installed = output(Command::new("rustup").args(["target", "list", "--installed"]).current_dir(top()))?;
    let (musl, glibc) = (format!("{}-unknown-linux-musl", arch.name()), format!("{}-unknown-linux-gnu", arch.name()));
    if String::from_utf8_lossy(&installed).lines().any(|line| line == musl) {
        return Ok(musl);
    }
    if arch.is_this_machine() {
        eprintln!("there is no {musl}, so glibc is linked statically; `rustup target add {musl}` would get it");
        return Ok(glibc);
    }
    Err(io::Error::other(format!("there is no {musl}; `rustup target add {musl}` gets it")))
}

/// Builds the programs, and returns the folder that they are in.
fn build(profile: Profile, arch: Arch, to: &str) -> io::Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    crate::without_cargo(&mut cargo);
    cargo.args(["build", "--locked", "--profile", profile.name(), "--target", to]).current_dir(top());
    cargo.args(["--package", "pricing-cli", "--package", "pricing-script", "--features", "pricing-cli/otlp"]);
    if profile == Profile::Dev {
        // Packages are made of stripped programs, and nobody debugs these.
        cargo.args(["--config", "profile.dev.debug=false", "--config", "profile.dev.strip=true"]);
    }
    let mut flags = vec![remap(&cargo_home()?, "/cargo"), remap(top(), "/bidprice")];
    if to.ends_with("-gnu") {
        flags.push("-Ctarget-feature=+crt-static".to_owned());
    }
    // Since there is a target, the flags do not reach build scripts and macros.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    if !arch.is_this_machine() {
        for (variable, value) in cross(arch, to) {
            // What the caller has set is kept.
            if env::var_os(&variable).is_none() {
                cargo.env(variable, value);
            }
        }
    }
    run(&mut cargo)?;
    Ok(target().join(to).join(profile.folder()))
}

/// Programs must not differ by the folders that they were built in.
fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", from.display())
}

fn cargo_home() -> io::Result<PathBuf> {
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home).ok_or_else(|| io::Error::other("HOME is not set"))
}

/// The variables for the C compiler of another machine: Debian's, which is for glibc. Rust's target has musl's library
/// and objects, so only the headers are glibc's. Fortified functions are none of musl's.
fn cross(arch: Arch, to: &str) -> [(String, String); 3] {
    let (compiler, target) = (format!("{}-linux-gnu-gcc", arch.name()), to.replace('-', "_"));
    [
        (format!("CC_{target}"), compiler.clone()),
        (format!("CFLAGS_{target}"), "-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0".to_owned()),
        (format!("CARGO_TARGET_{}_LINKER", target.to_uppercase()), compiler),
    ]
}

/// Refuses a program that would look for a library at run time.
fn check_static(program: &Path) -> io::Result<()> {
    let told = output(
        Command::new("readelf").args(["--wide", "--program-headers", "--dynamic"]).arg(program).env("LC_ALL", "C"),
    )?;
    let told = String::from_utf8_lossy(&told);
    if told.contains("INTERP") || told.contains("(NEEDED)") || !told.contains("LOAD") {
        fs::remove_file(program)?;
        return Err(io::Error::other(format!("`{}` is not statically linked", program.display())));
    }
    Ok(())
}
