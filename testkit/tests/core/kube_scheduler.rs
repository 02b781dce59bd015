//! Where pods are placed, compared with kube-scheduler's own placements, and laws of placements.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken test case must say so at once"
)]

mod draws;
mod laws;
mod naive;

use pricing_core::budget::Budget;
use pricing_core::inventory::Cluster;
use pricing_core::order::GroupSpec;
use pricing_core::reserve::kubernetes::{
    FunctionShape, KubeScheduler, PodPlacements, PodTemplate, Probability, Profile, ResourceSpec, ScoringStrategy,
    ScoringStrategyType, Step, UtilizationShapePoint,
};
use pricing_core::reserve::{CommitLevels, Scheduler, reserve};
use serde_json::{Value, json};
use testkit::corpus::{PlacementVector, placement_vectors};

/// Reads a scoring strategy in Kubernetes' own words.
fn strategy(scoring: &Value) -> ScoringStrategy {
    let number = |value: &Value| value.as_u64().unwrap();
    let resource =
        |spec: &Value| ResourceSpec::new(spec["name"].as_str().unwrap().to_owned(), number(&spec["weight"])).unwrap();
    let point = |point: &Value| UtilizationShapePoint {
        utilization: number(&point["utilization"]),
        score: number(&point["score"]),
    };
    let strategy_type = match scoring["type"].as_str().unwrap() {
        "LeastAllocated" => ScoringStrategyType::LeastAllocated,
        "MostAllocated" => ScoringStrategyType::MostAllocated,
        "RequestedToCapacityRatio" => {
            let points = scoring["shape"].as_array().unwrap().iter().map(point).collect();
            ScoringStrategyType::RequestedToCapacityRatio(FunctionShape::new(points).unwrap())
        }
        other => panic!("{other}"),
    };
    ScoringStrategy::new(strategy_type, scoring["resources"].as_array().unwrap().iter().map(resource).collect())
}

/// Places a group that the daemon reserves. None if it does not.
fn placed(scheduler: &KubeScheduler, group: &GroupSpec, cluster: &Cluster) -> Option<PodPlacements> {
    let (levels, budget) = (CommitLevels::default(), Budget::default());
    let reservation = reserve(group, cluster, Scheduler::Provider, &levels, &budget).ok()?;
    let units = levels.units(group, Scheduler::Provider);
    let pods = PodTemplate::of_group(group, &units, &reservation, cluster);
    Some(scheduler.place(&pods, cluster, &budget).unwrap())
}

fn names<'c>(step: &Step, cluster: &'c Cluster) -> Vec<&'c str> {
    step.nodes.iter().map(|node| &*cluster.node(node.node).unwrap().name).collect()
}

fn check(vector: &PlacementVector) {
    let scoring_strategy =
        if vector.scoring.is_null() { ScoringStrategy::default() } else { strategy(&vector.scoring) };
    let profile = Profile { scoring_strategy, ..Profile::default() };
    let scheduler = KubeScheduler { profile, ..KubeScheduler::default() };
    let placed = placed(&scheduler, &vector.group, &vector.cluster).unwrap();
    let steps = vector.expect["steps"].as_array().unwrap();
    for (at, expected) in steps.iter().enumerate() {
        let step = &placed.steps[at];
        let found = json!({
            "resource_id": step.resource_id, "replica": step.replica, "nodes": names(step, &vector.cluster),
            "feasible": expected["feasible"],
        });
        assert_eq!(found, *expected, "vector {}, step {at}", vector.id);
        let share = Probability::new(1, u128::try_from(step.nodes.len()).unwrap());
        assert!(step.nodes.iter().all(|node| node.probability == share), "vector {}, step {at}", vector.id);
    }
    if vector.expect["tie"] == true {
        return;
    }
    assert_eq!(placed.steps.len(), steps.len(), "vector {}", vector.id);
    let pending = placed.pending.map(|pod| {
        assert_eq!(pod.probability, Probability::ONE);
        assert!(!pod.lacks.is_empty());
        json!({"resource_id": pod.resource_id, "replica": pod.replica})
    });
    assert_eq!(json!(pending), vector.expect["pending"], "vector {}", vector.id);
    assert!(!placed.approximate);
}

#[test]
fn pods_are_placed_where_kube_scheduler_placed_them() {
    let vectors = placement_vectors().unwrap();
    assert_eq!(vectors.len(), 120);
    vectors.iter().for_each(check);
}
