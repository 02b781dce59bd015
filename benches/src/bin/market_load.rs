//! Checks how fast the answers of a node are joined: `cargo run --release -p benches --bin market_load -- make FOLDER`
//! writes the answers of a made-up chain with 100,000 orders and about 600,000 bids. `-- join FOLDER` reads and joins
//! them, and writes the history to another folder. It prints the seconds and the most memory. With `--bars`, the exit
//! code is 1 if one misses its bar. These are two commands, so that the memory is that of the second one alone.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark without its input must stop, and reports"
)]

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use pricing_market::chain::answer;
use pricing_market::chain::records::Records;
use pricing_market::history;
use testkit::chain::{Filters, List, Style, Version, account, made_up, page};

/// At most this many seconds.
const SECONDS: f64 = 10.0;
/// At most this many KiB of memory: 1 GB.
const KIBIBYTES: u64 = 976_562;
/// Chains, which together have 100,000 orders.
const CHAINS: u64 = 100;
const ORDERS: u64 = 1_000;
/// With these, an order has six bids on average.
const RIVALS: usize = 9;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["make", folder] => make(Path::new(folder)),
        ["join", folder] => drop(join(Path::new(folder))),
        ["join", folder, "--bars"] if !join(Path::new(folder)) => return ExitCode::FAILURE,
        ["join", _, "--bars"] => {}
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

/// Writes full answers in pages of up to 1,000 records.
fn make(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for seed in 0..CHAINS {
        let chain = made_up(seed, ORDERS, RIVALS);
        for (list, name) in [(List::Bids, "bids"), (List::Leases, "leases"), (List::Orders, "orders")] {
            let mut key: Option<String> = None;
            for number in 1.. {
                let how = (list, Version::V1Beta5, Style::Full);
                let answer = page(&chain, chain.height, how, &Filters::default(), (key.as_deref(), 1_000));
                fs::write(folder.join(format!("{name}-{seed}-{number}.json")), answer.to_string()).unwrap();
                key = answer["pagination"]["next_key"].as_str().map(str::to_owned);
                if key.is_none() {
                    break;
                }
            }
        }
    }
}

fn join(folder: &Path) -> bool {
    let out = tempfile::tempdir().unwrap();
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let start = Instant::now();
    let mut records = Records::default();
    for path in paths {
        let text = fs::read_to_string(path).unwrap();
        answer::read(&text).unwrap().into_iter().for_each(|answer| records.add(answer, 0).unwrap());
    }
    let summary = history::write(out.path(), &account(0), &records, None).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kibibytes: u64 = most.trim().trim_end_matches(" kB").parse().unwrap();
    println!("{} orders, {} bids, {} leases", summary.orders, summary.joined.bids, summary.joined.leases);
    println!("{seconds:.2} s (bar {SECONDS} s), {} MB (bar {} MB)", kibibytes / 1_000, KIBIBYTES / 1_000);
    seconds <= SECONDS && kibibytes <= KIBIBYTES
}
