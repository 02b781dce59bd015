//! YAML scalars: what an unquoted word means, and numbers kept exactly.

use crate::quantity::Quantity;
use crate::text::excerpt;

/// What the tags of YAML's own types begin with.
pub(super) const CORE_TAG: &str = "tag:yaml.org,2002:";
/// The most digits of a number, beyond which nothing real is written.
const MAX_DIGITS: usize = 30;

/// A single value. A number keeps its text, so that nothing is lost in a float.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
}

/// A number as it was written, of which only what is asked for is worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number(String);

/// Says what a scalar is: by its tag, else text when it was quoted, else by YAML 1.2's core schema.
pub(super) fn resolve(text: &str, plain: bool, tag: Option<&str>) -> Result<Scalar, String> {
    let Some(tag) = tag else {
        return Ok(if plain { plain_scalar(text) } else { Scalar::Text(text.to_owned()) });
    };
    let kind = if tag == "!" { Some("str") } else { tag.strip_prefix(CORE_TAG) };
    match (kind, plain_scalar(text)) {
        (Some("str"), _) => Ok(Scalar::Text(text.to_owned())),
        (Some("null"), Scalar::Null) => Ok(Scalar::Null),
        (Some("bool"), value @ Scalar::Bool(_)) | (Some("int" | "float"), value @ Scalar::Number(_)) => Ok(value),
        (Some("null" | "bool" | "int" | "float"), _) => {
            Err(format!("`{}` is not what its tag `{}` says", excerpt(text), excerpt(tag)))
        }
        _ => Err(format!("the tag `{}` is not supported here", excerpt(tag))),
    }
}

fn plain_scalar(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" => Scalar::Bool(true),
        "false" | "False" | "FALSE" => Scalar::Bool(false),
        _ if is_number(text) => Scalar::Number(Number(text.to_owned())),
        _ => Scalar::Text(text.to_owned()),
    }
}

/// Whether a plain word is a number: `12`, `-3`, `0x1f`, `0o17`, `1.5`, `.5`, `1e3`, `.inf`, `.nan`.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if radix(unsigned).is_some() {
        return true;
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = split_exponent(unsigned);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let signless = exponent.map(|text| text.strip_prefix(['-', '+']).unwrap_or(text));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && signless.is_none_or(|text| !text.is_empty() && digits(text))
}

fn split_exponent(text: &str) -> (&str, Option<&str>) {
    text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)))
}

/// The base and the digits of `0x1f`, `0o17` and `0b11`.
fn radix(unsigned: &str) -> Option<(u32, &str)> {
    let (base, digits) = if let Some(digits) = unsigned.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = unsigned.strip_prefix("0o") {
        (8, digits)
    } else {
        (2, unsigned.strip_prefix("0b")?)
    };
    (!digits.is_empty() && digits.chars().all(|c| c.is_digit(base))).then_some((base, digits))
}

impl Number {
    /// The number as it was written.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// The number as a plain decimal, exactly; none when it is infinite, no number, or absurdly long.
    pub(super) fn decimal(&self) -> Option<String> {
        let (sign, unsigned) = match self.0.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", self.0.strip_prefix('+').unwrap_or(&self.0)),
        };
        if let Some((base, digits)) = radix(unsigned) {
            return u64::from_str_radix(digits, base).ok().map(|value| format!("{sign}{value}"));
        }
        let (mantissa, exponent) = split_exponent(unsigned);
        let exponent: i32 = exponent.map_or(Some(0), |text| text.parse().ok())?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.len().saturating_add(fraction.len()) > MAX_DIGITS || !mantissa.bytes().any(|b| b.is_ascii_digit()) {
            return None;
        }
        shifted(whole, fraction, exponent).map(|text| format!("{sign}{text}"))
    }

    /// The number when it is whole, not negative, and at most 2^64 - 1.
    pub(super) fn whole(&self) -> Option<u64> {
        Quantity::parse(&self.decimal()?).ok()?.whole()
    }

    /// Whether the number is below zero.
    pub(super) fn is_negative(&self) -> bool {
        self.0.starts_with('-')
    }
}

/// `whole.fraction` times ten to the `exponent`, without an exponent.
fn shifted(whole: &str, fraction: &str, exponent: i32) -> Option<String> {
    let digits = format!("{whole}{fraction}");
    if digits.bytes().all(|b| b == b'0') {
        return Some("0".to_owned());
    }
    let point = i64::try_from(whole.len()).ok()?.checked_add(i64::from(exponent))?;
    let length = i64::try_from(digits.len()).ok()?;
    let limit = i64::try_from(MAX_DIGITS).ok()?;
    if point.saturating_abs() > limit {
        return None;
    }
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    Some(if point <= 0 {
        format!("0.{}{digits}", zeros(point.checked_neg()?))
    } else if point >= length {
        format!("{digits}{}", zeros(point.checked_sub(length)?))
    } else {
        let (whole, fraction) = digits.split_at_checked(usize::try_from(point).ok()?)?;
        format!("{whole}.{fraction}")
    })
}
