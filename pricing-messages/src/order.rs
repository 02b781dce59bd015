//! Converts order messages into the text that the core reads.
//!
//! So there is one reader for all orders, and one form of an order to log.

use pricing_core::money::CHAIN_DECIMALS;
use pricing_core::quote::{GivenCards, GivenKind, GivenTarget};
use pricing_core::text::excerpt;
use pricing_proto::akash::base::attributes::v1::Attribute;
use pricing_proto::akash::base::resources::v1beta4::{Endpoint, ResourceValue, Resources, Storage};
use pricing_proto::akash::deployment::v1beta4::{GroupSpec, ResourceUnit};
use pricing_proto::bidprice::v1::{self, order::Form};
use pricing_proto::cosmos::base::v1beta1::DecCoin;
use prost_types::Duration;
use serde_json::{Map, Value, json};

use pricing_engine::order_name::OrderName;

/// Why a message is not an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderMessageError {
    /// The request has no order.
    #[error("the request has no order; set one of `group_spec`, `chain_order` and `text`")]
    Missing,
    /// The chain's order has no group spec.
    #[error("the order has no `spec`")]
    NoSpec,
    /// A resource value is not text.
    #[error("at `{path}`: the value is not the decimal text of a whole number")]
    NotText {
        /// The field's path.
        path: String,
    },
    /// An endpoint's kind is not one of the chain's.
    #[error("at `{path}`: {kind} is not a kind of endpoint")]
    EndpointKind {
        /// The field's path.
        path: String,
        /// The unknown number.
        kind: i32,
    },
    /// The window is not a duration.
    #[error("at `reclamation.min_window`: {seconds} seconds and {nanos} nanoseconds are not a duration")]
    Reclamation {
        /// Whole seconds.
        seconds: i64,
        /// The nanoseconds beyond that.
        nanos: i32,
    },
    /// An amount is not in the chain's notation.
    #[error(
        "at `{path}`: `{amount}` is not an amount; the chain writes a whole number of 10^-18 units, so that \
         `1500000000000000000` is 1.5"
    )]
    Amount {
        /// The field's path.
        path: String,
        /// The amount as it was sent.
        amount: String,
    },
}

/// Returns the text of an order, and its name if the message has one.
///
/// # Errors
/// When the message has no order, or an order that cannot be written as text.
pub fn text(order: Option<v1::Order>) -> Result<(String, Option<OrderName>), OrderMessageError> {
    match order.and_then(|order| order.form).ok_or(OrderMessageError::Missing)? {
        Form::Text(text) => Ok((text, None)),
        Form::GroupSpec(spec) => Ok((group_spec(&spec)?, None)),
        Form::ChainOrder(order) => {
            let spec = order.spec.ok_or(OrderMessageError::NoSpec)?;
            let window = order.reclamation.and_then(|reclamation| reclamation.min_window);
            Ok((with_reclamation(&spec, window)?, order.id.map(OrderName::from)))
        }
    }
}

/// Writes a group spec. With a reclamation window, it is wrapped in the chain's order, which has a field for the
/// window.
fn with_reclamation(spec: &GroupSpec, window: Option<Duration>) -> Result<String, OrderMessageError> {
    // The chain writes an order without reclamation either without a window or with one of zero length.
    let Some(window) = window.filter(|window| window.seconds != 0 || window.nanos != 0) else {
        return group_spec(spec);
    };
    let nanos = u32::try_from(window.nanos).ok().filter(|nanos| *nanos < 1_000_000_000 && window.seconds >= 0);
    let nanos = nanos.ok_or(OrderMessageError::Reclamation { seconds: window.seconds, nanos: window.nanos })?;
    let min_window = format!("{}.{nanos:09}s", window.seconds);
    Ok(json!({ "spec": spec_value(spec)?, "reclamation": { "min_window": min_window } }).to_string())
}

/// Writes a request for bid screening: the group spec, with the hostnames that the tenant wants.
///
/// # Errors
/// When a value is not in the chain's notation.
pub fn screening(spec: &GroupSpec, hostnames: &[String]) -> Result<String, OrderMessageError> {
    if hostnames.is_empty() {
        return group_spec(spec);
    }
    Ok(json!({ "group_spec": spec_value(spec)?, "hostnames": hostnames }).to_string())
}

/// Writes a group spec in the dialect of the chain's REST API.
///
/// # Errors
/// When a value is not in the chain's notation.
pub fn group_spec(spec: &GroupSpec) -> Result<String, OrderMessageError> {
    spec_value(spec).map(|value| value.to_string())
}

fn spec_value(spec: &GroupSpec) -> Result<Value, OrderMessageError> {
    let requirements = spec.requirements.clone().unwrap_or_default();
    let signed_by = requirements.signed_by.unwrap_or_default();
    let units = spec.resources.iter().enumerate();
    let units: Vec<Value> = units.map(|(place, found)| unit(found, place)).collect::<Result<_, _>>()?;
    Ok(json!({
        "name": spec.name,
        "requirements": {
            "signed_by": { "all_of": signed_by.all_of, "any_of": signed_by.any_of },
            "attributes": attributes(&requirements.attributes),
        },
        "resources": units,
    }))
}

fn unit(unit: &ResourceUnit, place: usize) -> Result<Value, OrderMessageError> {
    let path = format!("resources[{place}]");
    let mut value = Map::new();
    let found = unit.resource.clone().unwrap_or_default();
    value.insert("resource".to_owned(), resources(&found, &format!("{path}.resource"))?);
    value.insert("count".to_owned(), unit.count.into());
    if let Some(price) = &unit.price {
        value.insert("price".to_owned(), coin(price, &format!("{path}.price"))?);
    }
    Ok(Value::Object(value))
}

