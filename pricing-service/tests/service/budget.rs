//! The budget of a request covers all of its groups, and ends at the same step when the decision is made again.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use pricing_core::budget::Budget;
use pricing_core::quote::ReasonCode;
use pricing_engine::bid_log::read::Log;
use pricing_engine::bid_log::replay::{Report, WhatIf, replay};
use pricing_engine::bid_log::{BidLog, Outcome, Pending};
use pricing_engine::config::{self, Fsync};
use pricing_engine::decision::{self, PricedGroup};
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::{QuoteRequest, ScreenRequest};
use tonic::transport::Channel;

use crate::common::{Running, outcome, request};
use crate::decisions::{Sample, host, large_inventory};

const PLENTY: u64 = 1_000_000_000;

fn log(folder: &Path) -> BidLog {
    let folder = folder.join("log");
    BidLog::open(&config::BidLog { folder, file_bytes: 64 << 20, files: 16, fsync: Fsync::Never }).unwrap()
}

fn replayed(folder: &Path) -> Report {
    replay(&Log::open(&folder.join("log")).unwrap(), host(), &WhatIf::default(), 1000)
}

fn priced(sample: &Sample, budget: &Budget<'_>) -> Vec<PricedGroup> {
    decision::price(&sample.settings, &sample.live, &sample.request, budget)
}

/// Returns the sample without predictions, which have steps of their own.
fn unpredicted(sample: Sample) -> Sample {
    let mut settings = (*sample.settings).clone();
    settings.kubernetes.predict = false;
    Sample { settings: Arc::new(settings), ..sample }
}

/// Returns the steps that all groups take.
fn needed(groups: usize) -> u64 {
    let sample = Sample::many_groups(groups, PLENTY);
    let budget = sample.budget();
    assert!(priced(&sample, &budget).iter().all(|one| one.quote.price().is_some()), "every group is bid on");
    PLENTY - budget.left()
}

fn code(priced: &PricedGroup) -> Option<ReasonCode> {
    priced.quote.reason().map(|reason| reason.code)
}

#[test]
fn the_groups_of_an_order_share_one_budget_and_what_is_over_is_a_fault_at_once() {
    let needed = needed(8);
    let whole = unpredicted(Sample::many_groups(8, PLENTY));
    let whole = priced(&whole, &whole.budget());
    for percent in [10, 30, 50, 70, 90] {
        let sample = unpredicted(Sample::many_groups(8, needed * percent / 100));
        let budget = sample.budget();
        let some = priced(&sample, &budget);
        let bids = some.iter().take_while(|one| one.quote.price().is_some()).count();
        for (place, one) in some.iter().enumerate() {
            if place < bids {
                assert_eq!(one.quote, whole[place].quote, "{percent} %");
            } else {
                assert_eq!(code(one), Some(ReasonCode::SearchExhausted), "{percent} %");
            }
        }
        // A list of alternatives that was cut short is marked.
        let cut = some.iter().filter_map(|one| one.alternatives.as_ref()).filter(|listed| !listed.complete).count();
        assert!(cut >= (8 - bids).max(1), "{percent} %");
        assert_eq!(budget.left(), 0);
    }
}

#[test]
fn what_the_steps_ended_is_the_same_byte_for_byte_when_decided_again() {
    let needed = needed(3);
    // The steps run out at every point: within a search, between a quote and its alternatives, between groups.
    for part in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path());
        let mut sample = Sample::many_groups(3, needed * part / 19);
        let mut lines = sample.record(&log);
        sample.screen = true;
        lines.extend(sample.record(&log));
        lines.into_iter().for_each(|line| assert_eq!(line.wait(), Outcome::Written));
        log.close();
        let report = replayed(folder.path());
        assert_eq!((report.same, report.changed, report.unchecked), (6, 0, 0), "{part}: {:#?}", report.changes);
    }
}

#[test]
fn what_the_clock_ended_is_told_apart_when_decided_again() {
    let sample = Sample::many_groups(3, PLENTY);
    let looks = Cell::new(0);
    let count = || {
        looks.set(looks.get() + 1);
        false
    };
    priced(&sample, &sample.budget().until(&count));
    for late in (1..looks.get()).step_by(7) {
        looks.set(0);
        let is_late = || {
            looks.set(looks.get() + 1);
            looks.get() >= late
        };
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path());
        let lines = sample.record_within(&log, &sample.budget().until(&is_late));
        let outcomes: Vec<_> = lines.into_iter().map(Pending::wait).collect();
        assert_eq!(outcomes.len(), 3);
        log.close();
        let text = fs::read_to_string(folder.path().join("log").join(first_file(folder.path()))).unwrap();
        let out_of_time = text.lines().filter(|line| line.contains("\"out_of_time\":true")).count();
        assert!(out_of_time > 0, "{late}");
        let report = replayed(folder.path());
        // A group that lacked only its alternatives may have the same result.
        assert_eq!((report.changed, report.unchecked), (0, 0), "{late}: {:#?}", report.changes);
        assert_eq!(report.same + report.not_repeatable, 3, "{late}");
        let told = report.time_dependent.iter().all(|one| one.because == Some("the request's time was over"));
        assert!(told, "{late}: {:#?}", report.time_dependent);
    }
}

