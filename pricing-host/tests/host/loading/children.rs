//! The compiling child: every way in which it can end, and that none is left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pricing_host::compile::{Compiler, Wanted};
use pricing_host::{Fault, Holds, LoadLimits, Refusal, SizeClass};
use testkit::guests::compiling::branchy;

use super::guests::{COMMAND, command, compile, compiler, component, is_one_line, patient, wasm};
use crate::common::{NEVER, wait_for};

/// A compiler that is a shell script.
fn script(script: &str) -> Compiler {
    Compiler::Child { program: PathBuf::from("/bin/sh"), args: vec!["-c".into(), script.into()] }
}

fn fails(compiler: &Compiler, compile_time: Duration) -> String {
    Fault::from(refusal(compiler, compile_time)).message
}

fn refusal(compiler: &Compiler, compile_time: Duration) -> Refusal {
    let limits = LoadLimits { compile_time, ..SizeClass::Standard.load_limits() };
    // More than a pipe holds, so that a child that does not read stops whoever writes.
    let file = vec![0; 1 << 20];
    let examined = compiler.examine_within(&file, Wanted::artefact(SizeClass::Standard), &limits);
    examined.compiled().unwrap_err().clone()
}

#[test]
fn children_and_this_process_compile_the_same() {
    for text in [COMMAND.to_owned(), component("")] {
        for class in [SizeClass::Standard, SizeClass::Engine] {
            let child = compile(&compiler(), text.as_bytes(), class).unwrap();
            let here = compile(&Compiler::InProcess, text.as_bytes(), class).unwrap();
            assert!(child == here, "{} bytes and {} bytes", child.len(), here.len());
            assert!(child == compile(&compiler(), &wasm(&text), class).unwrap(), "the text's binary is another");
        }
    }
}

#[test]
fn children_and_this_process_say_the_same() {
    let wanted = Wanted::inspection(SizeClass::Standard);
    let function = command(&format!("(func {})", "(nop)".repeat(70_000)));
    for file in [COMMAND.as_bytes(), component("").as_bytes(), b"#!/bin/sh", b"", function.as_bytes()] {
        let (child, here) = (compiler().examine(file, wanted), Compiler::InProcess.examine(file, wanted));
        assert_eq!(child.inspection(), here.inspection());
        assert_eq!(child.larger(), here.larger());
    }
    let examined = compiler().examine(function.as_bytes(), wanted);
    assert!(examined.inspection().is_err() && examined.larger().is_some());
}

#[test]
fn what_was_found_before_the_end_is_told() {
    let limits = patient(SizeClass::Standard);
    let told = |compiler: &Compiler, file: &[u8], limits: &LoadLimits| {
        let examined = compiler.examine_within(file, Wanted::artefact(SizeClass::Standard), limits);
        let functions = examined.inspection().unwrap().functions;
        let refusal = examined.compiled().unwrap_err();
        assert_eq!(refusal.holds(), Holds::AWhile);
        (functions, Fault::from(refusal.clone()).message)
    };
    // The child writes its verdict and has too little memory to compile.
    let (functions, message) =
        told(&compiler(), &branchy(60, 3_600), &LoadLimits { compile_memory: 150 << 20, ..limits.clone() });
    assert!(functions == 61 && message.contains("more than 150 MiB of memory"), "{message}");
    // A child that is ended while it writes the machine code, which begins within these bytes.
    let Compiler::Child { program, .. } = compiler() else { unreachable!() };
    let cut = script(&format!("'{}' \"$0\" \"$@\" | head -c 2000; kill -XCPU $$", program.display()));
    let (functions, message) = told(&cut, COMMAND.as_bytes(), &limits);
    assert!(functions == 1 && message.contains("of processor time"), "{message}");
}

#[test]
fn compiling_on_several_threads_changes_nothing() {
    let module = branchy(24, 150);
    let compiled = |compiler: &Compiler| compile(compiler, &module, SizeClass::Engine).unwrap();
    let first = compiled(&compiler());
    assert!(first == compiled(&compiler()) && first == compiled(&Compiler::InProcess));
}

#[test]
fn every_end_has_its_words() {
    for (ending, words, holds) in [
        ("cat >/dev/null; exit 0", "ended without a result", Holds::Once),
        ("cat >/dev/null; echo vgarbage", "ended without a result", Holds::Once),
        ("exit 1", "exit code 1", Holds::Once),
        ("exit 3", "made the compiler fail", Holds::AWhile),
        ("echo 'broken \u{1b}[2J' >&2; exit 2", "could not do its work: broken \u{fffd}[2J", Holds::Once),
        ("kill -SEGV $$", "crashed (signal 11)", Holds::AWhile),
        ("kill -KILL $$", "ended from outside (signal 9)", Holds::Once),
        ("kill -XCPU $$", "more than 4s of processor time", Holds::AWhile),
        (
            "echo 'memory allocation of 12345 bytes failed' >&2; kill -ABRT $$",
            "more than 1 GiB of memory",
            Holds::AWhile,
        ),
        ("head -c 10000000 /dev/zero >&2; exit 5", "exit code 5", Holds::Once),
        ("head -c 40000000 /dev/zero", "wrote more than it may", Holds::AWhile),
    ] {
        let refusal = refusal(&script(ending), NEVER);
        let message = Fault::from(refusal.clone()).message;
        assert!(message.contains(words), "{ending}: {message}");
        assert!(message.chars().count() < 700 && is_one_line(&message), "{message}");
        assert_eq!(refusal.holds(), holds, "{ending}");
    }
}

#[test]
fn what_a_child_says_on_its_own_is_not_passed_on() {
    // A library that panics names files of whoever built it.
    for ending in ["exit 3", "exit 101", "kill -ABRT $$"] {
        let panic = format!("echo \"thread 'main' panicked at /home/builder/x.rs:1:1\" >&2; {ending}");
        let message = fails(&script(&panic), NEVER);
        assert!(!message.contains("panicked") && !message.contains('/'), "{message}");
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
    assert!(fails(&script("exec cat /dev/zero"), NEVER).contains("wrote more than it may"));
}

#[test]
fn a_child_that_works_for_ever_is_ended_by_its_processor_time() {
    let limits = LoadLimits { compile_cpu: Duration::from_secs(1), ..patient(SizeClass::Standard) };
    let busy = script("while :; do :; done");
    let examined = busy.examine_within(&[], Wanted::artefact(SizeClass::Standard), &limits);
    let message = Fault::from(examined.compiled().unwrap_err().clone()).message;
    assert!(message.contains("took more than 1s of processor time to inspect and compile"), "{message}");
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
fn the_child_refuses_other_arguments() {
    let Compiler::Child { program, .. } = compiler() else { unreachable!() };
    let wrong = Compiler::Child { program, args: vec!["more".into()] };
    assert!(fails(&wrong, NEVER).contains("not for people to run"));
}

#[test]
fn a_child_and_this_process_refuse_by_the_same_rules() {
    let module = wasm("(module (memory 1) (memory 1))");
    for compiler in [compiler(), Compiler::InProcess] {
        let fault = compile(&compiler, &module, SizeClass::Standard).unwrap_err();
        assert!(fault.message.contains("several memories"), "{fault}");
    }
}
