//! The service under load while everything around it fails repeatedly. It never makes a wrong bid, and always answers.
//! In the long run, which `cargo xtask soak` makes, its use of resources does not grow.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test"
)]

use crate::service;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::programs::HANG;
use crate::service::{FeedMode, FeedPeer, InventoryMode, InventoryPeer, Program, connect, request};
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::{Quote, QuoteRequest, ReleaseRequest, ReloadRequest, StatusRequest};
use testkit::free_address::FreeAddress;
use tokio::task::JoinHandle;
use tonic::Code;
use tonic::transport::Channel;

/// The denoms of the orders: one with a fixed value, and one that needs the feed.
const DENOMS: [&str; 2] = ["uact", "uakt"];
const CARDS: [&str; 2] = ["80", "90"];
const USD_PER_AKT: [&str; 2] = ["0.50", "0.52"];
/// The number of different failures and repairs.
const DRILLS: usize = 16;

fn order(denom: &str) -> String {
    format!(
        r#"{{"name":"soak","resources":[{{"resource":{{"id":1,"cpu":{{"units":{{"val":"1000"}}}},"memory":{{"quantity":{{"val":"1073741824"}}}},"gpu":{{"units":{{"val":"1"}},"attributes":[{{"key":"vendor/nvidia/model/t4","value":"true"}}]}},"endpoints":[]}},"count":1,"price":{{"denom":"{denom}","amount":"1000000"}}}}]}}"#
    )
}

fn rates(card: &str) -> String {
    format!("[rates.gpu]\n\"t4\" = \"{card}\"\n\"*\" = \"50\"\n")
}

fn config(metrics: SocketAddr, inventory: &InventoryPeer, feed: &FeedPeer, plugin: bool) -> String {
    let plugin =
        if plugin { "[plugin]\nfile = \"plugin.wasm\"\nfallback = \"builtin\"\ndeadline = \"10m\"\n" } else { "" };
    format!(
        "[listen]\nsocket = \"bidprice.sock\"\nmetrics = \"{metrics}\"\n[rates]\nfile = \"rates.toml\"\n\
         [inventory]\noperator = \"{}\"\nmax_age = \"10m\"\nsilence = \"5s\"\nhold = \"2s\"\n\
         [feed]\ninterval = \"1s\"\ntimeout = \"10s\"\nmax_age = \"10m\"\ncache = \"feed\"\n\
         [[feed.source]]\nurl = \"{}\"\npath = \"usd\"\n\
         [shadow]\nrates = \"shadow.toml\"\n[bid_log]\nfolder = \"log\"\nfile_bytes = 4000000\nfiles = 4\n\
         [limits]\ndeadline = \"10m\"\n{plugin}",
        inventory.address(),
        feed.address(),
    )
}

fn outcome(quote: &Quote) -> String {
    match (&quote.price, &quote.reason) {
        (Some(price), _) => format!("{} {}", price.amount, price.denom),
        (None, Some(reason)) => reason.code.clone(),
        (None, None) => panic!("a quote without price and reason"),
    }
}

async fn ask(client: &mut PricingClient<Channel>, request: QuoteRequest) -> Result<String, tonic::Status> {
    let quotes = client.quote(request).await?.into_inner().quotes;
    Ok(outcome(quotes.first().expect("a quote")))
}

/// Reloads a valid configuration. If it has lost its plugin, it has to be accepted.
async fn take(client: &mut PricingClient<Channel>) {
    let start = Instant::now();
    let mut accept = String::new();
    while let Err(refused) = client.reload(ReloadRequest { accept }).await {
        assert!(start.elapsed() < HANG, "a good configuration is not taken: {refused}");
        // Meanwhile, the watch may have read the two files when only one of them was new.
        let status = client.status(StatusRequest {}).await.unwrap().into_inner();
        accept = status.reload.unwrap().pending.map(|pending| pending.digest).unwrap_or_default();
    }
}

#[derive(Default)]
struct Counts {
    answered: AtomicU64,
    refused: AtomicU64,
    faults: AtomicU64,
}

