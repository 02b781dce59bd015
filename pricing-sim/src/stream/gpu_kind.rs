//! Kinds of card, as people write them: `vendor/model/ram/interface`.

use std::borrow::Cow;

use pricing_core::gpu::{GpuKind, usual_vendor};
use pricing_core::input::InputError;
use pricing_core::text::excerpt;

/// The vendors that a kind of card can start with. Any other first word is a model.
const VENDORS: [&str; 3] = ["nvidia", "amd", "intel"];

/// Parses a kind of card: `vendor/model/ram/interface`, cut short from the right. `*` is an unknown RAM before a known
/// interface.
///
/// # Errors
/// When it has another form.
pub fn read_kind(text: &str) -> Result<GpuKind, InputError> {
    let wrong = |problem: &str| {
        let message = format!("`{}` is no kind of card{problem}", excerpt(text));
        InputError::new(message).hint("write `vendor/model/ram/interface`, cut short from the right")
    };
    let parts: Vec<&str> = text.split('/').map(str::trim).collect();
    let (vendor, model, rest) = match parts.as_slice() {
        [vendor, model, rest @ ..] if rest.len() <= 2 => (*vendor, *model, rest),
        _ => return Err(wrong("")),
    };
    let ram = rest.first().copied().filter(|ram| *ram != "*");
    let interface = rest.get(1).copied();
    let blank = |text: &str| text.is_empty() || text.contains(char::is_whitespace);
    if parts.iter().any(|part| blank(part)) {
        return Err(wrong(": it has an empty part, or one with a space"));
    }
    let kind = GpuKind::new(vendor, model, ram.unwrap_or(""), interface.unwrap_or(""));
    let gi = |ram: &str| ram.strip_suffix("Gi").is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()));
    if kind.ram().is_some_and(|ram| !gi(ram)) {
        return Err(wrong(": RAM is whole Gi such as `80Gi`, or `*` before an interface"));
    }
    if kind.interface().is_some_and(|interface| !matches!(interface, "pcie" | "sxm")) {
        return Err(wrong(": an interface is `pcie` or `sxm`"));
    }
    Ok(kind)
}

/// A kind of card with its vendor, which is guessed from the model if it is missing.
pub(crate) fn with_vendor(kind: &str) -> Cow<'_, str> {
    let first = kind.split('/').next().unwrap_or("");
    let has_vendor = VENDORS.iter().any(|vendor| vendor.eq_ignore_ascii_case(first));
    if has_vendor || kind.is_empty() {
        Cow::Borrowed(kind)
    } else {
        Cow::Owned(format!("{}/{kind}", usual_vendor(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_they_are_shown() {
        for text in ["nvidia/h100/80Gi/sxm", "nvidia/t4/*/pcie", "amd/mi210", "nvidia/a100/40Gi"] {
            assert_eq!(read_kind(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "h100",
            "nvidia/",
            "/h100",
            "nvidia/h100/",
            "nvidia/h100/sxm",
            "nvidia/h100/80",
            "nvidia/h100/80Gi/agp",
            "nvidia/h 100",
            "a/b/80Gi/sxm/e",
        ] {
            assert!(read_kind(text).is_err(), "{text}");
        }
    }
}
