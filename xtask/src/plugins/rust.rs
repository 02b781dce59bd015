//! Plugins in Rust: builds a core module for `wasm32-unknown-unknown`, which imports only what the WIT package
//! declares, and makes a component from it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::check::bidprice;
use super::run::{output, run};
use super::{Error, Folders, read};
use crate::without_cargo;

const TARGET: &str = "wasm32-unknown-unknown";
/// The compiler that Linux distributions install.
const SYSTEM_RUSTC: &str = "/usr/bin/rustc";
const SYSTEM_CARGO: &str = "/usr/bin/cargo";
const SYSTEM_SOURCE: &str = "/usr/lib/rustlib/src/rust";

/// The size of the stack in bytes. The default of one MiB would be sixteen pages that every call has to set up.
const STACK: u32 = 64 << 10;

/// What can build for the target.
#[derive(Debug)]
enum Toolchain {
    /// The installed toolchain has the target.
    Installed,
    /// The distribution's compiler builds the standard library from source, and this linker links it.
    Source { linker: PathBuf },
}

/// Builds an example as a component.
pub(super) fn build(folders: &Folders, name: &str) -> Result<Vec<u8>, Error> {
    let toolchain = Toolchain::find()?;
    let mut command = toolchain.cargo();
    command
        .args(["build", "--release", "--target", TARGET, "--package", name, "--target-dir"])
        .arg(&folders.work)
        .current_dir(&folders.examples)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(folders).join("\u{1f}"));
    run(&mut command)?;
    let file = format!("{}.wasm", name.replace('-', "_"));
    component(folders, &folders.work.join(TARGET).join("release").join(file))
}

/// Makes a component from a core module, which names its interfaces in a custom section.
fn component(folders: &Folders, core: &Path) -> Result<Vec<u8>, Error> {
    let packed = core.with_extension("component.wasm");
    run(bidprice(folders)?.args(["plugin", "pack"]).arg(core).arg("-o").arg(&packed))?;
    read(&packed)
}

/// Returns the compiler's flags that are not in the profile. Paths of this machine must not reach the plugin, where a
/// panic message would show them.
fn flags(folders: &Folders) -> Vec<String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let mut flags = vec![
        format!("-Clink-arg=-zstack-size={STACK}"),
        format!("--remap-path-prefix={}=", folders.top.join("").display()),
        format!("--remap-path-prefix={SYSTEM_SOURCE}=rust"),
    ];
    flags.extend(home.map(|home| format!("--remap-path-prefix={}=registry", home.join("registry/src").display())));
    flags
}

impl Toolchain {
    fn find() -> Result<Self, Error> {
        let sysroot = output(rustc("rustc").args(["--print", "sysroot"])).map(PathBuf::from);
        if sysroot.as_ref().is_some_and(|sysroot| sysroot.join("lib/rustlib").join(TARGET).exists()) {
            return Ok(Self::Installed);
        }
        let has_source = Path::new(SYSTEM_SOURCE).join("library/std").exists();
        if has_source && Path::new(SYSTEM_RUSTC).exists() && Path::new(SYSTEM_CARGO).exists() {
            let sysroots = [sysroot, Some(PathBuf::from("/usr"))];
            if let Some(linker) = sysroots.into_iter().flatten().find_map(|sysroot| linker(&sysroot)) {
                return Ok(Self::Source { linker });
            }
        }
        Err(Error::Missing(format!(
            "no toolchain here builds for {TARGET}; install the target with `rustup target add {TARGET}`, or, where \
             rustup cannot, Debian's own compiler and sources with `apt-get install rustc-web rust-web-src` beside a \
             rustup toolchain, whose linker `rust-lld` is used"
        )))
    }

    fn cargo(&self) -> Command {
        match self {
            Self::Installed => rustc("cargo"),
            Self::Source { linker } => {
                let mut command = rustc(SYSTEM_CARGO);
                command
                    .args(["-Zbuild-std=std,panic_abort"])
                    .env("RUSTC", SYSTEM_RUSTC)
                    // The compiler is a stable one, but building the standard library is not a stable feature.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                command
            }
        }
    }
}

/// Returns a command for a compiler or for Cargo, without the variables that the current Cargo run has set.
fn rustc(program: &str) -> Command {
    let mut command = Command::new(program);
    without_cargo(&mut command);
    for variable in ["RUSTFLAGS", "CARGO_TARGET_DIR"] {
        command.env_remove(variable);
    }
    command
}

/// Returns the linker of a toolchain.
fn linker(sysroot: &Path) -> Option<PathBuf> {
    let hosts = sysroot.join("lib/rustlib").read_dir().ok()?;
    hosts.filter_map(Result::ok).map(|host| host.path().join("bin/rust-lld")).find(|linker| linker.exists())
}
