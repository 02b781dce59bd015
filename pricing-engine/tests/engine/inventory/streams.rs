//! Tests of streams that are cut, frozen, empty, absurd or flapping.

use std::time::{Duration, Instant};

use pricing_engine::inventory::{LiveInventory, Pace, State};

use super::peer::{Cluster, Manner, Peer, cluster, node};
use super::{DAY, follow, follow_at, known, known_at, later, names, operator, pace, until, until_reading};
use testkit::free_address::FreeAddress;

/// Follows a peer that may be frozen, with short timeouts.
fn follow_impatiently(peer: &Peer) -> LiveInventory {
    follow_at(Pace { first: Duration::from_millis(400), ..pace() }, &operator(&peer.http()))
}

#[tokio::test]
async fn a_cut_stream_is_opened_anew_and_the_last_good_snapshot_is_used_meanwhile() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = follow(&operator(&peer.http()));
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    for round in 1..=3 {
        peer.cut();
        until_reading(&inventory, "cut", |reading| {
            assert!(known(&inventory).is_ok());
            reading.counters.lost == round
        })
        .await;
        until_reading(&inventory, "fresh again", |reading| reading.state == State::Fresh).await;
    }
    assert_eq!(peer.opened(), 4);
}

#[tokio::test]
async fn a_peer_that_goes_down_and_comes_back_is_followed_again() {
    let free = FreeAddress::new();
    let peer = Peer::serve(cluster(&["a"]), None, free.get()).await;
    let inventory = follow(&operator(&peer.http()));
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    peer.cut();
    drop(peer);
    let stale = until_reading(&inventory, "stale", |reading| reading.counters.lost >= 3).await;
    assert_eq!(stale.state, State::Stale);
    assert!(stale.problem.unwrap().contains("refused"));
    assert_eq!(names(&inventory), ["a"]);
    let _peer = Peer::serve(cluster(&["b"]), None, free.get()).await;
    until("the peer's new state", || names(&inventory) == ["b"]).await;
}

#[tokio::test]
async fn a_frozen_peer_leaves_the_last_good_snapshot_until_its_age_and_then_there_is_no_bid() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = follow_impatiently(&peer);
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    peer.behave(Manner::Frozen);
    peer.cut();
    until_reading(&inventory, "stale", |reading| reading.state == State::Stale).await;
    assert_eq!(names(&inventory), ["a"]);
    assert_eq!(inventory.reading(later()).state, State::Unusable);
    until("it says why", || known_at(&inventory, later()).is_err_and(|why| why.contains("sent nothing within"))).await;
    peer.behave(Manner::Healthy);
    until_reading(&inventory, "fresh again", |reading| reading.state == State::Fresh).await;
}

#[tokio::test]
async fn a_peer_that_was_frozen_from_the_start_is_unusable_and_says_so() {
    let peer = Peer::start(cluster(&["a"])).await;
    peer.behave(Manner::Frozen);
    let inventory = follow_impatiently(&peer);
    until_reading(&inventory, "lost", |reading| reading.counters.lost > 0).await;
    let why = known(&inventory).unwrap_err();
    assert!(why.contains("has given no usable snapshot yet: it sent nothing within 400ms"), "{why}");
}

#[tokio::test]
async fn an_empty_snapshot_keeps_the_last_good_one_until_its_age() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = follow(&operator(&peer.http()));
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    peer.send(Cluster::default());
    let stale = until_reading(&inventory, "refused", |reading| reading.state == State::Stale).await;
    assert!(stale.counters.refused["no-usable-node"] >= 1);
    assert!(stale.problem.unwrap().contains("no usable node"));
    assert_eq!(names(&inventory), ["a"]);
    assert_eq!(inventory.reading(later()).state, State::Unusable);
    peer.send(cluster(&["b"]));
    until("the next good one", || names(&inventory) == ["b"]).await;
}

#[tokio::test]
async fn absurd_snapshots_are_not_priced_with() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = follow(&operator(&peer.http()));
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    let absurd = [
        node("minus-five", "18446744073709551611", "64Gi", "0"),
        node("wrapped", "8", "18446744073709551615", "0"),
        node("many", "18446744073709551615", "64Gi", "0"),
    ];
    for (number, node) in (1..).zip(&absurd) {
        peer.send(Cluster { nodes: vec![node.clone()], storage: Vec::new() });
        until_reading(&inventory, "refused", |reading| reading.counters.refused.values().sum::<u64>() == number).await;
        assert_eq!(names(&inventory), ["a"], "{}", node.name);
    }
    // Half of the nodes are absurd: the snapshot is accepted without them.
    let nodes = vec![
        node("a", "8", "64Gi", "18446744073709551615"),
        node("b", "8", "17179869145Gi", "1"),
        node("c", "8", "64Gi", "1"),
        absurd[0].clone(),
    ];
    peer.send(Cluster { nodes, storage: Vec::new() });
    let reading = until_reading(&inventory, "taken", |reading| reading.counters.taken == 2).await;
    assert_eq!((reading.state, names(&inventory)), (State::Fresh, vec!["a".to_owned(), "c".to_owned()]));
    assert!(reading.findings >= 3);
    let known = known(&inventory).unwrap();
    assert_eq!((known.cluster.nodes()[0].gpus.total, known.cluster.nodes()[1].gpus.total), (0, 1));
    // Most of the nodes are absurd.
    let nodes = absurd.iter().cloned().chain(cluster(&["x"]).nodes).collect();
    peer.send(Cluster { nodes, storage: Vec::new() });
    until_reading(&inventory, "refused", |reading| reading.counters.refused.contains_key("mostly-nonsense")).await;
    assert_eq!(names(&inventory), ["a", "c"]);
}

