//! Recognises an order's format by its content, and reads it.

mod outline;

use super::{Conditions, GroupSpec, Order, OrderFormat, group_spec, script_request, text_size};
use crate::input::InputError;
use outline::{Object, Outline};

/// Keys at the top of an SDL, which may be written as JSON.
const SDL_KEYS: [&str; 4] = ["version", "services", "profiles", "deployment"];
/// Keys at the top of a script request that occur in no other format.
const SCRIPT_KEYS: [&str; 2] = ["price", "price_precision"];
/// Keys of a script request's resources.
const SCRIPT_RESOURCE_KEYS: [&str; 5] = ["cpu", "memory", "gpu", "storage", "count"];
/// Keys of a group spec and of its resource units.
const GROUP_SPEC_KEYS: [&str; 4] = ["name", "requirements", "resources", "resource"];

/// Group specs, each with its conditions.
type Groups = Vec<(GroupSpec, Conditions)>;

/// The orders that a text contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orders {
    /// One order per group.
    pub orders: Vec<Order>,
    /// The parts of an SDL that the chain's command line or Console would refuse.
    pub warnings: Vec<InputError>,
}

/// Reads an order in the given format, or in the format that its content shows. Each group becomes one order.
///
/// # Errors
/// When the text is too large, of no known format, or invalid in its format. The error has path, line and column.
pub fn read(text: &str, format: Option<OrderFormat>) -> Result<Vec<Order>, InputError> {
    Ok(read_with_warnings(text, format)?.orders)
}

/// Reads an order, with warnings about what only some of the tenants' tools accept.
///
/// # Errors
/// As [`read`].
pub fn read_with_warnings(text: &str, format: Option<OrderFormat>) -> Result<Orders, InputError> {
    text_size::check(text)?;
    let format = format.map_or_else(|| detect(text), Ok)?;
    let (groups, warnings) = match format {
        OrderFormat::Script => return Ok(Orders { orders: vec![script_request::read(text)?], warnings: Vec::new() }),
        OrderFormat::GroupSpec => (group_spec::read_with_conditions(text)?, Vec::new()),
        OrderFormat::Sdl => read_sdl(text)?,
    };
    let order = |(group, conditions)| -> Result<Order, InputError> {
        let order = Order::from_group(group, format).map_err(InputError::new)?;
        Ok(Order { conditions, ..order })
    };
    Ok(Orders { orders: groups.into_iter().map(order).collect::<Result<_, _>>()?, warnings })
}

/// Recognises the format of an order.
///
/// # Errors
/// When the text is too large, or is JSON that is not an order.
pub fn detect(text: &str) -> Result<OrderFormat, InputError> {
    text_size::check(text)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.trim_start().starts_with(['{', '[']) {
        let is_log = group_spec::log_resources(text).is_some();
        return Ok(if is_log { OrderFormat::GroupSpec } else { OrderFormat::Sdl });
    }
    let format = match serde_json::from_str(text) {
        Ok(Outline::Object(object)) => of_object(&object),
        Ok(Outline::Array(items)) => of_array(&items),
        Ok(Outline::Other) => None,
        // In YAML, text within braces needs no quotes, so an SDL can fail to parse as JSON.
        Err(_) if SDL_KEYS.iter().all(|key| text.contains(key)) => Some(OrderFormat::Sdl),
        Err(error) => {
            let (line, column) = (error.line().max(1), error.column().max(1));
            let full = error.to_string();
            let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
            return Err(InputError::new(format_args!("not JSON: {message}")).position(line, column));
        }
    };
    format.ok_or_else(|| {
        InputError::new("this JSON is neither an SDL, nor a group spec, nor a bid script request")
            .hint("name its format to see what is missing")
    })
}

fn of_object(object: &Object<'_>) -> Option<OrderFormat> {
    let has = |keys: &[&str]| keys.iter().any(|key| object.has(key));
    let script_resources = object.get("resources").and_then(Outline::array).is_some_and(is_script);
    if has(&SCRIPT_KEYS) || script_resources {
        Some(OrderFormat::Script)
    } else if has(&group_spec::WRAPPER_KEYS) || has(&group_spec::ANSWER_KEYS) || has(&GROUP_SPEC_KEYS) {
        Some(OrderFormat::GroupSpec)
    } else if has(&SDL_KEYS) {
        Some(OrderFormat::Sdl)
    } else {
        None
    }
}

fn of_array(items: &[Outline<'_>]) -> Option<OrderFormat> {
    let group = |item: &Outline<'_>| {
        let keys = GROUP_SPEC_KEYS.iter().chain(&group_spec::WRAPPER_KEYS).chain(&group_spec::ANSWER_KEYS);
        item.object().is_some_and(|object| keys.into_iter().any(|key| object.has(key)))
    };
    if is_script(items) {
        Some(OrderFormat::Script)
    } else if items.iter().any(group) {
        Some(OrderFormat::GroupSpec)
    } else {
        None
    }
}

/// Whether these are the resources of a script request. They stand bare; the chain's stand under `resource`.
fn is_script(items: &[Outline<'_>]) -> bool {
    let bare = |item: &Outline<'_>| {
        item.object().is_some_and(|object| {
            SCRIPT_RESOURCE_KEYS.iter().any(|key| object.has(key)) && !GROUP_SPEC_KEYS.iter().any(|key| object.has(key))
        })
    };
    items.iter().any(bare)
}

#[cfg(feature = "sdl")]
fn read_sdl(text: &str) -> Result<(Groups, Vec<InputError>), InputError> {
    let super::sdl::Sdl { groups, warnings } = super::sdl::read_with_warnings(text)?;
    Ok((groups, warnings))
}

#[cfg(not(feature = "sdl"))]
fn read_sdl(_text: &str) -> Result<(Groups, Vec<InputError>), InputError> {
    Err(InputError::new("this program was built without SDL").hint("give it a group spec as JSON"))
}

#[cfg(test)]
mod tests;
