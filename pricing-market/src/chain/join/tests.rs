use std::convert::Infallible;

use super::*;
use crate::chain::answer;

/// An order at a height, or a bid or a lease on it.
enum Said<'a> {
    Order(u64, &'a str),
    Bid(&'a str, u64, &'a str, &'a str),
    Lease(&'a str, u64, &'a str, u64),
    Block(u64, &'a str),
}
use Said::{Bid as B, Block, Lease as L, Order as O};

fn json(said: &Said<'_>) -> String {
    let id = r#""owner":"akash1o","dseq":"90","gseq":1,"oseq":1"#;
    let coin = |amount: &str| format!(r#"{{"denom":"uact","amount":"{amount}"}}"#);
    match said {
        O(height, state) => format!(
            r#"{{"orders":[{{"id":{{{id}}},"state":"{state}","spec":{{"name":"g"}},"created_at":"{height}"}}]}}"#
        ),
        B(provider, height, state, amount) => format!(
            r#"{{"bids":[{{"bid":{{"id":{{{id},"provider":"{provider}","bseq":0}},"state":"{state}","price":{},"created_at":"{height}"}}}}]}}"#,
            coin(amount)
        ),
        L(provider, height, state, end) => format!(
            r#"{{"leases":[{{"lease":{{"id":{{{id},"provider":"{provider}","bseq":0}},"state":"{state}","price":{},"created_at":"{height}","closed_on":"{end}","reason":"{}"}}}}]}}"#,
            coin("5"),
            if *end == 0 { "lease_closed_invalid" } else { "lease_closed_owner" }
        ),
        Block(height, time) => format!(r#"{{"block":{{"header":{{"height":"{height}","time":"{time}"}}}}}}"#),
    }
}

/// Joins what was said, each with the height at which it was seen.
fn joined(said: &[(u64, Said<'_>)]) -> (Vec<HistoryOrder>, Summary) {
    let mut records = Records::default();
    for (seen_at, said) in said {
        let text = json(said);
        answer::read(&text).unwrap().into_iter().for_each(|answer| records.add(answer, *seen_at).unwrap());
    }
    let mut orders = Vec::new();
    let each = |order| {
        orders.push(order);
        Ok::<_, Infallible>(())
    };
    let Ok(summary) = join(&records, None, each);
    (orders, summary)
}

fn files(said: impl IntoIterator<Item = Said<'static>>) -> (Vec<HistoryOrder>, Summary) {
    joined(&said.into_iter().map(|said| (0, said)).collect::<Vec<_>>())
}

fn won(order: &HistoryOrder) -> Vec<(&str, bool)> {
    order.bids.iter().map(|bid| (&*bid.provider, bid.won)).collect()
}

#[test]
fn a_bid_won_if_and_only_if_it_has_a_lease() {
    let (orders, summary) = files([
        O(100, "closed"),
        B("akash1a", 102, "closed", "5"),
        B("akash1b", 101, "closed", "4"),
        L("akash1a", 110, "closed", 210),
        Block(100, "2026-09-01T00:00:00Z"),
        Block(200, "2026-09-01T00:10:00Z"),
    ]);
    let [order] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!(won(order), [("akash1b", false), ("akash1a", true)]);
    assert_eq!((order.winner.as_deref(), order.height), (Some("akash1a"), 100));
    assert_eq!(order.at, "2026-09-01T00:00:00.000Z");
    let lease = order.lease.as_ref().unwrap();
    assert_eq!((&*lease.from, lease.until.as_deref()), ("2026-09-01T00:01:00.000Z", Some("2026-09-01T00:11:00.000Z")));
    assert_eq!(lease.reason.as_deref(), Some("lease_closed_owner"));
    assert_eq!(order.bids[0].usd_per_month.as_deref(), Some("1.719636"));
    assert_eq!(summary.joined, Counts { bids: 2, leases: 1, orders: 1 });
    assert_eq!(summary.contradictions, [""; 0]);
    assert!(!summary.relative_times);
}

#[test]
fn pages_that_overlap_count_once_and_the_latest_state_wins_in_any_order() {
    let said = || {
        vec![
            O(100, "open"),
            O(100, "active"),
            B("akash1a", 102, "open", "5"),
            B("akash1a", 102, "active", "5"),
            B("akash1a", 102, "active", "5"),
            L("akash1a", 110, "closed", 300),
            L("akash1a", 110, "active", 0),
        ]
    };
    for turn in 0..said().len() {
        let mut turned = said();
        turned.rotate_left(turn);
        let (orders, summary) = files(turned);
        assert_eq!(won(&orders[0]), [("akash1a", true)]);
        assert!(orders[0].lease.as_ref().unwrap().until.is_some());
        assert_eq!(summary.read, Counts { bids: 3, leases: 2, orders: 2 });
        assert_eq!(summary.repeated, Counts { bids: 2, leases: 1, orders: 1 });
        assert_eq!(summary.joined, Counts { bids: 1, leases: 1, orders: 1 });
        assert!(summary.contradictions.is_empty() && summary.relative_times);
    }
}

#[test]
fn an_open_lease_has_no_end_and_no_reason() {
    let (orders, _) = files([O(100, "active"), B("akash1a", 102, "active", "5"), L("akash1a", 110, "active", 0)]);
    let lease = orders[0].lease.as_ref().unwrap();
    assert_eq!((&lease.until, &lease.reason), (&None, &None));
}

#[test]
fn partial_answers_are_joined_as_far_as_they_go() {
    let (orders, summary) = files([B("akash1a", 102, "closed", "5")]);
    assert_eq!((orders[0].height, orders[0].order.is_none(), orders[0].winner.is_none()), (102, true, true));
    assert_eq!(summary.unjoined, BTreeMap::from([(Unjoined::BidWithoutOrder, 1)]));
    let (orders, summary) = files([L("akash1a", 110, "active", 0)]);
    assert!(orders.is_empty());
    assert_eq!(summary.unjoined, BTreeMap::from([(Unjoined::LeaseAlone, 1)]));
    let (orders, summary) = files([O(100, "active"), L("akash1a", 110, "active", 0)]);
    assert_eq!((won(&orders[0]), orders[0].winner.as_deref()), (vec![], Some("akash1a")));
    let why = [Unjoined::LeaseWithoutBid, Unjoined::OrderWithoutBids, Unjoined::SpecNotUnderstood];
    assert_eq!(summary.unjoined, why.map(|why| (why, 1)).into());
    assert_eq!(summary.joined, Counts::default());
}

#[test]
fn what_precedes_its_order_was_left_behind_by_a_reorganisation() {
    let (orders, summary) = files([
        O(100, "closed"),
        B("akash1a", 101, "open", "5"),
        B("akash1b", 101, "open", "6"),
        L("akash1b", 102, "active", 0),
        O(103, "active"),
        B("akash1a", 104, "active", "5"),
        L("akash1a", 105, "active", 0),
    ]);
    assert_eq!((orders[0].height, won(&orders[0])), (103, vec![("akash1a", true)]));
    assert_eq!(summary.unjoined.get(&Unjoined::OlderThanOrder), Some(&2));
    assert_eq!(
        summary.contradictions,
        [
            "order akash1o/90/1/1 has two heights, 100 and 103",
            "the bid of akash1a on order akash1o/90/1/1 has two heights, 101 and 104",
        ]
    );
}

#[test]
fn what_was_seen_later_counts_even_if_its_block_is_lower() {
    let said = [(500, O(103, "open")), (600, O(100, "active"))];
    assert_eq!(joined(&said).0[0].height, 100);
    let [first, second] = said;
    assert_eq!(joined(&[second, first]).0[0].height, 100);
}

#[test]
fn contradictions_are_named() {
    let (orders, summary) = files([
        O(100, "active"),
        B("akash1a", 102, "lost", "5"),
        B("akash1a", 102, "active", "7"),
        B("akash1b", 102, "lost", "5"),
        L("akash1a", 110, "closed", 105),
        L("akash1b", 111, "closed", 300),
        L("akash1b", 111, "closed", 301),
    ]);
    assert_eq!((orders[0].winner.as_deref(), orders[0].bids[0].price.as_str()), (Some("akash1a"), "7"));
    let lease = orders[0].lease.as_ref().unwrap();
    assert_eq!(lease.until.as_ref(), Some(&lease.from));
    assert_eq!(
        summary.contradictions,
        [
            "order akash1o/90/1/1 has several leases; that of akash1a counts",
            "the bid of akash1a on order akash1o/90/1/1 has two prices",
            "the lease of akash1a on order akash1o/90/1/1 ends before it begins",
            "the lease of akash1a on order akash1o/90/1/1 has another price than its bid",
            "the lease of akash1b on order akash1o/90/1/1 has two ends",
        ]
    );
}

#[test]
fn prices_are_converted_where_the_worth_of_the_coin_is_known() {
    let price = |amount: &str, denom: &str| FactPrice { amount: amount.into(), denom: denom.into() };
    let mut dollars = Dollars::new("2".parse().ok());
    assert_eq!(dollars.per_month(&price("1000000", "uakt")).as_deref(), Some("859818"));
    assert_eq!(dollars.per_month(&price("1000000", "uact")).as_deref(), Some("429909"));
    assert_eq!(dollars.per_month(&price("1", "uosmo")), None);
    assert_eq!(dollars.per_month(&price(&"9".repeat(60), "uact")), None);
    assert_eq!(Dollars::new(None).per_month(&price("1", "uakt")), None);
}

#[test]
fn the_corpus_of_the_node_s_own_marshaller_is_joined() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/chain-rest");
    let mut records = Records::default();
    for name in ["leases", "bids-page2", "bids-page1", "orders", "bids-empty", "bids-page1"] {
        let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
        answer::read(&text).unwrap().into_iter().for_each(|answer| records.add(answer, 0).unwrap());
    }
    let mut orders = Vec::new();
    let Ok(summary) = join(&records, None, |order| {
        orders.push(order);
        Ok::<_, Infallible>(())
    });
    let [order] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!(order.order_id, "akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63/17345678/1/1");
    assert_eq!(order.max_price.as_ref().map(|price| &*price.amount), Some("1000000"));
    let prices: Vec<&str> = order.bids.iter().map(|bid| &*bid.price).collect();
    assert_eq!(prices, ["265.288701", "412.5", "1000000.000000000000000001"]);
    assert_eq!(order.bids.iter().map(|bid| bid.won).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(order.lease.as_ref().unwrap().reason.as_deref(), Some("lease_closed_owner"));
    assert_eq!(summary.read, Counts { bids: 5, leases: 2, orders: 1 });
    assert_eq!(summary.repeated, Counts { bids: 2, leases: 0, orders: 0 });
    assert_eq!(summary.joined, Counts { bids: 3, leases: 1, orders: 1 });
    assert_eq!(summary.unjoined, BTreeMap::from([(Unjoined::LeaseAlone, 1)]));
}
