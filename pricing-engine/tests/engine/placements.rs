//! Tests of the engine that checks where pods start: quotes, snapshots and outcomes go in, lines of the bid log come out.
//! The moments at which predictions are judged are given.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a broken test must say so at once")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pricing_engine::Engine;
use pricing_engine::bid_log::entry::{Entry, PlacedPod};
use pricing_engine::bid_log::read::Log;
use pricing_engine::decision::OrderRequest;
use pricing_engine::inventory::{Snapshot, State};
use pricing_engine::order_name::OrderName;
use pricing_engine::outcomes::report::Logged;
use pricing_engine::placements::{Fate, PlacementResult, Reading, UnknownReason};
use pricing_host::compile::Compiler;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::HANG;
use crate::inventory::peer::{self, Peer};

/// What the order's pod requests besides a card and, if nothing else is said, 4 threads.
const GIB: u64 = 8;
const THREADS: u64 = 4;

/// How long pods may take to start.
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// A node on which some pods run that each have as many threads as `each` says.
fn node(name: &str, ram: &str, threads: u64, (pods, each): (u64, u64)) -> Value {
    let pair = |allocatable: u64, each: u64| {
        let [allocatable, allocated] = [allocatable, each * pods].map(|amount| json!({"string": amount.to_string()}));
        json!({"quantity": {"allocatable": allocatable, "allocated": allocated}})
    };
    let card = json!({"vendor": "nvidia", "name": "a100", "interface": "SXM4", "memorySize": ram});
    let mut gpu = pair(4, 1);
    gpu["info"] = vec![card; 4].into();
    json!({"name": name, "resources": {
        "cpu": pair(threads, each), "memory": pair(512 << 30, GIB << 30), "gpu": gpu,
        "ephemeralStorage": pair(1 << 40, 1 << 30)["quantity"],
    }})
}

/// The inventory with some pods on `a` and `b`, which have cards of 80 GiB, and on `c`, which has cards of 40 GiB. `a` has
/// the most threads, so that a pod is likeliest to start there.
fn inventory([a, b, c]: [u64; 3], each: u64) -> String {
    let nodes = [node("a", "80Gi", 128, (a, each)), node("b", "80Gi", 64, (b, each)), node("c", "40Gi", 32, (c, each))];
    json!({"nodes": nodes, "storage": []}).to_string()
}

fn snapshot(pods: [u64; 3], each: u64) -> Arc<Snapshot> {
    Arc::new(Snapshot::read(inventory(pods, each), Vec::new()).unwrap())
}

fn order(threads: u64) -> String {
    let value = |number: u64| json!({"val": number.to_string()});
    let gpu = json!({"units": value(1), "attributes": [{"key": "vendor/nvidia/model/a100", "value": "true"}]});
    json!({"name": "g", "requirements": {}, "resources": [{"resource": {
        "id": 1, "cpu": {"units": value(threads * 1000)}, "memory": {"quantity": value(GIB << 30)},
        "storage": [{"name": "default", "quantity": value(1 << 30)}], "gpu": gpu, "endpoints": [],
    }, "count": 1, "price": {"denom": "uact", "amount": "1000000"}}]})
    .to_string()
}

fn name(dseq: u64) -> OrderName {
    OrderName { owner: "akash1tenant".into(), dseq, gseq: 1, oseq: 1 }
}

/// An engine on a folder, with a source of its inventory.
struct Service {
    engine: Engine,
    folder: TempDir,
}

impl Service {
    /// One with the inventory in a file.
    async fn start(more: &str) -> Self {
        Self::with_source("file = \"inventory.json\"", more, tempfile::tempdir().unwrap()).await
    }

    async fn with_source(source: &str, more: &str, folder: TempDir) -> Self {
        fs::write(folder.path().join("inventory.json"), inventory([0, 0, 0], THREADS)).unwrap();
        let config = format!(
            "[inventory]\n{source}\nmax_age = \"87600h\"\nhold = \"1h\"\n[rates]\ncpu = \"1\"\n[rates.gpu]\n\"*\" = \"50\"\n\
             [feed]\nusd_per_akt = \"0.5\"\n[reload]\nwatch = \"0s\"\n[bid_log]\nfolder = \"log\"\n{more}"
        );
        let path = folder.path().join("bidprice.toml");
        fs::write(&path, config).unwrap();
        let engine = tokio::task::spawn_blocking(move || Engine::start(&path, Compiler::InProcess)).await.unwrap();
        let service = Self { engine: engine.unwrap(), folder };
        service.until("a snapshot", |reading| reading.snapshots > 0).await;
        let fresh = |service: &Self| service.engine.status().inventory.is_some_and(|found| found.state == State::Fresh);
        assert!(fresh(&service));
        service
    }

