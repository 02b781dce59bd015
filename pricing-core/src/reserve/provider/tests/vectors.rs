//! The corpus: what the daemon answered when it was run.

use serde_json::{Value, json};

use super::*;
use crate::inventory::{read, validate};
use crate::order::group_spec;
use crate::reserve::{CommitLevels, Scheduler, TeePlatform, reserve};

/// The answer to a vector, in the form of the corpus.
fn answer(vector: &Value) -> Value {
    let cluster = validate::validate(read::read(&vector["cluster"].to_string()).unwrap()).cluster;
    let group = group_spec::read(&vector["group"].to_string()).unwrap().remove(0);
    let tee_platform = TeePlatform::ALL.iter().copied().find(|platform| vector["tee_platform"] == platform.name());
    let commit = CommitLevels { tee_platform, ..CommitLevels::default() };
    let reservation = match reserve(&group, &cluster, Scheduler::Provider, &commit, &Budget::default()) {
        Ok(reservation) => reservation,
        Err(ReserveError::InsufficientCapacity(_)) => return json!({"error": "insufficient capacity"}),
        Err(ReserveError::ReplicaMismatch(_)) => return json!({"error": "group resource mismatch"}),
        Err(ReserveError::InvalidInterconnectGroup(..)) => return json!({"error": "invalid interconnect group"}),
        Err(other) => panic!("{other}"),
    };
    let allocated = reservation.targets.iter().map(|target| {
        let nodes: Vec<&str> = target.nodes().map(|id| &*cluster.node(id).unwrap().name).collect();
        let mut one = json!({"id": target.resource_id, "count": target.count, "nodes": nodes});
        if let Some(attribute) = &target.gpu_attribute {
            one["gpu_attribute"] = attribute.as_str().into();
        }
        one
    });
    json!({ "allocated": allocated.collect::<Vec<_>>() })
}

/// Checks the vectors of a file, and their number.
fn answers_as_the_daemon_does(file: &str, number: usize) {
    let path = format!("{}/../corpus/reservation/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
    #[expect(clippy::disallowed_methods, reason = "the corpus is a file")]
    let text = std::fs::read_to_string(path).unwrap();
    let vectors: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let differ: Vec<String> = vectors
        .iter()
        .map(|vector| (vector, answer(vector)))
        .filter(|(vector, answer)| *answer != vector["expect"])
        .map(|(vector, answer)| format!("{}: {answer}, not {}", vector["id"], vector["expect"]))
        .collect();
    assert!(differ.is_empty(), "{} of {} differ:\n{}", differ.len(), vectors.len(), differ.join("\n"));
    assert_eq!(vectors.len(), number);
}

#[test]
fn orders_are_placed_as_the_daemon_places_them() {
    answers_as_the_daemon_does("vectors", 600);
}

#[test]
fn interconnect_is_reserved_as_the_daemon_reserves_it() {
    answers_as_the_daemon_does("interconnect", 130);
}

#[test]
fn confidential_compute_is_reserved_as_the_daemon_reserves_it() {
    answers_as_the_daemon_does("confidential", 59);
}

#[test]
fn negative_quantities_are_nothing_as_they_are_for_the_daemon() {
    answers_as_the_daemon_does("negative", 73);
}
