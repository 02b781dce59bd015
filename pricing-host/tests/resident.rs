//! After attacks the memory of the process is back where it was.
//!
//! One test alone in its process: others would move the figures.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

#[path = "host/arena/mod.rs"]
mod arena;
#[path = "host/common/mod.rs"]
mod common;

use arena::{Arena, resident_bytes};
use testkit::guests::{Budget, commands, components};

/// Rounds of every attack before memory counts, and after.
const WARM_UP: u32 = 2;
const ROUNDS: u32 = 3;
/// How much memory may seem to have grown, for the allocator's sake: less than one guest's memory.
const SLACK: u64 = 12 << 20;

#[test]
fn attacks_leave_no_memory_behind() {
    let arena = Arena::new();
    // Those that end by fuel do all that the others do, sooner.
    let attacks = components().into_iter().chain(commands::attacks());
    let attacks: Vec<_> = attacks.filter(|attack| attack.budget == Budget::Fuel).collect();
    for _ in 0..WARM_UP {
        arena.fight(&attacks);
    }
    let before = resident_bytes();
    for _ in 0..ROUNDS {
        arena.fight(&attacks);
    }
    let after = resident_bytes();
    println!("resident after {WARM_UP} rounds: {before} bytes, after {ROUNDS} more: {after} bytes");
    assert!(after <= before + SLACK, "resident memory grew from {before} to {after} bytes");
}
