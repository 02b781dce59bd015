//! Tests of the pull of outcomes against a made-up chain: what is in the bid log, after whatever happens.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pricing_core::address::{Address, AddressPrefix};
use pricing_engine::Engine;
use pricing_engine::bid_log::BidLog;
use pricing_engine::bid_log::entry::{BidOutcome, Entry};
use pricing_engine::bid_log::read::Log;
use pricing_engine::config::{self, Fsync};
use pricing_engine::decision::OrderRequest;
use pricing_engine::metrics::Metrics;
use pricing_engine::outcomes::report::{Logged, Report};
use pricing_engine::outcomes::{BidResult, Nodes, Outcomes, Plan, Reading};
use pricing_host::compile::Compiler;
use serde_json::{Value, json};
use testkit::chain::{Chain, Order, made_up};
use testkit::chain_node::{Behaviour, ChainNode, Failure};

use crate::HANG;

/// The chain's blocks in a day, about.
const DAY: u64 = 14_330;

fn chain() -> Chain {
    made_up(7, 14, 3)
}

async fn node(chain: &Chain) -> ChainNode {
    ChainNode::start(Behaviour::good(chain.clone())).await
}

/// A plan without waits, and with pages and batches so small that there are several of each.
fn plan(folder: &Path, chain: &Chain, nodes: &[&ChainNode]) -> Plan {
    let mut settings = Nodes::new(nodes.iter().map(|node| node.url().parse().unwrap()).collect());
    settings.requests_per_second = 0;
    (settings.wait, settings.most_wait) = (Duration::from_millis(1), Duration::from_millis(2));
    (settings.timeout, settings.attempts, settings.page, settings.batch) = (HANG, 4, 3, 2);
    Plan {
        provider: Address::parse(&chain.provider, &AddressPrefix::default()).unwrap(),
        folder: folder.join("history"),
        since: Duration::from_secs(400 * 24 * 3600),
        interval: Duration::from_millis(5),
        first_wait: Duration::ZERO,
        retry: Duration::from_millis(1),
        nodes: settings,
    }
}

fn log_config(folder: &Path) -> config::BidLog {
    config::BidLog { folder: folder.join("log"), file_bytes: 64 << 20, files: 16, fsync: Fsync::Never }
}

/// The service's part: a log, and outcomes that are written to it.
struct Service {
    log: BidLog,
    outcomes: Outcomes,
    metrics: Arc<Metrics>,
}

impl Service {
    fn start(folder: &Path, plan: Plan) -> Self {
        Self::with_log(&log_config(folder), plan)
    }

    fn with_log(log: &config::BidLog, plan: Plan) -> Self {
        let log = BidLog::open(log).unwrap();
        let metrics = Arc::new(Metrics::new());
        let usd_per_akt = || "0.5".parse().ok();
        let outcomes = Outcomes::start(plan, Some(log.clone()), Arc::clone(&metrics), None, usd_per_akt).unwrap();
        Self { log, outcomes, metrics }
    }

    fn reading(&self) -> Reading {
        self.outcomes.reading(Instant::now())
    }

