//! GPU keys: how people name a card in rate cards, scenarios, inventories in words and tables of orders.
//!
//! ```text
//! key = [vendor "/"] model ["/" ram] ["/" interface]
//! ```
//!
//! | part | is |
//! |---|---|
//! | vendor | `nvidia`, `amd`, `intel`, or another word that is followed by a model |
//! | model | the model's name, or `*` for any |
//! | ram | whole Gi, such as `80Gi`; `*` is any RAM |
//! | interface | `pcie` or `sxm`; `sxm4` and the like are `sxm` |
//!
//! `.` may stand for `/`, as in the bid price script's `a100.80Gi.sxm4`. After a `.` only the three known vendors can
//! be one, because the script's keys have none. Case does not matter.

use super::{GpuKind, canonical_interface, canonical_ram, models, usual_vendor};
use crate::text::{excerpt, nearest};

/// A card as a key names it. What the key leaves open is None.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GpuKey {
    pub(crate) vendor: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) ram: Option<String>,
    pub(crate) interface: Option<String>,
}

/// Why a text is not a GPU key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key has another form.
    #[error(
        "`{0}` is not a GPU key; expected a model, optionally with a vendor before it and RAM and interface after it, such as `h100`, `h100.80Gi` or `nvidia/a100/80Gi/sxm`"
    )]
    Malformed(String),
    /// What follows the model is neither RAM nor an interface.
    #[error("`{0}` is not a GPU key: `{1}` is neither RAM such as `80Gi` nor an interface (`pcie` or `sxm`)")]
    Detail(String, String),
    /// The RAM is not a whole number of Gi.
    #[error("`{0}` names RAM that no card has; expected whole Gi, such as `80Gi`")]
    Ram(String),
    /// The vendor is not one of those that are known.
    #[error("the vendor `{0}` is not known; {1}")]
    Vendor(String, String),
    /// There is a vendor, RAM or an interface, and no model.
    #[error("`{0}` has no model; write such as `nvidia/h100/80Gi/sxm` or `h100.80Gi`, with `*` for any model")]
    NoModel(String),
}

impl GpuKey {
    /// Parses a key.
    ///
    /// # Errors
    /// When the text is not one.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let parts: Vec<&str> = text.split(['/', '.']).map(str::trim).collect();
        if parts.iter().any(|part| part.is_empty() || part.contains(char::is_whitespace)) {
            return Err(KeyError::Malformed(excerpt(text)));
        }
        let is_slashed =
            text.find(['/', '.']).is_some_and(|at| text.get(at..).is_some_and(|rest| rest.starts_with('/')));
        let (vendor, rest) = match parts.split_first() {
            Some((first, rest)) if is_vendor(first, rest, is_slashed) => (Some(*first), rest),
            _ => (None, parts.as_slice()),
        };
        let no_model = || KeyError::NoModel(excerpt(text));
        let (model, details) = rest.split_first().ok_or_else(no_model)?;
        if is_amount(model) || is_interface(model) {
            return Err(no_model());
        }
        let (ram, interface) = details_of(text, details)?;
        Ok(Self {
            vendor: vendor.map(str::to_ascii_lowercase),
            model: (*model != "*").then(|| model.to_ascii_lowercase()),
            ram,
            interface,
        })
    }

    /// The key as a kind of card, with `*` for what it leaves open.
    #[must_use]
    pub fn card(&self) -> GpuKind {
        let (vendor, model) = (self.vendor.as_deref().unwrap_or("*"), self.model.as_deref().unwrap_or("*"));
        GpuKind::canonical(vendor, model, self.ram.as_deref(), self.interface.as_deref())
    }

    /// The kind of card that an order or an inventory means by the key: without a vendor, it is the usual one of the
    /// model, and nvidia's for `*`.
    #[must_use]
    pub fn kind(&self) -> GpuKind {
        let model = self.model.as_deref().unwrap_or("*");
        let vendor = self.vendor.as_deref().unwrap_or_else(|| usual_vendor(model));
        GpuKind::canonical(vendor, model, self.ram.as_deref(), self.interface.as_deref())
    }

    /// The same kind, for a text in which another vendor is a typing error.
    ///
    /// # Errors
    /// When the vendor is not one that the network has.
    pub fn kind_of_known_vendor(&self) -> Result<GpuKind, KeyError> {
        match self.vendor.as_deref().filter(|vendor| !models::VENDORS.contains(vendor)) {
            None => Ok(self.kind()),
            Some(vendor) => {
                let hint = match nearest(vendor, models::VENDORS) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("expected one of `{}`", models::VENDORS.join("`, `")),
                };
                Err(KeyError::Vendor(excerpt(vendor), hint))
            }
        }
    }
}

