//! The live inventory against real sockets and files: what must happen when its source misbehaves.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

mod files;
mod holds;
mod peer;
mod peers;
mod streams;
mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use pricing_service::config::{Inventory as Config, Span};
use pricing_service::inventory::{Known, LiveInventory, Pace, Plan, Reading, Stock};

/// Everything happens faster than in life.
fn pace() -> Pace {
    Pace {
        connect: Duration::from_secs(2),
        first: Duration::from_millis(400),
        gap: Duration::from_millis(1),
        poll: Duration::from_millis(30),
        look: Duration::from_millis(20),
        backoff: Duration::from_millis(20),
        backoff_most: Duration::from_millis(200),
        healthy: Duration::from_secs(1),
        sweep: Duration::from_millis(20),
    }
}

fn operator(address: &str) -> Config {
    Config { operator: Some(address.to_owned()), max_age: Span::secs(60), ..Config::default() }
}

fn follow(config: &Config) -> LiveInventory {
    LiveInventory::follow(Plan::of(config).unwrap().unwrap().at_pace(pace()))
}

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(10), "it was never so: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until_reading(inventory: &LiveInventory, what: &str, is_so: impl Fn(&Reading) -> bool) -> Reading {
    until(what, || is_so(&inventory.reading(Instant::now()))).await;
    inventory.reading(Instant::now())
}

fn known(inventory: &LiveInventory) -> Result<Arc<Known>, String> {
    match inventory.stock(Instant::now(), None) {
        Stock::Known(known) => Ok(known),
        Stock::Unusable(why) => Err(why),
        Stock::NotAsked => unreachable!("an inventory is configured"),
    }
}

fn names(inventory: &LiveInventory) -> Vec<String> {
    known(inventory)
        .map_or_else(|_| Vec::new(), |known| known.cluster.nodes().iter().map(|node| node.name.to_string()).collect())
}
