//! Plugins in C: a WASI preview 1 command.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::run::run;
use super::{Error, Folders, read};

/// The file that shows that Debian's `wasi-libc` is installed.
const SYSTEM_LIBRARY: &str = "/usr/lib/wasm32-wasi/libc.a";

/// Builds an example from all C files of its folder.
pub(super) fn build(folders: &Folders, name: &str) -> Result<Vec<u8>, Error> {
    let output = folders.work.join(format!("{name}.wasm"));
    let mut command = compiler()?;
    command
        .args(["-std=c11", "-Os", "-Wall", "-Wextra", "-Werror"])
        // The stack comes first, so that an overflow traps instead of overwriting data. It is small, because every call
        // has to set it up.
        .args(["-Wl,--stack-first", "-Wl,-z,stack-size=16384", "-Wl,--strip-all", "-o"])
        .arg(&output)
        .args(sources(&folders.examples.join(name))?)
        .current_dir(folders.examples.join(name));
    run(&mut command)?;
    read(&output)
}

fn compiler() -> Result<Command, Error> {
    if let Some(kit) = env::var_os("WASI_SDK_PATH").map(PathBuf::from) {
        let mut command = Command::new(kit.join("bin/clang"));
        command.arg("--target=wasm32-wasi");
        return Ok(command);
    }
    if Path::new(SYSTEM_LIBRARY).exists() {
        let mut command = Command::new("clang");
        command.args(["--target=wasm32-wasi", "--sysroot=/usr"]);
        return Ok(command);
    }
    Err(Error::Missing(
        "no C library for WASI is here; set WASI_SDK_PATH to a wasi-sdk, or on Debian `apt-get install clang lld \
         wasi-libc libclang-rt-14-dev-wasm32`"
            .to_owned(),
    ))
}

/// Returns the names of the C files in a folder. They are sorted, so that the same sources give the same plugin, and
/// have no folder, so that the plugin contains no path of this machine.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |error| Error::File { path: folder.to_owned(), error };
    let mut sources = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        let name = PathBuf::from(entry.map_err(failed)?.file_name());
        if name.extension().is_some_and(|extension| extension == "c") {
            sources.push(name);
        }
    }
    sources.sort();
    Ok(sources)
}
