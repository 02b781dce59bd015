//! The GPU entries of a rate card, and which of them prices a card.
//!
//! The most specific entry wins: model with RAM and interface, model with interface, model with RAM, model, vendor with
//! `*`, and finally `*`. Of two equally specific ones, the one that names the vendor wins.

use std::borrow::Cow;

use crate::gpu::reading::{gi, measured, nearest, whole_gi};
use crate::gpu::{self, GpuKey, GpuKind, GpuSelector};
use crate::money::Usd;
use crate::text::excerpt;

/// One GPU entry of a rate card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuRate {
    written: String,
    key: GpuKey,
    usd: Usd,
}

/// Why a GPU entry is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key is not a GPU key.
    #[error(transparent)]
    Key(#[from] gpu::KeyError),
    /// `*` is narrowed by RAM or interface.
    #[error("`{0}` narrows `*`; `*` stands alone or after a vendor")]
    NarrowedWildcard(String),
    /// Another key is for the same card.
    #[error("`{0}` and `{1}` are two keys for one card")]
    Duplicate(String, String),
}

impl GpuRate {
    /// Parses a [`GpuKey`]. `*` alone or after a vendor is every card that no other entry matches.
    ///
    /// # Errors
    /// When the key has another form, or has blanks around its parts.
    pub fn new(written: &str, usd: Usd) -> Result<Self, KeyError> {
        if written.contains(char::is_whitespace) {
            return Err(gpu::KeyError::Malformed(excerpt(written)).into());
        }
        let key = GpuKey::parse(written)?;
        if key.model.is_none() && (key.ram.is_some() || key.interface.is_some()) {
            return Err(KeyError::NarrowedWildcard(excerpt(written)));
        }
        Ok(Self { written: written.to_owned(), key, usd })
    }

    /// The key as it was written.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.written
    }

    /// USD per month for a card.
    #[must_use]
    pub fn usd(&self) -> Usd {
        self.usd
    }

    /// The model that the entry names, if it names one.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.key.model.as_deref()
    }

    /// The vendor that the entry names, if it names one.
    #[must_use]
    pub fn vendor(&self) -> Option<&str> {
        self.key.vendor.as_deref()
    }

    /// The RAM that the entry names, if it names any.
    pub(super) fn ram(&self) -> Option<&str> {
        self.key.ram.as_deref()
    }

    /// The interface that the entry names, if it names one.
    pub(super) fn interface(&self) -> Option<&str> {
        self.key.interface.as_deref()
    }

    /// Whether two entries are for the same card, regardless of notation.
    pub(super) fn same_card(&self, other: &Self) -> bool {
        self.key == other.key
    }

    pub(super) fn matches(&self, kind: &GpuKind) -> bool {
        let named = |wanted: &Option<String>, known: Option<&str>| match wanted {
            None => true,
            Some(wanted) => known.is_some_and(|known| known.eq_ignore_ascii_case(wanted)),
        };
        named(&self.key.vendor, Some(kind.vendor()))
            && named(&self.key.model, Some(kind.model()))
            && named(&self.key.ram, kind.ram())
            && named(&self.key.interface, kind.interface())
    }

    /// Whether the entry names the model of a card, and not another vendor.
    fn is_for_model_of(&self, kind: &GpuKind) -> bool {
        self.model() == Some(kind.model()) && self.vendor().is_none_or(|vendor| vendor == kind.vendor())
    }

    /// The rank by which entries are compared; larger is more specific.
    fn specificity(&self) -> (u8, bool) {
        let level = match (&self.key.model, &self.key.ram, &self.key.interface) {
            (Some(_), Some(_), Some(_)) => 5,
            (Some(_), None, Some(_)) => 4,
            (Some(_), Some(_), None) => 3,
            (Some(_), None, None) => 2,
            (None, _, _) => u8::from(self.key.vendor.is_some()),
        };
        (level, self.key.vendor.is_some())
    }

    /// The entry as a kind of card, with `*` for what it leaves open.
    #[must_use]
    pub fn card(&self) -> GpuKind {
        self.key.card()
    }

    /// The card that this entry would price among those that a selector allows. None if they contradict each other.
    fn card_within(&self, selector: &GpuSelector) -> Option<GpuKind> {
        let vendor = common(self.vendor(), Some(selector.vendor()))?;
        let model = common(self.model(), selector.model())?;
        let ram = common(self.key.ram.as_deref(), selector.ram())?;
        let interface = common(self.key.interface.as_deref(), selector.interface())?;
        Some(GpuKind::canonical(vendor.unwrap_or("*"), model.unwrap_or("*"), ram, interface))
    }
}

