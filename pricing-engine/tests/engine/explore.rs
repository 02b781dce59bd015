//! Tests of exploration: it is recorded, replayed, and set aside where prices are compared.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a broken test must say so at once")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::decisions::{Sample, closed, host};
use pricing_core::quote::Spread;
use pricing_engine::bid_log::BidLog;
use pricing_engine::bid_log::entry::{Decision, Entry};
use pricing_engine::bid_log::read::Log;
use pricing_engine::bid_log::replay::{Report, WhatIf, replay};
use pricing_engine::config::{self, Fsync};
use pricing_engine::decision::{self, Settings};
use pricing_engine::explore::{DrawSource, Explore};

fn explored(number: usize) -> Sample {
    let explore = Some(Explore { spread: Spread::parse("3%").unwrap(), draws: DrawSource::Seed(1) });
    let sample = Sample::plain(number);
    Sample { settings: Arc::new(Settings { explore, ..(*sample.settings).clone() }), ..sample }
}

fn logged(folder: &Path, samples: impl Iterator<Item = Sample>) {
    let folder = folder.join("log");
    let log = BidLog::open(&config::BidLog { folder, file_bytes: 64 << 20, files: 16, fsync: Fsync::Never }).unwrap();
    for sample in samples {
        let _ = sample.record(&log);
    }
    closed(&log);
}

fn decisions(folder: &Path) -> Vec<Decision> {
    let lines = Log::open(&folder.join("log")).unwrap();
    let decision = |entry| match entry {
        Entry::Decision(decision) => Some(*decision),
        _ => None,
    };
    lines.lines().filter_map(|(_, line)| decision(line.unwrap())).collect()
}

fn replayed(folder: &Path, what_if: &WhatIf) -> Report {
    replay(&Log::open(&folder.join("log")).unwrap(), host(), what_if, 1000)
}

#[test]
fn every_level_is_recorded_and_replayed_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    logged(folder.path(), (0..200).map(explored));
    let mut prices: BTreeMap<String, u32> = BTreeMap::new();
    for decision in decisions(folder.path()) {
        *prices.entry(decision.outcome().unwrap().price.unwrap().amount).or_default() += 1;
        let without = decision.outcome_without_exploration().unwrap();
        assert_eq!(without.price, decisions_without_exploration());
        assert_eq!(decision.explore.unwrap().spread, "3%");
    }
    assert_eq!(prices.len(), 5, "{prices:?}");
    assert!(prices.values().all(|count| (15..=70).contains(count)), "{prices:?}");
    let report = replayed(folder.path(), &WhatIf::default());
    assert_eq!((report.same, report.changed, report.unchecked), (200, 0, 0));
}

fn decisions_without_exploration() -> Option<pricing_engine::comparison::Money> {
    let sample = Sample::plain(0);
    let priced = decision::price(&sample.settings, &sample.live, &sample.request, &sample.budget());
    pricing_engine::comparison::Outcome::of(&priced[0].quote).price
}

#[test]
fn other_rates_are_compared_without_exploration() {
    let folder = tempfile::tempdir().unwrap();
    logged(folder.path(), (0..50).map(explored));
    let same = Sample::plain(0).settings.rates.clone();
    let report = replayed(folder.path(), &WhatIf { rates: Some(same), plugin: None });
    assert_eq!((report.same, report.changed), (50, 0));
}

#[test]
fn an_order_without_a_name_is_not_explored_and_one_with_a_name_always_alike() {
    let price = |sample: &Sample| {
        decision::price(&sample.settings, &sample.live, &sample.request, &sample.budget()).swap_remove(0).quote
    };
    let mut nameless = explored(1);
    nameless.request.name = None;
    assert_eq!(price(&nameless), price(&Sample::plain(1)));
    let quote = price(&explored(1));
    assert!(quote.explored.is_some());
    assert_eq!(quote, price(&explored(1)));
}

#[test]
fn a_line_without_a_known_draw_is_not_replayed_as_if_it_were_the_same() {
    let folder = tempfile::tempdir().unwrap();
    logged(folder.path(), (0..1).map(explored));
    let files = fs::read_dir(folder.path().join("log")).unwrap().map(|entry| entry.unwrap().path());
    let file = files.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "jsonl")).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"spread\":\"3%\"", "\"spread\":\"30%\"")).unwrap();
    assert_eq!(replayed(folder.path(), &WhatIf::default()).unchecked, 1);
}