/// The RAM and the interface that follow a model. `*` is any RAM.
fn details_of(key: &str, details: &[&str]) -> Result<(Option<String>, Option<String>), KeyError> {
    let (ram, interface) = match details {
        [] => (None, None),
        [one] if is_interface(one) => (None, Some(*one)),
        [ram] => (Some(*ram), None),
        [ram, interface] if is_interface(interface) && !is_interface(ram) => (Some(*ram), Some(*interface)),
        [ram, other] if is_ram(&canonical_ram(ram)) => {
            return Err(KeyError::Detail(excerpt(key), excerpt(other)));
        }
        _ => return Err(KeyError::Malformed(excerpt(key))),
    };
    let ram = ram.filter(|ram| *ram != "*").map(canonical_ram);
    match ram {
        Some(ram) if !is_ram(&ram) => Err(match is_amount(&ram) || is_number(&ram) {
            true => KeyError::Ram(excerpt(key)),
            false => KeyError::Detail(excerpt(key), excerpt(&ram)),
        }),
        ram => Ok((ram, interface.map(canonical_interface))),
    }
}

/// Whether the first part of a key is a vendor, by what follows it. A model's name usually has a digit, and a vendor's
/// has none: a word with one is a vendor only if what follows is like a model, too.
fn is_vendor(first: &str, rest: &[&str], is_slashed: bool) -> bool {
    if models::VENDORS.iter().any(|vendor| vendor.eq_ignore_ascii_case(first)) {
        return true;
    }
    let has_digit = |part: &str| part.contains(|c: char| c.is_ascii_digit());
    match rest {
        [second, ..] if !is_slashed || first == "*" || is_amount(second) || is_interface(second) => false,
        [second, ..] if has_digit(first) => has_digit(second) && !is_number(second),
        // A model with any RAM, since `*` has no interface.
        ["*", interface] => !is_interface(interface),
        rest => !rest.is_empty(),
    }
}

