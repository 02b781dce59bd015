//! Finds group specs in the output of the chain's tools and of the provider's daemon.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::json::{GroupSpec, Unit, Units, Wrapper};
use super::{WRAPPER_KEYS, parse};
use crate::input::InputError;

/// Keys around group specs: in the answers of `query market order get|list` and `query deployment get|list`, in the
/// message that creates a deployment, and in the transaction around that message.
pub(in crate::order) const ANSWER_KEYS: [&str; 6] = ["order", "orders", "groups", "deployments", "messages", "body"];
/// What precedes resource units in the daemon's log.
const LOG_KEY: &str = "resources=";
/// The name that is given to a group of which only the resource units are known.
const UNNAMED: &str = "order";

/// The keys of a JSON object, with values of any kind.
type Keys = BTreeMap<String, IgnoredAny>;
/// A spec and its path in the text.
type Found = (String, Wrapper);

/// The chain's answer that lists orders.
#[derive(Deserialize)]
struct Orders<T> {
    orders: Vec<T>,
}

/// An object whose one field is an order.
#[derive(Deserialize)]
struct Order<T> {
    order: T,
}

/// A deployment with its groups, or a message that creates one.
#[derive(Deserialize)]
struct Deployment<T> {
    groups: Vec<T>,
}

/// The chain's answer that lists deployments.
#[derive(Deserialize)]
struct Deployments<T> {
    deployments: Vec<Deployment<T>>,
}

/// The body of a transaction, or its unsigned form.
#[derive(Deserialize)]
struct Messages<T> {
    messages: Vec<T>,
}

#[derive(Deserialize)]
struct Transaction<T> {
    body: Messages<T>,
}

/// Returns every group spec of a text.
pub(super) fn find(text: &str) -> Result<Vec<Found>, InputError> {
    let found = if text.trim_start().starts_with('[') { in_array(text)? } else { in_object(text)? };
    if found.is_empty() { Err(InputError::new("there are no group specs in it")) } else { Ok(found) }
}

/// Reads the specs of an object. The first key that is known decides which answer this is, so a spec's own keys come
/// last. Where lists can hold several shapes, the text is parsed twice: once for the keys, once as the shape that they
/// show. That keeps the error path of serde exact, which an untagged enum would lose.
fn in_object(text: &str) -> Result<Vec<Found>, InputError> {
    let keys = parse::<Keys>(text)?;
    let has = |key: &str| keys.contains_key(key);
    if is_wrapped(&keys) {
        return Ok(vec![("spec".to_owned(), parse(text)?)]);
    }
    if has("order") {
        let Order { order } = parse::<Order<Wrapper>>(text)?;
        return Ok(vec![("order.spec".to_owned(), order)]);
    }
    if has("orders") {
        return orders(text);
    }
    if has("groups") {
        let Deployment { groups } = parse::<Deployment<Keys>>(text)?;
        return match holder(groups.iter(), "groups")? {
            Holder::Wrapper => Ok(placed("groups", ".group_spec", parse::<Deployment<Wrapper>>(text)?.groups)),
            _ => Ok(placed("groups", "", bare(parse::<Deployment<GroupSpec>>(text)?.groups))),
        };
    }
    if has("deployments") {
        let Deployments { deployments } = parse::<Deployments<Wrapper>>(text)?;
        let specs = deployments.into_iter().enumerate().map(|(index, deployment)| {
            placed(&format!("deployments[{index}].groups"), ".group_spec", deployment.groups)
        });
        return Ok(specs.flatten().collect());
    }
    if has("body") {
        let Transaction { body } = parse::<Transaction<Keys>>(text)?;
        return messages(&body.messages, "body.messages", || {
            Ok(parse::<Transaction<Deployment<GroupSpec>>>(text)?.body.messages)
        });
    }
    if has("messages") {
        let Messages { messages: listed } = parse::<Messages<Keys>>(text)?;
        return messages(&listed, "messages", || Ok(parse::<Messages<Deployment<GroupSpec>>>(text)?.messages));
    }
    if has("resources") && !has("name") && !has("requirements") {
        return Ok(vec![(String::new(), Wrapper::bare(parse::<Units>(text)?.named(UNNAMED)))]);
    }
    Ok(vec![(String::new(), Wrapper::bare(parse(text)?))])
}

