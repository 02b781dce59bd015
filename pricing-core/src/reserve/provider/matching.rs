//! How the daemon matches cards: letter by letter, with a request that it rewrites as it goes.

use std::collections::BTreeMap;

use crate::gpu::{GpuRequest, canonical_interface};
use crate::inventory::{Card, CardId, Cluster};
use crate::quantity::Quantity;

/// The RAM and interface that a card must have, if the request names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    ram: Option<String>,
    interface: Option<String>,
}

/// What the request wants, by vendor and model; the model may be `*`. None if the daemon cannot parse its own request:
/// then no card matches.
type Models = Option<BTreeMap<String, BTreeMap<String, Wanted>>>;

/// Whether a card matches the current request. Cached by card description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Unknown,
    No,
    Yes,
}

/// A request for cards in its current form.
#[derive(Debug)]
pub(super) struct Matcher<'c> {
    cluster: &'c Cluster,
    models: Models,
    verdicts: Vec<Verdict>,
    /// The attribute that the request was rewritten to, and the card for which that last happened.
    narrowed: Option<(String, CardId)>,
}

impl<'c> Matcher<'c> {
    pub(super) fn new(request: &GpuRequest, cluster: &'c Cluster) -> Self {
        let mut matcher = Self { cluster, models: Some(BTreeMap::new()), verdicts: Vec::new(), narrowed: None };
        for selector in &request.alternatives {
            add(&mut matcher.models, selector.written());
        }
        matcher
    }

    /// The last of the first `units` cards that match. None if fewer match.
    ///
    /// The number of cards is compared first, as the daemon does it.
    pub(super) fn find(&mut self, cards: &[CardId], units: u64) -> Option<CardId> {
        let place = usize::try_from(units.checked_sub(1)?).ok()?;
        if place >= cards.len() {
            return None;
        }
        cards.iter().copied().filter(|card| self.allows(*card)).nth(place)
    }

    /// Whether a card matches.
    pub(super) fn allows(&mut self, id: CardId) -> bool {
        if self.verdicts.is_empty() {
            self.verdicts = vec![Verdict::Unknown; self.cluster.cards().len()];
        }
        let Some(verdict) = self.verdicts.get_mut(id.place()) else { return false };
        if *verdict == Verdict::Unknown {
            let card = self.cluster.card(id);
            let matched = card.is_some_and(|card| wanted(&self.models, card).is_some_and(|wanted| wanted.allows(card)));
            *verdict = if matched { Verdict::Yes } else { Verdict::No };
        }
        *verdict == Verdict::Yes
    }

    /// Whether finding this card would rewrite the request.
    pub(super) fn would_narrow(&mut self, id: CardId) -> bool {
        let Some((current, last)) = &self.narrowed else { return true };
        if *last == id {
            return false;
        }
        self.attribute(id).is_some_and(|attribute| attribute != *current)
    }

    /// Rewrites the request to the model of a card, and forgets the cached matches. The attribute is parsed again like
    /// any other: a card name that the daemon cannot parse leaves a request that matches nothing.
    pub(super) fn narrow(&mut self, id: CardId) {
        let Some(attribute) = self.attribute(id) else { return };
        self.models = Some(BTreeMap::new());
        match words(&attribute) {
            Some(words) => add(&mut self.models, words),
            None => self.models = None,
        }
        self.verdicts.clear();
        self.narrowed = Some((attribute, id));
    }

    /// The attribute that the request was rewritten to, if it was.
    pub(super) fn into_attribute(self) -> Option<String> {
        self.narrowed.map(|(attribute, _)| attribute)
    }

    /// What the request becomes when this card is found: the card's model, with the RAM and interface that were asked
    /// for.
    fn attribute(&self, id: CardId) -> Option<String> {
        let card = self.cluster.card(id)?;
        let wanted = wanted(&self.models, card)?;
        let mut attribute = format!("vendor/{}/model/{}", card.described.vendor, card.described.name);
        for (word, value) in [("/ram/", &wanted.ram), ("/interface/", &wanted.interface)] {
            if let Some(value) = value {
                attribute.push_str(word);
                attribute.push_str(value);
            }
        }
        Some(attribute)
    }
}

impl Wanted {
    fn allows(&self, card: &Card) -> bool {
        self.ram.as_ref().is_none_or(|ram| *ram == card.described.memory_size)
            && self.interface.as_ref().is_none_or(|text| *text == canonical_interface(&card.described.interface))
    }
}

/// The entry for a card's model, or else the one for any model of its vendor.
fn wanted<'m>(models: &'m Models, card: &Card) -> Option<&'m Wanted> {
    let models = models.as_ref()?.get(&card.described.vendor)?;
    models.get(&card.described.name).or_else(|| models.get("*"))
}

/// Adds an alternative. A later one for the same model replaces an earlier one, because the daemon keeps them in a map.
/// One that the daemon cannot parse makes the whole request unusable.
fn add(models: &mut Models, [vendor, model, ram, interface]: [&str; 4]) {
    let supported = matches!(vendor, "nvidia" | "amd") && matches!(interface, "" | "pcie" | "sxm");
    let wanted_ram = if ram.is_empty() { Some(None) } else { whole_gi(ram).map(Some) };
    let (Some(known), Some(ram), true) = (models.as_mut(), wanted_ram, supported) else {
        *models = None;
        return;
    };
    let interface = (!interface.is_empty()).then(|| interface.to_owned());
    known.entry(vendor.to_owned()).or_default().insert(model.to_owned(), Wanted { ram, interface });
}

/// RAM as the daemon writes it before it compares: whole Gi, rounded down. It only parses binary units.
fn whole_gi(text: &str) -> Option<String> {
    let bytes = text.ends_with('i').then(|| Quantity::parse(text).ok())??;
    let bytes = u64::try_from(bytes.floor()).ok()?;
    Some(format!("{}Gi", bytes >> 30))
}

/// Vendor, model, RAM and interface of an attribute. The attribute was made from a card's name, which may contain
/// slashes, so the number of parts is checked.
fn words(attribute: &str) -> Option<[&str; 4]> {
    let mut parts = attribute.split('/').skip(1).step_by(2);
    let pairs = attribute.split('/').count();
    let (vendor, model) = (parts.next()?, parts.next()?);
    let (mut ram, mut interface) = ("", "");
    for (name, value) in attribute.split('/').skip(4).step_by(2).zip(parts) {
        match name {
            "ram" => ram = value,
            "interface" => interface = value,
            _ => {}
        }
    }
    pairs.is_multiple_of(2).then_some([vendor, model, ram, interface])
}