/// Unifies two optional words: what both agree on, or the one that is given. None if they differ.
fn common<'a>(entry: Option<&'a str>, wanted: Option<&'a str>) -> Option<Option<&'a str>> {
    match (entry, wanted) {
        (Some(entry), Some(wanted)) if !entry.eq_ignore_ascii_case(wanted) => None,
        (entry, wanted) => Some(wanted.or(entry)),
    }
}

/// The GPU entries of a rate card, of which no two are for the same card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GpuRates(Vec<GpuRate>);

impl GpuRates {
    /// Adds an entry.
    ///
    /// # Errors
    /// When there is already an entry for the same card.
    pub fn add(&mut self, rate: GpuRate) -> Result<(), KeyError> {
        if let Some(other) = self.0.iter().find(|other| other.same_card(&rate)) {
            return Err(KeyError::Duplicate(other.written.clone(), rate.written));
        }
        self.0.push(rate);
        Ok(())
    }

    /// The entries, in the order of the rate card.
    #[must_use]
    pub fn entries(&self) -> &[GpuRate] {
        &self.0
    }

    /// The entry that prices a card.
    #[must_use]
    pub fn lookup(&self, kind: &GpuKind) -> Option<&GpuRate> {
        most_specific(self.0.iter(), kind)
    }

    /// The cards that a selector may resolve to as far as the rate card knows, which is all that is known without an
    /// inventory: one for each entry that names such a card and, as the selector's own words, those that no entry
    /// names.
    #[must_use]
    pub fn cards_within(&self, selector: &GpuSelector) -> Vec<GpuKind> {
        let mut cards: Vec<GpuKind> = Vec::new();
        for rate in &self.0 {
            if rate.model().is_some()
                && let Some(card) = rate.card_within(selector)
                && !cards.contains(&card)
            {
                cards.push(card);
            }
        }
        let unnamed = selector.kind();
        if !cards.contains(&unnamed) {
            cards.push(unnamed);
        }
        cards
    }

    /// Replaces measured RAM by the size that it stands for: the nearest one that an entry for the model names. Without
    /// such an entry the RAM is unknown.
    #[must_use]
    pub fn sized<'k>(&self, kind: &'k GpuKind) -> Cow<'k, GpuKind> {
        let Some(bytes) = kind.ram().and_then(measured) else { return Cow::Borrowed(kind) };
        let of_model = self.0.iter().filter(|rate| rate.is_for_model_of(kind));
        let sizes = of_model.filter_map(|rate| whole_gi(rate.ram()?));
        Cow::Owned(kind.with_ram(nearest(bytes, sizes).map(gi)))
    }

    /// The cards that a card with unknown RAM or interface may be: one for each entry for its model that it could
    /// match. Without such an entry, or if the card is completely known, it is the card itself.
    #[must_use]
    pub fn cards_of(&self, kind: &GpuKind) -> Vec<GpuKind> {
        let kind = self.sized(kind);
        let mut cards: Vec<GpuKind> = Vec::new();
        if !kind.is_known() {
            let selector = GpuSelector::new(kind.vendor(), kind.model(), kind.ram(), kind.interface());
            for rate in self.0.iter().filter(|rate| rate.is_for_model_of(&kind)) {
                if let Some(card) = rate.card_within(&selector).filter(|card| !cards.contains(card)) {
                    cards.push(card);
                }
            }
        }
        if cards.is_empty() { vec![kind.into_owned()] } else { cards }
    }

    /// Whether any entry could price a card that a selector allows.
    #[must_use]
    pub fn prices_some(&self, selector: &GpuSelector) -> bool {
        self.0.iter().any(|rate| rate.card_within(selector).is_some())
    }

    /// The entries that name a model, without `*` and `VENDOR/*`.
    #[must_use]
    pub fn named(&self) -> Self {
        Self(self.0.iter().filter(|rate| rate.model().is_some()).cloned().collect())
    }

    /// The most expensive entry. The old rule charges it for every request that leaves the model open.
    #[must_use]
    pub fn dearest(&self) -> Option<&GpuRate> {
        self.0.iter().max_by_key(|rate| rate.usd)
    }
}

