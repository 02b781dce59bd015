//! Compares what each kind of card costs under both rate cards.
//!
//! Which entry prices a card depends only on the words that entries name. So the kinds to compare are the combinations
//! of the words of both rate cards, with one more that stands for every other word: a model that neither names, a RAM
//! that no entry for the model names. Entries that name a model price no other, so each model is compared on its own.
//! The number of combinations is bounded by [`MAX_STEPS`].

use std::collections::{BTreeMap, BTreeSet};

use super::amounts::Left;
use super::found::{Factor, Found, NO_BID};
use super::{Change, Concern};
use crate::gpu::GpuKind;
use crate::money::Usd;
use crate::rates::gpu::most_specific;
use crate::rates::origin::entry_key;
use crate::rates::{GpuRate, Pricing, UnlistedGpu};

/// The most comparisons of an entry with a kind. A real rate card needs a few thousand.
const MAX_STEPS: usize = 4_000_000;
/// Stands for a word that no entry names.
const OTHER: &str = "*";
const UNLISTED: &str = "policy.unlisted_gpu";

/// Compares the price of every kind of card. Each entry gets at most one change, for the kind that it changes most.
pub(super) fn compare(found: &mut Found<'_>) {
    let (before, after) = (Cards::of(found.before), Cards::of(found.after));
    if found.before.rates.gpu == found.after.rates.gpu && before.unlisted == after.unlisted {
        return;
    }
    let floors = Floors::of(found.before, found.after);
    let models: BTreeSet<&str> = before.models.keys().chain(after.models.keys()).copied().chain([OTHER]).collect();
    let mut told = BTreeMap::new();
    let mut steps = MAX_STEPS;
    for model in models {
        let (old, new) = (before.tariff(model), after.tariff(model));
        let Some(kinds) = kinds(model, &old, &new, &mut steps) else {
            let shown = |pricing: &Pricing| match pricing.rates.gpu.entries().len() {
                1 => "1 entry".to_owned(),
                number => format!("{number} entries"),
            };
            let (key, concern) = ("rates.gpu".to_owned(), Some(Concern::Incomparable));
            return found.add(key, shown(found.before), shown(found.after), concern);
        };
        for kind in &kinds {
            if let Some((change, left)) = of_kind(found, &floors, &old, &new, kind) {
                keep_worst(&mut told, change, left);
            }
        }
    }
    told.into_values().for_each(|(change, _)| found.push(change));
}

/// The entries of a rate card, by the model that they name.
struct Cards<'a> {
    models: BTreeMap<&'a str, Vec<&'a GpuRate>>,
    /// `*` and `vendor/*`.
    open: Vec<&'a GpuRate>,
    unlisted: UnlistedGpu,
}

/// The entries that price the cards of one model.
#[derive(PartialEq, Eq)]
struct Tariff<'a> {
    entries: Vec<&'a GpuRate>,
    unlisted: UnlistedGpu,
}

/// The price of a card, and the entry that sets it. No entry if `unlisted_gpu` does.
#[derive(Clone, Copy)]
struct Priced<'a> {
    usd: Usd,
    by: Option<&'a GpuRate>,
}

impl<'a> Cards<'a> {
    fn of(pricing: &'a Pricing) -> Self {
        let mut cards = Self { models: BTreeMap::new(), open: Vec::new(), unlisted: pricing.policy.unlisted_gpu };
        for entry in pricing.rates.gpu.entries() {
            match entry.model() {
                Some(model) => cards.models.entry(model).or_default().push(entry),
                None => cards.open.push(entry),
            }
        }
        cards
    }

    fn tariff(&self, model: &str) -> Tariff<'a> {
        let named = self.models.get(model).into_iter().flatten();
        Tariff { entries: named.chain(&self.open).copied().collect(), unlisted: self.unlisted }
    }
}

