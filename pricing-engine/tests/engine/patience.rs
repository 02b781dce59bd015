//! Tests of orders that are priced for a moment first.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use pricing_engine::Engine;
use pricing_engine::bid_log::entry::{Decision, Entry};
use pricing_engine::bid_log::read::Log;
use pricing_engine::decision::OrderRequest;
use pricing_engine::inventory::State;
use pricing_engine::metrics::Call;
use pricing_engine::order_name::OrderName;
use pricing_host::compile::Compiler;
use tempfile::TempDir;

use crate::HANG;
use crate::decisions::PLAIN;

/// An engine that holds capacity, with its inventory.
async fn engine() -> (Engine, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let inventory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/inventory/mixed.json");
    fs::copy(inventory, folder.path().join("inventory.json")).unwrap();
    let config = "[inventory]\nfile = \"inventory.json\"\nmax_age = \"1h\"\nhold = \"1h\"\n[rates]\ncpu = \"1\"\n\
                  [reload]\nwatch = \"0s\"\n[bid_log]\nfolder = \"log\"\n";
    let path = folder.path().join("bidprice.toml");
    fs::write(&path, config).unwrap();
    let engine = tokio::task::spawn_blocking(move || Engine::start(&path, Compiler::InProcess)).await.unwrap().unwrap();
    let start = Instant::now();
    while engine.status().inventory.is_none_or(|inventory| inventory.state != State::Fresh) {
        assert!(start.elapsed() < HANG);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    (engine, folder)
}

fn order() -> OrderRequest {
    let mut request = OrderRequest::read(PLAIN).unwrap();
    request.name = Some(OrderName { owner: "akash1tenant".into(), dseq: 1, gseq: 1, oseq: 1 });
    request
}

/// The number of decisions that the metrics have, and of orders for which capacity is held.
fn counts(engine: &Engine) -> (u64, u64) {
    let page = engine.metrics().render(&engine.readings());
    let counted = page.lines().filter(|line| line.starts_with("bidprice_decisions_total{"));
    let decisions = counted.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum();
    (decisions, engine.readings().held_orders)
}

async fn decisions(engine: Engine, folder: &Path) -> Vec<Decision> {
    tokio::task::spawn_blocking(move || engine.shutdown()).await.unwrap();
    let decision = |entry| match entry {
        Entry::Decision(decision) => Some(*decision),
        _ => None,
    };
    Log::open(&folder.join("log")).unwrap().lines().filter_map(|(_, line)| decision(line.unwrap())).collect()
}

#[tokio::test]
async fn nothing_is_known_of_an_order_that_took_too_long_until_it_is_finished() {
    let (engine, folder) = engine().await;
    let unfinished = engine.quote_within(Call::Quote, order(), Instant::now()).unwrap_err();
    assert_eq!(counts(&engine), (0, 0));
    let answer = engine.finish(*unfinished, Instant::now() + HANG).when_written().await;
    assert!(answer[0].quote.price().is_some() && !answer[0].remaining_budget.out_of_time, "{answer:?}");
    assert_eq!(counts(&engine), (1, 1));
    let decisions = decisions(engine, folder.path()).await;
    assert!(decisions.len() == 1 && !decisions[0].out_of_time, "{decisions:?}");
}

#[tokio::test]
async fn an_order_that_takes_a_moment_gets_the_answer_of_any_other() {
    let (engine, folder) = engine().await;
    let quick = engine.quote_within(Call::Quote, order(), Instant::now() + HANG).unwrap().when_written().await;
    let other = engine.quote(order(), Instant::now() + HANG).when_written().await;
    assert_eq!(quick, other);
    assert_eq!(counts(&engine), (2, 1));
    assert_eq!(decisions(engine, folder.path()).await.len(), 2);
}
