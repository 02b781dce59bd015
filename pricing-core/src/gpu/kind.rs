//! A kind of card.

use core::fmt;

use super::{canonical_interface, canonical_ram, reading};
use crate::text::Untrusted;

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
pub(super) fn attribute_key(vendor: &str, model: &str, ram: &str, interface: &str) -> String {
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

pub(super) fn write_kind(
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
}
