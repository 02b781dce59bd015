//! Measures the capacity of the service: `cargo run --release -p benches --bin serve_load`.
//!
//! A service with 100 nodes, in its own process, shares the cores with its client. The client first asks as fast as it
//! can, then at half that rate, then at four times that rate with a deadline of 250 ms, and then at half the rate
//! again. `--quick` takes less time. Latencies count from the intended start of a call, so that a client that falls
//! behind does not hide delays.
//!
//! Before that, it compares the service with a bare tonic service that answers with the same bytes, and its own time for a
//! quote with the core's. `--share` measures only this.
//!
//! `--attack` measures something else: ordinary orders while two other processes keep asking for the largest order that
//! is accepted, 100 groups of 48 units with cards, with every set of cards.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark without its input must stop, and reports")]

use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use benches::load::{Address, Clients};
use benches::plugins::{example, with_body};
use benches::service::{Server, served};
use benches::share;
use benches::site::{large_request, request};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_millis(250);

/// The number of attackers, and the requests that each has in flight.
const ATTACKERS: usize = 2;
const ATTACKS: usize = 4;
/// Ordinary orders per second beside the attackers, and the deadline of each.
const ORDINARY: f64 = 13.1;
const PATIENCE: Duration = Duration::from_secs(1);

fn main() {
    if served() {
        return;
    }
    if let Some(socket) = std::env::args().skip_while(|argument| argument != "--attacker").nth(1) {
        return attack(Path::new(&socket));
    }
    let given = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    let time = Duration::from_secs(if given("--quick") { 2 } else { 10 });
    let runtime = Runtime::new().unwrap();
    if given("--attack") {
        return measure_attack(&runtime, time);
    }
    share::measure(&runtime, time);
    if given("--share") {
        return;
    }
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

/// Offers four times the load that the service can handle, and then half of what it can handle.
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
    // The first quarter shows the immediate effects, the rest those that last.
    for part in ["first quarter", "rest"] {
        let again = clients.open(runtime, saturation / 2.0, time / if part == "rest" { 2 } else { 4 }, None);
        println!("  at half of saturation again, {part}: {}; {}", again.bids.line(), again.line());
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

/// Measures ordinary orders, alone and beside attackers.
fn measure_attack(runtime: &Runtime, time: Duration) {
    let server = Server::start(None);
    let socket = server.socket();
    let clients = runtime.block_on(Clients::connect(&Address::Unix(&socket), &request())).unwrap();
    let ordinary = |what: &str| {
        let outcomes = clients.open(runtime, ORDINARY, time, Some(PATIENCE));
        println!("  {what}: {:.1} % of {} bid on in time", outcomes.success(), outcomes.all());
        println!("    {}", outcomes.line());
        println!("    {}", outcomes.bids.line());
    };
    let bytes = large_request().order.map_or(0, |order| prost::Message::encoded_len(&order));
    println!("{ATTACKERS} callers with {ATTACKS} requests of {bytes} bytes in flight each: {}", server.usage());
    ordinary("ordinary orders alone");
    let mut attackers: Vec<Child> = (0..ATTACKERS).map(|_| attacker(&socket)).collect();
    // Waits until both attackers are active.
    std::thread::sleep(Duration::from_secs(1));
    ordinary("ordinary orders under attack");
    for attacker in &mut attackers {
        println!("  an attacker's requests: {}", ended(attacker));
    }
    println!("  under attack: {}", server.usage());
    ordinary("ordinary orders afterwards");
    println!("  the service counts {}", server.stop());
}

/// Starts an attacker, which runs until its standard input ends.
fn attacker(socket: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--attacker").arg(socket).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn attack(socket: &Path) {
    let runtime = Runtime::new().unwrap();
    let socket: PathBuf = socket.to_owned();
    let clients = runtime.block_on(Clients::connect(&Address::Unix(&socket), &large_request())).unwrap();
    let stop = CancellationToken::new();
    let asking = {
        let stop = stop.clone();
        std::thread::spawn(move || clients.closed_until(&runtime, ATTACKS, move || stop.is_cancelled()))
    };
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    stop.cancel();
    println!("{}", asking.join().unwrap().line());
}

/// Ends a process by closing its standard input, and returns its output.
fn ended(child: &mut Child) -> String {
    child.stdin.take().unwrap().flush().unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    said.trim().to_owned()
}