    async fn until(&self, what: &str, is: impl Fn(&Reading) -> bool) -> Reading {
        let start = Instant::now();
        loop {
            let reading = self.engine.placements().reading();
            if is(&reading) {
                return reading;
            }
            assert!(start.elapsed() < HANG, "{what}: {reading:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Bids on an order. Returns a moment after the bid.
    async fn bid(&self, dseq: u64) -> Instant {
        self.bid_with(dseq, THREADS).await
    }

    async fn bid_with(&self, dseq: u64, threads: u64) -> Instant {
        let mut request = OrderRequest::read(order(threads)).unwrap();
        request.name = Some(name(dseq));
        let before = self.engine.placements().reading().open;
        let answer = self.engine.quote(request, Instant::now() + HANG).when_written().await;
        assert!(answer[0].quote.price().is_some(), "{:?}", answer[0].quote);
        self.until("the prediction", |reading| reading.open == before + 1).await;
        Instant::now()
    }

    /// Stops the engine. Returns the lines of placements in its log.
    async fn lines(self) -> Vec<PlacedPod> {
        let engine = self.engine.clone();
        tokio::task::spawn_blocking(move || engine.shutdown()).await.unwrap();
        lines(self.folder.path())
    }
}

fn lines(folder: &Path) -> Vec<PlacedPod> {
    let log = Log::open(&folder.join("log")).unwrap();
    let placed = |entry| match entry {
        Entry::Placed(placed) => Some(*placed),
        _ => None,
    };
    log.lines().filter_map(|(_, entry)| placed(entry.unwrap())).collect()
}

/// What happens after a bid, and how its prediction turns out.
type Case = (&'static str, &'static [[u64; 3]], PlacementResult, Option<&'static str>, Option<UnknownReason>);

const CASES: [Case; 6] = [
    ("on the predicted node", &[[1, 0, 0]], PlacementResult::Right, Some("a"), None),
    ("on another one of the same kind", &[[0, 1, 0]], PlacementResult::SameKind, Some("b"), None),
    ("on another kind", &[[0, 0, 1]], PlacementResult::Wrong, Some("c"), None),
    ("on two at once", &[[1, 0, 1]], PlacementResult::Unknown, None, Some(UnknownReason::Ambiguous)),
    ("never", &[[0, 0, 0]], PlacementResult::Unknown, None, Some(UnknownReason::NotSeen)),
    ("after a reservation elsewhere", &[[0, 0, 1], [1, 0, 0]], PlacementResult::Right, Some("a"), None),
];

#[tokio::test]
async fn the_log_has_the_predicted_node_and_the_one_seen() {
    for (case, snapshots, result, seen, reason) in CASES {
        let service = Service::start("").await;
        let bid = service.bid(1).await;
        for (pods, minute) in snapshots.iter().zip(1..) {
            let at = bid + Duration::from_secs(60 * minute);
            service.engine.placements().snapshot(snapshot(*pods, THREADS), false, at);
        }
        service.engine.placements().judge(bid + WINDOW);
        let reading = service.until("a verdict", |reading| reading.open == 0).await;
        assert_eq!(reading.with(result), 1, "{case}: {reading:?}");
        let metrics = service.engine.metrics().render(&service.engine.readings());
        let counted = format!("bidprice_placements_total{{result=\"{}\"}} 1", result.name());
        assert!(metrics.contains(&counted), "{case}: {metrics}");
        assert_eq!(service.engine.status().placements, Some(reading));
        let lines = service.lines().await;
        let [line] = lines.as_slice() else { unreachable!("{case}: {lines:?}") };
        assert_eq!((line.result, line.reason), (result, reason), "{case}");
        assert_eq!((&line.order_id, line.decision, line.resource_id, line.replica), (&name(1), Some(1), 1, 1));
        let text = |node: &pricing_engine::bid_log::entry::PlacementNode| {
            let kinds: Vec<String> = node.kinds.iter().map(ToString::to_string).collect();
            format!("{} {} {}", node.node, kinds.join("+"), node.probability)
        };
        // A line without a verdict says nothing about the prediction.
        let predicted: Vec<String> = line.predicted.iter().map(text).collect();
        let expected = seen.map(|_| "a nvidia/a100/80Gi/sxm 1.000000".to_owned());
        assert_eq!(predicted, Vec::from_iter(expected), "{case}");
        let kind = |node| if node == "c" { "nvidia/a100/40Gi/sxm" } else { "nvidia/a100/80Gi/sxm" };
        let probability = |node| if node == "a" { "1.000000" } else { "0.000000" };
        let expected = seen.map(|node| format!("{node} {} {}", kind(node), probability(node)));
        assert_eq!(line.seen.as_ref().map(text), expected, "{case}");
    }
}

/// The section for outcomes, whose nodes nobody reaches. The tests tell what became of the bids.
const OUTCOMES: &str = "[outcomes]\nrest = [\"http://127.0.0.1:9\"]\n\
                        provider = \"akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63\"\n";

#[tokio::test]
async fn where_outcomes_are_configured_only_bids_that_were_won_count() {
    let service = Service::start(OUTCOMES).await;
    for dseq in 1..=3 {
        service.bid(dseq).await;
    }
    let now = Instant::now();
    let placements = service.engine.placements();
    let lease = now + Duration::from_secs(60);
    // The pod that is likeliest on `a` is the first one; the later bids were placed beside what is held.
    placements.snapshot(snapshot([1, 0, 0], THREADS), false, lease + Duration::from_secs(30));
    placements.judge(now + 10 * WINDOW);
    let fates = [(name(1).exact(), Fate::Won(lease)), (name(2).exact(), Fate::NotWon)];
    placements.pulled(lease + WINDOW, fates.into());
    placements.judge(now + 10 * WINDOW);
    let reading = service.until("a verdict", |reading| reading.open == 1).await;
    assert_eq!(reading.results, [1, 0, 0, 0]);
    let lines = service.lines().await;
    assert_eq!(lines.iter().map(|line| line.order_id.dseq).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn pods_are_seen_in_the_inventory_that_the_operator_streams() {
    let mut state = peer::Cluster {
        nodes: vec![peer::node("a", "64", "512Gi", "4"), peer::node("b", "32", "512Gi", "4")],
        ..Default::default()
    };
    for node in &mut state.nodes {
        for card in &mut node.resources.as_mut().unwrap().gpu.as_mut().unwrap().info {
            card.name = "a100".to_owned();
        }
    }
    let peer = Peer::start(state.clone()).await;
    let source = format!("operator = \"{}\"", peer.http());
    let service = Service::with_source(&source, "", tempfile::tempdir().unwrap()).await;
    let bid = service.bid(1).await;
    let resources = state.nodes[0].resources.as_mut().unwrap();
    let set = |pair: &mut Option<pricing_proto::akash::inventory::v1::ResourcePair>, amount: &str| {
        pair.as_mut().unwrap().allocated.as_mut().unwrap().string = amount.to_owned();
    };
    set(&mut resources.cpu.as_mut().unwrap().quantity, "4");
    set(&mut resources.memory.as_mut().unwrap().quantity, "8Gi");
    set(&mut resources.gpu.as_mut().unwrap().quantity, "1");
    set(&mut resources.ephemeral_storage, "1Gi");
    let before = service.engine.placements().reading().snapshots;
    peer.send(state);
    service.until("the pod", |reading| reading.snapshots > before).await;
    service.engine.placements().judge(bid + WINDOW);
    service.until("a verdict", |reading| reading.open == 0).await;
    let lines = service.lines().await;
    assert_eq!(lines.iter().map(|line| line.result).collect::<Vec<_>>(), [PlacementResult::Right], "{lines:?}");
}

#[tokio::test]
async fn a_warning_survives_a_restart_and_the_report_sums_up() {
    let service = Service::start("").await;
    for dseq in 1..=12 {
        // Pods that request different amounts cannot be taken for each other. All start on another kind of card.
        let bid = service.bid_with(dseq, dseq).await;
        assert!(service.engine.release(&name(dseq)));
        let placements = service.engine.placements();
        placements.snapshot(snapshot([0, 0, 1], dseq), false, bid);
        placements.judge(bid + WINDOW);
        service.until("a verdict", |reading| reading.open == 0).await;
        placements.snapshot(snapshot([0, 0, 0], dseq), false, bid);
    }
    let reading = service.engine.placements().reading();
    let folder = service.folder.path().to_owned();
    let problem = reading.recent.problem();
    let engine = service.engine.clone();
    tokio::task::spawn_blocking(move || engine.shutdown()).await.unwrap();
    assert_eq!((reading.with(PlacementResult::Wrong), problem.is_some()), (12, true), "{reading:?}");
    let wrong = 12;
    assert_eq!(lines(&folder).iter().filter(|line| line.result == PlacementResult::Wrong).count(), wrong);
    let calibration = Logged::read(&Log::open(&folder.join("log")).unwrap(), None).placements;
    assert_eq!(calibration.with(PlacementResult::Wrong), reading.with(PlacementResult::Wrong));
    let Service { folder, engine } = service;
    drop(engine);
    let again = Service::with_source("file = \"inventory.json\"", "", folder).await;
    let after = again.until("what the log has", |reading| reading.recent.verifiable() == wrong).await;
    assert_eq!((after.recent.problem(), after.results), (problem, [0; 4]));
    let _ = again.lines().await;
}