/// The entry among some that prices a card.
pub(super) fn most_specific<'a>(entries: impl Iterator<Item = &'a GpuRate>, kind: &GpuKind) -> Option<&'a GpuRate> {
    entries.filter(|rate| rate.matches(kind)).max_by_key(|rate| rate.specificity())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The GPU entries of these keys and USD a month.
    pub(crate) fn rates(entries: &[(&str, &str)]) -> GpuRates {
        let mut rates = GpuRates::default();
        for (key, usd) in entries {
            rates.add(GpuRate::new(key, Usd::parse(usd).unwrap()).unwrap()).unwrap();
        }
        rates
    }

    #[test]
    fn the_most_specific_entry_wins() {
        let card = rates(&[
            ("*", "1"),
            ("nvidia/*", "2"),
            ("a100", "3"),
            ("nvidia/a100", "4"),
            ("a100.80Gi", "5"),
            ("a100.sxm4", "6"),
            ("a100.80Gi.sxm", "7"),
            ("nvidia/a100/80gi/sxm", "8"),
        ]);
        let price = |vendor: &str, model: &str, ram: &str, interface: &str| {
            card.lookup(&GpuKind::new(vendor, model, ram, interface)).unwrap().usd().to_string()
        };
        assert_eq!(price("nvidia", "A100", "80Gi", "SXM4"), "8");
        assert_eq!(price("nvidia", "a100", "40Gi", "SXM4"), "6");
        assert_eq!(price("nvidia", "a100", "80Gi", "PCIe"), "5");
        assert_eq!(price("nvidia", "a100", "40Gi", "PCIe"), "4");
        assert_eq!(price("amd", "a100", "40Gi", "PCIe"), "3");
        assert_eq!(price("nvidia", "t4", "16Gi", "PCIe"), "2");
        assert_eq!(price("amd", "mi210", "64Gi", "PCIe"), "1");
    }

    #[test]
    fn two_keys_for_one_card_are_refused() {
        let mut card = rates(&[("a100.sxm4", "1")]);
        let error = card.add(GpuRate::new("A100.SXM", Usd::ZERO).unwrap()).unwrap_err();
        assert_eq!(error, KeyError::Duplicate("a100.sxm4".into(), "A100.SXM".into()));
        assert!(card.add(GpuRate::new("nvidia/a100/*/sxm", Usd::ZERO).unwrap()).is_ok());
    }

    #[test]
    fn keys_that_cannot_be_meant_are_refused() {
        for key in ["", "/", "nvidia/", "a100.", "a100.sxm.80Gi", "a100.80Gi.sxm.x", "a 100", " a100", "nvidia / a100"]
        {
            let error = GpuRate::new(key, Usd::ZERO);
            assert!(matches!(error, Err(KeyError::Key(gpu::KeyError::Malformed(_)))), "{key}");
        }
        for key in ["*.80Gi", "nvidia/*/80Gi", "*/pcie"] {
            assert!(matches!(GpuRate::new(key, Usd::ZERO), Err(KeyError::NarrowedWildcard(_))), "{key}");
        }
        for key in [
            "a100.80GB",
            "a100.80",
            "a100.foo",
            "nvidia/a100/foo/sxm",
            "a100.0.5Gi",
            "*/a100",
            "a100.80Gi.nvlink",
            "nvidia",
        ] {
            assert!(GpuRate::new(key, Usd::ZERO).is_err(), "{key}");
        }
    }

    #[test]
    fn a_model_with_slashes_is_not_a_vendor() {
        let card = rates(&[("h100/80Gi", "1"), ("h100/sxm5", "2"), ("h100/80Gi/sxm", "3")]);
        let price = |ram: &str, interface: &str| {
            card.lookup(&GpuKind::new("nvidia", "h100", ram, interface)).unwrap().usd().to_string()
        };
        assert_eq!([price("80Gi", "PCIe"), price("94Gi", "SXM5"), price("80Gi", "SXM5")], ["1", "2", "3"]);
        let mut card = rates(&[("h100.80Gi", "1")]);
        assert!(card.add(GpuRate::new("h100/80Gi", Usd::ZERO).unwrap()).is_err());
    }

    #[test]
    fn a_card_of_unknown_ram_or_interface_may_be_any_entry_of_its_model() {
        let card = rates(&[
            ("a100.40Gi", "600"),
            ("a100.80Gi", "1000"),
            ("a100.80Gi.sxm", "1300"),
            ("amd/a100/24Gi", "1"),
            ("h100", "1900"),
            ("*", "130"),
        ]);
        let may_be = |ram: &str, interface: &str| -> Vec<String> {
            let kind = GpuKind::described("nvidia", "a100", ram, interface);
            card.cards_of(&kind).iter().map(ToString::to_string).collect()
        };
        assert_eq!(may_be("", ""), ["nvidia/a100/40Gi", "nvidia/a100/80Gi", "nvidia/a100/80Gi/sxm"]);
        assert_eq!(may_be("unknown", "PCIe"), ["nvidia/a100/40Gi/pcie", "nvidia/a100/80Gi/pcie"]);
        assert_eq!(may_be("80GB", "NVLink"), ["nvidia/a100/80Gi", "nvidia/a100/80Gi/sxm"]);
        assert_eq!(may_be("80Gi", "SXM4"), ["nvidia/a100/80Gi/sxm"]);
        // No entry is for such a card, so `*` prices it.
        assert_eq!(may_be("24Gi", ""), ["nvidia/a100/24Gi"]);
        let other = GpuKind::described("nvidia", "t4", "", "");
        assert_eq!(card.cards_of(&other), std::slice::from_ref(&other));
    }

    #[test]
    fn a_measured_size_is_the_nearest_that_the_rate_card_names_for_the_model() {
        let card = rates(&[("x1.40Gi", "600"), ("x1.80Gi", "1000"), ("*", "130")]);
        let sized = |ram: &str| card.sized(&GpuKind::described("nvidia", "x1", ram, "PCIe")).to_string();
        assert_eq!(sized("81559Mi"), "nvidia/x1/80Gi/pcie");
        assert_eq!(sized("40536MiB"), "nvidia/x1/40Gi/pcie");
        assert_eq!(sized("60001Mi"), "nvidia/x1/*/pcie");
    }

    #[test]
    fn without_an_inventory_a_request_may_come_to_every_listed_card() {
        let card = rates(&[("a100.40Gi", "600"), ("a100.80Gi", "1000"), ("h100", "1900"), ("*", "50")]);
        let within = |selector: GpuSelector| -> Vec<String> {
            card.cards_within(&selector).iter().map(ToString::to_string).collect()
        };
        let plain = GpuSelector::new("nvidia", "a100", None, None);
        assert_eq!(within(plain), ["nvidia/a100/40Gi", "nvidia/a100/80Gi", "nvidia/a100"]);
        let any = GpuSelector::new("nvidia", "*", None, None);
        assert_eq!(within(any), ["nvidia/a100/40Gi", "nvidia/a100/80Gi", "nvidia/h100", "nvidia/*"]);
        let unlisted = GpuSelector::new("nvidia", "t4", None, Some("pcie"));
        assert_eq!(within(unlisted), ["nvidia/t4/*/pcie"]);
    }
}
