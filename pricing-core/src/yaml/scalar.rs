//! YAML scalars: how each of the two readers interprets an unquoted word, and exact numbers.
//!
//! Console reads YAML 1.2. The chain's Go reader knows more notations of whole numbers and truth values. Where text is
//! expected, it takes a number as written. So a scalar keeps its text.

use crate::quantity::Quantity;
use crate::text::excerpt;

/// The prefix of the tags of YAML's core types.
pub(crate) const CORE_TAG: &str = "tag:yaml.org,2002:";
/// The most digits of a number. Real SDLs stay far below.
const MAX_DIGITS: usize = 30;

/// A single value and the way it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    text: String,
    kind: Kind,
    /// Whether it has neither quotes nor a tag, so that its text determines its type.
    plain: bool,
}

/// The type of a scalar in YAML 1.2's core schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number,
    Text,
}

/// A number as written. Conversions are done on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number<'a>(&'a str);

impl Scalar {
    /// Determines the type of a scalar: by its tag, else text if it was quoted, else by YAML 1.2's core schema.
    pub(crate) fn resolve(text: &str, plain: bool, tag: Option<&str>) -> Result<Self, String> {
        let scalar = |kind| Self { text: text.to_owned(), kind, plain: plain && tag.is_none() };
        let Some(tag) = tag else {
            return Ok(scalar(if plain { plain_kind(text) } else { Kind::Text }));
        };
        let name = if tag == "!" { Some("str") } else { tag.strip_prefix(CORE_TAG) };
        match (name, plain_kind(text)) {
            (Some("str"), _) => Ok(scalar(Kind::Text)),
            (Some("null"), Kind::Null) => Ok(scalar(Kind::Null)),
            (Some("bool"), kind @ Kind::Bool(_)) | (Some("int" | "float"), kind @ Kind::Number) => Ok(scalar(kind)),
            (Some("null" | "bool" | "int" | "float"), _) => {
                Err(format!("`{}` is not what its tag `{}` says", excerpt(text), excerpt(tag)))
            }
            _ => Err(format!("the tag `{}` is not supported here", excerpt(tag))),
        }
    }

    /// Makes a scalar of type text, such as a key.
    pub(crate) fn of_text(text: &str) -> Self {
        Self { text: text.to_owned(), kind: Kind::Text, plain: false }
    }

    /// Returns the type.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the text without quotes.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the number, if the scalar is one.
    pub(crate) fn number(&self) -> Option<Number<'_>> {
        (self.kind == Kind::Number).then_some(Number(&self.text))
    }

    /// Returns the truth value that the chain's Go reader sees: it accepts the words of YAML 1.1, also quoted.
    pub(crate) fn go_bool(&self) -> Option<bool> {
        match (self.kind, self.text.as_str()) {
            (Kind::Bool(value), _) => Some(value),
            (Kind::Text, "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON") => Some(true),
            (Kind::Text, "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF") => Some(false),
            _ => None,
        }
    }

    /// Returns the whole number that the chain's Go reader sees. It accepts underscores and octal digits after `0`, and
    /// truncates fractions.
    pub(crate) fn go_whole(&self) -> Option<u64> {
        if !self.plain && self.kind != Kind::Number {
            return None;
        }
        let text = self.text.replace('_', "");
        let unsigned = text.strip_prefix('+').unwrap_or(&text);
        let digits = |part: &str, base: u32| !part.is_empty() && part.chars().all(|c| c.is_digit(base));
        let octal = unsigned.strip_prefix('0').filter(|rest| digits(rest, 8));
        if let Some((base, digits)) = octal.map(|rest| (8, rest)).or_else(|| radix(unsigned)) {
            return u64::from_str_radix(digits, base).ok();
        }
        if !is_number(unsigned) || unsigned.starts_with('-') {
            return None;
        }
        u64::try_from(Quantity::parse(&Number(unsigned).decimal()?).ok()?.floor()).ok()
    }
}

fn plain_kind(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true),
        "false" | "False" | "FALSE" => Kind::Bool(false),
        _ if is_number(text) => Kind::Number,
        _ => Kind::Text,
    }
}

/// Returns whether an unquoted word is a number: `12`, `-3`, `0x1f`, `0o17`, `1.5`, `.5`, `1e3`, `.inf`, `.nan`.
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

/// Splits `0x1f`, `0o17` and `0b11` into base and digits.
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

/// Reads a decimal as Go's `strconv.ParseFloat` does, and returns it as an exact plain decimal. Underscores may stand
/// between digits. None if it is negative, infinite, in another base, or not a number.
pub(crate) fn go_decimal(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let between_digits = |(place, _): (usize, &str)| {
        let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        let bytes = unsigned.as_bytes();
        is_digit(place.checked_sub(1).and_then(|before| bytes.get(before)))
            && is_digit(bytes.get(place.saturating_add(1)))
    };
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || radix(unsigned).is_some()
        || !unsigned.match_indices('_').all(between_digits)
    {
        return None;
    }
    let digits = unsigned.replace('_', "");
    is_number(&digits).then(|| Number(&digits).decimal()).flatten()
}

impl Number<'_> {
    /// Returns the number as an exact plain decimal. None if it is infinite, NaN, or too long.
    pub(crate) fn decimal(&self) -> Option<String> {
        let (sign, unsigned) = match self.0.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", self.0.strip_prefix('+').unwrap_or(self.0)),
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

    /// Returns the number as Console writes it where text is expected: without redundant zeros.
    pub(crate) fn console_text(&self) -> String {
        let Some(text) = self.decimal() else { return self.0.to_owned() };
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
        let kept = digits.trim_start_matches('0');
        let zero = if kept.is_empty() || kept.starts_with('.') { "0" } else { "" };
        format!("{sign}{zero}{kept}")
    }

    /// Returns the number if it is whole, non-negative and at most 2^64 - 1.
    pub(crate) fn whole(&self) -> Option<u64> {
        Quantity::parse(&self.decimal()?).ok()?.whole()
    }

    /// Returns whether the number has a minus sign.
    pub(crate) fn is_negative(&self) -> bool {
        self.0.starts_with('-')
    }
}

/// Returns `whole.fraction` times ten to the power of `exponent`, as a plain decimal.
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
