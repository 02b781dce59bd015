//! Capacity that is held back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use pricing_core::inventory::held::Held;
use pricing_service::config::{Inventory as Config, Span};
use pricing_service::inventory::{LiveInventory, State, Stock};
use pricing_service::order_name::OrderName;

use super::peer::{Peer, cluster};
use super::{follow, known, operator, until_reading};

fn order(dseq: u64) -> OrderName {
    OrderName { owner: "akash1tenant".to_owned(), dseq, gseq: 1, oseq: 1 }
}

/// The one card of node `a`, when it is free.
fn bid(stock: &Stock) -> (bool, Option<Vec<Held>>) {
    let Stock::Known(known) = stock else { return (false, None) };
    let Some(node) = known.cluster.nodes().first() else { return (false, None) };
    let free = node.gpus.available >= 1;
    let held = Held { node: node.name.to_string(), cpu: 1000, gpus: 1, ..Held::default() };
    (free, free.then(|| vec![held]))
}

async fn holding(peer: &Peer, hold: Span) -> LiveInventory {
    let inventory = follow(&Config { hold, ..operator(&peer.http()) });
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    inventory
}

#[tokio::test]
async fn of_many_decisions_at_once_one_gets_the_card_and_the_next_gets_it_when_it_is_released() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = holding(&peer, Span::secs(60)).await;
    let bids = Arc::new(AtomicU32::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (inventory, bids) = (inventory.clone(), Arc::clone(&bids));
            scope.spawn(move || {
                for number in 0..50 {
                    let name = order(thread * 1000 + number);
                    if inventory.with_stock(Instant::now(), Some(&name), bid) {
                        bids.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!(bids.load(Ordering::SeqCst), 1);
    let reading = inventory.reading(Instant::now());
    assert_eq!((reading.held, reading.holds.made), (1, 1));
    let holder = (0..8000).map(order).find(|name| inventory.release(name)).unwrap();
    assert!(!inventory.release(&holder));
    assert_eq!(known(&inventory).unwrap().held, []);
    assert!(inventory.with_stock(Instant::now(), Some(&order(9000)), bid));
    // The same order again: its own hold is not in its way.
    assert!(inventory.with_stock(Instant::now(), Some(&order(9000)), bid));
    assert!(!inventory.with_stock(Instant::now(), Some(&order(9001)), bid));
    assert_eq!(known(&inventory).unwrap().held[0].gpus, 1);
}

#[tokio::test]
async fn holds_come_back_by_their_time_also_when_nobody_asks() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = holding(&peer, Span::millis(500)).await;
    assert!(inventory.with_stock(Instant::now(), Some(&order(1)), bid));
    assert_eq!(inventory.reading(Instant::now()).held, 1);
    let reading = until_reading(&inventory, "expired", |reading| reading.held == 0).await;
    assert_eq!(reading.holds.expired, 1);
    assert!(inventory.with_stock(Instant::now(), Some(&order(2)), bid));
}

#[tokio::test]
async fn a_hold_ends_when_the_inventory_shows_the_order() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = holding(&peer, Span::secs(60)).await;
    assert!(inventory.with_stock(Instant::now(), Some(&order(1)), bid));
    let mut used = cluster(&["a"]);
    let resources = used.nodes[0].resources.as_mut().unwrap();
    let cpu = resources.cpu.as_mut().unwrap().quantity.as_mut().unwrap();
    cpu.allocated.as_mut().unwrap().string = "1".to_owned();
    let gpu = resources.gpu.as_mut().unwrap().quantity.as_mut().unwrap();
    gpu.allocated.as_mut().unwrap().string = "1".to_owned();
    peer.send(used);
    let reading = until_reading(&inventory, "seen", |reading| reading.held == 0).await;
    assert_eq!((reading.holds.seen, reading.holds.expired), (1, 0));
    assert!(!inventory.with_stock(Instant::now(), Some(&order(2)), bid));
}

#[tokio::test]
async fn nothing_is_held_without_an_order_or_when_holding_is_off() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = holding(&peer, Span::secs(60)).await;
    assert!(inventory.with_stock(Instant::now(), None, bid));
    assert_eq!(inventory.reading(Instant::now()).held, 0);
    let off = holding(&peer, Span::secs(0)).await;
    assert!(off.with_stock(Instant::now(), Some(&order(1)), bid));
    assert!(off.with_stock(Instant::now(), Some(&order(2)), bid));
    assert_eq!(off.reading(Instant::now()).held, 0);
}
