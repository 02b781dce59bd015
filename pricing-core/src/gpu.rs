//! GPU kinds, what a request allows, and how the two are matched.

pub mod key;
pub(crate) mod models;
pub(crate) mod reading;

use core::fmt;

use crate::heap;
use crate::quantity::Quantity;
use crate::text::Untrusted;

pub use key::{GpuKey, KeyError};

/// A kind of card: vendor, model and, if the inventory says so, RAM and interface.
///
/// Kinds are canonical: vendor, model and interface in lower case, every `SXM4`, `SXM5` and so on as `sxm`, and RAM as
/// whole Gi (`80Gi`) where it is that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GpuKind {
    vendor: String,
    model: String,
    ram: Option<String>,
    interface: Option<String>,
}

impl GpuKind {
    /// The key of the chain's GPU attribute for exactly this kind.
    #[must_use]
    pub fn attribute_key(&self) -> String {
        attribute_key(&self.vendor, &self.model, self.ram().unwrap_or(""), self.interface().unwrap_or(""))
    }

    /// Makes a kind from words in any case of letters. Empty RAM and interface are unknown.
    #[must_use]
    pub fn new(vendor: &str, model: &str, ram: &str, interface: &str) -> Self {
        let known = |text: String| (!text.is_empty()).then_some(text);
        Self {
            vendor: vendor.to_ascii_lowercase(),
            model: model.to_ascii_lowercase(),
            ram: known(canonical_ram(ram)),
            interface: known(canonical_interface(interface)),
        }
    }

    /// Makes a kind from the words of an inventory. RAM may be in any unit, and a measured size becomes the nearest one
    /// that cards of the model have. What cannot be read is unknown.
    #[must_use]
    pub fn described(vendor: &str, model: &str, ram: &str, interface: &str) -> Self {
        let (vendor, model) = (vendor.to_ascii_lowercase(), model.to_ascii_lowercase());
        let ram = reading::ram(&vendor, &model, ram);
        Self { ram, interface: reading::interface(interface), vendor, model }
    }

    /// Whether the card is completely known: its model, its RAM as a size that cards are sold with, and its interface.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.model != "*" && self.ram().is_some_and(|ram| reading::whole_gi(ram).is_some()) && self.interface.is_some()
    }

    /// The same card with another RAM, which may be unknown.
    pub(crate) fn with_ram(&self, ram: Option<String>) -> Self {
        Self { ram, ..self.clone() }
    }

    /// Makes a kind from words that are already canonical.
    pub(crate) fn canonical(vendor: &str, model: &str, ram: Option<&str>, interface: Option<&str>) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self { vendor: vendor.to_owned(), model: model.to_owned(), ram: owned(ram), interface: owned(interface) }
    }

    /// The vendor, such as `nvidia`.
    #[must_use]
    pub fn vendor(&self) -> &str {
        &self.vendor
    }

    /// The model, such as `a100`.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The RAM, such as `80Gi`, if known.
    #[must_use]
    pub fn ram(&self) -> Option<&str> {
        self.ram.as_deref()
    }

    /// The interface, such as `pcie` or `sxm`, if known.
    #[must_use]
    pub fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }
}

impl fmt::Display for GpuKind {
    /// Writes `vendor/model/ram/interface`, without unknown parts at the end, and with `*` for an unknown RAM before a
    /// known interface. Words are shortened and safe to print, since a tenant may have made them up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_kind(f, &self.vendor, &self.model, self.ram(), self.interface())
    }
}

/// `vendor/nvidia/model/a100/ram/80Gi/interface/sxm`, without the last two where they are empty.
fn attribute_key(vendor: &str, model: &str, ram: &str, interface: &str) -> String {
    let mut key = format!("vendor/{vendor}/model/{model}");
    for (word, value) in [("ram", ram), ("interface", interface)] {
        if !value.is_empty() {
            key.push('/');
            key.push_str(word);
            key.push('/');
            key.push_str(value);
        }
    }
    key
}

fn write_kind(
    f: &mut fmt::Formatter<'_>,
    vendor: &str,
    model: &str,
    ram: Option<&str>,
    interface: Option<&str>,
) -> fmt::Result {
    let word = Untrusted::new;
    write!(f, "{}/{}", word(vendor), word(model))?;
    match (ram, interface) {
        (None, None) => Ok(()),
        (Some(ram), None) => write!(f, "/{}", word(ram)),
        (ram, Some(interface)) => write!(f, "/{}/{}", word(ram.unwrap_or("*")), word(interface)),
    }
}

/// One of a request's alternatives: a vendor and, if the tenant cares, model, RAM and interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GpuSelector {
    vendor: String,
    model: Option<String>,
    ram: Option<String>,
    interface: Option<String>,
    /// Vendor, model, RAM and interface as the order spells them, if that differs from the canonical spelling.
    written: Option<Box<[String; 4]>>,
}

