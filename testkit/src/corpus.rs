//! The reservation vectors of the corpus: clusters and groups, with the answers of the provider's daemon.

use pricing_core::inventory::{Cluster, read, validate};
use pricing_core::order::{GroupSpec, group_spec};
use serde_json::Value;

/// A cluster, a group, and the daemon's answer.
#[derive(Clone, Debug)]
pub struct ReservationVector {
    /// Its number.
    pub id: u64,
    /// What can be believed of the cluster.
    pub cluster: Cluster,
    /// The group.
    pub group: GroupSpec,
    /// The answer as the corpus writes it.
    pub expect: Value,
}

/// Reads the reservation vectors.
///
/// # Errors
/// When the corpus is not there, or a vector cannot be read.
pub fn reservation_vectors() -> Result<Vec<ReservationVector>, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/reservation/vectors.jsonl");
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let vectors = text.lines().enumerate();
    vectors.map(|(line, text)| vector(text).map_err(|error| format!("{path}: line {}: {error}", line + 1))).collect()
}

/// A cluster, a group, and where kube-scheduler placed its pods.
#[derive(Clone, Debug)]
pub struct PlacementVector {
    /// Its number.
    pub id: u64,
    /// What can be believed of the cluster.
    pub cluster: Cluster,
    /// The group.
    pub group: GroupSpec,
    /// The profile's scoring strategy in Kubernetes' own words. Null for the default one.
    pub scoring: Value,
    /// The placement as the corpus writes it.
    pub expect: Value,
}

/// Reads the placements of kube-scheduler.
///
/// # Errors
/// When the corpus is not there, or a vector cannot be read.
pub fn placement_vectors() -> Result<Vec<PlacementVector>, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/kubernetes/placement.jsonl");
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let read = |(line, text): (usize, &str)| {
        let ReservationVector { id, cluster, group, expect } =
            vector(text).map_err(|error| format!("{path}: line {}: {error}", line + 1))?;
        let raw: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Ok(PlacementVector { id, cluster, group, scoring: raw.get("scoring").cloned().unwrap_or_default(), expect })
    };
    text.lines().enumerate().map(read).collect()
}

/// A cluster, a group, and what Kubernetes does with its pods.
#[derive(Clone, Debug)]
pub struct KubernetesVector {
    /// Its number.
    pub id: u64,
    /// What can be believed of the cluster.
    pub cluster: Cluster,
    /// The group as the corpus writes it.
    pub group: Value,
    /// For each unit with cards, what was reserved, where its pods could start, and what they could be handed.
    pub units: Vec<Value>,
}

/// Reads the Kubernetes vectors.
///
/// # Errors
/// When the corpus is not there, or a vector cannot be read.
pub fn kubernetes_vectors() -> Result<Vec<KubernetesVector>, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/kubernetes/vectors.jsonl");
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let read = |(line, text): (usize, &str)| {
        let vector: Value =
            serde_json::from_str(text).map_err(|error| format!("{path}: line {}: {error}", line + 1))?;
        let part = |name: &str| vector.get(name).cloned().unwrap_or_default();
        let snapshot = read::read(&part("cluster").to_string()).map_err(|error| error.to_string())?;
        Ok(KubernetesVector {
            id: part("id").as_u64().unwrap_or_default(),
            cluster: validate::validate(snapshot).cluster,
            group: part("group"),
            units: part("units").as_array().cloned().unwrap_or_default(),
        })
    };
    text.lines().enumerate().map(read).collect()
}

fn vector(text: &str) -> Result<ReservationVector, String> {
    let vector: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let part = |name: &str| vector.get(name).ok_or_else(|| format!("no `{name}`"));
    let snapshot = read::read(&part("cluster")?.to_string()).map_err(|error| error.to_string())?;
    let groups = group_spec::read(&part("group")?.to_string()).map_err(|error| error.to_string())?;
    Ok(ReservationVector {
        id: part("id")?.as_u64().unwrap_or_default(),
        cluster: validate::validate(snapshot).cluster,
        group: groups.into_iter().next().ok_or("no group")?,
        expect: part("expect")?.clone(),
    })
}
