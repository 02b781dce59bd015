//! The service under load while everything around it fails again and again: nothing wrong is bid, it always answers, and
//! what it holds of the machine does not grow.
//!
//! `BIDPRICE_SOAK_SECONDS=1200 cargo test --release -p pricing-cli --test soak -- --nocapture` is the long run.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use crate::service;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::service::{FeedMode, FeedPeer, InventoryMode, InventoryPeer, Program, connect, request};
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::{Quote, QuoteRequest, ReleaseRequest, ReloadRequest, StatusRequest};
use tonic::Code;
use tonic::transport::Channel;

/// What is asked: an order in a denom with a fixed worth, and one that needs the feed.
const DENOMS: [&str; 2] = ["uact", "uakt"];
const CARDS: [&str; 2] = ["80", "90"];
const USD_PER_AKT: [&str; 2] = ["0.50", "0.52"];

fn order(denom: &str) -> String {
    format!(
        r#"{{"name":"soak","resources":[{{"resource":{{"id":1,"cpu":{{"units":{{"val":"1000"}}}},"memory":{{"quantity":{{"val":"1073741824"}}}},"gpu":{{"units":{{"val":"1"}},"attributes":[{{"key":"vendor/nvidia/model/t4","value":"true"}}]}},"endpoints":[]}},"count":1,"price":{{"denom":"{denom}","amount":"1000000"}}}}]}}"#
    )
}

fn rates(card: &str) -> String {
    format!("[rates.gpu]\n\"t4\" = \"{card}\"\n\"*\" = \"50\"\n")
}

