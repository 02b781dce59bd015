//! Files that are slow to compile are refused, and hold up nobody.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pricing_core::quote::ReasonCode;
use pricing_host::HostSettings;
use pricing_host::compile::Compiler;
use testkit::guests::{Budget, compiling};

use crate::arena::{Arena, limits, settings, within_hang_guard};

fn with_child() -> Arena {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_plugin-compiler"));
    Arena::of(HostSettings::new(Compiler::Child { program, args: Vec::new() }))
}

#[test]
fn compile_bombs_are_refused() {
    with_child().fight(&compiling::attacks());
}

#[test]
fn a_compile_bomb_holds_up_nobody() {
    let arena = with_child();
    let (host, bomb) = (arena.host().clone(), compiling::slow());
    let compiled = AtomicBool::new(false);
    let started = Instant::now();
    thread::scope(|scope| {
        let loading = scope.spawn(|| {
            let load = move || host.load("bomb", &bomb, settings(limits(Budget::Fuel))).map(|_| ());
            let loaded = within_hang_guard("the bomb", load);
            compiled.store(true, Ordering::Relaxed);
            loaded
        });
        let mut calls = 0;
        while !compiled.load(Ordering::Relaxed) {
            arena.healthy().unwrap();
            calls += 1;
        }
        let fault = loading.join().unwrap().unwrap_err();
        assert_eq!(fault.code, ReasonCode::LoadRejected, "{fault}");
        assert!(calls > 20, "{calls} calls in {:?}", started.elapsed());
    });
    assert!(started.elapsed() < Duration::from_secs(60));
}