#[tokio::test]
async fn a_malformed_quantity_refuses_the_snapshot_and_says_where() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = follow(&operator(&peer.http()));
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    peer.send(Cluster { nodes: vec![node("b", "eight", "64Gi", "1")], storage: Vec::new() });
    let stale = until_reading(&inventory, "refused", |reading| reading.state == State::Stale).await;
    let problem = stale.problem.unwrap();
    assert!(problem.contains("nodes[0].resources.cpu") && problem.contains("`eight`"), "{problem}");
    assert_eq!(names(&inventory), ["a"]);
}

#[tokio::test]
async fn a_flapping_peer_does_not_flap_the_pricing() {
    let peer = Peer::start(cluster(&["a"])).await;
    peer.behave(Manner::Flapping);
    let inventory = follow(&operator(&peer.http()));
    until("a first snapshot", || known(&inventory).is_ok()).await;
    let digest = known(&inventory).unwrap().text.digest;
    until("it was opened again and again", || {
        assert_eq!(known(&inventory).unwrap().text.digest, digest);
        peer.opened() >= 10
    })
    .await;
    assert!(inventory.reading(Instant::now()).missing_nodes.is_empty());
    until("nothing stays open", || peer.open() == 0).await;
}

#[tokio::test]
async fn a_flapping_peer_is_not_hammered() {
    let peer = Peer::start(cluster(&["a"])).await;
    peer.behave(Manner::Flapping);
    // The shortest wait is a tenth of this.
    let inventory = follow_at(Pace { backoff: DAY, backoff_most: DAY, ..pace() }, &operator(&peer.http()));
    until_reading(&inventory, "lost", |reading| reading.counters.lost == 1).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(peer.opened(), 1);
}

#[tokio::test]
async fn snapshots_that_alternate_with_empty_ones_do_not_flap_the_pricing() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = follow(&operator(&peer.http()));
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    for round in 1..=50 {
        peer.send(Cluster::default());
        until_reading(&inventory, "refused", |reading| reading.counters.refused.values().sum::<u64>() == round).await;
        assert_eq!(names(&inventory), ["a"]);
        peer.send(cluster(&["a"]));
        until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
        assert_eq!(names(&inventory), ["a"]);
    }
}

#[tokio::test]
async fn nodes_that_vanish_one_by_one_are_no_longer_priced_with_and_are_named() {
    let peer = Peer::start(cluster(&["a", "b", "c", "d"])).await;
    let inventory = follow(&operator(&peer.http()));
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    let (mut left, mut missing) = (vec!["a", "b", "c", "d"], Vec::new());
    while left.len() > 1 {
        missing.push(left.remove(0));
        peer.send(cluster(&left));
        until("it is gone", || names(&inventory) == left).await;
        assert_eq!(inventory.reading(Instant::now()).missing_nodes, missing);
    }
    peer.send(cluster(&["b", "d"]));
    until("it is back", || names(&inventory) == ["b", "d"]).await;
    assert_eq!(inventory.reading(Instant::now()).missing_nodes, ["a", "c"]);
}

#[tokio::test]
async fn a_peer_that_sends_100_mb_is_not_read_to_its_end() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = follow(&operator(&peer.http()));
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    peer.send(cluster(&[&"n".repeat(100 << 20)]));
    let stale =
        until_reading(&inventory, "refused", |reading| reading.counters.refused.contains_key("too-large")).await;
    assert!(stale.problem.unwrap().contains("too large"));
    assert_eq!(names(&inventory), ["a"]);
    peer.set(cluster(&["b"]));
    until("the next good one", || names(&inventory) == ["b"]).await;
}

#[tokio::test]
async fn a_peer_that_floods_is_looked_at_only_so_often() {
    const GAP: Duration = Duration::from_millis(200);
    let peer = Peer::start(cluster(&["a"])).await;
    let started = Instant::now();
    let inventory = follow_at(Pace { gap: GAP, ..pace() }, &operator(&peer.http()));
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    for number in 0..300 {
        peer.send(cluster(&["a", &format!("node{number}")]));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    until("the last one counts", || names(&inventory) == ["a", "node299"]).await;
    let counters = inventory.reading(Instant::now()).counters;
    // At most one snapshot for each gap in the elapsed time, and one for each stream that ended.
    let gaps = started.elapsed().as_millis() / GAP.as_millis();
    assert!(u128::from(counters.taken) <= gaps + 1 + u128::from(counters.lost), "{counters:?} in {gaps} gaps");
}

#[tokio::test]
async fn what_speaks_no_grpc_is_unusable_and_says_so() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut client, page).await;
        }
    });
    let inventory = follow(&operator(&format!("http://{address}")));
    until_reading(&inventory, "lost", |reading| reading.counters.lost >= 2).await;
    let why = known(&inventory).unwrap_err();
    assert!(why.contains("has given no usable snapshot yet: "), "{why}");
    server.abort();
}

#[tokio::test]
async fn a_small_message_that_would_fill_the_memory_is_refused_before_it_is_decoded() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = follow(&operator(&peer.http()));
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    // Each node has two bytes, and there are more nodes than are accepted.
    peer.send(Cluster { nodes: vec![Default::default(); 300_000], storage: Vec::new() });
    let stale = until_reading(&inventory, "refused", |reading| reading.state == State::Stale).await;
    assert_eq!(stale.counters.refused["too-large"], 1);
    assert_eq!((names(&inventory), stale.counters.lost), (vec!["a".to_owned()], 0));
}