fn first_file(folder: &Path) -> String {
    let names = fs::read_dir(folder.join("log")).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.find(|name| name.ends_with(".jsonl")).unwrap()
}

#[test]
fn no_bid_comes_after_the_clock_has_struck() {
    let sample = Sample::many_groups(5, PLENTY);
    let looks = Cell::new(0_u32);
    for late in 1..200 {
        looks.set(0);
        let is_late = || {
            looks.set(looks.get() + 1);
            looks.get() >= late
        };
        let some = priced(&sample, &sample.budget().until(&is_late));
        let first = some.iter().position(|one| one.remaining_budget.out_of_time).unwrap_or(some.len());
        for one in &some[(first + 1).min(some.len())..] {
            assert_eq!(code(one), Some(ReasonCode::DeadlineExceeded), "{late}");
            assert!(one.remaining_budget.out_of_time);
        }
    }
}

/// Starts a service with too few steps for a request of three groups.
async fn short_of_steps() -> (Running, QuoteRequest) {
    let sample = Sample::many_groups(3, PLENTY);
    let steps = needed(3) * 2 / 3;
    let inventory = large_inventory();
    let put = move |folder: &Path| fs::write(folder.join("inventory.json"), inventory).unwrap();
    let config = format!(
        "[inventory]\nfile = \"inventory.json\"\nmax_age = \"87600h\"\n[reserve]\nsearch_steps = {steps}\n[rates]\n\
         cpu = \"1.60\"\n[rates.gpu]\n\"t4\" = \"80\"\n\"*\" = \"120\"\n"
    );
    let running = Running::start_beside(&config, put).await;
    running.until(|status| status.inventory.as_ref().is_some_and(|inventory| inventory.nodes > 0)).await;
    (running, QuoteRequest { alternatives: true, ..request(&sample.request.text) })
}

async fn outcomes(client: &mut PricingClient<Channel>, asked: QuoteRequest) -> Vec<String> {
    client.quote(asked).await.unwrap().into_inner().quotes.iter().map(outcome).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_the_service_has_one_budget_and_each_of_a_stream_has_its_own() {
    let (running, asked) = short_of_steps().await;
    let mut client = running.client().await;
    let once = outcomes(&mut client, asked.clone()).await;
    assert_eq!(once.len(), 3);
    assert_ne!(once[0], "search-exhausted", "{once:?}");
    assert_eq!(once[2], "search-exhausted", "{once:?}");
    // The next request has a budget of its own.
    assert_eq!(outcomes(&mut client, asked.clone()).await, once);
    let requests = tokio_stream::iter(vec![asked.clone(), asked.clone(), asked.clone()]);
    let mut answers = client.quote_stream(requests).await.unwrap().into_inner();
    let mut number = 0;
    while let Some(answer) = answers.message().await.unwrap() {
        use pricing_proto::bidprice::v1::quote_stream_response::Outcome;
        let Some(Outcome::Response(answer)) = answer.outcome else { panic!("{answer:?}") };
        assert_eq!(answer.quotes.iter().map(outcome).collect::<Vec<_>>(), once);
        number += 1;
    }
    assert_eq!(number, 3);
    // Screening takes fewer steps.
    let screened = client.screen(ScreenRequest { order: asked.order, owner: String::new() }).await.unwrap();
    assert!(screened.into_inner().screened.iter().all(|group| group.passed));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ordinary_orders_are_answered_while_others_ask_for_the_largest_there_are() {
    let sample = Sample::many_groups(100, PLENTY);
    let large = QuoteRequest { alternatives: true, ..request(&sample.request.text) };
    let inventory = large_inventory();
    let put = move |folder: &Path| fs::write(folder.join("inventory.json"), inventory).unwrap();
    let config = "[inventory]\nfile = \"inventory.json\"\nmax_age = \"87600h\"\n[limits]\nconcurrency = 2\n\
                  [rates.gpu]\n\"*\" = \"120\"\n";
    let running = Running::start_beside(config, put).await;
    running.until(|status| status.inventory.as_ref().is_some_and(|inventory| inventory.nodes > 0)).await;
    let mut attackers = tokio::task::JoinSet::new();
    let stop = tokio_util::sync::CancellationToken::new();
    for _ in 0..2 {
        let (mut client, large, stop) = (running.client().await, large.clone(), stop.clone());
        attackers.spawn(async move {
            let mut answered = 0;
            while !stop.is_cancelled() {
                answered += usize::from(client.quote(large.clone()).await.is_ok());
            }
            answered
        });
    }
    let mut client = running.client().await;
    for number in 0..40 {
        let answer = outcomes(&mut client, request(crate::common::ORDER)).await;
        assert!(answer[0].ends_with(" uact"), "{number}: {answer:?}");
    }
    stop.cancel();
    while let Some(answered) = attackers.join_next().await {
        // They are answered, too, when it is their turn.
        assert!(answered.unwrap() > 0);
    }
    running.stop().await.unwrap();
}