/// Whether a canonical RAM is whole Gi. Anything else would never match a card.
fn is_ram(part: &str) -> bool {
    part.strip_suffix("Gi").is_some_and(is_number)
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a part is an amount with a unit: RAM, or an attempt at it.
fn is_amount(part: &str) -> bool {
    const UNITS: [&str; 12] = ["g", "gb", "gi", "gib", "m", "mb", "mi", "mib", "t", "tb", "ti", "tib"];
    let number = part.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = part.get(number.len()..).unwrap_or("").to_ascii_lowercase();
    is_number(number) && UNITS.contains(&unit.as_str())
}

fn is_interface(part: &str) -> bool {
    matches!(canonical_interface(part).as_str(), "pcie" | "sxm")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn card(text: &str) -> String {
        GpuKey::parse(text).map_or_else(|error| format!("{text}: {error}"), |key| key.card().to_string())
    }

    #[test]
    fn a_key_means_the_same_with_slashes_and_with_dots() {
        for (text, meant) in [
            ("h100", "*/h100"),
            ("4090", "*/4090"),
            ("h100/80Gi", "*/h100/80Gi"),
            ("h100.80gi", "*/h100/80Gi"),
            ("h100/sxm5", "*/h100/*/sxm"),
            ("H100/80Gi/SXM5", "*/h100/80Gi/sxm"),
            ("a100.80Gi.sxm4", "*/a100/80Gi/sxm"),
            ("a100.sxm", "*/a100/*/sxm"),
            ("t4/*", "*/t4"),
            ("t4/*/pcie", "*/t4/*/pcie"),
            ("titanv/12Gi", "*/titanv/12Gi"),
            ("titanxp/*/pcie", "*/titanxp/*/pcie"),
            ("nvidia/h100", "nvidia/h100"),
            ("nvidia.h100", "nvidia/h100"),
            ("NVIDIA/h100.80Gi.sxm", "nvidia/h100/80Gi/sxm"),
            ("nvidia/a100/80Gi/sxm", "nvidia/a100/80Gi/sxm"),
            ("nvidia/a100/81920Mi", "nvidia/a100/80Gi"),
            ("nvidia/a100/*/pcie", "nvidia/a100/*/pcie"),
            (" nvidia / a100 ", "nvidia/a100"),
            ("acme/x1", "acme/x1"),
            ("v0/x1/8Gi/sxm", "v0/x1/8Gi/sxm"),
            ("v0/x1", "v0/x1"),
            ("acme/4090", "acme/4090"),
            ("acme/*", "acme/*"),
            ("amd/*", "amd/*"),
            ("*", "*/*"),
            ("*/80Gi", "*/*/80Gi"),
            ("nvidia/*/80Gi/pcie", "nvidia/*/80Gi/pcie"),
        ] {
            assert_eq!(card(text), meant, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_to_write() {
        for (text, said) in [
            ("", "is not a GPU key; expected a model"),
            ("nvidia/", "is not a GPU key; expected a model"),
            ("/h100", "is not a GPU key; expected a model"),
            ("a 100", "is not a GPU key; expected a model"),
            ("a100.sxm.80Gi", "is not a GPU key; expected a model"),
            ("a100.80Gi.sxm.x", "is not a GPU key; expected a model"),
            ("a/b/80Gi/sxm/e", "is not a GPU key; expected a model"),
            ("a100.80Gi.nvlink", "`nvlink` is neither RAM"),
            ("a100.foo", "`foo` is neither RAM"),
            ("titan.foo", "`foo` is neither RAM"),
            ("*/a100", "`a100` is neither RAM"),
            ("h100/80", "names RAM that no card has"),
            ("h100/80GB", "names RAM that no card has"),
            ("h100/foo", "`foo` is neither RAM"),
            ("a100.0.5Gi", "is not a GPU key"),
            ("nvidia", "`nvidia` has no model"),
            ("nvidia/80Gi", "has no model"),
            ("nvidia/sxm", "has no model"),
            ("80Gi", "has no model"),
            ("80GB/sxm", "has no model"),
        ] {
            let error = GpuKey::parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn without_a_vendor_a_kind_has_the_usual_one() {
        let kind = |text: &str| GpuKey::parse(text).unwrap().kind().to_string();
        assert_eq!(kind("mi300x/192Gi"), "amd/mi300x/192Gi");
        assert_eq!(kind("h100.80Gi"), "nvidia/h100/80Gi");
        assert_eq!(kind("*"), "nvidia/*");
        let known = |text: &str| GpuKey::parse(text).unwrap().kind_of_known_vendor().map(|kind| kind.to_string());
        assert_eq!(known("h100"), Ok("nvidia/h100".to_owned()));
        assert!(known("nvida/h100").unwrap_err().to_string().contains("did you mean `nvidia`?"));
        assert!(known("acme/x1").unwrap_err().to_string().contains("expected one of"));
    }

    proptest! {
        /// What a kind is shown as is a key for it.
        #[test]
        fn a_kind_is_its_own_key(
            vendor in "(nvidia|amd|intel|acme)", model in "[a-z]{1,3}[0-9]{1,4}[a-z]{0,3}",
            ram in proptest::option::of(1_u32..200), interface in proptest::option::of("(pcie|sxm)"),
        ) {
            prop_assume!(!is_interface(&model));
            let ram = ram.map(|gi| format!("{gi}Gi")).unwrap_or_default();
            let kind = GpuKind::new(&vendor, &model, &ram, interface.as_deref().unwrap_or(""));
            let key = GpuKey::parse(&kind.to_string()).unwrap();
            prop_assert_eq!(key.card(), kind.clone());
            let bare = kind.to_string().split_once('/').unwrap().1.to_owned();
            prop_assert_eq!(GpuKey::parse(&bare).unwrap().card().to_string(), format!("*/{bare}"));
            prop_assert_eq!(GpuKey::parse(&bare.replace('/', ".")), GpuKey::parse(&bare));
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,40}") {
            let _ = GpuKey::parse(&text);
        }
    }
}
