//! The daemon's own answers, and its faults, each named after its number in the list of what a provider does wrong.

mod faults;
mod naive;
mod vectors;

use serde_json::Value;

use super::*;
use crate::gpu::{GpuRequest, GpuSelector};
use crate::inventory::{read, validate};

/// Volumes by class and size.
type Volumes = Vec<(StorageClass, u64)>;

/// Reserves with as many steps as it takes.
pub(super) fn reserve(units: &[CommittedUnit], cluster: &Cluster) -> Result<Reservation, ReserveError> {
    super::reserve(units, cluster, &Budget::default())
}

pub(super) fn cluster(json: &str) -> Cluster {
    validate::validate(read::read(json).unwrap()).cluster
}

/// The committed units of a group in the dialect of the vectors.
pub(super) fn units(group: &Value) -> Vec<CommittedUnit> {
    group["resources"].as_array().unwrap().iter().map(unit).collect()
}

fn unit(unit: &Value) -> CommittedUnit {
    let resource = &unit["resource"];
    let amount = |value: &Value| value["val"].as_str().map_or(0, |text| text.parse().unwrap());
    let keys = resource["gpu"]["attributes"].as_array().into_iter().flatten();
    CommittedUnit {
        id: resource["id"].as_u64().unwrap().try_into().unwrap(),
        count: unit["count"].as_u64().unwrap().try_into().unwrap(),
        cpu: amount(&resource["cpu"]["units"]),
        memory: amount(&resource["memory"]["size"]),
        gpu: GpuRequest {
            units: amount(&resource["gpu"]["units"]),
            alternatives: keys
                .map(|one| GpuSelector::from_attribute_key(one["key"].as_str().unwrap()).unwrap())
                .collect(),
        },
        storage: volumes(resource, amount),
    }
}

fn volumes(resource: &Value, amount: impl Fn(&Value) -> u64) -> Volumes {
    let volume = |volume: &Value| {
        let attributes = volume["attributes"].as_array().cloned().unwrap_or_default();
        let value = |key: &str| {
            attributes.iter().find(|one| one["key"] == key).map_or("", |one| one["value"].as_str().unwrap())
        };
        let class = match (value("persistent"), value("class")) {
            ("true", class) => StorageClass::Persistent(class.into()),
            (_, "ram") => StorageClass::Ram,
            _ => StorageClass::Ephemeral,
        };
        (class, amount(&volume["size"]))
    };
    resource["storage"].as_array().into_iter().flatten().map(volume).collect()
}