/// Why a GPU attribute of an order could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// The key has another form.
    #[error(
        "`{0}` is not a GPU attribute; expected `vendor/<vendor>/model/<model>`, optionally with `/ram/<Gi>` and `/interface/<pcie|sxm>`"
    )]
    Malformed(String),
    /// The interface is neither `pcie` nor `sxm`.
    #[error("`{0}` is not a GPU interface; expected `pcie` or `sxm`")]
    Interface(String),
}

impl GpuSelector {
    /// Makes a selector. The model `*` means any.
    #[must_use]
    pub fn new(vendor: &str, model: &str, ram: Option<&str>, interface: Option<&str>) -> Self {
        let written = [vendor, model, ram.unwrap_or(""), interface.unwrap_or("")];
        let mut selector = Self {
            vendor: vendor.to_ascii_lowercase(),
            model: (model != "*").then(|| model.to_ascii_lowercase()),
            ram: ram.filter(|ram| !ram.is_empty()).map(canonical_ram),
            interface: interface.filter(|text| !text.is_empty()).map(canonical_interface),
            written: None,
        };
        if selector.written() != written {
            selector.written = Some(Box::new(written.map(str::to_owned)));
        }
        selector
    }

    /// Vendor, model, RAM and interface exactly as in the order, which is how the provider's own algorithm compares
    /// them. Empty if the order does not name one, `*` for any model.
    pub(crate) fn written(&self) -> [&str; 4] {
        match self.written.as_deref() {
            Some([vendor, model, ram, interface]) => [vendor, model, ram, interface],
            None => {
                [&self.vendor, self.model().unwrap_or("*"), self.ram().unwrap_or(""), self.interface().unwrap_or("")]
            }
        }
    }

    /// Parses the key of a GPU attribute, `vendor/nvidia/model/a100/ram/80Gi/interface/sxm`.
    ///
    /// # Errors
    /// When the key has another form. Keys of a newer chain are rejected rather than ignored, because what they ask for
    /// would not be honoured.
    pub fn from_attribute_key(key: &str) -> Result<Self, SelectorError> {
        let malformed = || SelectorError::Malformed(crate::text::excerpt(key));
        let mut parts = key.split('/');
        let mut pair = |name: &str| match (parts.next(), parts.next()) {
            (Some(word), Some(value)) if word == name && !value.is_empty() => Some(value),
            _ => None,
        };
        let vendor = pair("vendor").ok_or_else(malformed)?;
        let model = pair("model").ok_or_else(malformed)?;
        let (mut ram, mut interface) = (None, None);
        while let Some(word) = parts.next() {
            let value = parts.next().filter(|value| !value.is_empty()).ok_or_else(malformed)?;
            match word {
                "ram" if ram.is_none() => ram = Some(value),
                "interface" if interface.is_none() => interface = Some(value),
                _ => return Err(malformed()),
            }
        }
        let selector = Self::new(vendor, model, ram, interface);
        match selector.interface() {
            None | Some("pcie" | "sxm") => Ok(selector),
            Some(other) => Err(SelectorError::Interface(crate::text::excerpt(other))),
        }
    }

    /// The key of the chain's GPU attribute for this selector, in the order's own spelling.
    #[must_use]
    pub fn attribute_key(&self) -> String {
        let [vendor, model, ram, interface] = self.written();
        attribute_key(vendor, model, ram, interface)
    }

    /// The vendor.
    #[must_use]
    pub fn vendor(&self) -> &str {
        &self.vendor
    }

    /// The model. None means any.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The RAM, if the tenant named it.
    #[must_use]
    pub fn ram(&self) -> Option<&str> {
        self.ram.as_deref()
    }

    /// The interface, if the tenant named it.
    #[must_use]
    pub fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// What the selector names, as a kind, with `*` for any model.
    #[must_use]
    pub fn kind(&self) -> GpuKind {
        GpuKind::canonical(&self.vendor, self.model().unwrap_or("*"), self.ram(), self.interface())
    }

    /// The approximate heap size of the selector in bytes, beyond its own size.
    pub(crate) fn memory(&self) -> usize {
        let canonical = [Some(self.vendor()), self.model(), self.ram(), self.interface()];
        let written = self.written.as_deref();
        let texts = heap::texts(canonical.into_iter().flatten());
        let written_texts = heap::texts(written.into_iter().flatten().map(String::as_str));
        texts.saturating_add(written_texts).saturating_add(written.map_or(0, size_of_val))
    }

    /// Whether a card of this kind satisfies the selector. A property that the inventory does not know cannot satisfy a
    /// selector that names it.
    #[must_use]
    pub fn matches(&self, kind: &GpuKind) -> bool {
        let named = |wanted: Option<&str>, known: Option<&str>| match wanted {
            None => true,
            Some(wanted) => known.is_some_and(|known| known.eq_ignore_ascii_case(wanted)),
        };
        self.vendor == kind.vendor
            && named(self.model(), Some(kind.model()))
            && named(self.ram(), kind.ram())
            && named(self.interface(), kind.interface())
    }
}

impl fmt::Display for GpuSelector {
    /// Writes the selector as a kind, with `*` for any model.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_kind(f, &self.vendor, self.model().unwrap_or("*"), self.ram(), self.interface())
    }
}

