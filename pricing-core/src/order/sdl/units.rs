//! The notations of amounts in an SDL: CPU threads, bytes, cards and money. All are exact.
//!
//! Console and Go read the same text by different rules. If both accept it, Console's amount counts as long as Console
//! accepts the whole SDL, else Go's. If one accepts it, that one's amount counts, and there is a warning. If neither
//! does, it is an error.

use rust_decimal::Decimal;

use super::field::Field;
use super::warnings::RefusingReader;
use crate::input::InputError;
use crate::money::{CHAIN_DECIMALS, parse_decimal};
use crate::quantity::{Bytes, MilliCpu, Quantity};
use crate::text::excerpt;
use crate::yaml::scalar::go_decimal;
use crate::yaml::{Kind, Scalar};

/// The most digits of an amount.
const MAX_DIGITS: usize = 30;

/// The first letters of the suffixes that both readers know, in the order of their powers.
const PREFIXES: &str = "kmgtpe";
/// The suffixes that Go knows.
const GO_SUFFIXES: [&str; 12] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "k", "M", "G", "T", "P", "E"];

/// Returns the amount that counts of the two readers' results, with a warning where one of them refuses the value.
fn settled<T>(field: &Field<'_>, console: Option<T>, go: Option<T>, what: &str) -> Option<T> {
    let text = excerpt(field.scalar().map_or("", Scalar::text));
    let refuser = match (&console, &go) {
        (Some(_), None) => Some(RefusingReader::CommandLine),
        (None, Some(_)) => Some(RefusingReader::Console),
        _ => None,
    };
    if let Some(refuser) = refuser {
        field.warn(refuser, format_args!("{what} `{text}`"));
    }
    match (console, go) {
        (Some(console), Some(go)) => Some(field.reading(console, go)),
        (console, go) => console.or(go),
    }
}

/// Reads CPU threads: `0.5`, `"0.5"`, or thousandths such as `"500m"`. Fractions of a thousandth are dropped, as on the
/// chain.
pub(super) fn cpu(field: &Field<'_>) -> Result<MilliCpu, InputError> {
    let Some(scalar) = field.scalar().filter(|scalar| matches!(scalar.kind(), Kind::Number | Kind::Text)) else {
        return Err(field.error("expected an amount of CPU, such as `0.5` or `\"500m\"`"));
    };
    let text = scalar.text();
    let console = match scalar.number() {
        Some(number) => number.decimal().filter(|_| !number.is_negative()).and_then(|text| thousandths(&text)),
        None => console_cpu(text),
    };
    let go = match text.strip_suffix('m') {
        Some(milli) => is_plain(milli, false).then(|| milli.parse().ok()).flatten(),
        None => go_decimal(text).and_then(|text| thousandths(&text)),
    };
    let milli = settled(field, console, go, "the amount of CPU").ok_or_else(|| {
        field
            .error(format_args!("`{}` is not an amount of CPU", excerpt(text)))
            .hint("threads such as `0.5`, or thousandths such as `\"500m\"`")
    })?;
    // The chain stores 32 bits.
    let in_range = u32::try_from(milli).is_ok();
    in_range.then_some(MilliCpu::new(milli)).ok_or_else(|| field.error("more CPU than the chain can write"))
}

/// Reads CPU as Console does. Letters may follow the number, but only `m` has a meaning: thousandths, rounded up.
fn console_cpu(text: &str) -> Option<u64> {
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, letters) = text.split_at_checked(end)?;
    if !is_plain(number, true) || !letters.chars().all(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    if !letters.eq_ignore_ascii_case("m") {
        return thousandths(number);
    }
    u64::try_from(Quantity::parse(number).ok()?.ceil()).ok()
}

/// Converts a plain decimal to whole thousandths, rounding down.
fn thousandths(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    let digits = format!("{whole}{fraction}");
    if digits.len() > MAX_DIGITS { None } else { digits.parse().ok() }
}

/// Returns whether a text is digits, with a point between them if `point` allows it.
fn is_plain(text: &str, point: bool) -> bool {
    let (whole, fraction) = if point { text.split_once('.').unwrap_or((text, "0")) } else { (text, "0") };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.len() <= MAX_DIGITS && digits(whole) && digits(fraction)
}

/// Reads bytes: `512Mi`, `1.5Gi`, `10G`. Console ignores the suffix's case and rounds up to whole bytes. Go also
/// accepts numbers such as `1e3` and numbers without a suffix, and rounds down.
pub(super) fn size(field: &Field<'_>) -> Result<Bytes, InputError> {
    let scalar = field.scalar().filter(|scalar| matches!(scalar.kind(), Kind::Number | Kind::Text));
    let Some(scalar) = scalar else { return Err(field.expected("a size")) };
    let text = scalar.text();
    let console = if scalar.kind() == Kind::Text { console_bytes(text) } else { None };
    let bytes = settled(field, console, go_bytes(text), "the size").ok_or_else(|| {
        field
            .error(format_args!("`{}` is not a size", excerpt(text)))
            .hint("a number and one of `Ki Mi Gi Ti Pi Ei` (powers of 1024) or `k M G T P E` (powers of 1000)")
    })?;
    Ok(Bytes::new(bytes))
}

