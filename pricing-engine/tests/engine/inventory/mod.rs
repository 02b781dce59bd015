//! Tests of the live inventory against real sockets and files, also when its source misbehaves.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

mod files;
mod holds;
pub(crate) mod peer;
mod peers;
mod streams;
mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use pricing_engine::config::Inventory as Config;
use pricing_engine::inventory::{Availability, LiveInventory, Pace, Plan, Reading, Snapshot};

use crate::HANG;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Intervals are shorter than the defaults. Timeouts are long, so that a slow machine does not fail.
fn pace() -> Pace {
    Pace {
        connect: DAY,
        first: DAY,
        gap: Duration::from_millis(1),
        poll: Duration::from_millis(30),
        look: Duration::from_millis(20),
        backoff: Duration::from_millis(20),
        backoff_most: Duration::from_millis(200),
        healthy: Duration::from_secs(1),
        sweep: Duration::from_millis(20),
    }
}

/// A configuration in which no snapshot becomes too old, and no stream is reopened for silence.
fn patient() -> Config {
    Config { max_age: DAY.into(), silence: (DAY / 2).into(), ..Config::default() }
}

fn operator(address: &str) -> Config {
    Config { operator: Some(address.to_owned()), ..patient() }
}

fn follow(config: &Config) -> LiveInventory {
    follow_at(pace(), config)
}

fn follow_at(pace: Pace, config: &Config) -> LiveInventory {
    LiveInventory::follow(Plan::of(config).unwrap().unwrap().at_pace(pace))
}

/// Waits until a condition holds.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < HANG, "it was never so: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until_reading(inventory: &LiveInventory, what: &str, is_so: impl Fn(&Reading) -> bool) -> Reading {
    let mut reading = inventory.reading(Instant::now());
    until(what, || {
        reading = inventory.reading(Instant::now());
        is_so(&reading)
    })
    .await;
    reading
}

/// Returns a moment at which the present snapshot is too old.
fn later() -> Instant {
    Instant::now() + DAY + DAY
}

fn known(inventory: &LiveInventory) -> Result<Arc<Snapshot>, String> {
    known_at(inventory, Instant::now())
}

fn known_at(inventory: &LiveInventory, time: Instant) -> Result<Arc<Snapshot>, String> {
    match inventory.availability(time, None) {
        Availability::Known(known) => Ok(known),
        Availability::Unusable(why) => Err(why),
        Availability::NotConfigured => unreachable!("an inventory is configured"),
    }
}

fn names(inventory: &LiveInventory) -> Vec<String> {
    known(inventory)
        .map_or_else(|_| Vec::new(), |known| known.cluster.nodes().iter().map(|node| node.name.to_string()).collect())
}