fn config(metrics: SocketAddr, inventory: &InventoryPeer, feed: &FeedPeer, plugin: bool) -> String {
    let plugin = if plugin { "[plugin]\nfile = \"plugin.wasm\"\nfallback = \"builtin\"\n" } else { "" };
    format!(
        "[listen]\nsocket = \"bidprice.sock\"\nmetrics = \"{metrics}\"\n[rates]\nfile = \"rates.toml\"\n\
         [inventory]\noperator = \"{}\"\nmax_age = \"60s\"\nsilence = \"5s\"\nhold = \"2s\"\n\
         [feed]\ninterval = \"1s\"\ntimeout = \"1s\"\nmax_age = \"60s\"\ncache = \"feed\"\n\
         [[feed.source]]\nurl = \"{}\"\npath = \"usd\"\n\
         [shadow]\nrates = \"shadow.toml\"\n[bid_log]\nfolder = \"log\"\nfile_bytes = 4000000\nfiles = 4\n\
         [limits]\ndeadline = \"10s\"\n{plugin}",
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

#[derive(Default)]
struct Counts {
    answered: AtomicU64,
    refused: AtomicU64,
    faults: AtomicU64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_and_drills_it_answers_rightly_and_does_not_grow() {
    let seconds = std::env::var("BIDPRICE_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let inventory = Arc::new(InventoryPeer::start().await);
    let feed = Arc::new(FeedPeer::start().await);
    let good_plugin = service::built_plugin("utilisation");
    let metrics = service::free_address();
    let mut program = Program::new();
    program.put("rates.toml", rates("80"));
    program.put("shadow.toml", rates("70"));
    program.put("plugin.wasm", &good_plugin);
    program.put("bidprice.toml", config(metrics, &inventory, &feed, false));
    program.start().await;

    // What may be bid, learned while all is well.
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
                program.put("bidprice.toml", config(metrics, &inventory, &feed, plugin));
                client.reload(ReloadRequest {}).await.expect("a good configuration is taken");
                for denom in DENOMS {
                    let bid = ask(&mut client, request(&order(denom), None)).await.unwrap();
                    assert!(bid.ends_with(denom), "{bid}");
                    right.entry(denom).or_default().insert(bid);
                }
            }
        }
    }
    assert_eq!(right.values().map(BTreeSet::len).max(), Some(8), "{right:?}");

    let right = Arc::new(right);
    let counts = Arc::new(Counts::default());
    let end = Instant::now() + Duration::from_secs(seconds);
    let callers: Vec<_> = (0..6_u64)
        .map(|caller| tokio::spawn(call(program.socket(), caller, Arc::clone(&right), Arc::clone(&counts), end)))
        .collect();
    let mut samples = Vec::new();
    let mut drill = 0_usize;
    while Instant::now() < end {
        run_drill(drill, &program, metrics, &inventory, &feed, &good_plugin);
        drill += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
        samples.push(program.usage());
        assert!(service::page(metrics).contains("bidprice_decisions_total"), "the metrics can be read throughout");
    }
    for caller in callers {
        caller.await.expect("no caller saw anything wrong");
    }
    let status = program.client().await.status(StatusRequest {}).await.unwrap().into_inner();
    println!(
        "{seconds} s, {drill} drills, answered {}, refused {}, faults {}; {status:?}",
        counts.answered.load(Ordering::Relaxed),
        counts.refused.load(Ordering::Relaxed),
        counts.faults.load(Ordering::Relaxed)
    );
    assert!(counts.answered.load(Ordering::Relaxed) > 0);
    let log = status.bid_log.expect("a log");
    assert_eq!((log.lost, log.waiting), (0, 0), "the log has all of it");

    // The last quarter beside the second: the first is for warming up.
    let quarter = samples.len() / 4;
    let most = |part: &[service::Usage]| part.iter().fold(service::Usage::default(), |a, b| a.most(b));
    let (early, late) = (most(&samples[quarter..quarter * 2]), most(&samples[quarter * 3..]));
    println!("early {early:?}, late {late:?}");
    assert!(late.resident <= early.resident + early.resident / 5 + (8 << 20), "memory grows: {early:?} {late:?}");
    assert!(late.files <= early.files + 16, "file descriptors grow: {early:?} {late:?}");
    assert!(late.threads <= early.threads + 16, "threads grow: {early:?} {late:?}");
    program.stop().await;
}

fn same(have: &str, wanted: &str) -> bool {
    have.parse::<f64>().ok() == wanted.parse::<f64>().ok()
}

async fn call(
    socket: PathBuf,
    caller: u64,
    right: Arc<BTreeMap<&'static str, BTreeSet<String>>>,
    counts: Arc<Counts>,
    end: Instant,
) {
    let mut client = connect(&socket).await;
    let mut number = 0_u64;
    while Instant::now() < end {
        number += 1;
        // Some callers connect anew again and again.
        if caller < 2 && number.is_multiple_of(50) {
            client = connect(&socket).await;
        }
        let denom = if number.is_multiple_of(2) { "uact" } else { "uakt" };
        match ask(&mut client, request(&order(denom), Some((caller, number)))).await {
            Ok(bid) if right[denom].contains(&bid) => {
                counts.answered.fetch_add(1, Ordering::Relaxed);
                // Most orders are lost, and some callers forget to say so.
                if !number.is_multiple_of(20) {
                    let name = request("", Some((caller, number))).order_id;
                    client.release(ReleaseRequest { order_id: name }).await.expect("a release is answered");
                }
            }
            // Capacity may be held back for the orders before, and what is not known is not bid on.
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

/// One thing that goes wrong, or right again.
fn run_drill(
    number: usize,
    program: &Program,
    metrics: SocketAddr,
    inventory: &InventoryPeer,
    feed: &FeedPeer,
    good_plugin: &[u8],
) {
    match number % 16 {
        0 => inventory.set(InventoryMode::Good),
        1 => feed.set(FeedMode::Value("0")),
        2 => program.put("rates.toml", rates("90")),
        3 => inventory.set(InventoryMode::Empty),
        4 => program.put("plugin.wasm", "garbage"),
        5 => program.put("bidprice.toml", "[limits\nbroken"),
        6 => feed.set(FeedMode::Html),
        7 => program.put("bidprice.toml", config(metrics, inventory, feed, number.is_multiple_of(32))),
        8 => inventory.set(InventoryMode::Absurd),
        9 => feed.set(FeedMode::Value("1000000000")),
        10 => program.put("plugin.wasm", good_plugin),
        11 => inventory.set(InventoryMode::Cut),
        12 => feed.set(FeedMode::Drip),
        13 => program.put("rates.toml", rates("80")),
        14 => program.hang_up(),
        _ => {
            feed.set(FeedMode::Value("0.50"));
            inventory.set(InventoryMode::Good);
        }
    }
}