fn in_array(text: &str) -> Result<Vec<Found>, InputError> {
    let keys = parse::<Vec<Keys>>(text)?;
    if keys.is_empty() {
        return Err(InputError::new("the array has no group specs"));
    }
    Ok(match holder(keys.iter(), "")? {
        Holder::Wrapper => placed("", ".spec", parse(text)?),
        Holder::Order => {
            let orders: Vec<Order<Wrapper>> = parse(text)?;
            placed("", ".order.spec", orders.into_iter().map(|order| order.order).collect())
        }
        Holder::Unit => {
            let units = Units::bare(parse::<Vec<Unit>>(text)?);
            vec![(String::new(), Wrapper::bare(units.named(UNNAMED)))]
        }
        Holder::Nothing => placed("", "", bare(parse(text)?)),
    })
}

fn orders(text: &str) -> Result<Vec<Found>, InputError> {
    let Orders { orders } = parse::<Orders<Keys>>(text)?;
    if matches!(holder(orders.iter(), "orders")?, Holder::Order) {
        let Orders { orders } = parse::<Orders<Order<Wrapper>>>(text)?;
        let wrappers = orders.into_iter().map(|order| order.order).collect();
        return Ok(placed("orders", ".order.spec", wrappers));
    }
    Ok(placed("orders", ".spec", parse::<Orders<Wrapper>>(text)?.orders))
}

/// Returns the groups of messages, every one of which must create a deployment.
fn messages(
    listed: &[Keys],
    path: &str,
    read: impl FnOnce() -> Result<Vec<Deployment<GroupSpec>>, InputError>,
) -> Result<Vec<Found>, InputError> {
    if let Some(index) = listed.iter().position(|message| !message.contains_key("groups")) {
        let error = InputError::new("this message does not create a deployment: it has no `groups`");
        return Err(error.at(format!("{path}[{index}]")));
    }
    let specs = read()?
        .into_iter()
        .enumerate()
        .map(|(index, deployment)| placed(&format!("{path}[{index}].groups"), "", bare(deployment.groups)));
    Ok(specs.flatten().collect())
}

/// What stands around a group spec in a list.
enum Holder {
    /// An order or group as the chain stores it.
    Wrapper,
    /// An object whose one field is the order.
    Order,
    /// Not a spec, but a resource unit of one.
    Unit,
    Nothing,
}

/// Returns what stands around the specs of a list. All items must have the same shape.
fn holder<'a>(items: impl Iterator<Item = &'a Keys> + Clone, path: &str) -> Result<Holder, InputError> {
    let all = |is: fn(&Keys) -> bool| {
        let (with, without) = (items.clone().position(is), items.clone().position(|keys| !is(keys)));
        match (with, without) {
            (Some(_), Some(odd)) => {
                Err(InputError::new("this item is not like the others").at(format!("{path}[{odd}]")))
            }
            (with, _) => Ok(with.is_some()),
        }
    };
    Ok(if all(is_wrapped)? {
        Holder::Wrapper
    } else if all(|keys| keys.contains_key("order"))? {
        Holder::Order
    } else if all(|keys| keys.contains_key("resource"))? {
        Holder::Unit
    } else {
        Holder::Nothing
    })
}

fn is_wrapped(keys: &Keys) -> bool {
    WRAPPER_KEYS.iter().any(|key| keys.contains_key(*key))
}

fn bare(specs: Vec<GroupSpec>) -> Vec<Wrapper> {
    specs.into_iter().map(Wrapper::bare).collect()
}

fn placed(path: &str, rest: &str, specs: Vec<Wrapper>) -> Vec<Found> {
    specs.into_iter().enumerate().map(|(index, spec)| (format!("{path}[{index}]{rest}"), spec)).collect()
}

/// Returns the resource units in a line of the daemon's log: the JSON array after `resources=`, bare or quoted, with or
/// without terminal colour codes around it. None if a text is not such a line.
pub(in crate::order) fn log_resources(text: &str) -> Option<Cow<'_, str>> {
    if text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let value = text.split(LOG_KEY).skip(1).map(without_colour).find(|value| value.starts_with(['[', '"']))?;
    let array = if value.starts_with('[') {
        Cow::Borrowed(value.get(..json_end::<IgnoredAny>(value)?)?)
    } else {
        let quoted = value.get(..json_end::<String>(value)?)?;
        Cow::Owned(serde_json::from_str(quoted).ok()?)
    };
    let units = serde_json::from_str::<Vec<Keys>>(&array).ok()?;
    units.iter().any(|keys| keys.contains_key("resource")).then_some(array)
}

/// Returns the offset at which the JSON value at the start of a text ends.
fn json_end<T: DeserializeOwned>(text: &str) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<T>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

/// Skips leading spaces and terminal colour codes.
fn without_colour(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some(code) = rest.strip_prefix("\u{1b}[") {
        let end = code.find('m').unwrap_or(0);
        rest = code.get(end.saturating_add(1)..).unwrap_or("").trim_start();
    }
    rest
}
