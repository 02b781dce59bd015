//! The GPU mappings of the environment (`a100.80Gi=1000,t4=80`), looked up as the script does it.

use super::fixed::Fixed;
use super::written;
use crate::gpu::GpuKind;
use crate::money::Usd;
use crate::order::script_request::{GpuDetails, Text};
use crate::rates::{GpuRate, GpuRates};

/// What the script charges for an unmapped card if no mapping is more expensive.
const CATCH_ALL_USD: u32 = 100;

/// A mapping's rate. None if the calculator cannot parse it.
pub(super) type Rate = Option<Fixed>;

/// The mappings, sorted by key.
#[derive(Clone, Debug)]
pub(super) struct Mappings {
    entries: Vec<(String, Rate)>,
    /// The maximum of 100 and all mappings.
    catch_all: Fixed,
    /// The same entries as a rate card, for cards that are known from an inventory. The prices in it are indices of
    /// `strict_rates`, because a rate that the calculator accepts need not be valid in a rate card.
    strict: GpuRates,
    strict_rates: Vec<Rate>,
    readable: bool,
    /// The first mapping whose rate is an arithmetic expression.
    arithmetic: Option<String>,
}

impl Mappings {
    /// Parses the variable as the script's Bash loop does. Of two mappings with the same key the later one counts; an
    /// empty rate is not a mapping.
    pub(super) fn read(variable: &str) -> Self {
        let mut entries: Vec<(String, Option<&str>)> = Vec::new();
        // The script reads one line.
        for pair in variable.lines().next().unwrap_or("").split(',') {
            let mut parts = pair.split('=');
            let key = parts.next().unwrap_or("");
            let rate = parts.next().filter(|rate| !rate.is_empty());
            // Bash fails on a mapping without a key, and leaves its loop there.
            if key.is_empty() {
                break;
            }
            entries.retain(|(other, _)| other != key);
            entries.push((key.to_owned(), rate));
        }
        let arithmetic = entries.iter().filter_map(|(_, rate)| *rate).find(|rate| written::is_arithmetic(rate));
        let arithmetic = arithmetic.map(str::to_owned);
        let written = entries.into_iter().filter_map(|(key, rate)| Some((key, written::rate(rate?))));
        Self::new(written.collect(), arithmetic)
    }

    fn new(mut entries: Vec<(String, Rate)>, arithmetic: Option<String>) -> Self {
        let dearest = entries.iter().filter_map(|(_, rate)| *rate).max();
        let floor = Fixed::whole(CATCH_ALL_USD);
        let mut strict = GpuRates::default();
        let mut strict_rates = Vec::new();
        // Later mappings first: of two for the same card, the first one added stays.
        for (key, rate) in entries.iter().rev() {
            let place = u32::try_from(strict_rates.len()).unwrap_or(u32::MAX);
            let place = Usd::from_decimal(place.into());
            if GpuRate::new(key, place).and_then(|entry| strict.add(entry)).is_ok() {
                strict_rates.push(*rate);
            }
        }
        entries.sort();
        let readable = entries.iter().all(|(_, rate)| rate.is_some());
        let catch_all = dearest.map_or(floor, |dearest| dearest.max(floor));
        Self { entries, catch_all, strict, strict_rates, readable, arithmetic }
    }

    /// The rate for the card that a request names: the key as given, then without its last part, then the bare model,
    /// then the catch-all.
    pub(super) fn requested(&self, key: &Key) -> Rate {
        let found = self.find(key.as_given());
        let found = found.or_else(|| self.find(key.without_last_part()));
        found.or_else(|| self.find(key.bare_model())).unwrap_or(Some(self.catch_all))
    }

    /// The rate of a known card: the most specific mapping, else `*`, else the catch-all.
    pub(super) fn card(&self, kind: &GpuKind) -> Rate {
        let place = self.strict.lookup(kind).and_then(|entry| u32::try_from(entry.usd().decimal()).ok());
        let rate = place.and_then(|place| self.strict_rates.get(usize::try_from(place).ok()?));
        rate.copied().unwrap_or(Some(self.catch_all))
    }

    /// The cards that a card with unknown RAM or interface may be.
    pub(super) fn cards_of(&self, kind: &GpuKind) -> Vec<GpuKind> {
        self.strict.cards_of(kind)
    }

    /// A rate that is an arithmetic expression, if there is one.
    pub(super) fn arithmetic(&self) -> Option<&str> {
        self.arithmetic.as_deref()
    }

    /// Whether the calculator can parse every mapping.
    pub(super) fn are_readable(&self) -> bool {
        self.readable
    }

    fn find(&self, key: &[u8]) -> Option<Rate> {
        let place = self.entries.binary_search_by(|(entry, _)| entry.as_bytes().cmp(key)).ok()?;
        self.entries.get(place).map(|(_, rate)| *rate)
    }
}

/// The length in bytes up to which a key needs no heap allocation.
const SHORT_KEY: usize = 64;

/// The lookup key that the script builds from a request: `model[.ram][.interface]`.
pub(super) struct Key {
    short: [u8; SHORT_KEY],
    length: usize,
    /// The whole key, if it is longer than `short`.
    long: Vec<u8>,
}

impl Key {
    /// The key for the vendor that the script looks at. It only looks at RAM and interface for NVIDIA.
    pub(super) fn new(nvidia: Option<&GpuDetails<'_>>, amd: Option<&GpuDetails<'_>>) -> Self {
        let model = nvidia.or(amd).and_then(|details| details.model.as_ref().map(Text::exact));
        let named = nvidia.filter(|details| details.model.is_some());
        let written = |text: &str| text != "0";
        let ram = named.and_then(|details| details.ram.as_ref().map(Text::exact)).filter(|text| written(text));
        let interface = named.and_then(|details| details.interface.as_ref().map(Text::exact));
        let interface = interface.filter(|text| written(text));
        let mut key = Self { short: [0; SHORT_KEY], length: 0, long: Vec::new() };
        key.push(model.unwrap_or("0"));
        for part in [ram, interface].into_iter().flatten() {
            key.push(".");
            key.push(part);
        }
        key
    }

    fn push(&mut self, part: &str) {
        let end = self.length.saturating_add(part.len());
        match self.short.get_mut(self.length..end) {
            Some(place) if self.long.is_empty() => {
                place.copy_from_slice(part.as_bytes());
                self.length = end;
            }
            _ => {
                if self.long.is_empty() {
                    self.long.extend(self.short.iter().take(self.length));
                }
                self.long.extend(part.bytes());
            }
        }
    }

    fn as_given(&self) -> &[u8] {
        if self.long.is_empty() { self.short.get(..self.length).unwrap_or_default() } else { &self.long }
    }

    fn without_last_part(&self) -> &[u8] {
        let key = self.as_given();
        let end = key.iter().rposition(|byte| *byte == b'.').unwrap_or(key.len());
        key.get(..end).unwrap_or_default()
    }

    fn bare_model(&self) -> &[u8] {
        let key = self.as_given();
        let end = key.iter().position(|byte| *byte == b'.').unwrap_or(key.len());
        key.get(..end).unwrap_or_default()
    }
}