/// A service with all of its peers and callers.
struct Scene {
    program: Program,
    inventory: InventoryPeer,
    feed: FeedPeer,
    metrics: FreeAddress,
    good_plugin: Vec<u8>,
    /// The possible bids.
    right: Arc<BTreeMap<&'static str, BTreeSet<String>>>,
    counts: Arc<Counts>,
    over: Arc<AtomicBool>,
    callers: Vec<JoinHandle<()>>,
}

impl Scene {
    async fn start() -> Self {
        let (inventory, feed, metrics) = (InventoryPeer::start().await, FeedPeer::start().await, FreeAddress::new());
        let good_plugin = service::built_plugin("utilisation");
        let mut program = Program::new();
        program.put("rates.toml", rates("80"));
        program.put("shadow.toml", rates("70"));
        program.put("plugin.wasm", &good_plugin);
        program.put("bidprice.toml", config(metrics.get(), &inventory, &feed, false));
        program.start().await;
        let (counts, over) = (Arc::default(), Arc::default());
        let right = Arc::default();
        let mut scene =
            Self { program, inventory, feed, metrics, good_plugin, right, counts, over, callers: Vec::new() };
        scene.right = Arc::new(scene.learn().await);
        let call = |caller| {
            let (right, counts, over) = (scene.right.clone(), scene.counts.clone(), scene.over.clone());
            tokio::spawn(call(scene.program.socket(), caller, right, counts, over))
        };
        scene.callers = (0..6).map(call).collect();
        scene
    }

