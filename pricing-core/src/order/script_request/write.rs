//! Orders as the request that the provider's daemon sends to its bid price script.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::gpu::GpuRequest;
use crate::order::{Order, ResourceUnit, Volume, group_spec, leased_ips};

/// Writes an order as a bid script request: the object form, or the legacy bare array for an order without a maximum.
///
/// Amounts and cards are those of the order. The daemon sends the ones that it reserved, so a caller that wants these
/// puts them into the order first.
///
/// What the format cannot express is lost in the same way as in the daemon:
/// - A vendor has one entry. Of several alternatives of one vendor, the last in the order's spelling is written.
/// - Leased IPs are counted for each resource unit, so an address that several units share counts for each of them.
/// - Endpoints are only counted. Names, ids, attributes other than the GPUs' kinds, and requirements other than
///   confidential compute are left out.
/// - The legacy form has no precision: it is answered as a whole number.
#[must_use]
pub fn to_json(order: &Order) -> String {
    let resources: Value = order.group.resources().iter().map(resource).collect();
    match &order.max_price {
        None => resources.to_string(),
        // A precision of 0 is written, too. The daemon leaves it out, and a missing precision means 6.
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

/// Returns the cards by vendor, sorted; an empty object where the order names none.
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
