//! Attributes: keys of the tenant's own and their values, of a placement or of a CPU.

use super::field::Field;
use crate::input::InputError;
use crate::order::Attribute;
use crate::yaml::Kind;

/// Attributes of the tenant's own, sorted by key.
pub(super) fn list(field: &Field<'_>) -> Result<Vec<Attribute>, InputError> {
    let mut attributes = Vec::new();
    for (key, value) in field.map()? {
        attributes.push(Attribute { key: key.to_owned(), value: value_text(&value)? });
    }
    attributes.sort();
    Ok(attributes)
}

/// The text of an attribute's value. Both readers take any scalar: Console has words of its own for numbers and truth
/// values, and Go keeps what is written.
pub(super) fn value_text(field: &Field<'_>) -> Result<String, InputError> {
    let scalar = field.scalar().ok_or_else(|| field.expected("text"))?;
    let (console, go) = match scalar.kind() {
        Kind::Text => return Ok(scalar.text().to_owned()),
        Kind::Bool(value) => (value.to_string(), scalar.text()),
        Kind::Number => (scalar.number().map_or_else(String::new, |number| number.console_text()), scalar.text()),
        Kind::Null => ("null".to_owned(), ""),
    };
    Ok(field.reading(console, go.to_owned()))
}
