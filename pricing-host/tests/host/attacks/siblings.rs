//! One plugin's end is never another's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pricing_core::quote::ReasonCode;
use testkit::guests::{Budget, Expected, entry_points, memory};

use crate::arena::{Arena, call, limits, settings};

/// Good calls a thread, while others time out.
const CALLS: u32 = 500;

#[test]
fn a_timeout_touches_no_sibling() {
    let arena = Arena::new();
    let load = |file: &[u8], budget| arena.host().load("sibling", file, settings(limits(budget))).unwrap();
    let spinner = load(&entry_points::spinner(), Budget::Clock);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let spinning: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut timeouts = 0;
                    while !over.load(Ordering::Relaxed) || timeouts == 0 {
                        let fault = call(&spinner).result.unwrap_err();
                        assert_eq!(fault.code, ReasonCode::DeadlineExceeded, "{fault}");
                        timeouts += 1;
                    }
                    timeouts
                })
            })
            .collect();
        let good: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| (0..CALLS).map(|_| arena.healthy()).collect::<Result<Vec<()>, _>>()))
            .collect();
        for thread in good {
            thread.join().unwrap().unwrap();
        }
        over.store(true, Ordering::Relaxed);
        for thread in spinning {
            assert!(thread.join().unwrap() > 0);
        }
    });
}

#[test]
fn hostile_guests_side_by_side_end_each_in_its_own_code() {
    let arena = Arena::new();
    let attacks = memory::attacks();
    thread::scope(|scope| {
        for attack in &attacks {
            let arena = &arena;
            scope.spawn(move || match arena.host().load("attack", &attack.file, settings(limits(attack.budget))) {
                Err(fault) => assert_eq!(Expected::Code(fault.code), attack.expected, "{}: {fault}", attack.name),
                Ok(plugin) => match call(&plugin).result {
                    Err(fault) => assert_eq!(Expected::Code(fault.code), attack.expected, "{}: {fault}", attack.name),
                    Ok(quote) => {
                        assert_eq!(Expected::Bid(quote.price().unwrap().amount().to_string()), attack.expected)
                    }
                },
            });
        }
    });
    arena.healthy().unwrap();
}
