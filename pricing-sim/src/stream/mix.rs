//! What generated orders ask for: shares, weights and sizes, and how the random numbers of an order choose among them.

use std::collections::BTreeMap;

use pricing_core::gpu::GpuKey;
use pricing_core::input::InputError;
use pricing_core::inventory::MAX_NODE_GPUS;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::StreamError;
use super::check::{between, share, wrong};
use crate::number::Number;
use crate::random::{Draw, Draws, Purpose};
use crate::scenario::GenerateEntry;

/// The most weighted choices in a table, or sizes in a list.
const MAX_CHOICES: usize = 100;
/// The most replicas of a generated order.
const MAX_REPLICAS: u64 = 1_000;
/// The most endpoints of a generated order.
const MAX_ENDPOINTS: u32 = 100;
const GIB: u64 = 1 << 30;

/// Vendor, model, RAM and interface.
pub(super) type Kind = (String, String, Option<String>, Option<String>);

/// What generated orders ask for.
#[derive(Clone, Debug)]
pub(super) struct Mix {
    kinds: Weighted<Kind>,
    cpu_only: f64,
    wildcard: f64,
    multi_model: f64,
    models_listed: usize,
    cards: Weighted<u64>,
    replicas: Weighted<u64>,
    cpu: Vec<u64>,
    memory: Vec<u64>,
    storage: Vec<u64>,
    pub(super) persistent: Option<String>,
    pub(super) endpoints: usize,
}

/// What one generated order asks for. Sizes are per card or, without cards, per replica.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape {
    pub(super) kinds: Vec<Kind>,
    pub(super) cards: u64,
    pub(super) replicas: u32,
    pub(super) cpu: u64,
    pub(super) memory: u64,
    pub(super) storage: u64,
}

/// Choices with their weights.
#[derive(Clone, Debug)]
struct Weighted<T> {
    choices: Vec<(T, f64)>,
}

impl<T> Weighted<T> {
    /// Checks the choices of a table. `of` parses a choice.
    fn new(
        key: &str,
        table: &BTreeMap<String, Number>,
        of: impl Fn(&str, String) -> Result<T, StreamError>,
    ) -> Result<Self, StreamError> {
        if table.len() > MAX_CHOICES {
            return Err(wrong(format!("`{key}` has {} entries; at most {MAX_CHOICES} are allowed", table.len())));
        }
        let mut choices = Vec::new();
        for (name, weight) in table {
            let place = format!("{key}.\"{name}\"");
            let weight = between(&place, *weight, 0, 1_000_000_000)?;
            choices.push((of(name, place)?, weight));
        }
        choices.retain(|(_, weight)| *weight > 0.0);
        if choices.is_empty() && !table.is_empty() {
            return Err(wrong(format!("`{key}` has no weight above 0")));
        }
        Ok(Self { choices })
    }

    /// The choices in the order of an exponential race: each gets an exponential time with its weight as the rate (the
    /// method of Efraimidis and Spirakis for weighted sampling without replacement). Each choice comes first with a
    /// probability proportional to its weight, and raising a weight only moves its own choice forward.
    fn race(&self, mut draw: Draw) -> Vec<&T> {
        let mut times: Vec<(f64, &T)> =
            self.choices.iter().map(|(choice, weight)| (draw.exponential() / weight, choice)).collect();
        times.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        times.into_iter().map(|(_, choice)| choice).collect()
    }
}

/// The decisions about an order, each with random numbers of its own.
#[derive(Clone, Copy)]
enum Part {
    CpuOnly,
    Open,
    Kind,
    Cards,
    Replicas,
    Cpu,
    Memory,
    Storage,
}

impl Part {
    fn number(self) -> usize {
        match self {
            Self::CpuOnly => 0,
            Self::Open => 1,
            Self::Kind => 2,
            Self::Cards => 3,
            Self::Replicas => 4,
            Self::Cpu => 5,
            Self::Memory => 6,
            Self::Storage => 7,
        }
    }
}

impl Mix {
    pub(super) fn new(entry: &GenerateEntry) -> Result<Self, StreamError> {
        let mix = Self {
            kinds: Weighted::new("orders.generate.gpus", &entry.gpus, kind)?,
            cpu_only: cpu_only(entry)?,
            wildcard: share("orders.generate.wildcard_share", entry.wildcard_share)?,
            multi_model: share("orders.generate.multi_model_share", entry.multi_model_share)?,
            models_listed: entry.models_listed.unwrap_or(2),
            cards: Weighted::new("orders.generate.cards", &entry.cards, whole(MAX_NODE_GPUS))?,
            replicas: Weighted::new("orders.generate.replicas", &entry.replicas, whole(MAX_REPLICAS))?,
            cpu: sizes("orders.generate.cpu", &entry.cpu, 4, 1000, 1)?,
            memory: sizes("orders.generate.memory", &entry.memory, 16, GIB, 1)?,
            storage: sizes("orders.generate.storage", &entry.storage, 20, GIB, 0)?,
            persistent: entry.persistent.clone(),
            endpoints: usize::try_from(entry.endpoints.unwrap_or(1)).unwrap_or(usize::MAX),
        };
        mix.check(entry)?;
        Ok(mix)
    }