    async fn until(&self, what: &str, is: impl Fn(&Reading) -> bool) -> Reading {
        let start = Instant::now();
        loop {
            let reading = self.reading();
            if is(&reading) {
                return reading;
            }
            assert!(start.elapsed() < HANG, "{what}: {reading:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until pulls that began after this call are complete.
    async fn pulled(&self) -> Reading {
        let before = self.reading().complete;
        self.until("a pull", |reading| reading.complete >= before + 2).await
    }

    /// Stops as a service does.
    async fn stop(self) {
        tokio::task::spawn_blocking(move || {
            self.outcomes.stop();
            self.log.close();
        })
        .await
        .unwrap();
    }
}

/// The outcomes in a log, oldest first.
fn lines(folder: &Path) -> Vec<BidOutcome> {
    let log = Log::open(&folder.join("log")).unwrap();
    let outcome = |entry| match entry {
        Entry::Outcome(outcome) => *outcome,
        other => unreachable!("{other:?}"),
    };
    log.lines().map(|(_, entry)| outcome(entry.unwrap())).collect()
}

/// The newest outcome of each order.
fn newest(folder: &Path) -> BTreeMap<String, BidOutcome> {
    lines(folder).into_iter().map(|line| (line.order_id.exact(), line)).collect()
}

/// What an order's outcome has to be at a height.
fn expected(chain: &Chain, order: &Order, at: u64) -> (BidResult, Option<u64>, Option<u64>, Option<usize>) {
    let lease = order.lease_at(at);
    let result = match lease {
        Some(lease) if lease.provider == chain.provider => BidResult::Won,
        Some(_) => BidResult::Lost,
        None if order.is_closed_at(at) => BidResult::NoLease,
        None => BidResult::Open,
    };
    let ended = lease.and_then(|lease| lease.closed_on).filter(|end| *end <= at);
    let bids = order.bids.iter().filter(|bid| bid.created_at <= at).count();
    (result, lease.map(|lease| lease.created_at), ended, (result != BidResult::Open).then_some(bids))
}

fn assert_log(folder: &Path, chain: &Chain, at: u64) {
    let expected: BTreeMap<_, _> =
        chain.own_orders(0, at).into_iter().map(|order| (order.id(), expected(chain, order, at))).collect();
    let told = |line: BidOutcome| {
        let lease = line.outcome.lease.as_ref();
        let heights = (lease.and_then(|lease| lease.from_height), lease.and_then(|lease| lease.until_height));
        // What others bid while the order is open comes with the next line.
        let bids = (line.outcome.result != BidResult::Open).then(|| line.outcome.others.len() + 1);
        (line.outcome.result, heights.0, heights.1, bids)
    };
    let there: BTreeMap<_, _> = newest(folder).into_iter().map(|(id, line)| (id, told(line))).collect();
    assert_eq!(there, expected);
}

/// No line says what the one before it on the same order says.
fn assert_every_line_is_news(folder: &Path) {
    let mut known = BTreeMap::new();
    for line in lines(folder) {
        let facts = line.outcome.facts();
        let before = known.insert(line.order_id.exact(), facts.clone());
        assert!(before != Some(facts), "{} is written again", line.order_id);
    }
}

#[tokio::test]
async fn each_fact_is_written_once_also_after_a_restart() {
    let (chain, folder) = (chain(), tempfile::tempdir().unwrap());
    let node = node(&chain).await;
    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
    let reading = service.pulled().await;
    assert_eq!((reading.failed, reading.problem), (0, None));
    service.stop().await;
    assert_log(folder.path(), &chain, chain.height);
    let before = lines(folder.path());
    assert_eq!(before.len(), chain.own_orders(0, chain.height).len());
    assert!(before.iter().all(|line| line.provider == chain.provider && line.outcome.bid.provider == chain.provider));

    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
    service.pulled().await;
    service.stop().await;
    assert_eq!(lines(folder.path()), before);
}

#[tokio::test]
async fn an_order_that_was_open_for_days_gets_its_later_outcome() {
    let (chain, folder) = (chain(), tempfile::tempdir().unwrap());
    let node = node(&chain).await;
    let is_slow = |order: &&Order| {
        let bid = order.bids.iter().any(|bid| bid.provider == chain.provider);
        bid && order.lease.as_ref().is_some_and(|lease| lease.created_at > order.created_at + 5)
    };
    let order = chain.orders.iter().find(is_slow).unwrap();
    let lease = order.lease.as_ref().unwrap();
    let heights = [order.created_at + 4, lease.created_at + 1, lease.closed_on.unwrap().min(chain.height)];
    node.behave().at = heights[0];
    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
    for at in heights {
        node.behave().at = at;
        service.pulled().await;
        assert_log(folder.path(), &chain, at);
    }
    service.stop().await;
    let of_order = lines(folder.path()).into_iter().filter(|line| line.order_id.exact() == order.id());
    let results: Vec<BidResult> = of_order.map(|line| line.outcome.result).collect();
    assert_eq!(results.first(), Some(&BidResult::Open));
    assert!(results.len() >= 2 && results.last().is_some_and(|last| *last != BidResult::Open), "{results:?}");
    assert_every_line_is_news(folder.path());
}

#[tokio::test]
async fn a_service_that_was_killed_at_any_request_goes_on() {
    let (chain, whole) = (chain(), tempfile::tempdir().unwrap());
    let node = node(&chain).await;
    let service = Service::start(whole.path(), Plan { interval: HANG, ..plan(whole.path(), &chain, &[&node]) });
    service.until("the first pull", |reading| reading.complete == 1).await;
    service.stop().await;
    let requests = node.requests().len();
    assert!(requests > 20, "{requests}");
    for number in (0..requests).step_by(3) {
        let folder = tempfile::tempdir().unwrap();
        node.forget();
        node.behave().failures = [(number, Failure::Hang)].into();
        let killed = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
        node.wait_for(number).await;
        // The pull is dropped while the node has its request.
        killed.stop().await;
        node.behave().failures.clear();
        let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
        service.pulled().await;
        service.stop().await;
        assert_log(folder.path(), &chain, chain.height);
        assert_eq!(lines(folder.path()).len(), lines(whole.path()).len(), "killed at request {number}");
    }
}

#[tokio::test]
async fn a_kill_between_the_lines_and_the_note_of_them_writes_nothing_twice() {
    let (chain, folder) = (chain(), tempfile::tempdir().unwrap());
    let node = node(&chain).await;
    let file = folder.path().join("log/outcomes.json");
    let middle = chain.height - 10 * DAY;
    node.behave().at = middle;
    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
    service.pulled().await;
    let early = fs::read(&file).unwrap();
    node.behave().at = chain.height;
    service.pulled().await;
    service.stop().await;
    let before = lines(folder.path());
    for content in [Some(early), Some(b"{\"schema\":1,\"orders\":{".to_vec()), None] {
        match content {
            Some(content) => fs::write(&file, content).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
        service.pulled().await;
        service.stop().await;
        assert_eq!(lines(folder.path()), before);
    }
    assert_every_line_is_news(folder.path());
}

#[tokio::test]
async fn lines_that_were_rotated_away_are_not_written_again() {
    let (chain, folder) = (chain(), tempfile::tempdir().unwrap());
    let node = node(&chain).await;
    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
    service.pulled().await;
    service.stop().await;
    let is_line = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "jsonl");
    let entries = fs::read_dir(folder.path().join("log")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(is_line).for_each(|path| fs::write(path, "").unwrap());
    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
    service.pulled().await;
    service.stop().await;
    assert_eq!(lines(folder.path()), []);
}

#[tokio::test]
async fn nodes_that_fail_or_lag_leave_the_log_right() {
    let (chain, folder) = (chain(), tempfile::tempdir().unwrap());
    let kinds = [
        Failure::Status(429, None),
        Failure::Status(503, None),
        Failure::Cut,
        Failure::Short,
        Failure::Close,
        Failure::Body("<html>busy</html>".to_owned()),
        Failure::OfHeight(1),
    ];
    let (bad, good) = (node(&chain).await, node(&chain).await);
    let failures = kinds.iter().cycle().take(400).cloned().enumerate();
    bad.behave().failures = failures.map(|(number, kind)| (2 * number, kind)).collect();
    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&bad, &good]));
    service.pulled().await;
    assert_log(folder.path(), &chain, chain.height);
    // The node that answers lags behind what was seen, so it is not believed, and nothing is taken back.
    good.behave().at = chain.height - 5 * DAY;
    bad.behave().failures = (0..100_000).map(|number| (number, Failure::Status(500, None))).collect();
    bad.forget();
    let failed = service.reading().failed;
    let reading = service.until("a failure", |reading| reading.failed > failed + 1).await;
    assert!(reading.problem.is_some());
    service.stop().await;
    assert_log(folder.path(), &chain, chain.height);
    assert_eq!(lines(folder.path()).len(), chain.own_orders(0, chain.height).len());
}

#[tokio::test]
async fn what_was_reorganised_into_another_block_has_one_outcome_more() {
    let (chain, folder) = (chain(), tempfile::tempdir().unwrap());
    let node = node(&chain).await;
    let own = |order: &&mut Order| order.bids.iter().any(|bid| bid.provider == chain.provider);
    let mut after = chain.clone();
    let runs =
        |order: &&mut Order| order.lease.as_ref().is_some_and(|lease| lease.closed_on > Some(chain.height - 9_000));
    let order = after.orders.iter_mut().filter(own).find(runs).unwrap();
    let id = order.id();
    let begin = order.lease.as_ref().unwrap().created_at;
    let at = begin + 2;
    node.behave().at = at;
    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
    service.pulled().await;
    assert_log(folder.path(), &chain, at);
    order.lease.as_mut().unwrap().created_at = begin + 1;
    node.behave().chain = after.clone();
    node.behave().at = at + 1;
    service.pulled().await;
    service.stop().await;
    assert_log(folder.path(), &after, at + 1);
    let heights = lines(folder.path()).into_iter().filter(|line| line.order_id.exact() == id);
    let heights: Vec<_> = heights.filter_map(|line| line.outcome.lease.unwrap().from_height).collect();
    assert_eq!(heights, [begin, begin + 1]);
    assert_every_line_is_news(folder.path());
}

#[tokio::test]
async fn an_order_that_was_reorganised_away_has_a_last_line_that_says_so() {
    let (chain, folder) = (chain(), tempfile::tempdir().unwrap());
    let node = node(&chain).await;
    let own = |order: &&Order| order.bids.iter().any(|bid| bid.provider == chain.provider);
    let won = |order: &&Order| order.lease.as_ref().is_some_and(|lease| lease.provider == chain.provider);
    let order = chain.orders.iter().filter(own).filter(won).nth(1).unwrap();
    let (id, at) = (order.id(), order.lease.as_ref().unwrap().created_at + 2);
    node.behave().at = at;
    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
    service.pulled().await;
    assert_eq!(newest(folder.path())[&id].outcome.result, BidResult::Won);
    let mut after = chain.clone();
    after.orders.retain(|order| order.id() != id);
    node.behave().chain = after.clone();
    node.behave().at = at + 1;
    service.pulled().await;
    service.stop().await;
    let of_order = || lines(folder.path()).into_iter().filter(|line| line.order_id.exact() == id).collect::<Vec<_>>();
    let last = of_order().pop().unwrap();
    assert_eq!((last.outcome.result, last.outcome.lease, last.outcome.winner), (BidResult::Gone, None, None));
    assert!(!last.outcome.bid.won && last.outcome.others.iter().all(|bid| !bid.won));
    // It is said once, also after a restart and without the file.
    let before = of_order();
    fs::remove_file(folder.path().join("log/outcomes.json")).unwrap();
    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
    service.pulled().await;
    service.stop().await;
    assert_eq!(of_order(), before);
    // An order that is on the chain again has a line again.
    node.behave().chain = chain.clone();
    node.behave().at = at + 2;
    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
    service.pulled().await;
    service.stop().await;
    assert_eq!(newest(folder.path())[&id].outcome.result, BidResult::Won);
    assert_every_line_is_news(folder.path());
}

#[tokio::test]
async fn a_history_that_was_pulled_anew_takes_nothing_back() {
    let (chain, folder) = (chain(), tempfile::tempdir().unwrap());
    let node = node(&chain).await;
    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
    service.pulled().await;
    service.stop().await;
    let before = lines(folder.path());
    fs::remove_dir_all(folder.path().join("history")).unwrap();
    let plan = Plan { since: Duration::from_secs(5 * 24 * 3600), ..plan(folder.path(), &chain, &[&node]) };
    let service = Service::start(folder.path(), plan);
    service.pulled().await;
    service.stop().await;
    assert_eq!(lines(folder.path()), before);
}

#[tokio::test]
async fn the_outcomes_of_a_long_history_leave_room_for_decisions() {
    let (chain, folder) = (chain(), tempfile::tempdir().unwrap());
    let node = node(&chain).await;
    let small = || config::BidLog { file_bytes: 4 << 10, files: 4, ..log_config(folder.path()) };
    let mut first = Vec::new();
    for _ in 0..2 {
        let service = Service::with_log(&small(), plan(folder.path(), &chain, &[&node]));
        service.pulled().await;
        service.stop().await;
        let written = lines(folder.path());
        let number = written.len();
        assert!(number > 1 && number < chain.own_orders(0, chain.height).len(), "{number} lines");
        let oldest = written.iter().map(|line| line.outcome.height).min().unwrap();
        let newer = chain.own_orders(0, chain.height).iter().filter(|order| order.created_at > oldest).count();
        assert!(newer < number, "the newest orders have lines");
        // What was left out stays so.
        assert!(first.is_empty() || first == written);
        first = written;
    }
    let files = fs::read_dir(folder.path().join("log")).unwrap().map(|entry| entry.unwrap());
    let lines = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "jsonl"));
    let bytes: u64 = lines.map(|file| file.metadata().unwrap().len()).sum();
    assert!(bytes < (16 << 10) / 3, "{bytes} bytes");
}

