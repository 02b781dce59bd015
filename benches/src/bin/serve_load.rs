//! What the service can take: `cargo run --release -p benches --bin serve_load`.
//!
//! A service in a process of its own, with 100 nodes, shares the cores with its client. First as many quotes as it
//! can, then half as many a second, then four times as many with a deadline of 250 ms, and half as many again. `--quick`
//! takes less time. Latencies count from the moment at which a call should have begun, so that a client that falls behind
//! hides nothing.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark without its input must stop, and reports")]

use std::time::{Duration, Instant};

use benches::load::{Address, Clients};
use benches::plugins::{example, with_body};
use benches::service::{Server, request, served};
use tokio::runtime::Runtime;

const DEADLINE: Duration = Duration::from_millis(250);

fn main() {
    if served() {
        return;
    }
    let quick = std::env::args().any(|argument| argument == "--quick");
    let time = Duration::from_secs(if quick { 2 } else { 10 });
    let runtime = Runtime::new().unwrap();
    let spin = "(local $n i32) (loop $again (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) \
                (i32.const 1))) (i32.const 2000000))))";
    measure(&runtime, "built-in", None, time);
    measure(&runtime, "plugin owner-specials", example("owner-specials.wasm"), time);
    measure(&runtime, "plugin that counts to 2,000,000", Some(with_body("", spin)), time);
}

fn measure(runtime: &Runtime, name: &str, plugin: Option<Vec<u8>>, time: Duration) {
    let server = Server::start(plugin.as_deref());
    println!("{name}: {}", server.usage());
    let mut saturation: f64 = 0.0;
    for (over, address) in [("unix", Address::Unix(&server.socket())), ("tcp", Address::Tcp(server.tcp))] {
        let clients = runtime.block_on(Clients::connect(&address, &request())).unwrap();
        let _ = clients.closed(runtime, 16, Duration::from_millis(500));
        let start = Instant::now();
        let closed = clients.closed(runtime, 16, time);
        let rate = count(closed.bids.count()) / start.elapsed().as_secs_f64();
        println!("  {over}, 16 in flight: {rate:.0} quotes/s; {}; {}", closed.bids.line(), closed.line());
        let half = clients.open(runtime, rate / 2.0, time, None);
        println!("  {over}, {:.0}/s, half of that: {}; {}", rate / 2.0, half.bids.line(), half.line());
        saturation = saturation.max(rate);
    }
    overload(runtime, &server, saturation, time);
    println!("  the service counts {}", server.stop());
}

/// Four times as much as the service can answer, and then half as much again.
fn overload(runtime: &Runtime, server: &Server, saturation: f64, time: Duration) {
    let clients = runtime.block_on(Clients::connect(&Address::Unix(&server.socket()), &request())).unwrap();
    println!("  before overload: {}", server.usage());
    let (began, before) = (Instant::now(), server.cpu());
    let over = clients.open(runtime, saturation * 4.0, time, Some(DEADLINE));
    let (took, cpu) = (began.elapsed(), server.cpu().saturating_sub(before));
    println!("  unix, {:.0}/s, four times that, deadline {DEADLINE:?}: {}", saturation * 4.0, over.line());
    println!("    bids    {}", over.bids.line());
    println!("    refused {}", over.refused.line());
    let goodput = count(over.bids.count().saturating_sub(over.late)) / (saturation * time.as_secs_f64()) * 100.0;
    println!("    in time {goodput:.0} % of what it can answer; {cpu:.1?} on the cores of {took:.1?}");
    println!("  after overload: {}", server.usage());
    // What of it is over at once, and what lasts.
    for part in ["first quarter", "rest"] {
        let again = clients.open(runtime, saturation / 2.0, time / if part == "rest" { 2 } else { 4 }, None);
        println!("  at half of saturation again, {part}: {}; {}", again.bids.line(), again.line());
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}