    /// Records the bids without any failure.
    async fn learn(&self) -> BTreeMap<&'static str, BTreeSet<String>> {
        let Self { program, inventory, feed, metrics, .. } = self;
        let mut right: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        program.until(|status| status.inventory.as_ref().is_some_and(|inventory| inventory.state == "fresh")).await;
        let mut client = program.client().await;
        for usd in USD_PER_AKT {
            feed.set(FeedMode::Value(usd));
            program
                .until(|status| {
                    status.feed.as_ref().is_some_and(|f| f.usd_per_akt.as_deref().is_some_and(|have| same(have, usd)))
                })
                .await;
            for card in CARDS {
                for plugin in [false, true] {
                    program.put("rates.toml", rates(card));
                    program.put("bidprice.toml", config(metrics.get(), inventory, feed, plugin));
                    take(&mut client).await;
                    for denom in DENOMS {
                        let bid = ask(&mut client, request(&order(denom), None)).await.unwrap();
                        assert!(bid.ends_with(denom), "{bid}");
                        right.entry(denom).or_default().insert(bid);
                    }
                }
            }
        }
        assert_eq!(right.values().map(BTreeSet::len).max(), Some(8), "{right:?}");
        right
    }

    /// Makes something fail, or repairs it.
    fn drill(&self, number: usize) {
        let Self { program, inventory, feed, metrics, .. } = self;
        match number % DRILLS {
            0 => inventory.set(InventoryMode::Good),
            1 => feed.set(FeedMode::Value("0")),
            2 => program.put("rates.toml", rates("90")),
            3 => inventory.set(InventoryMode::Empty),
            4 => program.put("plugin.wasm", "garbage"),
            5 => program.put("bidprice.toml", "[limits\nbroken"),
            6 => feed.set(FeedMode::Html),
            7 => {
                // A configuration that has lost its plugin waits to be accepted.
                program
                    .put("bidprice.toml", config(metrics.get(), inventory, feed, (number / DRILLS).is_multiple_of(2)));
            }
            8 => inventory.set(InventoryMode::Absurd),
            9 => feed.set(FeedMode::Value("1000000000")),
            10 => program.put("plugin.wasm", &self.good_plugin),
            11 => inventory.set(InventoryMode::Cut),
            12 => feed.set(FeedMode::Drip),
            13 => program.put("rates.toml", rates("80")),
            14 => program.hang_up(),
            _ => {
                feed.set(FeedMode::Value("0.50"));
                inventory.set(InventoryMode::Good);
            }
        }
        assert!(
            service::page(metrics.get()).contains("bidprice_decisions_total"),
            "the metrics can be read throughout"
        );
    }

    fn answered(&self) -> u64 {
        self.counts.answered.load(Ordering::Relaxed)
    }

    /// Ends the calls and the service. Checks that no caller saw anything wrong, and that the log is complete.
    async fn end(mut self) {
        self.over.store(true, Ordering::Relaxed);
        for caller in self.callers.drain(..) {
            caller.await.expect("no caller saw anything wrong");
        }
        let status = self.program.until(|status| status.bid_log.as_ref().is_some_and(|log| log.waiting == 0)).await;
        let Counts { answered, refused, faults } = &*self.counts;
        println!("answered {answered:?}, refused {refused:?}, faults {faults:?}; {status:?}");
        assert_eq!(status.bid_log.map(|log| log.lost), Some(0), "the log has all of it");
        self.program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_and_drills_it_answers_rightly() {
    let scene = Scene::start().await;
    for number in 0..DRILLS {
        scene.drill(number);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Everything works again.
    let (start, before) = (Instant::now(), scene.answered());
    while scene.answered() < before + 100 {
        assert!(start.elapsed() < HANG, "only {} answers", scene.answered());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes long, and looks at how much memory the service has; run by `cargo xtask soak`"]
async fn under_load_and_drills_it_does_not_grow() {
    let seconds = std::env::var("BIDPRICE_SOAK_SECONDS").map_or(60, |seconds| seconds.parse().expect("a number"));
    let scene = Scene::start().await;
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut samples = Vec::new();
    while Instant::now() < end {
        scene.drill(samples.len());
        tokio::time::sleep(Duration::from_secs(1)).await;
        samples.push(scene.program.usage());
    }
    assert!(scene.answered() > 0);
    scene.end().await;

    // Compares the last quarter with the second. The first is the warm-up.
    let quarter = samples.len() / 4;
    let most = |part: &[service::Usage]| part.iter().fold(service::Usage::default(), |a, b| a.most(b));
    let (early, late) = (most(&samples[quarter..quarter * 2]), most(&samples[quarter * 3..]));
    println!("{seconds} s; early {early:?}, late {late:?}");
    assert!(late.resident <= early.resident + early.resident / 5 + (8 << 20), "memory grows: {early:?} {late:?}");
    assert!(late.files <= early.files + 16, "file descriptors grow: {early:?} {late:?}");
    assert!(late.threads <= early.threads + 16, "threads grow: {early:?} {late:?}");
}

fn same(have: &str, wanted: &str) -> bool {
    have.parse::<f64>().ok() == wanted.parse::<f64>().ok()
}

async fn call(
    socket: PathBuf,
    caller: u64,
    right: Arc<BTreeMap<&'static str, BTreeSet<String>>>,
    counts: Arc<Counts>,
    over: Arc<AtomicBool>,
) {
    let mut client = connect(&socket).await;
    let mut number = 0_u64;
    while !over.load(Ordering::Relaxed) {
        number += 1;
        // Some callers reconnect repeatedly.
        if caller < 2 && number.is_multiple_of(50) {
            client = connect(&socket).await;
        }
        let denom = if number.is_multiple_of(2) { "uact" } else { "uakt" };
        match ask(&mut client, request(&order(denom), Some((caller, number)))).await {
            Ok(bid) if right[denom].contains(&bid) => {
                counts.answered.fetch_add(1, Ordering::Relaxed);
                // Most orders are lost, and some callers forget to release them.
                if !number.is_multiple_of(20) {
                    let name = request("", Some((caller, number))).order_id;
                    client.release(ReleaseRequest { order_id: name }).await.expect("a release is answered");
                }
            }
            // Capacity may be held back for earlier orders, and unknown values do not become bids.
            Ok(code)
                if ["insufficient-capacity", "inventory-unusable", "rate-unavailable"].contains(&code.as_str()) =>
            {
                counts.faults.fetch_add(1, Ordering::Relaxed);
            }
            Ok(other) => panic!("a wrong answer: {other}; right are {:?}", right[denom]),
            Err(status) if status.code() == Code::ResourceExhausted => {
                counts.refused.fetch_add(1, Ordering::Relaxed);
            }
            Err(status) => panic!("no answer: {status:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