#[tokio::test]
async fn the_metrics_are_the_same_after_a_restart() {
    let (chain, folder) = (chain(), tempfile::tempdir().unwrap());
    let node = node(&chain).await;
    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
    let first = service.pulled().await.counts.unwrap();
    let page = page(&service);
    service.stop().await;
    // There is no node any more: what is on the disk is told at once.
    drop(node);
    let nobody = ChainNode::start(Behaviour::good(Chain::default())).await;
    let waiting = Plan { first_wait: HANG, ..plan(folder.path(), &chain, &[&nobody]) };
    let service = Service::start(folder.path(), waiting);
    let reading = service.until("the history", |reading| reading.counts.is_some()).await;
    assert_eq!(reading.counts.unwrap(), first);
    assert!(reading.age.is_some());
    assert_eq!(self::page(&service), page);
    service.stop().await;
    let of = |result| {
        chain
            .own_orders(0, chain.height)
            .into_iter()
            .filter(|order| expected(&chain, order, chain.height).0 == result)
            .count()
    };
    for result in [BidResult::Won, BidResult::Lost, BidResult::NoLease, BidResult::Open] {
        assert_eq!(first.with(result), u64::try_from(of(result)).unwrap(), "{result:?}");
    }
    assert!(page.iter().any(|line| line.starts_with("bidprice_outcomes_bids_total{gpu=\"nvidia/")), "{page:#?}");
}

