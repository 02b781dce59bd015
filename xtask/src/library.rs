//! The C library where a C compiler and pkg-config find it, and the Go module that uses it.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;
use crate::tools::{PROTOC_GEN_GO, run, target};

/// The version of the library's interface: that of its `soname`.
const INTERFACE: &str = "0";

/// What a static library needs of the system.
const SYSTEM_LIBRARIES: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

/// The target of the library under a sanitizer. With a target, the flags do not reach build scripts and macros.
const SANITIZED: &str = "x86_64-unknown-linux-gnu";

/// The folder of the library for the tests.
const FOR_TESTS: &str = "target/library";

/// The Go module, and the one of the strategy on the provider's types.
const MODULE: &str = "examples/go";

/// What the library is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// Shared and static, as they are shipped.
    Dist,
    /// Shared, from what the tests are built from.
    Debug,
    /// Shared and static, as the tests are built. It takes a build of its own.
    DebugStatic,
    /// Shared, with every crate under the address sanitizer, for programs that have its run-time library.
    Sanitized,
}

impl Build {
    fn has_static(self) -> bool {
        matches!(self, Self::Dist | Self::DebugStatic)
    }

    /// Where the libraries are.
    fn folder(self) -> PathBuf {
        target().join(match self {
            Self::Dist => "dist",
            Self::Debug => "debug/deps",
            Self::DebugStatic => "static/debug",
            Self::Sanitized => "sanitizer/x86_64-unknown-linux-gnu/debug",
        })
    }

    /// Builds them.
    fn run(self) -> bool {
        let alone = |toolchain: &[&'static str], kinds: &str, options: &[&str], flags: &[(&str, &str)]| {
            let rustc = ["rustc", "--package", "pricing-ffi", "--lib", "--crate-type", kinds];
            cargo(&[toolchain, &rustc, options].concat(), flags)
        };
        match self {
            Self::Dist => alone(&[], "cdylib,staticlib", &["--profile", "dist"], &[]),
            // A build of the library alone would have other features, and so other dependencies.
            Self::Debug => cargo(&["test", "--workspace", "--test", "ffi", "--test", "cli", "--no-run"], &[]),
            Self::DebugStatic => {
                let folder = target().join("static");
                alone(&[], "cdylib,staticlib", &["--target-dir", &folder.to_string_lossy()], &[])
            }
            Self::Sanitized => {
                let folder = target().join("sanitizer");
                let options = ["--target", SANITIZED, "--target-dir", &folder.to_string_lossy()];
                alone(&["+nightly"], "cdylib", &options, &[("RUSTFLAGS", "-Zsanitizer=address")])
            }
        }
    }
}

/// Builds the library, and installs it into a folder.
///
/// # Errors
/// When it cannot be built or written.
pub(crate) fn install(prefix: &Path, build: Build) -> io::Result<()> {
    if !build.run() {
        return Err(io::Error::other("the library was not built"));
    }
    let from = build.folder();
    let (lib, include) = (prefix.join("lib"), prefix.join("include"));
    fs::create_dir_all(lib.join("pkgconfig"))?;
    fs::create_dir_all(&include)?;
    fs::copy("pricing-ffi/include/bidprice.h", include.join("bidprice.h"))?;
    let (by_interface, version) = (format!("libbidprice.so.{INTERFACE}"), env!("CARGO_PKG_VERSION"));
    let whole = format!("libbidprice.so.{version}");
    replace(&from.join("libpricing_ffi.so"), &lib.join(&whole))?;
    link(&whole, &lib.join(&by_interface))?;
    link(&by_interface, &lib.join("libbidprice.so"))?;
    let shared = package("bidprice", "-L${libdir} -lbidprice");
    fs::write(lib.join("pkgconfig/bidprice.pc"), shared)?;
    if build.has_static() {
        replace(&from.join("libpricing_ffi.a"), &lib.join("libbidprice.a"))?;
        let archive = format!("${{libdir}}/libbidprice.a {SYSTEM_LIBRARIES}");
        fs::write(lib.join("pkgconfig/bidprice-static.pc"), package("bidprice-static", &archive))?;
    }
    Ok(())
}

