//! The GPU mappings of the environment (`a100.80Gi=1000,t4=80`), looked up as the script does.

use super::fixed::Fixed;
use super::written;
use crate::gpu::GpuKind;
use crate::money::Usd;
use crate::order::script_request::{GpuDetails, Text};
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
    readable: bool,
    /// The first mapping whose rate the calculator would work out.
    arithmetic: Option<String>,
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
            // Bash cannot keep a mapping without a key, and leaves its loop there.
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
        // Later mappings first: where two are for one card, the first that is added stays.
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

    /// The rate for what a request says of its cards: as given, then without the last part, then for the bare model.
    pub(super) fn requested(&self, key: &Key) -> Rate {
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

    /// The cards that a known card may be of which RAM or interface is not known.
    pub(super) fn cards_of(&self, kind: &GpuKind) -> Vec<GpuKind> {
        self.strict.cards_of(kind)
    }

    /// A rate that the calculator would work out.
    pub(super) fn arithmetic(&self) -> Option<&str> {
        self.arithmetic.as_deref()
    }

    /// Whether the calculator can read every mapping.
    pub(super) fn are_readable(&self) -> bool {
        self.readable
    }

    fn find(&self, key: &[u8]) -> Option<Rate> {
        let place = self.entries.binary_search_by(|(entry, _)| entry.as_bytes().cmp(key)).ok()?;
        self.entries.get(place).map(|(_, rate)| *rate)
    }
}

/// What a key may have of bytes without being kept on the heap.
const SHORT_KEY: usize = 64;

/// The key that the script makes of a request: `model[.ram][.interface]`.
pub(super) struct Key {
    short: [u8; SHORT_KEY],
    length: usize,
    /// The whole key, when it is longer than a short one.
    long: Vec<u8>,
}

impl Key {
    /// The key for the vendor that the script reads. It reads RAM and interface of NVIDIA's cards only.
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
