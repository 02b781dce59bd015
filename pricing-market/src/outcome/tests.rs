use serde_json::{Value, json};

use super::*;

const OWN: &str = "akash1own";
const RIVAL: &str = "akash1rival";

fn bid(provider: &str, price: &str, state: &str, won: bool) -> Value {
    let usd = price.parse::<u64>().map(|price| (price * 10).to_string()).ok();
    json!({ "provider": provider, "price": price, "denom": "uact", "usd_per_month": usd, "won": won,
        "at": "2026-10-01T00:00:10.000Z", "height": 12, "state": state })
}

fn order(state: &str, bids: Vec<Value>, winner: Option<&str>, ended: bool) -> HistoryOrder {
    let until = ended.then_some("2026-10-02T00:00:00.000Z");
    let reason = ended.then_some("lease_closed_owner");
    let lease = json!({ "from": "2026-10-01T00:01:00.000Z", "until": until, "reason": reason, "from_height": 20,
        "until_height": ended.then_some(900) });
    let order = json!({ "order_id": "akash1t/1/1/1", "at": "2026-10-01T00:00:00.000Z", "height": 10, "state": state,
        "order": null, "max_price": null, "bids": bids, "winner": winner, "lease": winner.map(|_| lease) });
    serde_json::from_str(&order.to_string()).unwrap()
}

fn outcome(order: &HistoryOrder) -> Outcome {
    Outcome::of(order, OWN).unwrap()
}

#[test]
fn a_bid_has_the_result_that_leases_and_states_tell() {
    use BidResult::{Lost, NoLease, Open, Unknown, Withdrawn, Won};
    for (state, own, won, winner, expected) in [
        ("open", "open", false, None, Open),
        ("active", "active", true, Some(OWN), Won),
        ("closed", "closed", true, Some(OWN), Won),
        ("active", "lost", false, Some(RIVAL), Lost),
        ("closed", "lost", false, Some(RIVAL), Lost),
        // The chain leaves a lost bid as it is, so this one was taken back before the tenant chose.
        ("active", "closed", false, Some(RIVAL), Withdrawn),
        ("closed", "closed", false, Some(RIVAL), Withdrawn),
        // The lease is of another bid of ours, which was not read.
        ("active", "lost", false, Some(OWN), Won),
        ("closed", "closed", false, Some(OWN), Won),
        // The lease of the winner was not read.
        ("active", "lost", false, None, Lost),
        ("active", "active", false, None, Unknown),
        ("closed", "closed", false, None, NoLease),
        // It was read just after the order ended.
        ("closed", "open", false, None, NoLease),
        ("open", "closed", false, None, Withdrawn),
    ] {
        let bids = vec![bid(OWN, "10", own, won), bid(RIVAL, "9", "active", winner == Some(RIVAL))];
        let found = outcome(&order(state, bids, winner, false));
        assert_eq!(found.result, expected, "{state} {own} {winner:?}");
        assert_eq!(found.others.len(), 1);
    }
    assert!(Outcome::of(&order("open", vec![bid(RIVAL, "9", "open", false)], None, false), OWN).is_none());
}

#[test]
fn a_history_of_an_earlier_version_tells_who_won() {
    let mut old = order("active", vec![bid(OWN, "10", "lost", false)], Some(RIVAL), false);
    (old.state, old.bids[0].state) = (None, None);
    assert_eq!(outcome(&old).result, BidResult::Lost);
    (old.winner, old.lease) = (None, None);
    assert_eq!(outcome(&old).result, BidResult::Unknown);
}

#[test]
fn of_several_own_bids_the_one_that_won_counts_or_else_the_latest() {
    let mut order = order(
        "active",
        vec![bid(OWN, "10", "closed", false), bid(OWN, "8", "active", true), bid(OWN, "7", "closed", false)],
        Some(OWN),
        false,
    );
    (order.bids[2].height, order.bids[1].height) = (Some(14), Some(13));
    assert_eq!(outcome(&order).bid.price, "8");
    order.bids[1].won = false;
    assert_eq!(outcome(&order).bid.price, "7");
}

#[test]
fn the_distance_is_that_of_a_lost_bid_to_the_winner() {
    let of = |own: &str, rival: &str| {
        let bids = vec![bid(OWN, own, "lost", false), bid(RIVAL, rival, "active", true)];
        outcome(&order("active", bids, Some(RIVAL), false)).distance()
    };
    let distance = of("12", "10").unwrap();
    assert_eq!((distance.relative, distance.usd_per_month), (Decimal::new(2, 1), Some(Decimal::from(20))));
    // Tenants do not always take the cheapest.
    assert_eq!(of("9", "10").unwrap().relative, Decimal::new(-1, 1));
    assert_eq!(of("9", "0"), None);
    let won = vec![bid(OWN, "9", "active", true), bid(RIVAL, "10", "lost", false)];
    assert_eq!(outcome(&order("active", won, Some(OWN), false)).distance(), None);
}

#[test]
fn prices_in_different_denoms_are_compared_in_usd() {
    let mut mixed =
        order("active", vec![bid(OWN, "12", "lost", false), bid(RIVAL, "10", "active", true)], Some(RIVAL), false);
    mixed.bids[1].denom = "uakt".to_owned();
    mixed.bids[1].usd_per_month = Some("80".to_owned());
    assert_eq!(outcome(&mixed).distance().unwrap().relative, Decimal::new(5, 1));
    mixed.bids[1].usd_per_month = None;
    assert_eq!(outcome(&mixed).distance(), None);
}

#[test]
fn facts_are_without_times_and_worths() {
    let bids = || vec![bid(OWN, "10", "active", true), bid(RIVAL, "9", "lost", false)];
    let first = order("active", bids(), Some(OWN), false);
    let mut later = first.clone();
    later.at = "2026-10-01T00:00:00.300Z".to_owned();
    later.bids[0].usd_per_month = Some("77".to_owned());
    later.bids[1].at = None;
    if let Some(lease) = &mut later.lease {
        lease.from = "2026-10-01T00:01:00.400Z".to_owned();
    }
    assert_eq!(outcome(&first).facts(), outcome(&later).facts());
    let ended = order("closed", bids(), Some(OWN), true);
    assert_ne!(outcome(&first).facts(), outcome(&ended).facts());
}

#[test]
fn only_own_leases_bring_something_and_end() {
    let of = |winner: &str, ended: bool| {
        let bids = vec![bid(OWN, "10", "active", winner == OWN), bid(RIVAL, "9", "lost", winner == RIVAL)];
        let outcome = outcome(&order("active", bids, Some(winner), ended));
        (outcome.has_running_lease(), outcome.end_reason().map(str::to_owned))
    };
    assert_eq!(of(OWN, false), (true, None));
    assert_eq!(of(OWN, true), (false, Some("lease_closed_owner".to_owned())));
    assert_eq!(of(RIVAL, false), (false, None));
    assert_eq!(of(RIVAL, true), (false, None));
}

#[test]
fn a_lease_of_an_own_bid_that_was_not_read_is_our_own() {
    let bids = || vec![bid(OWN, "10", "lost", false), bid(RIVAL, "9", "lost", false)];
    assert!(outcome(&order("active", bids(), Some(OWN), false)).has_running_lease());
    assert_eq!(outcome(&order("closed", bids(), Some(OWN), true)).end_reason(), Some("lease_closed_owner"));
}

#[test]
fn what_is_written_is_read() {
    let bids = vec![bid(OWN, "10", "active", true), bid(RIVAL, "9", "lost", false)];
    let outcome = outcome(&order("active", bids, Some(OWN), true));
    let text = serde_json::to_string(&outcome).unwrap();
    assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
}
