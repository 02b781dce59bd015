//! What a tenant asks of a card: one alternative of a request.

use core::fmt;

use super::kind::{attribute_key, write_kind};
use super::{GpuKind, canonical_interface, canonical_ram};
use crate::heap;

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
        self.vendor == kind.vendor()
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_is_not_known_of_a_card_satisfies_nothing() {
        let wanted = GpuSelector::new("nvidia", "a100", Some("80gi"), None);
        assert!(wanted.matches(&GpuKind::new("nvidia", "A100", "80Gi", "SXM4")));
        assert!(!wanted.matches(&GpuKind::new("nvidia", "a100", "", "SXM4")));
    }
}
