//! Orders as JSON lines, read and written.
//!
//! A line is an object whose keys are the columns of [`super::row`]. Values are strings or numbers; `order` is a
//! string, or the group spec or bid script request itself. A null or an empty string counts as missing. Empty lines are
//! skipped.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use pricing_core::input::InputError;
use pricing_core::order::{Order, OrderFormat, group_spec, script_request};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::row::{Columns, Defaults, column};
use super::{Arrival, Collected, OnBadRow};
use crate::time::Millis;

/// The orders of a text.
///
/// # Errors
/// When a line is not an order. The error names the line.
pub fn read(text: &str, defaults: &Defaults<'_>) -> Result<Vec<Arrival>, InputError> {
    read_with(text, defaults, &mut Err)
}

/// Like [`read`], but asks what to do about a line that is not an order.
///
/// # Errors
/// When `on_bad_row` returns one, or there are too many orders.
pub fn read_with(
    text: &str,
    defaults: &Defaults<'_>,
    on_bad_row: &mut OnBadRow<'_>,
) -> Result<Vec<Arrival>, InputError> {
    let columns = Columns::all();
    let mut orders = Collected::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        let cells = match cells(line, &columns) {
            Ok(cells) => cells,
            Err(error) => {
                let column = error.column().unwrap_or(1);
                orders.bad_row(error.position(number, column), on_bad_row)?;
                continue;
            }
        };
        let cells: Vec<Option<&str>> = cells.iter().map(Option::as_deref).collect();
        orders.row(&columns, &cells, defaults, |error| error.position(number, 1), on_bad_row)?;
    }
    Ok(orders.arrivals)
}

/// The values of a line, in the order of the columns.
fn cells<'a>(line: &'a str, columns: &Columns) -> Result<Vec<Option<Cow<'a, str>>>, InputError> {
    let object: Object<'a> = serde_json::from_str(line).map_err(|error| json(&error))?;
    let mut cells = vec![None; super::row::NAMES.len()];
    for (key, value) in object.0 {
        let name = column(&key)?;
        if let Some(cell) = columns.place(name).and_then(|place| cells.get_mut(place)) {
            *cell = self::value(name, value).map_err(|error| error.at(name))?;
        }
    }
    Ok(cells)
}

/// The value as a cell of a row.
fn value<'a>(name: &str, value: &'a RawValue) -> Result<Option<Cow<'a, str>>, InputError> {
    let raw = value.get();
    match raw.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'"') => {
            let text: Text<'a> = serde_json::from_str(raw).map_err(|error| json(&error))?;
            Ok(Some(text.0))
        }
        Some(b'-' | b'0'..=b'9') => Ok(Some(Cow::Borrowed(raw))),
        Some(b'{' | b'[') if name == "order" => Ok(Some(Cow::Borrowed(raw))),
        _ => Err(InputError::new("expected a text or a number")),
    }
}

/// What is wrong with the JSON, without the line number, which is always 1.
fn json(error: &serde_json::Error) -> InputError {
    let full = error.to_string();
    let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
    InputError::new(message).position(error.line().max(1), error.column().max(1))
}

/// The keys and raw values of an object. Duplicate keys are rejected.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with an order")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                while let Some((Text(key), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    if entries.iter().any(|(other, _)| *other == key) {
                        let key = pricing_core::text::excerpt(&key);
                        return Err(A::Error::custom(format_args!("the key `{key}` is there twice")));
                    }
                    // With more keys than columns, one of them is unknown and will be reported.
                    if entries.len() > super::row::NAMES.len() {
                        break;
                    }
                    entries.push((key, value));
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// A string, borrowed if it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Writes orders so that [`read`] gives the same ones back: each as a group spec, or as a bid script request if it came
/// as one.
///
/// # Errors
/// When it cannot be written.
pub fn write(arrivals: &[Arrival], to: &mut dyn Write) -> io::Result<()> {
    for arrival in arrivals {
        serde_json::to_writer(&mut *to, &line(arrival))?;
        to.write_all(b"\n")?;
    }
    to.flush()
}

/// An order as a JSON object. The maximum is only written if the order's own text does not contain it.
fn line(arrival: &Arrival) -> Value {
    let mut line = Map::new();
    let mut put = |key: &str, value: Value| {
        line.insert(key.to_owned(), value);
    };
    put("id", (*arrival.id).into());
    put("at", seconds(arrival.at).into());
    if let Some(until) = arrival.until {
        put("until", seconds(until).into());
    }
    if let Some(owner) = &arrival.owner {
        put("owner", (**owner).into());
    }
    let order = &*arrival.order;
    if order.format == OrderFormat::Script {
        let mut written = order.clone();
        written.max_price = written.max_price.filter(|_| arrival.has_maximum);
        put("order", serde_json::from_str(&script_request::to_json(&written)).unwrap_or_default());
    } else {
        put("order", group_spec::order_to_json(order));
    }
    if let Some(price) = &order.max_price {
        if arrival.has_maximum && !says_its_maximum(order) {
            put("max_price", price.amount().to_string().into());
        }
        put("denom", price.denom().as_str().into());
    }
    Value::Object(line)
}

/// Whether the written order already contains the maximum.
fn says_its_maximum(order: &Order) -> bool {
    let read_back = || Order::from_group(order.group.clone(), order.format);
    order.format == OrderFormat::Script || read_back().is_ok_and(|own| own.max_price == order.max_price)
}

/// A time in seconds, exactly.
fn seconds(time: Millis) -> String {
    Decimal::try_from_i128_with_scale(i128::from(time), 3).unwrap_or_default().normalize().to_string()
}

#[cfg(test)]
mod tests;
