//! Files that are slow to compile are refused, and hold up nobody.

use std::fs;
use std::path::PathBuf;
use std::thread;

use pricing_core::quote::ReasonCode;
use pricing_host::HostSettings;
use pricing_host::compile::Compiler;
use testkit::guests::{Budget, compiling, entry_points};

use crate::arena::{Arena, limits, settings};
use crate::common::wait_for;

const COMPILER: &str = env!("CARGO_BIN_EXE_plugin-compiler");

fn with_child() -> Arena {
    Arena::of(HostSettings::new(Compiler::Child { program: PathBuf::from(COMPILER), args: Vec::new() }))
}

#[test]
fn compile_bombs_are_refused() {
    with_child().fight(&compiling::attacks());
}

#[test]
fn a_slow_compilation_holds_up_nobody() {
    // Once it is told to be slow, this compiler works until it is told to stop.
    let folder = tempfile::tempdir().unwrap();
    let [slow, begun, stop] = ["slow", "begun", "stop"].map(|name| folder.path().join(name));
    let script = format!(
        "[ -e '{}' ] || exec '{}' \"$@\"; touch '{}'; until [ -e '{}' ]; do sleep 0.01; done; exit 1",
        slow.display(),
        COMPILER,
        begun.display(),
        stop.display(),
    );
    let args = vec!["-c".into(), script.into(), "sh".into()];
    let arena = Arena::of(HostSettings::new(Compiler::Child { program: PathBuf::from("/bin/sh"), args }));
    fs::write(&slow, "").unwrap();
    thread::scope(|scope| {
        let limits = settings(limits(Budget::Fuel));
        let loading = scope.spawn(|| arena.host().load("slow", &entry_points::good(), limits).map(|_| ()));
        wait_for("the compiler", || begun.exists());
        for _ in 0..20 {
            arena.healthy().unwrap();
        }
        fs::write(&stop, "").unwrap();
        assert_eq!(loading.join().unwrap().unwrap_err().code, ReasonCode::LoadRejected);
    });
}
