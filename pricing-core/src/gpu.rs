//! GPU kinds, what a request allows, and how the two are matched.

pub mod key;
mod kind;
pub(crate) mod models;
pub(crate) mod reading;
mod request;
mod selector;

use crate::quantity::Quantity;

pub use key::{GpuKey, KeyError};
pub use kind::GpuKind;
pub use request::{GpuRequest, INTERCONNECT_KEY};
pub use selector::{GpuSelector, SelectorError};

/// Guesses the vendor of a model: AMD and Intel by their naming schemes, otherwise nvidia.
#[must_use]
pub fn usual_vendor(model: &str) -> &'static str {
    /// The prefixes of a vendor's model names, before a digit.
    const SERIES: [(&str, &str); 8] = [
        ("mi", "amd"),
        ("rx", "amd"),
        ("radeon", "amd"),
        ("gaudi", "intel"),
        ("flex", "intel"),
        ("max", "intel"),
        ("arc", "intel"),
        ("arca", "intel"),
    ];
    let model = model.to_ascii_lowercase();
    let of_series = |series: &str| {
        let number = model.strip_prefix(series).map(|rest| rest.trim_start_matches(['-', '_', ' ']));
        number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
    };
    SERIES.into_iter().find(|(series, _)| of_series(series)).map_or("nvidia", |(_, vendor)| vendor)
}

/// RAM as whole Gi if it is that, in any case of letters; otherwise as written.
pub(crate) fn canonical_ram(text: &str) -> String {
    const GI: u64 = 1 << 30;
    let known = |text: &str| Quantity::parse(text).ok().and_then(Quantity::whole);
    let number = text.trim_end_matches(['g', 'G', 'i', 'I']);
    let in_gi = number.len().checked_add(2) == Some(text.len());
    let bytes = known(text).or_else(|| known(&format!("{number}Gi")).filter(|_| in_gi));
    match bytes {
        Some(bytes) if bytes > 0 && bytes.is_multiple_of(GI) => format!("{}Gi", bytes / GI),
        _ => text.to_owned(),
    }
}

/// `pcie` or `sxm` for every spelling of these, otherwise the text in lower case.
pub(crate) fn canonical_interface(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("sxm") { "sxm".to_owned() } else { lower }
}
