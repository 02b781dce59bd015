//! Orders and bids of a history, as they came and resampled.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use crate::common::Folder;
use pricing_core::money::Usd;
use pricing_sim::sweep::Detailed;
use serde_json::{Value, json};

pub(crate) const US: &str = "akash1us";
const REST: &str =
    "[inventory]\ndescribe = \"9 nodes x 8 h100\"\n[[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n";
/// What the rate card charges for an order: 1900 for the card, 1.61 for a thread and 0.83 for a GiB.
const OURS: &str = "1902.44";

/// The spec of an order for an H100, as the chain's REST API writes it.
pub(crate) fn spec() -> Value {
    json!({
        "name": "dcloud",
        "requirements": { "signed_by": { "all_of": [], "any_of": [] }, "attributes": [] },
        "resources": [{
            "resource": {
                "id": 1,
                "cpu": { "units": { "val": "1000" }, "attributes": [] },
                "memory": { "quantity": { "val": "1073741824" }, "attributes": [] },
                "storage": [],
                "gpu": { "units": { "val": "1" }, "attributes": [{ "key": "vendor/nvidia/model/h100", "value": "true" }] },
                "endpoints": []
            },
            "count": 1,
            "price": { "denom": "uact", "amount": "1000000.000000000000000000" }
        }]
    })
}

/// An order with its bids in USD a month. The bid of `winner` is a lease from the order's time to `until`.
pub(crate) fn order(id: u32, at: &str, bids: &[(&str, &str)], winner: Option<&str>, until: Option<&str>) -> Value {
    let bid = |(provider, usd): &(&str, &str)| json!({ "provider": provider, "price": "1", "denom": "uact", "usd_per_month": usd, "won": Some(*provider) == winner });
    json!({
        "order_id": format!("akash1tenant/{id}/1/1"), "at": at, "height": id, "order": spec(), "max_price": null,
        "bids": bids.iter().map(bid).collect::<Vec<_>>(),
        "winner": winner,
        "lease": winner.map(|_| json!({ "from": at, "until": until, "reason": null })),
    })
}

pub(crate) fn put(folder: &Folder, orders: &[Value]) {
    folder.put("history/history.json", &json!({ "schema": 1, "provider": US }).to_string());
    let lines: Vec<String> = orders.iter().map(Value::to_string).collect();
    folder.put("history/orders.jsonl", &lines.join("\n"));
}

/// Orders of three days, with every kind of outcome.
fn orders() -> Vec<Value> {
    let (until, rival) = (Some("2026-09-03T06:00:00Z"), "akash1a");
    let mut forgotten = order(6, "2026-09-02T12:00:00Z", &[], None, None);
    forgotten["order"] = Value::Null;
    let mut unknown = order(7, "2026-09-03T01:00:00Z", &[(rival, "1"), (US, OURS)], Some(US), until);
    unknown["bids"][0]["usd_per_month"] = Value::Null;
    unknown["bids"][0]["denom"] = "uakt".into();
    vec![
        order(1, "2026-09-01T06:00:00Z", &[(rival, "1950"), ("akash1b", "2000"), (US, "2100")], Some(rival), until),
        order(2, "2026-09-01T07:00:00Z", &[(rival, "1900"), ("akash1b", "2000")], Some("akash1b"), until),
        order(3, "2026-09-01T08:00:00Z", &[(rival, OURS), (US, "1700")], Some(US), until),
        order(4, "2026-09-02T06:00:00Z", &[(rival, "2500"), (US, OURS)], None, None),
        order(5, "2026-09-02T07:00:00Z", &[(US, OURS)], Some(US), None),
        forgotten,
        unknown,
    ]
}

fn run(orders: &str, more: &str, seed: u64) -> Result<Detailed, String> {
    let folder = Folder::new();
    put(&folder, &self::orders());
    folder.run(&format!("[orders]\nhistory = \"history\"\n{orders}\n{REST}{more}"), seed)
}

const OBSERVED: &str = "[market]\nobserved = true\n";

fn outcomes(detailed: &Detailed) -> Vec<(String, &'static str)> {
    let arrivals = detailed.stream.arrivals.iter().map(|arrival| arrival.id.to_string());
    arrivals.zip(detailed.outcomes[0].decided.iter().map(|decided| decided.outcome.name())).collect()
}

