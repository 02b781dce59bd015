//! The compiling child: every way in which it can end, and that none is left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pricing_host::compile::Compiler;
use pricing_host::inspect::Kind;
use pricing_host::{LoadLimits, SizeClass};
use testkit::guests::compiling::branchy;

use super::guests::{COMMAND, accepted, compiled, compiler, component, is_one_line, patient, wasm};
use crate::common::{NEVER, wait_for};

/// A compiler that is a shell script.
fn script(script: &str) -> Compiler {
    Compiler::Child { program: PathBuf::from("/bin/sh"), args: vec!["-c".into(), script.into()] }
}

fn fails(compiler: &Compiler, compile_time: Duration) -> String {
    let limits = LoadLimits { compile_time, ..SizeClass::Standard.load_limits() };
    // More than a pipe holds, so that a child that does not read stops whoever writes.
    let file = vec![0; 1 << 20];
    compiler.compile_within(&file, Kind::Command, SizeClass::Standard, &limits).unwrap_err().message
}

#[test]
fn children_and_this_process_compile_the_same() {
    for (text, kind) in [(COMMAND.to_owned(), Kind::Command), (component(""), Kind::Component)] {
        for class in [SizeClass::Standard, SizeClass::Engine] {
            let inspection = accepted(text.as_bytes());
            let child = compiled(&compiler(), &inspection.wasm, kind, class);
            let here = compiled(&Compiler::InProcess, &inspection.wasm, kind, class);
            assert!(child == here, "{} bytes and {} bytes", child.len(), here.len());
        }
    }
}

#[test]
fn compiling_on_several_threads_changes_nothing() {
    let module = branchy(24, 150);
    let compile = |compiler: &Compiler| compiled(compiler, &module, Kind::Command, SizeClass::Engine);
    let first = compile(&compiler());
    assert!(first == compile(&compiler()) && first == compile(&Compiler::InProcess));
}

#[test]
fn every_end_has_its_words() {
    for (ending, words) in [
        ("cat >/dev/null; exit 0", "ended without a result"),
        ("cat >/dev/null; echo 'no such \x1b[2Jopcode' >&2; exit 1", "no such \u{fffd}[2Jopcode"),
        ("exit 1", "exit code 1"),
        ("exit 3", "exit code 3"),
        ("echo broken >&2; exit 2", "could not do its work: broken"),
        ("kill -SEGV $$", "crashed (signal 11)"),
        ("kill -KILL $$", "signal 9"),
        ("echo 'memory allocation of 12345 bytes failed' >&2; kill -ABRT $$", "more than 1 GiB of memory"),
        ("head -c 10000000 /dev/zero >&2; exit 5", "exit code 5"),
        ("head -c 40000000 /dev/zero", "more than 32 MiB of machine code"),
    ] {
        let message = fails(&script(ending), NEVER);
        assert!(message.contains(words), "{ending}: {message}");
        assert!(message.chars().count() < 700 && is_one_line(&message), "{message}");
    }
}

#[test]
fn children_that_do_not_end_are_ended() {
    for hanging in [
        "sleep 1000",
        "cat >/dev/null; exec >&-; sleep 1000",
        "exec >&- 2>&- <&-; sleep 1000",
        "trap '' TERM INT HUP; while :; do :; done",
        "cat >/dev/null; while :; do echo x >&2; done",
    ] {
        let message = fails(&script(hanging), Duration::from_millis(200));
        assert!(message.contains("took longer than 200ms"), "{hanging}: {message}");
    }
    // The limit of the output ends one that would go on for ever.
    assert!(fails(&script("exec cat /dev/zero"), NEVER).contains("more than 32 MiB"));
}

#[test]
fn no_child_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    for (name, ending) in
        [("slow", "sleep 1000"), ("flood", "exec cat /dev/zero"), ("gone", "exit 1"), ("closed", "exec >&-; exit 1")]
    {
        let pids = folder.path().join(name);
        let pid_file = pids.display();
        let script = script(&format!("echo $$ >{pid_file}; sleep 1000 & echo $! >>{pid_file}; {ending}"));
        // As much time as this machine needs to start both processes.
        let mut time = Duration::from_millis(400);
        let both = || fs::read_to_string(&pids).is_ok_and(|pids| pids.lines().count() == 2);
        while !both() {
            fails(&script, time);
            time *= 4;
        }
        for pid in fs::read_to_string(&pids).unwrap().lines() {
            let process = Path::new("/proc").join(pid);
            // A grandchild is reaped by whoever adopts it, which may take a moment.
            wait_for(&format!("the end of process {pid} of {name}"), || !is_alive(&process));
        }
        let child = fs::read_to_string(&pids).unwrap().lines().next().map(str::to_owned).unwrap();
        assert!(!Path::new("/proc").join(child).exists(), "{name}: not reaped");
    }
}

/// Whether a process runs; one that only waits to be reaped does not.
fn is_alive(process: &Path) -> bool {
    fs::read_to_string(process.join("stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

#[test]
fn a_compiler_that_is_not_there_is_named() {
    let missing = Compiler::Child { program: PathBuf::from("/nowhere/plugin-compiler"), args: Vec::new() };
    let message = fails(&missing, NEVER);
    assert!(message.contains("`/nowhere/plugin-compiler` could not be started"), "{message}");
}

#[test]
fn the_child_has_no_environment() {
    // All that is exported, but for what the host sets and what a shell sets by itself.
    let own = "RAYON_NUM_THREADS|RUST_MIN_STACK|MALLOC_ARENA_MAX|PWD|OLDPWD|SHLVL|_";
    let message = fails(&script(&format!("env | grep -vcE '^({own})=' >&2; exit 2")), NEVER);
    assert!(message.ends_with("its work: 0"), "{message}");
}

#[test]
fn the_child_refuses_other_arguments_and_invalid_modules() {
    let Compiler::Child { program, .. } = compiler() else { unreachable!() };
    let wrong = Compiler::Child { program, args: vec!["more".into()] };
    assert!(fails(&wrong, NEVER).contains("not for people to run"));
    let refused = |compiler: &Compiler, file: &[u8]| {
        let limits = patient(SizeClass::Standard);
        compiler.compile_within(file, Kind::Command, SizeClass::Standard, &limits).unwrap_err()
    };
    let garbage = refused(&compiler(), b"garbage");
    assert!(garbage.message.contains("does not compile"), "{garbage}");
    // Within what the host refuses, but not within what it lets the child do.
    let module = wasm("(module (memory 1) (memory 1))");
    for compiler in [compiler(), Compiler::InProcess] {
        let fault = refused(&compiler, &module);
        assert!(fault.message.contains("multiple memories"), "{fault}");
    }
}
