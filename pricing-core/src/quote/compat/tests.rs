//! The generic script's answers: all of the corpus, and its quirks row by row.

use std::collections::BTreeMap;

use super::*;
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
            CompatAnswer::Nothing(..) => false,
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
