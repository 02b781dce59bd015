//! The answers in `examples/market`, which the documentation uses, are those of a made-up month.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pricing_market::chain::answer;
use pricing_market::chain::join::join;
use pricing_market::chain::records::Records;
use testkit::chain::{Chain, FIRST_HEIGHT, Filters, List, Style, Version, block, made_up, page};

/// The orders of the month, and the rivals.
const ORDERS: u64 = 240;
const RIVALS: usize = 4;
/// The records of a page.
const PAGE: usize = 250;
/// The most bytes of all files.
const MOST_BYTES: usize = 600_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/market")
}

/// The answers, by the name of their files.
fn answers(chain: &Chain) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (list, name) in [(List::Bids, "bids"), (List::Leases, "leases"), (List::Orders, "orders")] {
        let mut key: Option<String> = None;
        for number in 1.. {
            let how = (list, Version::V1Beta5, Style::Short);
            let answer = page(chain, chain.height, how, &Filters::default(), (key.as_deref(), PAGE));
            key = answer["pagination"]["next_key"].as_str().map(str::to_owned);
            files.insert(format!("{name}-{number}.json"), format!("{answer}\n"));
            if key.is_none() {
                break;
            }
        }
    }
    for height in [FIRST_HEIGHT, chain.height] {
        files.insert(format!("block-{height}.json"), format!("{}\n", block(height)));
    }
    files
}

#[test]
fn the_examples_are_current() {
    let files = answers(&made_up(2026, ORDERS, RIVALS));
    let bytes: usize = files.values().map(String::len).sum();
    assert!(bytes <= MOST_BYTES, "{bytes}");
    if std::env::var_os("BIDPRICE_GENERATE").is_some() {
        fs::create_dir_all(folder()).unwrap();
        for (name, text) in &files {
            fs::write(folder().join(name), text).unwrap();
        }
    }
    let there = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let there: BTreeMap<String, String> = there
        .filter(|name| name.ends_with(".json"))
        .map(|name| (name.clone(), fs::read_to_string(folder().join(name)).unwrap()))
        .collect();
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&there), names(&files), "`cargo xtask market` writes them anew");
    assert!(there == files, "examples/market is not current: run `cargo xtask market`");
}

#[test]
fn the_examples_are_joined_without_loss() {
    let chain = made_up(2026, ORDERS, RIVALS);
    let mut records = Records::default();
    for text in answers(&chain).values() {
        answer::read(text).unwrap().into_iter().for_each(|answer| records.add(answer, 0).unwrap());
    }
    let mut orders = Vec::new();
    let summary = join(&records, "0.5".parse().ok(), |order| {
        orders.push(order);
        Ok::<_, std::convert::Infallible>(())
    })
    .unwrap();
    assert_eq!(summary.orders, u64::try_from(chain.orders.len()).unwrap());
    let bids: usize = chain.orders.iter().map(|order| order.bids.len()).sum();
    assert_eq!(summary.joined.bids, u64::try_from(bids).unwrap());
    let leases = chain.orders.iter().filter(|order| order.lease_at(chain.height).is_some()).count();
    assert_eq!(summary.joined.leases, u64::try_from(leases).unwrap());
    assert!(summary.contradictions.is_empty() && !summary.relative_times);
    assert!(orders.iter().all(|order| order.max_price.is_some()));
}