/// The metrics of bids and leases, line by line, sorted.
fn page(service: &Service) -> Vec<String> {
    let readings = pricing_engine::metrics::Readings { outcomes: Some(service.reading()), ..Default::default() };
    let page = service.metrics.render(&readings);
    let lines = page.lines().filter(|line| line.starts_with("bidprice_outcomes_") && !line.contains("_pull"));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

const CONFIG: &str = r#"
[inventory]
[feed]
usd_per_akt = "0.5"
[rates]
cpu = "1.60"
[rates.gpu]
"*" = "100"
[bid_log]
folder = "log"
"#;

#[tokio::test]
async fn an_absent_node_leaves_quotes_as_they_are() {
    let (chain, folder) = (chain(), tempfile::tempdir().unwrap());
    // Nobody listens on the address of a node that was stopped.
    let url = node(&chain).await.url();
    let outcomes = format!("[outcomes]\nrest = [\"{url}\"]\nprovider = \"{}\"\n", chain.provider);
    let path = folder.path().join("bidprice.toml");
    fs::write(&path, format!("{CONFIG}{outcomes}interval = \"10s\"\n")).unwrap();
    let start = path.clone();
    let engine =
        tokio::task::spawn_blocking(move || Engine::start(&start, Compiler::InProcess).unwrap()).await.unwrap();
    let quoting = engine.clone();
    let answer = tokio::task::spawn_blocking(move || {
        let order = OrderRequest::read(crate::decisions::PLAIN.to_owned()).unwrap();
        quoting.quote(order, Instant::now() + HANG)
    });
    let priced = answer.await.unwrap().when_written().await;
    assert!(priced.iter().all(|priced| priced.quote.price().is_some()));
    let reading = engine.status().outcomes.unwrap();
    assert_eq!((reading.complete, reading.age), (0, None));
    assert_eq!(reading.folder, folder.path().join("log/history"));
    tokio::task::spawn_blocking(move || engine.shutdown()).await.unwrap();
}

/// The line of a decision of the drop-in, which has no order id.
fn drop_in_decision(sequence: u64, owner: &str, bid: &Value) -> String {
    let digest = format!("sha256:{}", "0".repeat(64));
    let quote =
        json!({ "decision": "bid", "price": { "amount": bid["price"], "denom": bid["denom"] }, "reason": null });
    let rest = json!({ "time": bid["at"], "call": "quote", "owner": owner, "order": "{}", "rates": digest,
        "group": { "index": 0, "name": "g" }, "scheduler": "sound", "search_steps": 1, "quote": quote });
    let rest = rest.to_string();
    format!("{{\"schema\":1,\"kind\":\"decision\",\"sequence\":{sequence},{}\n", rest.get(1..).unwrap())
}

#[tokio::test]
async fn a_line_names_the_decision_of_the_drop_in_unless_two_fit() {
    let (chain, folder) = (chain(), tempfile::tempdir().unwrap());
    let node = node(&chain).await;
    // A first pull without a log tells the prices and times of the bids.
    let alone = Outcomes::start(plan(folder.path(), &chain, &[&node]), None, Arc::default(), None, || None).unwrap();
    let start = Instant::now();
    while alone.reading(Instant::now()).complete == 0 {
        assert!(start.elapsed() < HANG);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tokio::task::spawn_blocking(move || alone.stop()).await.unwrap();
    let text = fs::read_to_string(folder.path().join("history/orders.jsonl")).unwrap();
    let orders: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let own = |order: &Value| {
        let bids = order["bids"].as_array().unwrap().iter();
        let bid = bids.clone().find(|bid| bid["provider"] == chain.provider.as_str())?.clone();
        Some((order["order_id"].as_str().unwrap().to_owned(), bid))
    };
    let own: Vec<(String, Value)> = orders.iter().filter_map(own).collect();
    let owner = |place: usize| own[place].0.split('/').next().unwrap();
    let decisions = [(1, 0), (2, 1), (3, 1)];
    let log = decisions.map(|(sequence, place)| drop_in_decision(sequence, owner(place), &own[place].1)).concat();
    drop(BidLog::open(&log_config(folder.path())).unwrap().close());
    let file = folder.path().join("log/bids-20261001T000000Z-00000001.jsonl");
    fs::write(&file, log).unwrap();
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
    service.pulled().await;
    service.stop().await;
    let log = Log::open(&folder.path().join("log")).unwrap();
    let outcome = |entry| if let Entry::Outcome(outcome) = entry { Some(*outcome) } else { None };
    let found = log.lines().filter_map(|(_, entry)| outcome(entry.unwrap()));
    let named: BTreeMap<String, Option<u64>> = found.map(|line| (line.order_id.exact(), line.decision)).collect();
    assert_eq!((named[&own[0].0], named[&own[1].0]), (Some(1), None));
    assert_eq!(named.values().filter(|decision| decision.is_some()).count(), 1);
}

#[tokio::test]
async fn the_report_counts_what_the_chain_says() {
    let (chain, folder) = (chain(), tempfile::tempdir().unwrap());
    let node = node(&chain).await;
    let service = Service::start(folder.path(), plan(folder.path(), &chain, &[&node]));
    service.pulled().await;
    service.stop().await;
    let logged = Logged::read(&Log::open(&folder.path().join("log")).unwrap(), None);
    assert_eq!((logged.bids.len(), logged.placements.is_empty(), logged.damaged), (0, true, 0));
    let report = Report::of(&folder.path().join("history"), None, Some(&logged)).unwrap();
    let own = chain.own_orders(0, chain.height);
    assert_eq!(report.all.bids(), u64::try_from(own.len()).unwrap());
    let won = own.iter().filter(|order| expected(&chain, order, chain.height).0 == BidResult::Won).count();
    assert_eq!(report.all.with(BidResult::Won), u64::try_from(won).unwrap());
    assert_eq!(report.by_cards.values().map(|summary| summary.bids()).sum::<u64>(), report.all.bids());
    let joined = report.joined.unwrap();
    assert_eq!((joined.matched(), joined.unmatched.values().sum::<u64>()), (0, report.all.bids()));
}