impl<'a> Tariff<'a> {
    fn price(&self, kind: &GpuKind) -> Option<Priced<'a>> {
        let entry = most_specific(self.entries.iter().copied(), kind);
        match (entry, self.unlisted) {
            (Some(entry), _) => Some(Priced { usd: entry.usd(), by: Some(entry) }),
            (None, UnlistedGpu::Price(usd)) => Some(Priced { usd, by: None }),
            (None, UnlistedGpu::Decline) => None,
        }
    }

    /// Whether there is an entry for the same card.
    fn has(&self, entry: &GpuRate) -> bool {
        self.entries.iter().any(|other| other.same_card(entry))
    }
}

impl Priced<'_> {
    fn key(self) -> String {
        self.by.map_or_else(|| UNLISTED.to_owned(), |entry| entry_key("rates.gpu", entry.key()))
    }

    /// The price, with the entry that sets it if that is not the key of the change.
    fn shown(self, key: &str) -> String {
        let own = self.key();
        if own == key { self.usd.to_string() } else { format!("{} by `{own}`", self.usd) }
    }
}

/// Every kind of a model that the entries can tell apart, or no kind if nothing changed for the model. None if there
/// are too many to compare.
fn kinds(model: &str, old: &Tariff<'_>, new: &Tariff<'_>, steps: &mut usize) -> Option<Vec<GpuKind>> {
    let entries = old.entries.len().checked_add(new.entries.len())?.checked_add(1)?;
    *steps = steps.checked_sub(entries)?;
    if old == new {
        return Some(Vec::new());
    }
    let (mut vendors, mut rams, mut interfaces) =
        (BTreeSet::from([OTHER]), BTreeSet::from([None]), BTreeSet::from([None]));
    for entry in old.entries.iter().chain(&new.entries) {
        vendors.extend(entry.vendor());
        rams.insert(entry.ram());
        interfaces.insert(entry.interface());
    }
    let count = vendors.len().checked_mul(rams.len())?.checked_mul(interfaces.len())?;
    *steps = steps.checked_sub(count.checked_mul(entries)?)?;
    let mut kinds = Vec::with_capacity(count);
    for vendor in &vendors {
        for ram in &rams {
            kinds.extend(interfaces.iter().map(|interface| GpuKind::canonical(vendor, model, *ram, *interface)));
        }
    }
    Some(kinds)
}

/// The change for a kind, and the remaining share of its price.
fn of_kind(
    found: &mut Found<'_>,
    floors: &Floors<'_>,
    old: &Tariff<'_>,
    new: &Tariff<'_>,
    kind: &GpuKind,
) -> Option<(Change, Left)> {
    match (old.price(kind), new.price(kind)) {
        (None, None) => None,
        (Some(before), Some(after)) if before.usd == after.usd => None,
        (Some(before), Some(after)) => Some(repriced(found, old, new, before, after)),
        (Some(before), None) => {
            let key = before.key();
            let gone = before.by.is_some() || found.is_gone(UNLISTED);
            let concern = gone.then_some(Concern::EntryGone);
            Some((change(key.clone(), before.shown(&key), NO_BID.to_owned(), None, concern), Left::NOTHING))
        }
        (None, Some(after)) => Some(opened(found, floors, kind, after)),
    }
}

/// The change for a card whose price changed.
fn repriced(
    found: &mut Found<'_>,
    old: &Tariff<'_>,
    new: &Tariff<'_>,
    before: Priced<'_>,
    after: Priced<'_>,
) -> (Change, Left) {
    let is_gone = before.by.is_some_and(|entry| !new.has(entry));
    let is_new = after.by.is_some_and(|entry| !old.has(entry));
    let key = if is_new && !is_gone { after.key() } else { before.key() };
    let left = Left::of(before.usd.decimal(), after.usd.decimal());
    found.note(left, Factor::Rate);
    let concern = if is_gone { Some(Concern::EntryGone) } else { found.concern_about(&key, left) };
    let (before, after) =
        (before.shown(&key), if is_gone || is_new { after.shown(&key) } else { after.usd.to_string() });
    (change(key, before, after, left.percent_shown(), concern), left)
}

