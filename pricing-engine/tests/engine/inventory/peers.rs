//! Tests with peers that behave well.

use std::time::Instant;

use pricing_core::inventory::read::read;
use pricing_core::inventory::validate::validate;
use pricing_engine::config::{Inventory as Config, Span};
use pricing_engine::digest::Digest;
use pricing_engine::inventory::{LiveInventory, State};

use super::peer::{Manner, Peer, cluster};
use super::{follow, known, known_at, names, operator, until, until_reading};

fn provider(peer: &Peer) -> Config {
    Config { operator: None, provider: Some(peer.http()), ..operator("") }
}

#[tokio::test]
async fn the_operators_cluster_is_priced_with_and_can_be_recorded() {
    let peer = Peer::start(cluster(&["a", "b"])).await;
    let inventory = follow(&operator(&peer.http()));
    let reading = until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    assert_eq!((reading.nodes, reading.findings, reading.problem), (2, 0, None));
    let known = known(&inventory).unwrap();
    assert_eq!(known.text.digest, Digest::of(&*known.text.text));
    assert_eq!(validate(read(&known.text.text).unwrap()).cluster, *known.cluster);
    assert_eq!(known.utilisation.gpus.total, 2);
    peer.send(cluster(&["a", "b", "c"]));
    until_reading(&inventory, "three nodes", |reading| reading.nodes == 3).await;
}

#[tokio::test]
async fn a_providers_status_brings_cluster_and_leased_ips() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = follow(&provider(&peer));
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    assert_eq!(known(&inventory).unwrap().cluster.leased_ips(), Some(3));
    assert_eq!((peer.opened(), peer.asked()), (1, 0));
}

#[tokio::test]
async fn a_provider_without_a_stream_is_asked_again_and_again() {
    let peer = Peer::start(cluster(&["a"])).await;
    peer.behave(Manner::Streamless);
    let inventory = follow(&provider(&peer));
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    peer.set(cluster(&["b"]));
    until("the other node", || names(&inventory) == ["b"]).await;
    assert!(peer.asked() >= 2);
}

#[tokio::test]
async fn a_silent_but_healthy_peer_stays_fresh() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = follow(&Config { silence: Span::secs(1), ..operator(&peer.http()) });
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    until("the stream was opened three times", || {
        let reading = inventory.reading(Instant::now());
        assert_eq!((reading.state, reading.problem), (State::Fresh, None));
        peer.opened() >= 3
    })
    .await;
    assert_eq!(inventory.reading(Instant::now()).counters.lost, 0);
}

#[tokio::test]
async fn another_source_takes_over_without_a_gap_and_the_first_is_left_alone() {
    let (first, second) = (Peer::start(cluster(&["a"])).await, Peer::start(cluster(&["b"])).await);
    let inventory = follow(&operator(&first.http()));
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    let plan = |config: &Config| pricing_engine::inventory::Plan::of(config).unwrap().unwrap().at_pace(super::pace());
    let then = Instant::now();
    inventory.reconfigure(plan(&operator(&second.http())));
    until("the other cluster", || {
        // This asks about an earlier moment, since on a slow machine the handover of 30 seconds may be over.
        assert!(known_at(&inventory, then).is_ok());
        names(&inventory) == ["b"]
    })
    .await;
    until("nobody listens to the first", || first.open() == 0).await;
    first.send(cluster(&["a"]));
    // With other settings the same source continues.
    inventory.reconfigure(plan(&Config { hold: Span::secs(5), ..operator(&second.http()) }));
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!((names(&inventory), second.opened()), (vec!["b".to_owned()], 1));
    assert_eq!(inventory.reading(Instant::now()).missing_nodes, [""; 0]);
}

#[tokio::test]
async fn nothing_is_left_open_when_the_inventory_is_dropped() {
    let peer = Peer::start(cluster(&["a"])).await;
    for _ in 0..20 {
        let inventory = follow(&operator(&peer.http()));
        let clone = inventory.clone();
        drop(inventory);
        until_reading(&clone, "fresh", |reading| reading.state == State::Fresh).await;
    }
    until("every stream is closed", || peer.open() == 0).await;
    assert_eq!(peer.opened(), 20);
}

#[tokio::test]
async fn without_a_source_there_is_no_inventory() {
    assert!(LiveInventory::start(&Config::default(), None).unwrap().is_none());
}
