//! Programs that tasks need: installed into the target folder, or built from a Go module of the repository.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that is installed from the Go proxy, in a version that nobody changes by accident.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GoProgram {
    name: &'static str,
    module: &'static str,
    /// Where the program is in the module.
    package: &'static str,
    version: &'static str,
    /// What the linker sets.
    variables: &'static [&'static str],
}

/// Helm, which takes three minutes to build on two cores.
pub(crate) const HELM: GoProgram = GoProgram {
    name: "helm",
    module: "helm.sh/helm/v3",
    package: "/cmd/helm",
    version: "v3.22.0",
    // The release of Kubernetes that it takes charts to be for; without these, one of 2020.
    variables: &[
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1",
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=34",
        "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=1",
        "helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=34",
    ],
};

/// The linter of GitHub's workflows.
pub(crate) const ACTIONLINT: GoProgram = GoProgram {
    name: "actionlint",
    module: "github.com/rhysd/actionlint",
    package: "/cmd/actionlint",
    version: "v1.7.12",
    variables: &[],
};

/// What writes the Go code of messages, in the version of the module that reads them.
pub(crate) const PROTOC_GEN_GO: GoProgram = GoProgram {
    name: "protoc-gen-go",
    module: "google.golang.org/protobuf",
    package: "/cmd/protoc-gen-go",
    version: "v1.36.12",
    variables: &[],
};

impl GoProgram {
    /// Returns the path of the program, and installs it if it is missing or of another version.
    pub(crate) fn installed(self) -> io::Result<PathBuf> {
        let folder = bin()?;
        let path = folder.join(self.name);
        if !self.is_at(&path) {
            let mut install = Command::new("go");
            let variables: Vec<String> = self.variables.iter().map(|variable| format!("-X {variable}")).collect();
            install.args(["install", "-ldflags", &variables.join(" ")]);
            install.arg(format!("{}{}@{}", self.module, self.package, self.version));
            run(install.env("GOBIN", &folder))?;
        }
        Ok(path)
    }

    /// Returns whether a file is this program in this version. Go notes the module and the version in what it builds.
    fn is_at(self, path: &Path) -> bool {
        let noted = format!("\tmod\t{}\t{}\t", self.module, self.version);
        let told = Command::new("go").args(["version", "-m"]).arg(path).output();
        told.is_ok_and(|told| String::from_utf8_lossy(&told.stdout).contains(&noted))
    }
}

/// A program that is installed from the crate registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CargoProgram {
    name: &'static str,
    version: &'static str,
}

/// What writes bills of materials, in three minutes of building on two cores.
pub(crate) const CYCLONEDX: CargoProgram = CargoProgram { name: "cargo-cyclonedx", version: "0.5.9" };

impl CargoProgram {
    /// Returns the path of the program, and installs it if it is missing. Each version has a folder of its own.
    pub(crate) fn installed(self) -> io::Result<PathBuf> {
        let root = target().join("cargo-tools").join(format!("{}-{}", self.name, self.version));
        let path = root.join("bin").join(self.name);
        if !path.exists() {
            let mut install = Command::new("cargo");
            crate::without_cargo(&mut install);
            install.args(["install", "--locked", "--root"]).arg(&root);
            run(install.arg(format!("{}@{}", self.name, self.version)).current_dir(top()))?;
        }
        Ok(path)
    }
}

/// Builds the program of a Go module of this repository.
pub(crate) fn build(module: &Path, name: &str) -> io::Result<PathBuf> {
    let program = bin()?.join(name);
    run(Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(module))?;
    Ok(program)
}

/// Runs a program, after printing its command line. An exit code other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> io::Result<()> {
    eprintln!("{command:?}");
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| io::Error::other(format!("{program}: {error}")))?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{program} failed: {status}"))) }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The folder of the programs.
fn bin() -> io::Result<PathBuf> {
    let folder = target().join("go/bin");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR");
    named.map_or_else(|| top().join("target"), |target| top().join(target))
}

/// The top folder of the project.
pub(crate) fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}
