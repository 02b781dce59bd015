//! How an SDL writes amounts: threads, bytes, cards and money. All exact.

use rust_decimal::Decimal;

use super::field::Field;
use super::scalar::Scalar;
use crate::input::InputError;
use crate::money::parse_decimal;
use crate::quantity::{Bytes, MilliCpu, Quantity};
use crate::text::excerpt;

/// The most digits of an amount.
const MAX_DIGITS: usize = 30;

/// Threads: `0.5`, `"0.5"`, or thousandths, `"500m"`. What is finer than a thousandth is dropped, as the chain does.
pub(super) fn cpu(field: &Field<'_>) -> Result<MilliCpu, InputError> {
    let malformed = |text: &str| {
        field
            .error(format_args!("`{}` is not an amount of CPU", excerpt(text)))
            .hint("threads such as `0.5`, or thousandths such as `\"500m\"`")
    };
    let milli = match field.scalar() {
        Some(Scalar::Number(number)) => {
            let text = number.decimal().filter(|_| !number.is_negative());
            let text = text.ok_or_else(|| malformed(number.text()))?;
            thousandths(&text).ok_or_else(|| malformed(number.text()))?
        }
        Some(Scalar::Text(text)) => {
            let milli = match text.strip_suffix('m') {
                Some(milli) => is_plain(milli, false).then(|| milli.parse().ok()).flatten(),
                None => is_plain(text, true).then(|| thousandths(text)).flatten(),
            };
            milli.ok_or_else(|| malformed(text))?
        }
        _ => return Err(field.error("expected an amount of CPU, such as `0.5` or `\"500m\"`")),
    };
    if milli == 0 {
        return Err(field.error("no CPU is asked for; the least is a thousandth of a thread"));
    }
    // The chain's own number is of 32 bits.
    let in_range = u32::try_from(milli).is_ok();
    in_range.then_some(MilliCpu::new(milli)).ok_or_else(|| field.error("more CPU than the chain can write"))
}

/// Whole thousandths of a plain decimal, the rest dropped.
fn thousandths(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    let digits = format!("{whole}{fraction}");
    if digits.len() > MAX_DIGITS { None } else { digits.parse().ok() }
}

/// Whether a text is digits, with a point between them where that is allowed.
fn is_plain(text: &str, point: bool) -> bool {
    let (whole, fraction) = if point { text.split_once('.').unwrap_or((text, "0")) } else { (text, "0") };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.len() <= MAX_DIGITS && digits(whole) && digits(fraction)
}

/// Bytes: `512Mi`, `1.5Gi`, `10G`. The suffix may be of any case, and `GB` is `G`; there must be one, because a size
/// without it is a forgotten one. A part of a byte is a whole one.
pub(super) fn size(field: &Field<'_>) -> Result<Bytes, InputError> {
    let malformed = |text: &str| {
        field
            .error(format_args!("`{}` is not a size", excerpt(text)))
            .hint("a number and one of `Ki Mi Gi Ti Pi Ei` (powers of 1024) or `k M G T P E` (powers of 1000)")
    };
    if let Some(Scalar::Number(number)) = field.scalar() {
        return Err(malformed(number.text()));
    }
    let text = field.text()?;
    let bytes = bytes(text).ok_or_else(|| malformed(text))?;
    if bytes == 0 {
        return Err(field.error("a size of nothing"));
    }
    Ok(Bytes::new(bytes))
}

fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    if number.len() > MAX_DIGITS {
        return None;
    }
    let suffix = match suffix.to_ascii_lowercase().as_str() {
        "k" | "kb" => "k",
        "ki" => "Ki",
        "m" | "mb" => "M",
        "mi" => "Mi",
        "g" | "gb" => "G",
        "gi" => "Gi",
        "t" | "tb" => "T",
        "ti" => "Ti",
        "p" | "pb" => "P",
        "pi" => "Pi",
        "e" | "eb" => "E",
        "ei" => "Ei",
        _ => return None,
    };
    u64::try_from(Quantity::parse(&format!("{number}{suffix}")).ok()?.ceil()).ok()
}

/// How many cards: a whole number, quoted or not.
pub(super) fn gpu(field: &Field<'_>) -> Result<u64, InputError> {
    let units = match field.scalar() {
        Some(Scalar::Number(number)) => number.whole(),
        Some(Scalar::Text(text)) => is_plain(text, false).then(|| text.parse().ok()).flatten(),
        _ => None,
    };
    units.ok_or_else(|| field.error("expected a whole number of GPUs"))
}

/// The RAM of a card, such as `80Gi`.
pub(super) fn gpu_ram(field: &Field<'_>) -> Result<String, InputError> {
    let text = field.text()?;
    let binary = text.len() > 2 && text.to_ascii_lowercase().ends_with('i');
    let ram = bytes(text).filter(|bytes| binary && *bytes > 0);
    let malformed = || {
        field
            .error(format_args!("`{}` is not the RAM of a card", excerpt(text)))
            .hint("a number of `Gi`, such as `80Gi`")
    };
    let ram = ram.ok_or_else(malformed)?;
    Ok(crate::gpu::canonical_ram(&ram.to_string()))
}

/// Money: a decimal, quoted or not. Of an unquoted number the digits count, never a float.
pub(super) fn amount(field: &Field<'_>) -> Result<Decimal, InputError> {
    let text = match field.scalar() {
        Some(Scalar::Number(number)) => number
            .decimal()
            .ok_or_else(|| field.error(format_args!("`{}` is not an amount", excerpt(number.text()))))?,
        Some(Scalar::Text(text)) => text.clone(),
        _ => return Err(field.error("expected an amount, such as `1000` or `\"0.25\"`")),
    };
    parse_decimal(&text).map_err(|error| field.error(error))
}
