//! Tests of held capacity.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use pricing_core::inventory::held_capacity::HeldCapacity;
use pricing_core::order::{Order, OrderFormat};
use pricing_core::quote::{self, Supply, Terms};
use pricing_core::reserve::Scheduler;
use pricing_engine::config::{Inventory as Config, Span};
use pricing_engine::inventory::{Availability, LiveInventory, Snapshot, State};
use pricing_engine::order_name::OrderName;

use super::peer::{Peer, cluster};
use super::{DAY, follow, known, operator, until_reading};

fn order(dseq: u64) -> OrderName {
    OrderName { owner: "akash1tenant".into(), dseq, gseq: 1, oseq: 1 }
}

/// Bids for the only card of node `a`, if it is free.
fn bid(availability: &Availability) -> (bool, Option<Vec<HeldCapacity>>) {
    let Availability::Known(known) = availability else { return (false, None) };
    let Some(node) = known.cluster.nodes().first() else { return (false, None) };
    let free = node.gpus.available >= 1;
    let held = HeldCapacity { node: node.name.to_string(), cpu: 1000, gpus: 1, ..HeldCapacity::default() };
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
    let inventory = holding(&peer, DAY.into()).await;
    let bids = Arc::new(AtomicU32::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (inventory, bids) = (inventory.clone(), Arc::clone(&bids));
            scope.spawn(move || {
                for number in 0..50 {
                    let name = order(thread * 1000 + number);
                    if inventory.decide_and_hold(Instant::now(), Some(&name), bid) {
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
    assert!(inventory.decide_and_hold(Instant::now(), Some(&order(9000)), bid));
    // The same order again: its own hold does not block it.
    assert!(inventory.decide_and_hold(Instant::now(), Some(&order(9000)), bid));
    assert!(!inventory.decide_and_hold(Instant::now(), Some(&order(9001)), bid));
    assert_eq!(known(&inventory).unwrap().held[0].gpus, 1);
}

#[tokio::test]
async fn a_decision_that_must_not_wait_gets_no_turn_while_another_one_has_it() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = holding(&peer, DAY.into()).await;
    let (one, other) = (order(1), order(2));
    let turn = inventory.turn_if_free(Some(&one)).unwrap();
    assert!(inventory.turn_if_free(Some(&other)).is_none());
    assert!(inventory.turn_if_free(None).is_some(), "nothing is held for an order without a name");
    assert!(turn.decide_and_hold(Instant::now(), bid));
    assert!(!inventory.turn_if_free(Some(&other)).unwrap().decide_and_hold(Instant::now(), bid));
}

#[tokio::test]
async fn holds_come_back_by_their_time_also_when_nobody_asks() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = holding(&peer, Span::millis(200)).await;
    assert!(inventory.decide_and_hold(Instant::now(), Some(&order(1)), bid));
    assert_eq!(inventory.reading(Instant::now()).holds.made, 1);
    let reading = until_reading(&inventory, "expired", |reading| reading.held == 0).await;
    assert_eq!(reading.holds.expired, 1);
    assert!(inventory.decide_and_hold(Instant::now(), Some(&order(2)), bid));
}

#[tokio::test]
async fn a_hold_ends_when_the_inventory_shows_the_order() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = holding(&peer, DAY.into()).await;
    assert!(inventory.decide_and_hold(Instant::now(), Some(&order(1)), bid));
    let mut used = cluster(&["a"]);
    let resources = used.nodes[0].resources.as_mut().unwrap();
    let cpu = resources.cpu.as_mut().unwrap().quantity.as_mut().unwrap();
    cpu.allocated.as_mut().unwrap().string = "1".to_owned();
    let gpu = resources.gpu.as_mut().unwrap().quantity.as_mut().unwrap();
    gpu.allocated.as_mut().unwrap().string = "1".to_owned();
    peer.send(used);
    let reading = until_reading(&inventory, "seen", |reading| reading.held == 0).await;
    assert_eq!((reading.holds.seen, reading.holds.expired), (1, 0));
    assert!(!inventory.decide_and_hold(Instant::now(), Some(&order(2)), bid));
}

#[tokio::test]
async fn nothing_is_held_without_an_order_or_when_holding_is_off() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = holding(&peer, DAY.into()).await;
    assert!(inventory.decide_and_hold(Instant::now(), None, bid));
    assert_eq!(inventory.reading(Instant::now()).held, 0);
    let off = holding(&peer, Span::secs(0)).await;
    assert!(off.decide_and_hold(Instant::now(), Some(&order(1)), bid));
    assert!(off.decide_and_hold(Instant::now(), Some(&order(2)), bid));
    assert_eq!(off.reading(Instant::now()).held, 0);
}

/// A service with one card of any kind, and a high maximum price.
const ORDER: &str = r#"{"name":"g","requirements":{},"resources":[{"resource":{"id":1,
    "cpu":{"units":{"val":"1000"}},"memory":{"quantity":{"val":"1073741824"}},
    "storage":[{"name":"default","quantity":{"val":"1073741824"}}],
    "gpu":{"units":{"val":"1"},"attributes":[{"key":"vendor/nvidia/model/*","value":"true"}]},"endpoints":[]},
    "count":1,"price":{"denom":"uact","amount":"1000000"}}]}"#;

#[tokio::test]
async fn what_a_quote_placed_is_what_is_held_and_the_next_quote_is_placed_beside_it() {
    let peer = Peer::start(cluster(&["a", "b"])).await;
    let inventory = holding(&peer, DAY.into()).await;
    let group = pricing_core::order::group_spec::read(ORDER).unwrap().remove(0);
    let order_of_group = Order::from_group(group, OrderFormat::GroupSpec).unwrap();
    let pricing = pricing_core::rates::toml::read("[rates.gpu]\nt4 = \"80\"\n").unwrap();
    let decide = |availability: &Availability| {
        let Availability::Known(known) = availability else { return (None, None) };
        let scheduler = Scheduler::Sound;
        let supply = Supply::Reserve { cluster: &known.cluster, scheduler };
        let quote = quote::quote(&quote::QuoteRequest::new(&order_of_group, &pricing, supply, &Terms::default()));
        let node = quote.price().and_then(|_| quote.targets.first()?.nodes.first().map(ToString::to_string));
        let held = node.is_some().then(|| HeldCapacity::by(&order_of_group, &pricing, scheduler, &quote.targets));
        (node, held)
    };
    let quote = |dseq| inventory.decide_and_hold(Instant::now(), Some(&order(dseq)), decide);
    let (first, second) = (quote(1), quote(2));
    assert_eq!((first.as_deref(), second.as_deref(), quote(3)), (Some("a"), Some("b"), None));
    assert!(inventory.release(&order(1)));
    assert_eq!(quote(3).as_deref(), Some("a"));
    let known = known(&inventory).unwrap();
    let again = Snapshot::read(&*known.text.text, known.held.clone()).unwrap();
    assert_eq!((again.cluster, again.utilisation), (Arc::clone(&known.cluster), Arc::clone(&known.utilisation)));
    assert_eq!(serde_json::to_string(&known.held[0]).unwrap(), HELD);
}

/// The hold as the bid log records it.
const HELD: &str = r#"{"node":"a","cpu":1000,"memory":1073741824,"ephemeral":1073741824,"gpus":1,"cards":[{"kinds":["nvidia/t4/16Gi/pcie"],"count":1}]}"#;
