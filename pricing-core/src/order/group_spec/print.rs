//! Writes group specs in the chain's REST dialect: snake case, decimal text, every field present.

use core::time::Duration;

use serde_json::{Value, json};

use crate::gpu::{GpuRequest, INTERCONNECT_KEY};
use crate::money::{CHAIN_DECIMALS, Price};
use crate::order::{Attribute, Conditions, Endpoint, Endpoints, GroupSpec, Order, ResourceUnit, Volume};
use crate::text::Untrusted;

/// Writes group specs as a JSON array in the chain's REST dialect.
#[must_use]
pub fn to_json(groups: &[GroupSpec]) -> Value {
    Value::Array(groups.iter().map(group).collect())
}

/// Writes an order so that reading it gives the same order: the bare group spec, or, with conditions, the object around
/// it.
#[must_use]
pub fn order_to_json(order: &Order) -> Value {
    let spec = group(&order.group);
    let Conditions { min_reclamation, hostnames } = &order.conditions;
    if min_reclamation.is_none() && hostnames.is_empty() {
        return spec;
    }
    let window = |window: &Duration| format!("{}.{:09}s", window.as_secs(), window.subsec_nanos());
    json!({
        "spec": spec,
        "reclamation": min_reclamation.as_ref().map(|found| json!({ "min_window": window(found) })),
        "hostnames": hostnames.iter().map(Untrusted::exact).collect::<Vec<_>>(),
    })
}

fn group(group: &GroupSpec) -> Value {
    let requirements = group.requirements();
    json!({
        "name": group.name().exact(),
        "requirements": {
            "signed_by": {
                "all_of": requirements.signed_by.all_of,
                "any_of": requirements.signed_by.any_of,
            },
            "attributes": attributes(&requirements.attributes),
        },
        "resources": group.resources().iter().map(unit).collect::<Vec<_>>(),
    })
}

fn unit(unit: &ResourceUnit) -> Value {
    json!({
        "resource": {
            "id": unit.id,
            "cpu": { "units": val(unit.cpu), "attributes": attributes(&unit.cpu_attributes) },
            "memory": { "quantity": val(unit.memory), "attributes": attributes(&unit.memory_attributes) },
            "storage": unit.storage.iter().map(volume).collect::<Vec<_>>(),
            "gpu": gpu(&unit.gpu),
            "endpoints": endpoints(&unit.endpoints),
        },
        "count": unit.count,
        "price": unit.price.as_ref().map(price),
    })
}

/// Writes a number as the chain's resource value.
fn val(number: impl core::fmt::Display) -> Value {
    json!({ "val": number.to_string() })
}

fn attributes(list: &[Attribute]) -> Value {
    list.iter().map(|attribute| json!({ "key": attribute.key, "value": attribute.value })).collect()
}

fn volume(volume: &Volume) -> Value {
    json!({
        "name": volume.name,
        "quantity": val(volume.size),
        "attributes": attributes(&volume.attributes),
    })
}

fn gpu(gpu: &GpuRequest) -> Value {
    let interconnect = gpu.interconnect.iter().map(|label| json!({ "key": INTERCONNECT_KEY, "value": label }));
    let kinds = gpu.alternatives.iter().map(|kind| json!({ "key": kind.attribute_key(), "value": "true" }));
    json!({ "units": val(gpu.units), "attributes": interconnect.chain(kinds).collect::<Vec<_>>() })
}

/// Writes the listed endpoints. A script request only counts them, so it has none to write.
fn endpoints(endpoints: &Endpoints) -> Value {
    let list: &[Endpoint] = match endpoints {
        Endpoints::Listed(list) => list,
        Endpoints::Counted { .. } => &[],
    };
    let endpoint = |e: &Endpoint| json!({ "kind": e.kind.name(), "sequence_number": e.sequence_number });
    list.iter().map(endpoint).collect()
}

/// Writes a price with all of the chain's decimals.
pub(crate) fn price(price: &Price) -> Value {
    let amount = price.amount().to_string();
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount.as_str(), ""));
    let decimals = usize::try_from(CHAIN_DECIMALS).unwrap_or(usize::MAX);
    json!({ "denom": price.denom().as_str(), "amount": format!("{whole}.{fraction:0<decimals$}") })
}