/// The change for a card that was declined before. A new price can lower what an order pays that could already get
/// another card, so it is compared with the lowest price of such orders ([`Floors`]).
fn opened(found: &Found<'_>, floors: &Floors<'_>, kind: &GpuKind, after: Priced<'_>) -> (Change, Left) {
    let key = after.key();
    let Some(entry) = after.by.filter(|entry| entry.model().is_some()) else {
        let opened = change(key, NO_BID.to_owned(), after.usd.to_string(), None, Some(Concern::CardsOpened));
        return (opened, Left::NOTHING);
    };
    let worst = floors.worst(entry.model(), kind.vendor(), after.usd).filter(|(_, left)| found.is_exceeded_by(*left));
    match worst {
        None => (change(key, NO_BID.to_owned(), after.usd.to_string(), None, None), Left::ALL),
        Some((floor, left)) => {
            let before = format!("{floor} for an order that may come to this card");
            let concern = Some(Concern::Lowered);
            (change(key, before, after.usd.to_string(), left.percent_shown(), concern), left)
        }
    }
}

/// The lowest prices: of all entries, of those for a vendor's cards, and of those for a vendor's cards of one model.
/// Entries without a vendor apply to every vendor.
struct Floors<'a> {
    all: Option<Usd>,
    vendors: BTreeMap<Option<&'a str>, Usd>,
    models: BTreeMap<(Option<&'a str>, Option<&'a str>), Usd>,
}

impl<'a> Floors<'a> {
    /// If the policy prices the most expensive card, or declines, then an additional card cannot lower a price, and
    /// there are no floors.
    fn of(before: &'a Pricing, after: &Pricing) -> Self {
        let mut floors = Self { all: None, vendors: BTreeMap::new(), models: BTreeMap::new() };
        if !after.policy.ambiguous_gpu.may_undercut() {
            return floors;
        }
        for entry in before.rates.gpu.entries() {
            let (vendor, usd) = (entry.vendor(), entry.usd());
            floors.all = Some(floors.all.map_or(usd, |least| least.min(usd)));
            let of_model = floors.models.entry((entry.model(), vendor)).or_insert(usd);
            *of_model = usd.min(*of_model);
            let of_vendor = floors.vendors.entry(vendor).or_insert(usd);
            *of_vendor = usd.min(*of_vendor);
        }
        floors
    }

    /// The lowest previous price of an order that could now also get a certain card, and the share of it that remains:
    /// the worst case of orders for any card, for any card of the vendor, and for any card of the model.
    fn worst(&self, model: Option<&str>, vendor: &str, usd: Usd) -> Option<(Usd, Left)> {
        let both = [None, Some(vendor)];
        let of_vendor = both.iter().filter_map(|vendor| self.vendors.get(vendor)).min().copied();
        let of_model = both.iter().filter_map(|vendor| self.models.get(&(model, *vendor))).min().copied();
        let floors = [self.all, of_vendor, of_model].into_iter().flatten();
        floors.map(|floor| (floor, Left::of(floor.decimal(), usd.decimal()))).min_by_key(|(_, left)| *left)
    }
}

fn change(
    key: String,
    before: String,
    after: String,
    percent_lower: Option<rust_decimal::Decimal>,
    concern: Option<Concern>,
) -> Change {
    Change { key, before, after, percent_lower, concern }
}

/// Keeps the worst of the changes for one key.
fn keep_worst(told: &mut BTreeMap<String, (Change, Left)>, change: Change, left: Left) {
    let rank = |change: &Change, left: Left| (change.concern.is_none(), left);
    match told.get(&change.key) {
        Some((known, known_left)) if rank(known, *known_left) <= rank(&change, left) => {}
        _ => {
            told.insert(change.key.clone(), (change, left));
        }
    }
}
