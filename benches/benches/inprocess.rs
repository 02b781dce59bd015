//! A quote in this process and over a socket: the core alone, the engine's own call, the call of the C library, and that of
//! a service.
//!
//! All of them price the same order of three services with the same live inventory of 100 nodes. After criterion's
//! figures, the same calls are made in turn, so that other work on the machine slows all of them down alike, and the ratios
//! of their medians are printed.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark without its input must stop, and reports")]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use benches::core_quote::{CoreQuote, text};
use benches::library::Library;
use benches::load::{Address, Clients};
use benches::service::{Server, served};
use benches::site::{self, QUIET, request};
use benches::stats::Samples;
use criterion::Criterion;
use pricing_engine::Engine;
use pricing_engine::decision::OrderRequest;
use pricing_engine::inventory::Availability;
use pricing_host::compile::Compiler;
use pricing_proto::bidprice::v1::QuoteResponse;
use prost::Message as _;
use tokio::runtime::{Builder, Runtime};

/// How often each of the calls is made in turn with the others.
const TURNS: usize = 20_000;

/// More time than a quote takes.
const LONG: Duration = Duration::from_secs(60);

/// Starts an engine, and waits for its inventory.
fn start(runtime: &Runtime, config: &Path) -> Engine {
    let _within = runtime.enter();
    let engine = Engine::start(config, Compiler::InProcess).unwrap();
    while matches!(engine.live(Instant::now()).availability, Availability::Unusable(_)) {
        std::thread::sleep(Duration::from_millis(5));
    }
    engine
}

/// The engine's own call, as a daemon in Rust makes it: from the order's text to the decision.
fn ask(engine: &Engine, text: &str, owner: &str) -> bool {
    let mut order = OrderRequest::read(text).unwrap();
    order.owner = Some(owner.to_owned());
    engine.quote(order, Instant::now() + LONG).value.iter().all(|priced| priced.quote.price().is_some())
}

fn is_bid(answer: &QuoteResponse) -> bool {
    !answer.quotes.is_empty() && answer.quotes.iter().all(|quote| quote.price.is_some())
}

fn quotes(criterion: &mut Criterion) {
    let (folder, text, asked) = (tempfile::tempdir().unwrap(), text(), request());
    let config = site::write(folder.path(), QUIET);
    let background = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let engine = start(&background, &config);
    let core = CoreQuote::of(&engine);
    let library = Library::open(&config);
    let server = Server::start(None);
    // The client's connection and the caller share a thread, which costs less than a hand-over between two.
    let client = Builder::new_current_thread().enable_all().build().unwrap();
    let clients = client.block_on(Clients::connect(&Address::Unix(&server.socket()), &asked)).unwrap();
    let (bytes, length) = (asked.encode_to_vec(), client.block_on(clients.quote()).unwrap().encoded_len());

    let alone = || core.quote().price().is_some();
    let own = || ask(&engine, &text, &asked.owner);
    let in_c = || library.quote(black_box(&bytes), |answer| answer.len() == length);
    let over_socket = || is_bid(&client.block_on(clients.quote()).unwrap());
    let calls: [(&str, &dyn Fn() -> bool); 4] = [
        ("the core alone, order read already", &alone),
        ("the engine's own call", &own),
        ("the C library", &in_c),
        ("a service's Unix socket", &over_socket),
    ];
    let mut group = criterion.benchmark_group("inprocess");
    for (name, call) in calls {
        assert!(call(), "{name}");
        group.bench_function(name, |bencher| bencher.iter(call));
    }
    group.finish();
    // Tests only run everything once.
    if std::env::args().any(|argument| argument == "--bench") {
        in_turn(&calls);
    }
    let _ = server.stop();
    engine.shutdown();
}

/// Makes each call in turn, and prints the medians and their ratios.
fn in_turn(calls: &[(&str, &dyn Fn() -> bool); 4]) {
    let mut samples = [(); 4].map(|()| Samples::default());
    for _ in 0..TURNS {
        for ((_, call), samples) in calls.iter().zip(&mut samples) {
            let began = Instant::now();
            black_box(call());
            samples.add(began.elapsed());
        }
    }
    let medians = samples.each_ref().map(|samples| samples.per_mille(500));
    println!("in turn, {TURNS} times each:");
    for ((name, _), samples) in calls.iter().zip(&samples) {
        println!("  {name}: {}", samples.line());
    }
    let [alone, own, in_c, over_socket] = medians.map(|median| median.as_secs_f64());
    println!("  the engine's own call takes {:.2} times the core's time", own / alone);
    println!("  the C library takes {:.2} times the engine's own call", in_c / own);
    println!("  the socket takes {:.1} times the C library", over_socket / in_c);
}

fn main() {
    if served() {
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    quotes(&mut criterion);
    criterion.final_summary();
}