    /// Checks the settings against one another.
    fn check(&self, entry: &GenerateEntry) -> Result<(), StreamError> {
        let share = |share: Option<Number>| share.unwrap_or_default().0;
        if share(entry.wildcard_share).saturating_add(share(entry.multi_model_share)) > Decimal::ONE {
            return Err(wrong(
                "`orders.generate.wildcard_share` and `multi_model_share` come to more than 1: both are shares of the \
                 orders with cards, and an order is one or the other",
            ));
        }
        if self.models_listed < 2 {
            return Err(wrong("`orders.generate.models_listed` must be at least 2"));
        }
        let mut models: Vec<(&str, &str)> =
            self.kinds.choices.iter().map(|(kind, _)| (kind.0.as_str(), kind.1.as_str())).collect();
        models.sort_unstable();
        models.dedup();
        if self.multi_model > 0.0 && models.len() < self.models_listed {
            return Err(wrong(format!(
                "orders are to list {} models and `orders.generate.gpus` has {}; add some, or lower `models_listed`",
                self.models_listed,
                models.len()
            )));
        }
        if self.persistent.as_deref().is_some_and(|class| matches!(class, "" | "ephemeral" | "ram")) {
            return Err(wrong("`orders.generate.persistent` must be a storage class that lasts, such as `beta3`"));
        }
        if entry.endpoints.is_some_and(|endpoints| endpoints > MAX_ENDPOINTS) {
            return Err(wrong(format!("`orders.generate.endpoints` must be at most {MAX_ENDPOINTS}")));
        }
        Ok(())
    }

    /// What the order with this index asks for.
    pub(super) fn shape(&self, draws: &Draws, order: usize) -> Shape {
        let draw = |part: Part| draws.of_part(Purpose::Shape, part.number(), order);
        let one_of = |part: Part, sizes: &[u64]| sizes.get(draw(part).below(sizes.len())).copied().unwrap_or(0);
        let first = |part: Part, of: &Weighted<u64>| of.race(draw(part)).first().map_or(1, |number| **number);
        let cpu_only = draw(Part::CpuOnly).unit() < self.cpu_only;
        let kinds = if cpu_only { Vec::new() } else { self.kinds(draw(Part::Open).unit(), draw(Part::Kind)) };
        Shape {
            cards: if kinds.is_empty() { 0 } else { first(Part::Cards, &self.cards) },
            kinds,
            replicas: u32::try_from(first(Part::Replicas, &self.replicas)).unwrap_or(1),
            cpu: one_of(Part::Cpu, &self.cpu),
            memory: one_of(Part::Memory, &self.memory),
            storage: one_of(Part::Storage, &self.storage),
        }
    }

    /// The kinds that an order lists. Wildcards are at one end of the unit interval and lists of models at the other,
    /// so that changing one share does not change the orders of the other.
    fn kinds(&self, open: f64, draw: Draw) -> Vec<Kind> {
        let race = self.kinds.race(draw);
        let Some(first) = race.first() else { return Vec::new() };
        if open < self.wildcard {
            return vec![(first.0.clone(), "*".to_owned(), None, None)];
        }
        let listed = if open >= 1.0 - self.multi_model { self.models_listed } else { 1 };
        let mut kinds: Vec<Kind> = Vec::with_capacity(listed);
        for kind in race {
            let is_new = !kinds.iter().any(|known| (&known.0, &known.1) == (&kind.0, &kind.1));
            if is_new && kinds.len() < listed {
                kinds.push(kind.clone());
            }
        }
        kinds
    }
}

/// The share of orders without cards: all of them if no kinds of card are named.
fn cpu_only(entry: &GenerateEntry) -> Result<f64, StreamError> {
    let key = "orders.generate.cpu_only_share";
    if !entry.gpus.is_empty() {
        return share(key, entry.cpu_only_share);
    }
    let asks_for_cards =
        [entry.wildcard_share, entry.multi_model_share].into_iter().flatten().any(|n| n.0 != Decimal::ZERO)
            || !entry.cards.is_empty()
            || entry.cpu_only_share.is_some_and(|share| share.0 != Decimal::ONE);
    if asks_for_cards {
        return Err(wrong(
            "`orders.generate.gpus` names no kind of card, so no order can ask for one; \
             add such as `\"nvidia/h100\" = 1`",
        ));
    }
    Ok(1.0)
}

fn kind(name: &str, place: String) -> Result<Kind, StreamError> {
    let kind = GpuKey::parse(name).and_then(|key| key.kind_of_known_vendor());
    let kind = kind.map_err(|problem| wrong(InputError::new(problem).at(place.clone()).to_string()))?;
    if kind.model() == "*" {
        return Err(wrong(format!("`{place}` names no model; how many orders take any is `wildcard_share`")));
    }
    let text = |part: Option<&str>| part.map(str::to_owned);
    Ok((kind.vendor().to_owned(), kind.model().to_owned(), text(kind.ram()), text(kind.interface())))
}

/// Parses a number from 1 to `most`.
fn whole(most: u64) -> impl Fn(&str, String) -> Result<u64, StreamError> {
    move |name, place| {
        let number = name.parse::<u64>().ok().filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| wrong(format!("`{place}`: `{name}` must be a whole number from 1 to {most}")))
    }
}

/// Sizes in the smallest unit, of which a whole unit has `per`.
fn sizes(key: &str, listed: &[Number], default: u64, per: u64, least: u64) -> Result<Vec<u64>, StreamError> {
    if listed.is_empty() {
        return Ok(vec![default.saturating_mul(per)]);
    }
    if listed.len() > MAX_CHOICES {
        return Err(wrong(format!("`{key}` has {} sizes; at most {MAX_CHOICES} are allowed", listed.len())));
    }
    let size = |number: &Number| {
        let size = number.0.checked_mul(Decimal::from(per)).and_then(|size| size.floor().to_u64());
        let size =
            size.filter(|size| *size >= least && number.0 <= Decimal::from(1_000_000) && number.0 >= Decimal::ZERO);
        let bound = if least == 0 { "at least 0" } else { "above 0" };
        size.ok_or_else(|| wrong(format!("`{key}` has `{}`; sizes are {bound} and at most 1000000", number.0)))
    };
    listed.iter().map(size).collect()
}
