//! The generic script's answers: all of the corpus, and its quirks row by row.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use std::collections::BTreeMap;

use super::*;
use crate::gpu::GpuKind;
use crate::money::UsdPerAkt;
use crate::order::script_request;

#[derive(serde::Deserialize)]
struct Vector {
    id: u32,
    env: BTreeMap<String, String>,
    usd_per_akt: String,
    stdin: String,
    exit: i32,
    stdout: String,
    stderr: String,
}

const VECTORS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/bid-script/vectors.jsonl"));

/// Whether two printed prices are within one unit of the last decimal or 1e-12 of the value.
fn close(ours: &str, theirs: &str) -> bool {
    if ours.split_once('.').map(|(_, d)| d.len()) != theirs.split_once('.').map(|(_, d)| d.len()) {
        return false;
    }
    let units = |text: &str| text.replace('.', "").parse::<i128>().unwrap();
    let (ours, theirs) = (units(ours), units(theirs));
    (ours - theirs).abs() <= (theirs.abs() / 1_000_000_000_000).max(1)
}

#[test]
fn every_vector_of_the_corpus_holds() {
    let mut wrong = Vec::new();
    for line in VECTORS.lines() {
        let vector: Vector = serde_json::from_str(line).unwrap();
        let request = script_request::parse(&vector.stdin).unwrap();
        let rates = CompatRates::from_environment(|name| vector.env.get(name).cloned());
        let usd_per_akt = Some(vector.usd_per_akt.parse().unwrap());
        let answer = price(&request, &rates, &Terms { usd_per_akt, ..Terms::default() });
        let holds = match &answer {
            CompatAnswer::Price(price) => vector.exit == 0 && close(&price.to_string(), &vector.stdout),
            CompatAnswer::Refused(Refusal::PriceAboveMax(price, denom)) => {
                let said = vector.stderr.strip_prefix("requested rate is too low. min expected ");
                let amount = said.and_then(|said| said.strip_suffix(denom.as_str()));
                vector.exit == 1 && amount.is_some_and(|amount| close(&price.to_string(), amount))
            }
            CompatAnswer::Refused(other) => vector.exit == 1 && other.to_string() == vector.stderr,
        };
        if !holds {
            wrong.push(format!("{}: {answer} for {}{}", vector.id, vector.stdout, vector.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(VECTORS.lines().count(), 300);
}

const UACT: &str = r#","price":{"denom":"uact","amount":"100000000000.000000000000000000"},"price_precision":6}"#;

/// One resource with a volume, and its GPU request.
fn resource(gpu: &str, more: &str) -> String {
    format!(
        r#"{{"memory":0,"cpu":0,"gpu":{gpu},"storage":[{{"class":"ephemeral","size":0}}{more}],"count":1,"endpoint_quantity":0,"ip_lease_quantity":0}}"#
    )
}

fn nvidia(details: &str) -> String {
    format!(r#"{{"units":1,"attributes":{{"vendor":{{"nvidia":{details}}}}}}}"#)
}

fn answer_with(resources: &[String], env: &[(&str, &str)], terms: &Terms<'_>) -> CompatAnswer {
    let text = format!(r#"{{"resources":[{}]{UACT}"#, resources.join(","));
    let variable = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    price(&script_request::parse(&text).unwrap(), &CompatRates::from_environment(variable), terms)
}

/// The price of one resource in USD per month, in whole cents; `free` where the script prints a price of 0.
fn usd(gpu: &str, mappings: &str) -> String {
    let answer = answer_with(&[resource(gpu, "")], &[(rates::GPU_MAPPINGS, mappings)], &Terms::default());
    if is_zero(&answer) {
        return "free".to_owned();
    }
    let CompatAnswer::Price(price) = answer else { panic!("{answer:?}") };
    let cents = (price.units() * 429_909 + 5_000_000_000) / 10_000_000_000;
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Whether an answer is the refusal of a price of 0.
fn is_zero(answer: &CompatAnswer) -> bool {
    matches!(answer, CompatAnswer::Refused(Refusal::NotAboveZero(price, _)) if price.units() == 0)
}

#[test]
fn quirk_an_unlisted_model_costs_the_largest_of_100_and_every_mapping() {
    let t4 = nvidia(r#"{"model":"t4"}"#);
    assert_eq!(usd(&t4, "a100=20"), "100.00");
    assert_eq!(usd(&t4, "a100=20,h100=1900"), "1900.00");
    assert_eq!(usd(&t4, ""), "100.00");
    assert_eq!(usd(r#"{"units":1,"attributes":{}}"#, "a100=20"), "100.00");
    assert_eq!(usd(r#"{"units":1,"attributes":{"vendor":{}}}"#, "0=7"), "7.00");
}

#[test]
fn quirk_a_star_prices_only_a_literal_star() {
    assert_eq!(usd(&nvidia(r#"{"model":"*"}"#), "*=20"), "20.00");
    assert_eq!(usd(&nvidia(r#"{"model":"*","ram":"80Gi","interface":"sxm"}"#), "*=20"), "20.00");
    assert_eq!(usd(&nvidia(r#"{"model":"t4"}"#), "*=20"), "100.00");
}

#[test]
fn quirk_model_and_interface_are_skipped_when_ram_is_there() {
    let full = nvidia(r#"{"model":"a100","ram":"80Gi","interface":"sxm"}"#);
    assert_eq!(usd(&full, "a100.sxm=990,a100=900"), "900.00");
    assert_eq!(usd(&full, "a100.sxm=990,a100.80Gi=950,a100=900"), "950.00");
    assert_eq!(usd(&full, "a100.80Gi.sxm=970,a100.80Gi=950"), "970.00");
    assert_eq!(usd(&nvidia(r#"{"model":"a100","interface":"sxm"}"#), "a100.sxm=990"), "990.00");
    assert_eq!(usd(&nvidia(r#"{"model":"a.b.c"}"#), "a=9,a.b=8"), "8.00");
    let long = "x".repeat(100);
    assert_eq!(usd(&nvidia(&format!(r#"{{"model":"{long}","ram":"1Gi"}}"#)), &format!("{long}=3")), "3.00");
}

#[test]
fn quirk_only_one_vendor_is_read_and_amd_without_its_details() {
    let both = r#"{"units":1,"attributes":{"vendor":{"amd":{"model":"mi210"},"nvidia":{"model":"a100"}}}}"#;
    assert_eq!(usd(both, "mi210=500,a100=120"), "120.00");
    let amd = r#"{"units":1,"attributes":{"vendor":{"amd":{"model":"mi210","ram":"64Gi"}}}}"#;
    assert_eq!(usd(amd, "mi210.64Gi=500,mi210=150"), "150.00");
}

#[test]
fn quirk_the_last_of_several_models_or_mappings_counts() {
    let twice = r#"{"units":1,"attributes":{"vendor":{"nvidia":{"model":"t4"},"nvidia":{"model":"a100"}}}}"#;
    assert_eq!(usd(twice, "t4=80,a100=120"), "120.00");
    let a100 = nvidia(r#"{"model":"a100"}"#);
    assert_eq!(usd(&a100, "a100=1,a100=2"), "2.00");
    assert_eq!(usd(&a100, "a100=1,a100="), "100.00");
    assert_eq!(usd(&a100, "a100=1=2,=5,,"), "1.00");
    assert_eq!(usd(&a100, "a100 =5"), "100.00");
    assert_eq!(usd(&a100, "t4=2,,a100=3"), "100.00");
    assert_eq!(usd(&a100, "=5,a100=3"), "100.00");
}

#[test]
fn quirk_a_malformed_mapping_is_free_or_leaves_no_price() {
    let a100 = nvidia(r#"{"model":"a100"}"#);
    assert_eq!(usd(&a100, "a100=abc"), "free");
    assert_eq!(usd(&a100, "a100= 7 "), "7.00");
    assert_eq!(usd(&a100, "a100=5."), "5.00");
    assert_eq!(usd(&a100, "a100=.5"), "0.50");
    assert_eq!(usd(&a100, "a100=5USD"), "5999.00");
    for rate in ["1.2.3", "1e3", "5 0", "--5", "+5", "$5", "1_0", "5%", "length", "5u", "1;2", "-"] {
        let env = [(rates::GPU_MAPPINGS, &*format!("a100={rate}"))];
        let answer = answer_with(&[resource(&a100, "")], &env, &Terms::default());
        let unreadable = CompatAnswer::Refused(Refusal::UnreadableRate(rates::GPU_MAPPINGS));
        assert_eq!(answer, unreadable, "{rate}");
    }
}

#[test]
fn quirk_storage_of_classes_ram_and_default_is_free() {
    let free = r#",{"class":"ram","size":1099511627776},{"class":"default","size":1099511627776}"#;
    let answer = answer_with(&[resource("null", free)], &[], &Terms::default());
    assert!(is_zero(&answer), "{answer:?}");
}

#[test]
fn quirk_without_storage_the_script_has_no_number() {
    let bare = resource("null", "").replace(r#""storage":[{"class":"ephemeral","size":0}]"#, r#""storage":[]"#);
    let answer = answer_with(std::slice::from_ref(&bare), &[], &Terms::default());
    assert!(matches!(answer, CompatAnswer::Refused(Refusal::Incomplete(_))), "{answer:?}");
    // The other resource's volume is enough for a number, which is 0 here.
    let answer = answer_with(&[bare, resource("null", "")], &[], &Terms::default());
    assert!(is_zero(&answer), "{answer:?}");
}

#[test]
fn quirk_endpoints_and_ips_do_not_meet_count() {
    let unit = |count: u32| {
        let text = resource("null", "").replace(
            r#""count":1,"endpoint_quantity":0,"ip_lease_quantity":0"#,
            &format!(r#""count":{count},"endpoint_quantity":3,"ip_lease_quantity":1"#),
        );
        answer_with(&[text], &[], &Terms::default()).to_string()
    };
    assert_eq!(unit(1), unit(20));
    // (3 * 0.05 + 5) / 429909 * 1000000
    assert_eq!(unit(1), "11.979279");
}

#[test]
fn a_price_that_is_not_above_0_as_it_is_printed_is_refused() {
    let cpu = |milli: u32| resource("null", "").replace(r#""cpu":0"#, &format!(r#""cpu":{milli}"#));
    // A millicore at 1.60 USD a thread is 0.003722 uact a block; at a hundredth of a cent it rounds to nothing.
    let at = |rate: &str| answer_with(&[cpu(1)], &[("PRICE_TARGET_CPU", rate)], &Terms::default());
    assert_eq!(at("1.60").to_string(), "0.003722");
    for (rate, shown) in [("0.0001", "0.000000"), ("0", "0.000000"), ("-1.60", "-0.003722")] {
        let answer = at(rate);
        assert!(matches!(answer, CompatAnswer::Refused(Refusal::NotAboveZero(..))), "{rate}: {answer:?}");
        assert!(answer.to_string().contains(&format!("the price comes to {shown} uact a block")), "{answer}");
    }
    // The legacy form is a whole number of uakt.
    let legacy = |cpu: u32| {
        let text = format!("[{}]", resource("null", "").replace(r#""cpu":0"#, &format!(r#""cpu":{cpu}"#)));
        let terms = Terms { usd_per_akt: Some(UsdPerAkt::ONE), ..Terms::default() };
        price(&script_request::parse(&text).unwrap(), &CompatRates::from_environment(|_| None), &terms).to_string()
    };
    assert_eq!(legacy(1000), "4");
    assert!(legacy(100).contains("comes to 0 uakt"), "{}", legacy(100));
}

#[test]
fn without_a_feed_uakt_is_refused_where_the_script_prints_0() {
    let text = format!(r#"{{"resources":[{}]{UACT}"#, resource("null", "")).replace("uact", "uakt");
    let request = script_request::parse(&text).unwrap();
    let answer = price(&request, &CompatRates::from_environment(|_| None), &Terms::default());
    assert_eq!(answer, CompatAnswer::Refused(Refusal::RateUnavailable));
}

#[test]
fn the_inventory_decides_what_a_request_leaves_open() {
    let cards = [
        GpuKind::new("nvidia", "t4", "16Gi", "PCIe"),
        GpuKind::new("nvidia", "a100", "40Gi", "SXM4"),
        GpuKind::new("amd", "mi210", "64Gi", "PCIe"),
    ];
    let cards = cards.map(|kind| Candidate::new(kind, 1));
    let terms = Terms { cards: &cards, ..Terms::default() };
    let usd = |details: &str, mappings: &str| {
        let answer = answer_with(&[resource(&nvidia(details), "")], &[(rates::GPU_MAPPINGS, mappings)], &terms);
        let CompatAnswer::Price(price) = answer else { panic!("{answer:?}") };
        (price.units() * 429_909 + 500_000_000_000) / 1_000_000_000_000
    };
    let mappings = "a100.40Gi=600,a100.80Gi=1000,h100=1900,t4=80";
    assert_eq!(usd(r#"{"model":"a100"}"#, mappings), 600);
    assert_eq!(usd(r#"{"model":"*"}"#, mappings), 600);
    assert_eq!(usd(r#"{"model":"*","ram":"16Gi"}"#, mappings), 80);
    assert_eq!(usd(r#"{}"#, mappings), 600);
    // No card matches: as without an inventory.
    assert_eq!(usd(r#"{"model":"h100"}"#, mappings), 1900);
    // Nothing is open: as without an inventory.
    assert_eq!(usd(r#"{"model":"a100","ram":"40Gi","interface":"sxm"}"#, "a100.sxm=5,a100=7"), 7);
    assert_eq!(usd(r#"{"model":"a100","ram":"40Gi"}"#, "a100.sxm=5,a100=7"), 5);
    assert_eq!(usd(r#"{"model":"*","ram":"16Gi"}"#, "*=20"), 20);
    assert_eq!(usd(r#"{"model":"*","ram":"16Gi"}"#, "h100=1900"), 1900);
}

#[test]
fn restored_amounts_are_what_was_asked_for() {
    let text = r#"[{"memory":3,"cpu":5,"gpu":{"units":1,"attributes":{}},"storage":[{"class":"ephemeral","size":7}],"count":1},
        {"memory":0,"cpu":0,"gpu":{"units":1,"attributes":{"vendor":{"nvidia":{"model":"*"}}}},"count":1}]"#;
    let mut request = script_request::parse(text).unwrap();
    let half = Decimal::new(15, 1);
    let levels = crate::reserve::CommitLevels {
        cpu: half,
        memory: Decimal::new(5, 1),
        gpu: Decimal::TWO,
        storage: half,
        ..Default::default()
    };
    restore(&mut request, &levels).unwrap();
    let [first, second] = request.resources.as_slice() else { panic!() };
    assert_eq!((first.cpu.0, first.memory.0, first.gpu_units(), first.storage()[0].0.size.0), (8, 3, 0, 11));
    assert_eq!(second.gpu_units(), 2);
}
