//! The corpus: what the daemon answered when it was run.

use super::*;

/// A reservation as the corpus writes the daemon's answer.
fn answer(units: &[CommittedUnit], cluster: &Cluster) -> Value {
    let reservation = match reserve(units, cluster) {
        Ok(reservation) => reservation,
        Err(ReserveError::InsufficientCapacity(_)) => return serde_json::json!({"error": "insufficient capacity"}),
        Err(ReserveError::ReplicaMismatch(_)) => return serde_json::json!({"error": "group resource mismatch"}),
        Err(other) => panic!("{other}"),
    };
    let allocated: Vec<Value> = reservation
        .targets
        .iter()
        .map(|target| {
            let nodes: Vec<&str> = target.nodes().map(|id| &*cluster.node(id).unwrap().name).collect();
            let mut one = serde_json::json!({"id": target.resource_id, "count": target.count, "nodes": nodes});
            if let Some(attribute) = &target.gpu_attribute {
                one["gpu_attribute"] = attribute.as_str().into();
            }
            one
        })
        .collect();
    serde_json::json!({ "allocated": allocated })
}

#[test]
fn answers_as_the_daemon_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/reservation/vectors.jsonl");
    #[expect(clippy::disallowed_methods, reason = "the corpus is a file")]
    let text = std::fs::read_to_string(path).unwrap();
    let mut vectors = 0;
    for line in text.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let validated = validate::validate(read::read(&vector["cluster"].to_string()).unwrap());
        assert_eq!(answer(&units(&vector["group"]), &validated.cluster), vector["expect"], "vector {}", vector["id"]);
        vectors += 1;
    }
    assert_eq!(vectors, 600);
}
