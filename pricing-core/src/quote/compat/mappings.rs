//! The GPU mappings of the environment (`a100.80Gi=1000,t4=80`), looked up as the script does.

use super::fixed::Fixed;
use super::written;
use crate::gpu::GpuKind;
use crate::money::Usd;
use crate::order::script_request::GpuDetails;
use crate::rates::{GpuRate, GpuRates};

/// What the script charges for a card when no mapping is dearer.
const CATCH_ALL_USD: u32 = 100;

/// A mapping's rate. None where the calculator cannot read it.
pub(super) type Rate = Option<Fixed>;

/// The mappings, sorted by key.
#[derive(Clone, Debug)]
pub(super) struct Mappings {
    entries: Vec<(String, Rate)>,
    /// The largest of 100 and every mapping.
    catch_all: Fixed,
    /// The same entries as a rate card has them, for cards that are known from an inventory. The rates are places in
    /// `strict_rates`, since what the calculator reads need not fit a rate card.
    strict: GpuRates,
    strict_rates: Vec<Rate>,
}

impl Mappings {
    /// Reads the variable. Of two mappings with one key the later counts; an empty rate is no mapping.
    pub(super) fn read(variable: &str) -> Self {
        let mut entries: Vec<(String, Option<&str>)> = Vec::new();
        // The script reads one line.
        for pair in variable.lines().next().unwrap_or("").split(',') {
            let mut parts = pair.split('=');
            let key = parts.next().unwrap_or("");
            let rate = parts.next().filter(|rate| !rate.is_empty());
            if key.is_empty() {
                continue;
            }
            entries.retain(|(other, _)| other != key);
            entries.push((key.to_owned(), rate));
        }
        let written = entries.into_iter().filter_map(|(key, rate)| Some((key, written::rate(rate?))));
        Self::new(written.collect())
    }

    fn new(mut entries: Vec<(String, Rate)>) -> Self {
        let dearest = entries.iter().filter_map(|(_, rate)| *rate).max();
        let floor = Fixed::whole(CATCH_ALL_USD);
        let mut strict = GpuRates::default();
        let mut strict_rates = Vec::new();
        // Later mappings first: where two are for one card, the first that is added stays.
        for (key, rate) in entries.iter().rev() {
            let place = u32::try_from(strict_rates.len()).unwrap_or(u32::MAX);
            let place = Usd::from_decimal(place.into());
            if GpuRate::new(key, place).and_then(|entry| strict.add(entry)).is_ok() {
                strict_rates.push(*rate);
            }
        }
        entries.sort();
        Self { entries, catch_all: dearest.map_or(floor, |dearest| dearest.max(floor)), strict, strict_rates }
    }

    /// The rate for what a request says of its cards: as given, then without the last part, then for the bare model.
    pub(super) fn requested(&self, key: &Key<'_>) -> Rate {
        let found = self.find(key.as_given());
        let found = found.or_else(|| self.find(key.without_last_part()));
        found.or_else(|| self.find(key.bare_model())).unwrap_or(Some(self.catch_all))
    }

    /// The rate of a card that is known: the most specific mapping, else `*`, else the catch-all.
    pub(super) fn card(&self, kind: &GpuKind) -> Rate {
        let place = self.strict.lookup(kind).and_then(|entry| u32::try_from(entry.usd().decimal()).ok());
        let rate = place.and_then(|place| self.strict_rates.get(usize::try_from(place).ok()?));
        rate.copied().unwrap_or(Some(self.catch_all))
    }

    fn find<'a>(&self, key: impl Iterator<Item = &'a str> + Clone) -> Option<Rate> {
        let key = key.flat_map(str::bytes);
        let place = self.entries.binary_search_by(|(entry, _)| entry.bytes().cmp(key.clone())).ok()?;
        self.entries.get(place).map(|(_, rate)| *rate)
    }
}

/// The key that the script makes of a request: `model[.ram][.interface]`, in pieces.
pub(super) struct Key<'a>([&'a str; 5]);

impl<'a> Key<'a> {
    /// The key for the vendor that the script reads. It reads RAM and interface of NVIDIA's cards only.
    pub(super) fn new(nvidia: Option<&'a GpuDetails<'_>>, amd: Option<&'a GpuDetails<'_>>) -> Self {
        let model = nvidia.or(amd).and_then(|details| details.model.as_deref());
        let named = nvidia.filter(|details| details.model.is_some());
        let part = |text: Option<&'a str>| match text.filter(|text| *text != "0") {
            Some(text) => [".", text],
            None => ["", ""],
        };
        let [ram_dot, ram] = part(named.and_then(|details| details.ram.as_deref()));
        let [interface_dot, interface] = part(named.and_then(|details| details.interface.as_deref()));
        Self([model.unwrap_or("0"), ram_dot, ram, interface_dot, interface])
    }

    fn as_given(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.0.into_iter()
    }

    fn without_last_part(&self) -> impl Iterator<Item = &'a str> + Clone {
        let last = (0..self.0.len()).zip(self.0).rev().find_map(|(place, piece)| Some((place, piece.rfind('.')?)));
        let (place, end) = last.unwrap_or((self.0.len(), 0));
        let cut = self.0.get(place).and_then(|piece| piece.get(..end)).unwrap_or("");
        self.0.into_iter().take(place).chain(core::iter::once(cut))
    }

    fn bare_model(&self) -> impl Iterator<Item = &'a str> + Clone {
        let [model, ..] = self.0;
        core::iter::once(model.split('.').next().unwrap_or(model))
    }
}
