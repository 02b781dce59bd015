//! The cases of Console's own matcher, which decides whether tenants see a provider. Both schedulers give the same
//! answers, except where they differ on purpose.

use pricing_core::budget::Budget;
use pricing_core::inventory::{read, validate};
use pricing_core::order::group_spec;
use pricing_core::reserve::{CommitLevels, Scheduler, reserve};
use serde_json::Value;

/// Console refuses a wildcard whose cards differ in RAM or interface. Kubernetes places it: only the card is uncertain,
/// not the capacity.
const PLACED_WITH_UNCERTAIN_CARDS: [u64; 2] = [22, 30];

#[test]
fn answers_as_consoles_matcher_but_where_it_differs_on_purpose() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/console-matcher/cases.jsonl");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let cases: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(cases.len(), 28);
    let mut wrong = Vec::new();
    for case in &cases {
        let id = case["id"].as_u64().unwrap();
        let cluster = validate::validate(read::read(&case["input"]["cluster"].to_string()).unwrap()).cluster;
        let wanted = case["expect"]["reserved"].as_bool().unwrap() || PLACED_WITH_UNCERTAIN_CARDS.contains(&id);
        let groups = match group_spec::read(&case["input"]["group"].to_string()) {
            Ok(groups) => groups,
            Err(error) => {
                wrong.push(format!("{id}: {error}"));
                continue;
            }
        };
        for scheduler in [Scheduler::Sound, Scheduler::Provider] {
            let commit = CommitLevels::default();
            let placed =
                groups.iter().all(|group| reserve(group, &cluster, scheduler, &commit, &Budget::default()).is_ok());
            if placed != wanted {
                wrong.push(format!("{id}: {scheduler:?} placed it: {placed} ({})", case["source"]["test"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
