//! Orders as the request that the provider's daemon sends to its bid price script.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::gpu::GpuRequest;
use crate::order::{Order, ResourceUnit, Volume, group_spec, leased_ips};

/// Writes an order as a bid script request: the object form, or, for an order without a maximum, the legacy bare array.
///
/// Amounts and cards are the order's own. The daemon sends those that it reserved, which the caller can put into the
/// order first.
///
/// What the form cannot say is lost as the daemon loses it:
/// - A vendor has one entry: of several alternatives of one vendor, in the order's spelling, the last is written.
/// - Leased IPs are counted for each resource unit, so an address that several units share counts for each of them.
/// - Endpoints are counted; names, ids, attributes other than the GPUs', their interconnect, and requirements other than
///   confidential compute are left out.
/// - The legacy form has no precision: it is answered as a whole number.
#[must_use]
pub fn to_json(order: &Order) -> String {
    let resources: Value = order.group.resources().iter().map(resource).collect();
    match &order.max_price {
        None => resources.to_string(),
        // A precision of 0 is written too. The daemon leaves it out, which means 6.
        Some(price) => {
            let mut request = Map::new();
            request.insert("resources".to_owned(), resources);
            request.insert("price".to_owned(), group_spec::price(price));
            request.insert("price_precision".to_owned(), order.price_precision.into());
            if order.group.requirements().is_flagged_confidential() {
                request.insert("confidential_compute".to_owned(), true.into());
            }
            Value::Object(request).to_string()
        }
    }
}

fn resource(unit: &ResourceUnit) -> Value {
    json!({
        "memory": unit.memory.get(),
        "cpu": unit.cpu.get(),
        "gpu": { "units": unit.gpu.units, "attributes": gpu_attributes(&unit.gpu) },
        "storage": unit.storage.iter().map(volume).collect::<Vec<_>>(),
        "count": unit.count,
        "endpoint_quantity": unit.endpoints.quantity(),
        "ip_lease_quantity": leased_ips(std::iter::once(&unit.endpoints)),
    })
}

fn volume(volume: &Volume) -> Value {
    json!({ "class": volume.class.name().exact(), "size": volume.size.get() })
}

/// The cards by vendor, sorted; nothing at all where the order names none.
fn gpu_attributes(gpu: &GpuRequest) -> Value {
    let mut vendors = BTreeMap::new();
    for selector in &gpu.alternatives {
        let [vendor, model, ram, interface] = selector.written();
        let mut card = Map::new();
        card.insert("model".to_owned(), model.into());
        for (key, value) in [("ram", ram), ("interface", interface)] {
            if !value.is_empty() {
                card.insert(key.to_owned(), value.into());
            }
        }
        vendors.insert(vendor, Value::Object(card));
    }
    if vendors.is_empty() { json!({}) } else { json!({ "vendor": vendors }) }
}
