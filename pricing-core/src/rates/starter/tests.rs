use std::collections::BTreeMap;

use super::*;
use crate::order::script_request;
use crate::quote::compat::{CompatRates, Terms, price};
use crate::rates::{UnlistedGpu, names, toml};

const VECTORS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/bid-script/vectors.jsonl"));

fn script(variables: &[(&str, &str)]) -> String {
    of_script(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())).unwrap()
}

#[test]
fn every_card_loads_and_has_only_known_names() {
    let market = [MarketPrice { key: "a100/80Gi/sxm".into(), usd: Usd::parse("979.71").unwrap(), note: "x\ny".into() }];
    let cards = [
        example(),
        script(&[]),
        script(&[("PRICE_TARGET_GPU_MAPPINGS", "h100=1900,a100.80Gi=1000.5,amd/mi210=5,*=75")]),
        of_market(&market, "market.csv", HOURLY),
    ];
    for card in cards {
        let pricing = toml::read(&card).unwrap_or_else(|error| panic!("{error}\n{card}"));
        assert_eq!(names::check(&pricing, None), [], "{card}");
        let width = card.lines().map(|line| line.chars().count()).max();
        assert!(width <= Some(COMMENT_COLUMN + COMMENT_WIDTH), "{card}");
    }
}

#[test]
fn what_is_not_set_is_the_default() {
    for card in [example(), script(&[])] {
        let (pricing, default) = (toml::read(&card).unwrap(), Pricing::default());
        assert_eq!((pricing.rates.cpu, pricing.rates.ip), (default.rates.cpu, default.rates.ip));
        assert_eq!(pricing.rates.storage["beta3"], default.rates.storage["beta3"]);
        assert_eq!(pricing.chain, default.chain);
    }
}

#[test]
fn an_unlisted_card_costs_what_the_script_charges() {
    for (mappings, usd) in [("", "100"), ("t4=80", "100"), ("t4=80,h100=1900", "1900"), ("t4=80,*=300", "300")] {
        let pricing = toml::read(&script(&[("PRICE_TARGET_GPU_MAPPINGS", mappings)])).unwrap();
        assert_eq!(pricing.policy.unlisted_gpu, UnlistedGpu::Price(Usd::parse(usd).unwrap()), "{mappings}");
        assert!(!pricing.rates.gpu.entries().iter().any(|rate| rate.key() == "*"));
    }
}

#[test]
fn malformed_variables_are_all_told() {
    let variables = BTreeMap::from([("PRICE_TARGET_CPU", "x"), ("PRICE_TARGET_GPU_MAPPINGS", "t4=,h100=1")]);
    let problems = of_script(|name| variables.get(name).map(|text| (*text).to_owned())).unwrap_err();
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[derive(serde::Deserialize)]
struct Vector {
    id: u32,
    env: BTreeMap<String, String>,
    usd_per_akt: String,
    stdin: String,
}

/// Whether the rules of the script and of a card are the same for a request: each unit names one card of nvidia's, and
/// as much of it as the mappings of its model do. A mapping of an interface alone is one that the script passes over
/// where the request names RAM.
fn is_alike(request: &serde_json::Value, pricing: &Pricing) -> bool {
    let units = request.get("resources").unwrap_or(request).as_array().unwrap();
    units.iter().all(|unit| {
        let vendors = unit["gpu"]["attributes"]["vendor"].as_object();
        let cards = unit["gpu"]["units"].as_u64().unwrap_or(0);
        let named = vendors.filter(|vendors| vendors.len() == 1).and_then(|vendors| vendors.get("nvidia"));
        let text = |key: &str| named.and_then(|card| card[key].as_str()).filter(|text| !matches!(*text, "" | "*"));
        let Some(model) = text("model") else { return cards == 0 };
        let mut of_model = pricing.rates.gpu.entries().iter().filter(|rate| rate.model() == Some(model));
        cards == 0
            || of_model.all(|rate| {
                let (ram, interface) = (rate.card().ram().is_some(), rate.card().interface().is_some());
                (!ram || text("ram").is_some()) && (!interface || (ram && text("interface").is_some()))
            })
    })
}

#[test]
fn the_corpus_is_priced_as_the_scripts_variables_price_it() {
    let mut alike = 0;
    for line in VECTORS.lines() {
        let vector: Vector = serde_json::from_str(line).unwrap();
        let variable = |name: &str| vector.env.get(name).cloned();
        let Ok(card) = of_script(variable) else { continue };
        let pricing = toml::read(&card).unwrap();
        let whole = serde_json::from_str(&vector.stdin).unwrap();
        if !is_alike(&whole, &pricing) {
            continue;
        }
        let request = script_request::parse(&vector.stdin).unwrap();
        let terms = Terms { usd_per_akt: Some(vector.usd_per_akt.parse().unwrap()), ..Terms::default() };
        let [by_script, by_card] =
            [CompatRates::from_environment(variable), CompatRates::from_pricing(&pricing).unwrap()]
                .map(|rates| price(&request, &rates, &terms).to_string());
        assert_eq!(by_card, by_script, "{}: {:?}\n{card}", vector.id, vector.env);
        alike += 1;
    }
    assert!(alike >= 100, "{alike}");
}