/// Reads bytes as Console does: a number, a letter for the power, and `i` for a power of 1024. Other letters have no
/// meaning.
fn console_bytes(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, letters) = text.split_at_checked(end)?;
    let letters = letters.to_ascii_lowercase();
    let prefix = letters.chars().next().filter(|_| number.len() <= MAX_DIGITS)?;
    if !letters.chars().all(|c| c.is_ascii_lowercase()) {
        return None;
    }
    let suffix = if PREFIXES.contains(prefix) {
        let prefix = if prefix == 'k' { 'k' } else { prefix.to_ascii_uppercase() };
        match (letters.get(1..), prefix) {
            (Some("i"), 'k') => "Ki".to_owned(),
            (Some("i"), prefix) => format!("{prefix}i"),
            (_, prefix) => prefix.to_string(),
        }
    } else {
        String::new()
    };
    u64::try_from(Quantity::parse(&format!("{number}{suffix}")).ok()?.ceil()).ok()
}

fn go_bytes(text: &str) -> Option<u64> {
    let suffix = GO_SUFFIXES.into_iter().find(|suffix| text.ends_with(suffix)).unwrap_or("");
    let number = go_decimal(text.strip_suffix(suffix)?)?;
    u64::try_from(Quantity::parse(&format!("{number}{suffix}")).ok()?.floor()).ok()
}

/// Reads a number of cards: a whole number, quoted or not. Go accepts only digits.
pub(super) fn gpu(field: &Field<'_>) -> Result<u64, InputError> {
    let scalar = field.scalar();
    let digits = scalar.filter(|scalar| is_plain(scalar.text(), false)).and_then(|scalar| scalar.text().parse().ok());
    let console = match scalar.map(Scalar::kind) {
        Some(Kind::Number) => scalar.and_then(Scalar::number).and_then(|number| number.whole()),
        Some(Kind::Text) => digits,
        _ => None,
    };
    settled(field, console, digits, "the number of GPUs").ok_or_else(|| field.error("expected a whole number of GPUs"))
}

/// Reads the RAM of a card, such as `80Gi`. Console accepts any word. Go accepts a size in powers of 1024, and
/// truncates it to whole Gi.
pub(super) fn gpu_ram(field: &Field<'_>) -> Result<String, InputError> {
    const GI: u64 = 1 << 30;
    let text = field.text()?;
    let malformed = || {
        field
            .error(format_args!("`{}` is not the RAM of a card", excerpt(text)))
            .hint("a number of `Gi`, such as `80Gi`")
    };
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let console = (!text.is_empty() && text.chars().all(word)).then(|| crate::gpu::canonical_ram(text));
    let binary = text.ends_with('i') || text.ends_with(|c: char| c.is_ascii_digit());
    let go = go_bytes(text).filter(|_| binary).and_then(|bytes| bytes.checked_div(GI)).map(|gi| format!("{gi}Gi"));
    let console = if field.scalar().is_some_and(|scalar| scalar.kind() == Kind::Text) { console } else { None };
    settled(field, console, go, "the RAM of a card").ok_or_else(malformed)
}

/// Reads an amount of money: a decimal, quoted or not. An unquoted number is read from its digits, never as a float.
pub(super) fn amount(field: &Field<'_>) -> Result<Decimal, InputError> {
    let Some(scalar) = field.scalar().filter(|scalar| matches!(scalar.kind(), Kind::Number | Kind::Text)) else {
        return Err(field.error("expected an amount, such as `1000` or `\"0.25\"`"));
    };
    let text = scalar.text();
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let console = match scalar.number() {
        Some(number) => number.decimal(),
        None => is_decimal(text).then(|| text.to_owned()),
    };
    let go = is_decimal(unsigned).then(|| unsigned.to_owned());
    let decimals = unsigned.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    if go.is_some() && u32::try_from(decimals).is_ok_and(|decimals| decimals > CHAIN_DECIMALS) {
        let message = format_args!("`{}` has more than {CHAIN_DECIMALS} decimals", excerpt(text));
        return Err(field.error(message).hint("the chain refuses more"));
    }
    let settled = settled(field, console, go, "the amount");
    let malformed = || match parse_decimal(text) {
        Err(error) => field.error(error),
        Ok(_) => field.error(format_args!("`{}` is not an amount", excerpt(text))),
    };
    let amount = settled.ok_or_else(malformed)?;
    parse_decimal(&amount).map_err(|error| field.error(error))
}

/// Returns whether a text is digits, with or without a point between them.
fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    digits(whole) && digits(fraction)
}
