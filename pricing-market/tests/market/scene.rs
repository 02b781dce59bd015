//! A folder, nodes, and what the history of a chain has to be.

use std::path::Path;
use std::time::Duration;

use pricing_core::address::{Address, AddressPrefix};
use pricing_market::history::{History, HistoryOrder, ORDERS_FILE};
use pricing_market::rest::{PullError, Pulled, Settings, Wanted, pull};
use testkit::chain::{Chain, Order, made_up};
use testkit::chain_node::{Behaviour, ChainNode};

/// A bound on waits. It only ends a test that hangs.
const HANG: Duration = Duration::from_secs(600);

/// A chain with a few orders of every kind.
pub(crate) fn small_chain() -> Chain {
    made_up(7, 14, 3)
}

/// Settings without waits, and with pages and batches so small that there are several of each.
pub(crate) fn settings(nodes: &[&ChainNode]) -> Settings {
    Settings {
        requests_per_second: 0,
        timeout: HANG,
        wait: Duration::from_millis(1),
        most_wait: Duration::from_millis(2),
        attempts: 4,
        page: 3,
        most_pages: 30,
        batch: 2,
        ..Settings::new(nodes.iter().map(|node| node.url().parse().unwrap()).collect())
    }
}

pub(crate) fn wanted(chain: &Chain) -> Wanted {
    let provider = Address::parse(&chain.provider, &AddressPrefix::default()).unwrap();
    Wanted { provider, since: None, usd_per_akt: "0.5".parse().ok() }
}

/// Pulls, and returns what the user was told.
pub(crate) async fn pulled(
    folder: &Path,
    wanted: &Wanted,
    settings: &Settings,
) -> (Result<Pulled, PullError>, Vec<String>) {
    let mut said = Vec::new();
    let result = pull(folder, wanted, settings, &mut |what| said.push(what.to_owned())).await;
    (result, said)
}

pub(crate) async fn node(chain: &Chain) -> ChainNode {
    ChainNode::start(Behaviour::good(chain.clone())).await
}

pub(crate) fn orders_text(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(ORDERS_FILE)).unwrap()
}

/// What a history says of an order, in one line.
fn shown(order: &HistoryOrder) -> String {
    let bids = order.bids.iter().map(|bid| format!("{} {} {}{}", bid.provider, bid.price, bid.denom, mark(bid.won)));
    let mut bids: Vec<String> = bids.collect();
    bids.sort();
    let lease = order.lease.as_ref();
    let end = lease.map(|lease| (lease.from.clone(), lease.until.clone(), lease.reason.clone()));
    format!("{} {} {} {bids:?} {:?} {end:?}", order.order_id, order.height, order.at, order.winner)
}

fn mark(won: bool) -> &'static str {
    if won { " won" } else { "" }
}

pub(crate) fn time(height: u64) -> String {
    let time = std::time::UNIX_EPOCH + Duration::from_millis(Chain::millis(height));
    humantime::format_rfc3339_millis(time).to_string()
}

/// The same of an order of the chain at a height.
fn expected(order: &Order, at: u64) -> String {
    let lease = order.lease_at(at);
    let won = |provider: &str| lease.is_some_and(|lease| lease.provider == provider);
    let price = |micros: u64| {
        let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let made = order.bids.iter().filter(|bid| bid.created_at <= at);
    let bids =
        made.map(|bid| format!("{} {} {}{}", bid.provider, price(bid.price), order.denom, mark(won(&bid.provider))));
    let mut bids: Vec<String> = bids.collect();
    bids.sort();
    let end = lease.map(|lease| {
        let closed_on = lease.closed_on.filter(|closed_on| *closed_on <= at);
        (time(lease.created_at), closed_on.map(time), closed_on.map(|_| lease.reason.to_owned()))
    });
    let winner = lease.map(|lease| lease.provider.clone());
    let height = order.created_at;
    format!("{} {height} {} {bids:?} {winner:?} {end:?}", order.id(), time(height))
}

/// Compares a history with the orders of the chain that the provider bid on between two heights.
pub(crate) fn assert_history(folder: &Path, chain: &Chain, from: u64, at: u64) {
    let history = History::read(folder).unwrap();
    assert_eq!(history.manifest.provider, chain.provider);
    let mut orders: Vec<&Order> = chain.own_orders(from, at);
    orders.sort_by_key(|order| (order.created_at, order.id()));
    let expected: Vec<String> = orders.into_iter().map(|order| expected(order, at)).collect();
    let there: Vec<String> = history.orders.iter().map(shown).collect();
    assert_eq!(there, expected);
    assert!(history.orders.iter().all(|order| order.order.is_some() && order.max_price.is_some()));
    assert!(history.orders.iter().flat_map(|order| &order.bids).all(|bid| bid.usd_per_month.is_some()));
}
