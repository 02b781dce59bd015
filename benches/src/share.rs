//! The service's own share of a call, beyond what a bare tonic service needs, and of a quote, beyond the core.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "a benchmark without its input must stop, and reports"
)]

use std::time::{Duration, Instant};

use prost::Message as _;
use tokio::runtime::Runtime;

use crate::load::{Address, Clients};
use crate::service::{Priced, Server};
use crate::site;
use crate::stats::Samples;

/// Rounds, in each of which every server is measured once. Other work on the machine changes one round at most.
const ROUNDS: usize = 3;

/// Calls in flight: as many as keep both cores busy, and one at a time.
const MANY: usize = 16;

/// A server, and the calls that it has answered in each round.
struct Measured {
    name: &'static str,
    server: Server,
    clients: Clients,
    rates: Vec<f64>,
    cpu: Vec<Duration>,
}

impl Measured {
    fn new(runtime: &Runtime, name: &'static str, server: Server) -> Self {
        let clients = runtime.block_on(Clients::connect(&Address::Unix(&server.socket()), &site::request())).unwrap();
        Self { name, server, clients, rates: Vec::new(), cpu: Vec::new() }
    }

    fn round(&mut self, runtime: &Runtime, time: Duration) {
        let _ = self.clients.closed(runtime, MANY, Duration::from_millis(300));
        let (began, before) = (Instant::now(), self.server.cpu());
        let closed = self.clients.closed(runtime, MANY, time);
        let (took, cpu) = (began.elapsed(), self.server.cpu().saturating_sub(before));
        let calls = u32::try_from(closed.bids.count()).unwrap();
        assert_eq!(closed.bids.count(), closed.all(), "{}", closed.line());
        self.rates.push(f64::from(calls) / took.as_secs_f64());
        self.cpu.push(cpu / calls.max(1));
    }

    fn rate(&self) -> f64 {
        median(&self.rates)
    }

    fn line(&self, bare: f64) -> String {
        let rates: Vec<String> = self.rates.iter().map(|rate| format!("{rate:.0}")).collect();
        let (rate, part) = (self.rate(), self.rate() / bare * 100.0);
        let cpu = self.cpu.iter().min().copied().unwrap_or_default();
        let name = self.name;
        format!(
            "{name}: {rate:.0} calls/s ({}), {part:.0} % of the echo's; {cpu:.0?} of processor a call",
            rates.join(", ")
        )
    }
}

fn median(of: &[f64]) -> f64 {
    let mut sorted = of.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Compares the service with a bare tonic service that answers with the same bytes, and prints both shares.
pub fn measure(runtime: &Runtime, time: Duration) {
    let quiet = Measured::new(runtime, "service", Server::start(None));
    let answer = runtime.block_on(quiet.clients.quote()).unwrap().encode_to_vec();
    println!("the service's own share: {} bytes asked, {} answered", site::request().encoded_len(), answer.len());
    let recorded = Server::configured(None, site::RECORDED);
    let mut all = [
        Measured::new(runtime, "echo", Server::echo(&answer)),
        quiet,
        Measured::new(runtime, "service with a bid log and log lines", recorded),
    ];
    for _ in 0..ROUNDS {
        all.iter_mut().for_each(|measured| measured.round(runtime, time));
    }
    let [echo, service, recorded] = &all;
    println!("  unix, {MANY} in flight, median of {ROUNDS}:");
    for measured in [echo, service, recorded] {
        println!("    {}", measured.line(echo.rate()));
    }
    for measured in all.into_iter().skip(1) {
        engine_and_core(runtime, measured, time);
    }
}

/// Compares what a service counts for a quote with what the core takes for it.
fn engine_and_core(runtime: &Runtime, measured: Measured, time: Duration) {
    let Measured { name, mut server, clients, .. } = measured;
    let (mut core, mut counted): (Samples, [Samples; 2]) = Default::default();
    for _ in 0..ROUNDS {
        for (in_flight, counted) in [1, MANY].into_iter().zip(&mut counted) {
            core.add(server.core());
            let before: Priced = server.priced();
            let _ = clients.closed(runtime, in_flight, time / 2);
            counted.add(server.priced().mean_since(before));
        }
    }
    let core = core.per_mille(500);
    println!(
        "  {name}, the engine by its own count, from the order's text to the answer's message; the core {core:.1?}:"
    );
    for (in_flight, counted) in [1, MANY].into_iter().zip(&counted) {
        let mean = counted.per_mille(500);
        let times = mean.as_secs_f64() / core.as_secs_f64();
        println!("    {in_flight} in flight: {mean:.1?}, {times:.1} times the core");
    }
    println!("    the service counts {}", server.stop());
}
