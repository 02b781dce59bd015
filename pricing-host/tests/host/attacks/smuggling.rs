//! No state travels from call to call, or from plugin to plugin.

use pricing_core::quote::ReasonCode;
use pricing_host::HostSettings;
use pricing_host::compile::Compiler;
use testkit::guests::{Budget, state};

use crate::arena::{Arena, PLENTY, call, limits, settings, told};

/// One place in the pool, so that every call has the same memory; or a few.
fn arena(concurrency: u32) -> Arena {
    Arena::of(HostSettings { concurrency, ..HostSettings::new(Compiler::InProcess) })
}

#[test]
fn a_guest_finds_nothing_of_its_last_call() {
    for concurrency in [1, 3] {
        let arena = arena(concurrency);
        let load = |file: &[u8]| arena.host().load("smuggler", file, settings(limits(Budget::Fuel))).unwrap();
        let (ends, crashes) = (load(&state::smuggler(false)), load(&state::smuggler(true)));
        let fuel = call(&ends).usage.fuel;
        for round in 0..400 {
            let called = call(&ends);
            assert_eq!(told(&called.result), "1.5 uact", "call {round} on {concurrency} places");
            assert_eq!(called.usage.fuel, fuel, "call {round}");
            let fault = call(&crashes).result.unwrap_err();
            assert_eq!(fault.code, ReasonCode::Trap, "{fault}");
        }
    }
}

#[test]
fn a_guest_finds_nothing_of_another() {
    for concurrency in [1, 3] {
        let arena = arena(concurrency);
        let mut plenty = limits(Budget::Fuel);
        plenty.fuel = PLENTY;
        let load = |file: &[u8]| arena.host().load("neighbour", file, settings(plenty.clone())).unwrap();
        let stainers = [load(&state::stainer(false)), load(&state::stainer(true))];
        let scavenger = load(&state::scavenger(""));
        for round in 0..20 {
            for (stainer, said) in stainers.iter().zip(["1.5 uact", "trap: "]) {
                let stained = told(&call(stainer).result);
                assert!(stained.starts_with(said), "{stained}");
                assert_eq!(told(&call(&scavenger).result), "1.5 uact", "call {round} on {concurrency} places");
            }
        }
    }
}

#[test]
fn traces_that_are_there_are_found() {
    let arena = arena(1);
    let mut plenty = limits(Budget::Fuel);
    plenty.fuel = PLENTY;
    for guest in [state::smuggler_caught()].into_iter().chain(state::scavengers_caught()) {
        let plugin = arena.host().load("caught", &guest, settings(plenty.clone())).unwrap();
        assert_eq!(told(&call(&plugin).result), "2.5 uact");
    }
}