fn resources(found: &Resources, path: &str) -> Result<Value, OrderMessageError> {
    let at = |name: &str| format!("{path}.{name}");
    let mut value = Map::new();
    value.insert("id".to_owned(), found.id.into());
    // Absent fields stay absent, so that the reader can report them.
    if let Some(cpu) = &found.cpu {
        let units = number(cpu.units.as_ref(), &at("cpu.units"))?;
        value.insert("cpu".to_owned(), json!({ "units": units, "attributes": attributes(&cpu.attributes) }));
    }
    if let Some(memory) = &found.memory {
        let quantity = number(memory.quantity.as_ref(), &at("memory.quantity"))?;
        let memory = json!({ "quantity": quantity, "attributes": attributes(&memory.attributes) });
        value.insert("memory".to_owned(), memory);
    }
    let volumes = found.storage.iter().enumerate();
    let volumes = volumes.map(|(place, found)| volume(found, &at(&format!("storage[{place}]"))));
    value.insert("storage".to_owned(), volumes.collect::<Result<_, _>>()?);
    if let Some(gpu) = &found.gpu {
        let units = number(gpu.units.as_ref(), &at("gpu.units"))?;
        value.insert("gpu".to_owned(), json!({ "units": units, "attributes": attributes(&gpu.attributes) }));
    }
    let endpoints = found.endpoints.iter().enumerate();
    let endpoints = endpoints.map(|(place, found)| endpoint(found, &at(&format!("endpoints[{place}]"))));
    value.insert("endpoints".to_owned(), endpoints.collect::<Result<_, _>>()?);
    Ok(Value::Object(value))
}

fn volume(found: &Storage, path: &str) -> Result<Value, OrderMessageError> {
    let quantity = number(found.quantity.as_ref(), &format!("{path}.quantity"))?;
    Ok(json!({ "name": found.name, "quantity": quantity, "attributes": attributes(&found.attributes) }))
}

fn endpoint(found: &Endpoint, path: &str) -> Result<Value, OrderMessageError> {
    use pricing_proto::akash::base::resources::v1beta4::endpoint::Kind;

    let unknown = |_| OrderMessageError::EndpointKind { path: format!("{path}.kind"), kind: found.kind };
    let kind = Kind::try_from(found.kind).map_err(unknown)?;
    Ok(json!({ "kind": kind.as_str_name(), "sequence_number": found.sequence_number }))
}

fn attributes(list: &[Attribute]) -> Value {
    list.iter().map(|attribute| json!({ "key": attribute.key, "value": attribute.value })).collect()
}

/// Reads a resource value. An absent or empty value is 0, because protobuf omits zero values.
fn number(value: Option<&ResourceValue>, path: &str) -> Result<Value, OrderMessageError> {
    let bytes = value.map_or(&[][..], |value| &value.val);
    let text = std::str::from_utf8(bytes).map_err(|_| OrderMessageError::NotText { path: path.to_owned() })?;
    Ok(json!({ "val": if text.is_empty() { "0" } else { text } }))
}

/// Writes a coin with its amount as a decimal fraction.
fn coin(coin: &DecCoin, path: &str) -> Result<Value, OrderMessageError> {
    let wrong =
        || OrderMessageError::Amount { path: format!("{path}.amount"), amount: excerpt(&coin.amount).to_string() };
    let amount =
        if coin.amount.contains('.') { coin.amount.clone() } else { from_atomics(&coin.amount).ok_or_else(wrong)? };
    Ok(json!({ "denom": coin.denom, "amount": amount }))
}

/// Converts a whole number of 10^-18 units into a decimal fraction. Returns `None` if the text is not a whole number.
///
/// Source: `LegacyDec.Marshal` of cosmossdk.io/math, which every `DecCoin` on the chain goes through.
fn from_atomics(text: &str) -> Option<String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals = usize::try_from(CHAIN_DECIMALS).ok()?;
    let padded = format!("{text:0>width$}", width = decimals.saturating_add(1));
    let (whole, fraction) = padded.split_at_checked(padded.len().checked_sub(decimals)?)?;
    Some(format!("{whole}.{fraction}"))
}

/// Converts a decimal fraction into the chain's whole number of 10^-18 units. Returns `None` if it has more decimals
/// than that.
#[must_use]
pub fn to_atomics(amount: &str) -> Option<String> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let decimals = usize::try_from(CHAIN_DECIMALS).ok()?;
    if fraction.len() > decimals {
        return None;
    }
    let digits = format!("{whole}{fraction:0<decimals$}");
    let digits = digits.trim_start_matches('0');
    Some(if digits.is_empty() { "0".to_owned() } else { digits.to_owned() })
}

/// Converts the targets that a daemon has reserved.
#[must_use]
pub fn targets(targets: Vec<v1::Target>) -> Vec<GivenTarget> {
    let kind = |kind: v1::GpuKind| GivenKind {
        vendor: kind.vendor,
        model: kind.model,
        ram: kind.ram,
        interface: kind.interface,
    };
    let cards = |cards: v1::Cards| GivenCards { node: cards.node, kinds: cards.kinds.into_iter().map(kind).collect() };
    let target = |target: v1::Target| GivenTarget {
        resource_id: target.resource_id,
        count: target.count,
        nodes: target.nodes,
        gpu_units: target.gpu_units,
        cards: target.cards.into_iter().map(cards).collect(),
    };
    targets.into_iter().map(target).collect()
}