/// Replaces a file as a whole: a program that runs may have mapped the old one.
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    let new = to.with_extension("new");
    fs::copy(from, &new)?;
    fs::rename(new, to)
}

fn link(target: &str, at: &Path) -> io::Result<()> {
    match fs::remove_file(at) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    symlink(target, at)
}

/// A pkg-config file. It finds the library by where it is itself, so that the folder can be moved.
fn package(name: &str, libraries: &str) -> String {
    format!(
        "prefix=${{pcfiledir}}/../..\nlibdir=${{prefix}}/lib\nincludedir=${{prefix}}/include\n\nName: {name}\n\
         Description: Prices bids on a decentralised GPU cloud, in your own process\nVersion: {}\n\
         Cflags: -I${{includedir}}\nLibs: {libraries}\n",
        env!("CARGO_PKG_VERSION"),
    )
}

/// Checks the Go module: formatted, vetted, generated code current, and its tests. Unless it has to be quick, also the
/// strategy, all tests under the race detector, and a program that has the library in it.
///
/// # Errors
/// When a check fails, or a tool is missing.
pub(crate) fn check_go(quotes: &str, is_quick: bool) -> io::Result<()> {
    install(Path::new(FOR_TESTS), Build::Debug)?;
    let top = env::current_dir()?;
    let (prefix, module) = (top.join(FOR_TESTS), top.join(MODULE));
    let libraries = prefix.join("lib");
    let variables = [
        ("PKG_CONFIG_PATH", libraries.join("pkgconfig")),
        ("LD_LIBRARY_PATH", libraries),
        ("PROGRAM", top.join("target/debug/bidprice")),
        ("QUOTES", PathBuf::from(quotes)),
    ];
    let go =
        |folder: &Path, words: &[&str]| run(Command::new("go").args(words).current_dir(folder).envs(variables.clone()));
    let unformatted = Command::new("gofmt").args(["-l", "."]).current_dir(&module).output()?.stdout;
    if !unformatted.is_empty() {
        return Err(io::Error::other(format!("not formatted:\n{}", String::from_utf8_lossy(&unformatted))));
    }
    check_generated(&module, &top.join("target/go/wire"))?;
    let strategy = (!is_quick).then(|| module.join("strategy"));
    for folder in [Some(module), strategy].into_iter().flatten() {
        go(&folder, &["vet", "./..."])?;
        let race: &[&str] = if is_quick { &[] } else { &["-race"] };
        // The stress tests take as long as they have quotes.
        go(&folder, &[&["test", "-count=1", "-timeout=0"], race, &["./..."]].concat())?;
    }
    if is_quick { Ok(()) } else { check_static(&top) }
}

/// Runs the example of the package `library` with the library in its program. Nothing says where a shared one is.
fn check_static(top: &Path) -> io::Result<()> {
    let prefix = top.join(FOR_TESTS).join("static");
    install(&prefix, Build::DebugStatic)?;
    let mut test = Command::new("go");
    test.args(["test", "-count=1", "-tags=bidprice_static", "-run=^Example$", "./library"]);
    test.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")).env_remove("LD_LIBRARY_PATH");
    run(test.current_dir(top.join(MODULE)))
}

/// Compares the generated code of the Go module with what protoc makes now.
fn check_generated(module: &Path, fresh: &Path) -> io::Result<()> {
    fs::create_dir_all(fresh)?;
    let plugin = format!("--plugin={}", PROTOC_GEN_GO.installed()?.display());
    let out = format!("--go_out={}", fresh.display());
    let wire = module.join("wire");
    let words = [&*plugin, "-I", ".", &out, "--go_opt=paths=source_relative", "pricing.proto"];
    run(Command::new("protoc").args(words).current_dir(&wire))?;
    // The version of protoc is in a comment.
    let without_versions = |path: PathBuf| {
        let text = fs::read_to_string(path)?;
        Ok::<_, io::Error>(text.lines().filter(|line| !line.starts_with("// \t")).collect::<Vec<_>>().join("\n"))
    };
    if without_versions(fresh.join("pricing.pb.go"))? != without_versions(wire.join("pricing.pb.go"))? {
        let message = "examples/go/wire/pricing.pb.go is not current; protoc writes it, as examples/go/README.md says";
        return Err(io::Error::other(message));
    }
    Ok(())
}
