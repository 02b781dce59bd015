//! Tests of shadow pricing: it reports every difference, and never blocks.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::HANG;
use crate::decisions::{Sample, closed, with_rates};
use pricing_engine::bid_log::BidLog;
use pricing_engine::bid_log::read::Log;
use pricing_engine::config::{self, Fsync};
use pricing_engine::decision;
use pricing_engine::shadow::report::report;
use pricing_engine::shadow::{Case, Shadow};

const CHEAP: &str = "[rates]\ncpu = \"0.10\"\nmemory = \"0.10\"\n[rates.gpu]\n\"*\" = \"10\"\n";

fn config(folder: &Path) -> config::BidLog {
    config::BidLog { folder: folder.join("log"), file_bytes: 64 << 20, files: 16, fsync: Fsync::Never }
}

/// An answered order.
fn case(sample: &Sample, log: &BidLog) -> Case {
    let answered = decision::price(&sample.settings, &sample.live, &sample.request, &sample.budget());
    let sequences = sample.record(log).iter().map(|pending| pending.sequence()).collect();
    Case { request: Arc::new(sample.request.clone()), live: sample.live.clone(), answered, sequences }
}

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < HANG, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn counted(shadow: &Shadow) -> u64 {
    shadow.reading().counts.iter().map(|(_, _, number)| number).sum()
}

#[test]
fn differences_are_counted_recorded_and_summed_up() {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    let plain = Sample::plain(1);
    let shadow = Shadow::start(Some(with_rates(&plain.settings, CHEAP)), Some(log.clone())).unwrap();
    for number in 0..20 {
        shadow.compare(case(&Sample::plain(number), &log));
    }
    until("all are compared", || counted(&shadow) == 20);
    assert_eq!(shadow.reading().counts, [("none".to_owned(), "cheaper".to_owned(), 20)]);
    // From now on the shadow prices as the service does.
    shadow.configure(Some((*plain.settings).clone()));
    shadow.compare(case(&plain, &log));
    until("all are compared", || counted(&shadow) == 21);
    shadow.configure(None);
    assert!(!shadow.is_on());
    shadow.compare(case(&plain, &log));
    drop(shadow);
    until("what it recorded is written", || log.reading().written == 43);
    closed(&log);
    let report = report(&Log::open(&folder.path().join("log")).unwrap());
    let total = &report.summary.total;
    assert_eq!((total.orders, total.cheaper, total.same, report.damaged), (21, 20, 1, 0));
    assert!(total.usd_after < total.usd_before);
    assert_eq!(report.summary.kinds.keys().collect::<Vec<_>>(), ["none"]);
    let largest = &report.summary.largest[0];
    assert_eq!((largest.sequence.is_some(), largest.order_id.is_some()), (true, true));
    assert_eq!((largest.before.is_bid(), largest.after.is_bid()), (true, true));
}

#[test]
fn what_it_cannot_keep_up_with_is_dropped_and_counted_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    let sample = Sample::with_new_snapshot(1);
    let shadow = Shadow::start(Some(with_rates(&sample.settings, CHEAP)), None).unwrap();
    let case = case(&sample, &log);
    for _ in 0..5000 {
        shadow.compare(case.clone());
    }
    until("all are compared or dropped", || counted(&shadow) + shadow.reading().dropped == 5000);
}

#[test]
fn its_thread_ends_with_it_and_lets_go_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    let shadow = Shadow::start(None, Some(log.clone())).unwrap();
    drop((shadow, log));
    until("the log is closed", || BidLog::open(&config(folder.path())).is_ok());
}