fn named(outcomes: &[(u32, &'static str)]) -> Vec<(String, &'static str)> {
    outcomes.iter().map(|(id, outcome)| (format!("akash1tenant/{id}/1/1"), *outcome)).collect()
}

#[test]
fn orders_are_won_against_the_bids_that_were_there() {
    let detailed = run("", OBSERVED, 1).unwrap();
    let expected = [(1, "won"), (2, "outbid"), (3, "won"), (4, "not-taken"), (5, "won"), (7, "won")];
    assert_eq!(outcomes(&detailed), named(&expected));
    let decided = &detailed.outcomes[0].decided;
    assert_eq!(decided[0].usd_per_month, Some(Usd::parse(OURS).unwrap()));
    // The first lease is as long as it was: 48 hours.
    assert_eq!(decided[0].lease_ms, 48 * 3_600_000);
    // Whoever lowers the price wins what was lost to another bid, but not what the tenant never took.
    let cheaper = run("", &format!("set.rates.gpu.\"nvidia/h100\" = \"1800\"\n{OBSERVED}"), 1).unwrap();
    let expected = [(1, "won"), (2, "won"), (3, "won"), (4, "not-taken"), (5, "won"), (7, "won")];
    assert_eq!(outcomes(&cheaper), named(&expected));
}

#[test]
fn rate_cards_compete_beside_observed_bids() {
    let both = format!("{OBSERVED}rates = \"rates.toml\"\nset.rates.gpu.\"nvidia/h100\" = \"1890\"\n");
    let detailed = run("", &both, 1).unwrap();
    assert!(outcomes(&detailed).iter().all(|(id, outcome)| *outcome == "outbid" || id.contains("/4/")));
}

#[test]
fn what_is_left_out_is_counted() {
    let folder = Folder::new();
    put(&folder, &orders());
    let text = format!("[orders]\nhistory = \"history\"\n{REST}{OBSERVED}");
    let warnings = folder.prepare(&text).unwrap().warnings().join("; ");
    assert!(warnings.contains("1 order of the history has no group spec and is left out"), "{warnings}");
    assert!(
        warnings.contains("1 bid of the history is left out") && warnings.contains("set `usd_per_akt`"),
        "{warnings}"
    );
    let valued = folder.prepare(&format!("usd_per_akt = 1\n{text}")).unwrap();
    assert_eq!(valued.history().unwrap().left_out.bids_without_value, 0);
}

#[test]
fn of_several_own_bids_the_one_that_won_counts_or_else_the_latest() {
    let own = |change: &dyn Fn(&mut Value)| {
        let mut order = order(1, "2026-09-01T06:00:00Z", &[(US, "1700"), (US, "1800"), (US, "1750")], None, None);
        for (place, height) in [5, 7, 6].into_iter().enumerate() {
            (order["bids"][place]["height"], order["bids"][place]["price"]) =
                (height.into(), height.to_string().into());
        }
        change(&mut order);
        let folder = Folder::new();
        put(&folder, &[order]);
        let prepared = folder.prepare(&format!("[orders]\nhistory = \"history\"\n{REST}{OBSERVED}")).unwrap();
        let facts = &prepared.history().unwrap().facts[0];
        (facts.own.map(|usd| usd.to_string()), facts.own_amount.map(|amount| amount.to_string()))
    };
    let text = |usd: &str, amount: &str| (Some(usd.to_owned()), Some(amount.to_owned()));
    assert_eq!(own(&|_| {}), text("1800", "7"));
    assert_eq!(own(&|order| order["bids"][2]["won"] = true.into()), text("1750", "6"));
    // Another bid's value does not stand in for one that is not known.
    let unknown = |order: &mut Value| {
        (order["bids"][1]["usd_per_month"], order["bids"][1]["denom"]) = (Value::Null, "uakt".into());
    };
    assert_eq!(own(&unknown), (None, None));
}

#[test]
fn a_seed_draws_days_and_keeps_the_times_of_day() {
    let days = |seed: u64| {
        let detailed = run("resample = \"1d\"", OBSERVED, seed).unwrap();
        let (stream, day) = (&detailed.stream, 86_400_000);
        assert_eq!(stream.window.length(), 3 * day);
        assert_eq!(stream.origin.len(), stream.arrivals.len());
        let ids: std::collections::BTreeSet<_> = stream.arrivals.iter().map(|arrival| arrival.id.clone()).collect();
        assert_eq!(ids.len(), stream.arrivals.len(), "every order has an id of its own");
        for arrival in &stream.arrivals {
            let order: u32 = arrival.id.split('/').nth(1).unwrap().parse().unwrap();
            let hour = [0, 6, 7, 8, 6, 7, 12, 1][usize::try_from(order).unwrap()];
            assert_eq!((arrival.at - stream.window.start) % day, hour * 3_600_000);
        }
        outcomes(&detailed)
    };
    assert_eq!(days(1), days(1));
    let streams: Vec<_> = (1..30).map(days).collect();
    let repeated = streams.iter().flatten().find(|(id, _)| id == "akash1tenant/1/1/1#2").unwrap();
    assert_eq!(repeated.1, "won", "a repeated order meets the bids of the one that it repeats");
    let total: usize = streams.iter().map(Vec::len).sum();
    assert!((29 * 4..29 * 8).contains(&total), "as many orders as before on average: {total}");
    let longer = run("resample = \"1d\"\nduration = \"10d\"", OBSERVED, 1).unwrap();
    assert_eq!(longer.stream.window.length(), 10 * 86_400_000);
}

#[test]
fn a_history_that_makes_no_sense_is_refused_with_the_order() {
    let error = |change: &dyn Fn(&mut Vec<Value>)| {
        let folder = Folder::new();
        let mut orders = orders();
        change(&mut orders);
        put(&folder, &orders);
        folder.prepare(&format!("[orders]\nhistory = \"history\"\n{REST}{OBSERVED}")).unwrap_err()
    };
    let twice = error(&|orders| orders.push(orders[0].clone()));
    assert!(twice.contains("the order is there twice") && twice.contains("akash1tenant/1/1/1"), "{twice}");
    let backwards = error(&|orders| orders[0]["lease"]["until"] = "2026-08-01T00:00:00Z".into());
    assert!(backwards.contains("ends before it begins"), "{backwards}");
    let winners = error(&|orders| orders[0]["winner"] = US.into());
    assert!(winners.contains("two providers"), "{winners}");
    let text = error(&|orders| orders[0]["bids"][0]["usd_per_month"] = "cheap".into());
    assert!(text.contains("usd_per_month"), "{text}");
}

#[test]
fn the_fitted_choice_decides_the_same_for_every_strategy_and_the_dearer_never_wins_more() {
    let folder = Folder::new();
    let orders: Vec<Value> = (0..80_u32)
        .map(|number| {
            // The cheaper of two rivals wins, and every tenth order is taken by nobody.
            let (one, other) = if number % 3 == 0 { ("1700", "1900") } else { ("2000", "1800") };
            let winner = if number % 3 == 0 { "akash1a" } else { "akash1b" };
            let at = format!("2026-09-{:02}T{:02}:00:00Z", 1 + number / 24, number % 24);
            order(number, &at, &[("akash1a", one), ("akash1b", other)], (number % 10 != 0).then_some(winner), None)
        })
        .collect();
    put(&folder, &orders);
    let strategy = |usd: &str| {
        format!("[[strategy]]\nname = \"{usd}\"\nrates = \"rates.toml\"\nset.rates.gpu.\"nvidia/h100\" = \"{usd}\"\n")
    };
    let strategies: String = ["1650", "1750", "1850", "1950"].map(strategy).concat();
    let text = format!(
        "[orders]\nhistory = \"history\"\nresample = \"1d\"\n[inventory]\ndescribe = \"40 nodes x 8 h100\"\n{strategies}\
         [market]\nobserved = true\nchoice = \"fitted\"\n"
    );
    for seed in 1..4 {
        let detailed = folder.run(&text, seed).unwrap();
        let won: Vec<Vec<bool>> = detailed
            .outcomes
            .iter()
            .map(|outcome| outcome.decided.iter().map(|decided| decided.outcome.name() == "won").collect())
            .collect();
        for (cheaper, dearer) in won.iter().zip(&won[1..]) {
            assert!(cheaper.iter().zip(dearer).all(|(cheaper, dearer)| *cheaper || !*dearer));
        }
        let wins: Vec<usize> = won.iter().map(|won| won.iter().filter(|won| **won).count()).collect();
        assert!(wins[0] > wins[3], "{wins:?}");
    }
    put(&folder, &orders[..20]);
    let error = folder.prepare(&text).unwrap_err();
    assert!(error.contains("cannot be fitted to 20 orders") && error.contains("cheapest"), "{error}");
}

#[test]
fn keys_that_need_a_history_say_so() {
    let without = |more: &str| {
        let orders = "[orders]\ngenerate = { orders = 3 }\narrivals = { rate = \"1/h\" }\n";
        Folder::new().prepare(&format!("{orders}{REST}{more}")).unwrap_err()
    };
    assert!(without(OBSERVED).contains("`orders.history`"));
    let error = run("", "[market]\nrates = \"rates.toml\"\nchoice = \"fitted\"\n", 1).unwrap_err();
    assert!(error.contains("needs `market.observed = true`"), "{error}");
    let made_up = "[orders]\ngenerate = { orders = 3 }\narrivals = { rate = \"1/h\" }\nresample = \"1d\"\n";
    assert!(Folder::new().prepare(&format!("{made_up}{REST}")).unwrap_err().contains("orders.resample"));
}