/// The GPU attribute that asks for an interconnect between nodes. Its value is the label of the peers.
pub const INTERCONNECT_KEY: &str = "interconnect/group";

/// The GPUs that a resource unit asks for: the number per replica, and the alternatives for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GpuRequest {
    /// Cards per replica.
    pub units: u64,
    /// The acceptable kinds. Empty if the order names none, as script requests may do.
    pub alternatives: Vec<GpuSelector>,
    /// The label of the replicas that communicate with each other, if the cards need an interconnect between nodes.
    pub interconnect: Option<String>,
}

impl GpuRequest {
    /// Whether a card of this kind is acceptable: it matches any alternative, or the order names none.
    #[must_use]
    pub fn allows(&self, kind: &GpuKind) -> bool {
        self.alternatives.is_empty() || self.alternatives.iter().any(|selector| selector.matches(kind))
    }

    /// Whether a card of this kind is acceptable by the daemon's reading of the request: of two alternatives for the
    /// same model the later one counts, and one for the model takes precedence over one for any model.
    #[must_use]
    pub fn allows_by_daemon(&self, kind: &GpuKind) -> bool {
        let of_vendor = || self.alternatives.iter().rev().filter(|selector| selector.vendor() == kind.vendor());
        let exact = of_vendor().find(|selector| selector.model() == Some(kind.model()));
        let counts = exact.or_else(|| of_vendor().find(|selector| selector.model().is_none()));
        self.alternatives.is_empty() || counts.is_some_and(|selector| selector.matches(kind))
    }

    /// The kinds that the request names, with `*` for any model. If it names none, the one kind that may be any card.
    pub(crate) fn named_kinds(&self) -> Vec<GpuKind> {
        if self.alternatives.is_empty() {
            return vec![GpuKind::canonical("*", "*", None, None)];
        }
        self.alternatives.iter().map(GpuSelector::kind).collect()
    }

    /// Whether the request leaves the model to the provider: `*`, or more than one model.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        let mut models = self.alternatives.iter().map(|s| (s.vendor(), s.model()));
        match models.next() {
            None | Some((_, None)) => true,
            Some(first) => models.any(|model| model != first),
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_canonical() {
        let kind = GpuKind::new("NVIDIA", "A100", "80Gi", "SXM4");
        assert_eq!(kind.to_string(), "nvidia/a100/80Gi/sxm");
        assert_eq!(GpuKind::new("nvidia", "t4", "", "PCIe").to_string(), "nvidia/t4/*/pcie");
        assert_eq!(GpuKind::new("nvidia", "t4", "16384Mi", "").to_string(), "nvidia/t4/16Gi");
        assert_eq!(GpuKind::new("nvidia", "t4", "", "").to_string(), "nvidia/t4");
    }

    #[test]
    fn selectors_round_trip_through_the_attribute_key() {
        for key in [
            "vendor/nvidia/model/*",
            "vendor/nvidia/model/a100/ram/80Gi",
            "vendor/nvidia/model/a100/interface/sxm",
            "vendor/nvidia/model/a100/ram/80Gi/interface/sxm",
            "vendor/nvidia/model/A100/ram/81920Mi",
        ] {
            assert_eq!(GpuSelector::from_attribute_key(key).unwrap().attribute_key(), key);
        }
        for key in [
            "",
            "vendor/nvidia",
            "vendor/nvidia/model",
            "vendor//model/a100",
            "vendor/nvidia/model/a100/ram",
            "vendor/nvidia/model/a100/colour/red",
            "vendor/nvidia/model/a100/ram/80Gi/ram/40Gi",
            "interconnect/group",
        ] {
            assert!(GpuSelector::from_attribute_key(key).is_err(), "{key}");
        }
    }

    #[test]
    fn the_daemon_goes_by_the_last_alternative_for_a_model() {
        let selector = |model, ram| GpuSelector::new("nvidia", model, ram, None);
        let request = GpuRequest {
            units: 1,
            alternatives: vec![selector("a100", None), selector("a100", Some("80Gi")), selector("*", None)],
            interconnect: None,
        };
        let kind = |model, ram| GpuKind::new("nvidia", model, ram, "SXM4");
        let both = |kind: &GpuKind| (request.allows(kind), request.allows_by_daemon(kind));
        assert_eq!(both(&kind("a100", "80Gi")), (true, true));
        assert_eq!(both(&kind("a100", "40Gi")), (true, false));
        assert_eq!(both(&kind("t4", "16Gi")), (true, true));
        assert_eq!(both(&GpuKind::new("amd", "mi210", "64Gi", "PCIe")), (false, false));
    }

    #[test]
    fn what_is_not_known_of_a_card_satisfies_nothing() {
        let wanted = GpuSelector::new("nvidia", "a100", Some("80gi"), None);
        assert!(wanted.matches(&GpuKind::new("nvidia", "A100", "80Gi", "SXM4")));
        assert!(!wanted.matches(&GpuKind::new("nvidia", "a100", "", "SXM4")));
    }
}
