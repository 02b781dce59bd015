//! The lines of a quote: what each resource costs per month, and by which entry of the rate card.

use super::candidates::Candidate;
use super::card_price::{CardPrice, PricedCard, Weight};
use super::cards::{CardGroup, QuotedTarget};
use super::choice;
use super::open_request::open_request;
use super::reason::{Reason, ReasonCode};
use super::tariff::{self, GpuTariff};
use super::{GpuRule, Terms};
use crate::money::{ArithmeticOverflow, Usd, line_usd, scaled_usd};
use crate::order::{Order, ResourceUnit, StorageClass, leased_ips};
use crate::quantity::LineQuantity;
use crate::rates::{AmbiguousGpu, BelowMinimum, Placement, Policy, Pricing, RateCard};
use crate::text::Untrusted;

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// CPU threads.
    Cpu,
    /// Memory.
    Memory,
    /// Volumes of one storage class.
    Storage,
    /// Cards of one kind.
    Gpu,
    /// Host channel adapters.
    Interconnect,
    /// Replicas in a trusted execution environment.
    Confidential,
    /// Endpoints.
    Endpoint,
    /// Leased IPs.
    Ip,
    /// The owner's discount.
    Discount,
    /// The difference up to the minimum.
    Minimum,
    /// What a plugin changed.
    Plugin,
    /// What exploration changed.
    Explore,
}

impl Item {
    /// The item as JSON and tables name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Storage => "storage",
            Self::Gpu => "gpu",
            Self::Interconnect => "interconnect",
            Self::Confidential => "confidential",
            Self::Endpoint => "endpoint",
            Self::Ip => "ip",
            Self::Discount => "discount",
            Self::Minimum => "minimum",
            Self::Plugin => "plugin",
            Self::Explore => "explore",
        }
    }

    /// The unit of the line's quantity, as JSON and tables name it. None for lines that do not count anything.
    #[must_use]
    pub fn unit(self) -> Option<&'static str> {
        match self {
            Self::Cpu => Some("thread"),
            Self::Memory | Self::Storage => Some("GiB"),
            Self::Gpu => Some("card"),
            Self::Interconnect => Some("hca"),
            Self::Confidential => Some("replica"),
            Self::Endpoint => Some("endpoint"),
            Self::Ip => Some("ip"),
            Self::Discount | Self::Minimum | Self::Plugin | Self::Explore => None,
        }
    }

    /// How many of the order's units make one unit of the line.
    fn divisor(self) -> u64 {
        match self {
            Self::Cpu => 1000,
            Self::Memory | Self::Storage => 1 << 30,
            _ => 1,
        }
    }
}

/// One line of a quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The resource unit. For a line about the whole group, the first unit that caused it.
    pub resource_id: u32,
    /// What it is for.
    pub item: Item,
    /// The storage class or GPU kind.
    pub kind: Option<String>,
    /// The quantity, over all replicas.
    pub quantity: LineQuantity,
    /// USD per month for one unit of the quantity.
    pub usd_per_unit_month: Usd,
    /// The entry of the rate card that matched.
    pub rate: String,
    /// USD per month for the whole line, rounded half to even to 12 decimals.
    pub usd_per_month: Usd,
    /// The terms of the weighted mean, if the line's price is the mean of several kinds. Empty otherwise.
    pub weights: Vec<Weight>,
}

/// The lines of an order, in its own order, and their sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bill {
    pub(super) lines: Vec<Line>,
    pub(super) total: Usd,
}

impl Bill {
    fn push(&mut self, line: Line) -> Result<(), ArithmeticOverflow> {
        self.total = self.total.checked_add(line.usd_per_month)?;
        self.lines.push(line);
        Ok(())
    }

    /// Adds a line for a quantity at a rate. A quantity of zero gets no line.
    fn charge(
        &mut self,
        unit: &ResourceUnit,
        item: Item,
        kind: Option<String>,
        count: u128,
        (usd, rate): (Usd, &str),
    ) -> Result<(), ArithmeticOverflow> {
        if count == 0 {
            return Ok(());
        }
        let divisor = item.divisor();
        self.push(Line {
            resource_id: unit.id,
            item,
            kind,
            quantity: LineQuantity::new(count, divisor),
            usd_per_unit_month: usd,
            rate: rate.to_owned(),
            usd_per_month: line_usd(count, divisor, usd)?,
            weights: Vec::new(),
        })
    }

    /// Adds a line of cards.
    fn charge_cards(&mut self, unit: &ResourceUnit, price: &CardPrice, cards: u128) -> Result<(), ArithmeticOverflow> {
        if cards == 0 {
            return Ok(());
        }
        self.push(Line {
            resource_id: unit.id,
            item: Item::Gpu,
            kind: Some(price.kind()),
            quantity: LineQuantity::new(cards, Item::Gpu.divisor()),
            usd_per_unit_month: price.usd_per_card()?,
            rate: price.rate(),
            usd_per_month: price.usd_per_month(cards)?,
            weights: price.weights(),
        })
    }

    /// Adds a line for the whole group.
    pub(super) fn adjust(
        &mut self,
        resource_id: u32,
        item: Item,
        usd: Usd,
        rate: String,
    ) -> Result<(), ArithmeticOverflow> {
        self.push(Line {
            resource_id,
            item,
            kind: None,
            quantity: LineQuantity::ONE,
            usd_per_unit_month: usd,
            rate,
            usd_per_month: usd,
            weights: Vec::new(),
        })
    }
}

/// The settings by which a bill is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tariff<'a> {
    pub(super) pricing: &'a Pricing,
    pub(super) ambiguous: AmbiguousGpu,
    pub(super) terms: &'a Terms<'a>,
}

/// The cost of a line in steps: an exact product and a few strings.
const LINE: usize = 64;

/// Bills an order for the cards of its targets, which are in the order of its units.
pub(super) fn bill(order: &Order, targets: &[QuotedTarget], tariff: Tariff<'_>) -> Result<Bill, Reason> {
    let mut targets = targets.iter();
    bill_cards(order, tariff.pricing, tariff.terms, |unit| match targets.next() {
        Some(target) => gpu(unit, target, tariff),
        // Unknown cards are not free.
        None if unit.gpu.units > 0 => Err(tariff::unlisted(&unit.gpu)),
        None => Ok(Vec::new()),
    })
}

/// Bills an order for the cards that `cards_of` returns for each of its units, in order.
pub(super) fn bill_cards(
    order: &Order,
    pricing: &Pricing,
    terms: &Terms<'_>,
    mut cards_of: impl FnMut(&ResourceUnit) -> Result<Vec<(CardPrice, u128)>, Reason>,
) -> Result<Bill, Reason> {
    let mut bill = Bill::default();
    for unit in order.group.resources() {
        // Lines for CPU, memory, interconnect, confidential compute and endpoints, and one per volume, which may be
        // compared with the other volumes of its unit.
        let volumes = unit.storage.len();
        terms.take(volumes.saturating_add(5).saturating_mul(LINE).saturating_add(volumes.saturating_mul(volumes)))?;
        compute(&mut bill, unit, pricing)?;
        storage(&mut bill, unit, pricing)?;
        for (card, count) in cards_of(unit)? {
            terms.take(LINE)?;
            bill.charge_cards(unit, &card, count)?;
        }
        extras(&mut bill, unit, order, pricing)?;
        let endpoints = u128::from(unit.endpoints.quantity());
        bill.charge(unit, Item::Endpoint, None, endpoints, (pricing.rates.endpoint, "endpoint"))?;
    }
    leased_ip(&mut bill, order, pricing)?;
    Ok(bill)
}

pub(super) fn times(value: u64, count: u32) -> Result<u128, ArithmeticOverflow> {
    u128::from(value).checked_mul(u128::from(count)).ok_or(ArithmeticOverflow)
}

fn compute(bill: &mut Bill, unit: &ResourceUnit, pricing: &Pricing) -> Result<(), Reason> {
    let rates = &pricing.rates;
    bill.charge(unit, Item::Cpu, None, times(unit.cpu.get(), unit.count)?, (rates.cpu, "cpu"))?;
    bill.charge(unit, Item::Memory, None, times(unit.memory.get(), unit.count)?, (rates.memory, "memory"))?;
    Ok(())
}

/// Charges that only some rate cards have. Without a rate there is no line, so that other quotes stay as they are.
fn extras(bill: &mut Bill, unit: &ResourceUnit, order: &Order, pricing: &Pricing) -> Result<(), Reason> {
    let RateCard { interconnect, confidential, .. } = &pricing.rates;
    if unit.gpu.interconnect.is_some() && !interconnect.is_zero() {
        let hcas = times(unit.gpu.units, unit.count)?;
        bill.charge(unit, Item::Interconnect, None, hcas, (*interconnect, "interconnect"))?;
    }
    if order.group.requirements().is_confidential() && !confidential.is_zero() {
        bill.charge(unit, Item::Confidential, None, u128::from(unit.count), (*confidential, "confidential"))?;
    }
    Ok(())
}

/// One line per storage class, in order of first appearance.
fn storage(bill: &mut Bill, unit: &ResourceUnit, pricing: &Pricing) -> Result<(), Reason> {
    let mut classes: Vec<(&StorageClass, u128)> = Vec::new();
    for volume in &unit.storage {
        let bytes = times(volume.size.get(), unit.count)?;
        match classes.iter_mut().find(|(class, _)| *class == &volume.class) {
            Some((_, sum)) => *sum = sum.checked_add(bytes).ok_or(ArithmeticOverflow)?,
            None => classes.push((&volume.class, bytes)),
        }
    }
    for (class, bytes) in classes {
        let rate = storage_rate(pricing, class)?;
        bill.charge(unit, Item::Storage, Some(class.name().exact().to_owned()), bytes, rate)?;
    }
    Ok(())
}

/// The rate of a storage class, or a decline if there is none.
pub(super) fn storage_rate<'a>(pricing: &'a Pricing, class: &StorageClass) -> Result<(Usd, &'a str), Reason> {
    pricing.rates.storage(class).ok_or_else(|| {
        let message = format!("the rate card has no entry for storage class `{class}`; add one under [rates.storage]");
        Reason::new(ReasonCode::UnsupportedStorageClass, message)
    })
}

/// The cards of a unit, grouped by price, in order of placement.
fn gpu(unit: &ResourceUnit, target: &QuotedTarget, tariff: Tariff<'_>) -> Result<Vec<(CardPrice, u128)>, Reason> {
    if unit.gpu.units == 0 {
        return Ok(Vec::new());
    }
    if let (GpuRule::HighestWildcard, Some(rate), true) =
        (tariff.terms.gpu_rule, tariff.pricing.rates.gpu.dearest(), unit.gpu.is_wildcard())
    {
        let dearest = PricedCard { kind: rate.card(), usd: rate.usd(), rate: rate.key().to_owned() };
        return Ok(vec![(CardPrice::One(dearest), times(unit.gpu.units, unit.count)?)]);
    }
    if target.placement == Placement::Kubernetes {
        return Ok(vec![(known_card(&target.kinds, tariff)?, times(unit.gpu.units, unit.count)?)]);
    }
    let mut priced: Vec<(CardPrice, u128)> = Vec::new();
    for group in &target.cards {
        tariff.terms.take(priced.len().saturating_add(tariff.pricing.rates.gpu.entries().len()))?;
        let card = card(unit, group, tariff)?;
        let cards = times(unit.gpu.units, group.replicas)?;
        add_cards(&mut priced, card, cards)?;
    }
    Ok(priced)
}

/// Adds cards to those with the same price.
pub(super) fn add_cards(
    priced: &mut Vec<(CardPrice, u128)>,
    card: CardPrice,
    cards: u128,
) -> Result<(), ArithmeticOverflow> {
    match priced.iter_mut().find(|(other, _)| *other == card) {
        Some((_, sum)) => *sum = sum.checked_add(cards).ok_or(ArithmeticOverflow)?,
        None => priced.push((card, cards)),
    }
    Ok(())
}

/// The price of cards that an inventory knows.
fn known_card(candidates: &[Candidate], tariff: Tariff<'_>) -> Result<CardPrice, Reason> {
    let gpu = GpuTariff::of(tariff.pricing);
    let entries = gpu.gpu.entries().len().saturating_add(16);
    // The rate of each kind is looked up. An incompletely known kind may be any entry, and each of those is looked up.
    let lookups =
        candidates.iter().map(|one| if one.kind.is_known() { entries } else { entries.saturating_mul(entries) });
    tariff.terms.take(lookups.fold(candidates.len(), usize::saturating_add))?;
    choice::choose_known(gpu, tariff.ambiguous, candidates)
}

/// The price of the cards of one group of replicas: among its kinds if an inventory knows them, otherwise among those
/// that the rate card lists.
fn card(unit: &ResourceUnit, group: &CardGroup, tariff: Tariff<'_>) -> Result<CardPrice, Reason> {
    if group.known {
        return known_card(&group.own_candidates(), tariff);
    }
    let (gpu, request, terms) = (GpuTariff::of(tariff.pricing), open_request(group, unit), tariff.terms);
    let kinds = tariff::candidates(gpu, &request, |steps| terms.take(steps))?;
    terms.take(kinds.len().saturating_mul(gpu.gpu.entries().len().saturating_add(16)))?;
    choice::choose_suggested(gpu, tariff.ambiguous, &kinds)
}

/// Leased IPs are counted per group, because endpoints with the same sequence number share an address.
fn leased_ip(bill: &mut Bill, order: &Order, pricing: &Pricing) -> Result<(), Reason> {
    let units = order.group.resources();
    let leases = |unit: &&ResourceUnit| leased_ips(std::iter::once(&unit.endpoints)) > 0;
    let Some(first) = units.iter().find(leases) else { return Ok(()) };
    let count = u128::from(leased_ips(units.iter().map(|unit| &unit.endpoints)));
    bill.charge(first, Item::Ip, None, count, (pricing.rates.ip, "ip"))?;
    Ok(())
}

/// Applies the owner's discount and then, if the policy says `raise`, the minimum.
pub(super) fn adjust(
    bill: &mut Bill,
    order: &Order,
    owner: Option<Untrusted<&str>>,
    pricing: &Pricing,
) -> Result<(), Reason> {
    let Some(first) = order.group.resources().first().map(|unit| unit.id) else { return Ok(()) };
    let policy = &pricing.policy;
    if let Some((owner, factor)) = owner.and_then(|owner| policy.owners.discount.get_key_value(owner.exact())) {
        let difference = scaled_usd(bill.total, *factor)?.checked_sub(bill.total)?;
        bill.adjust(first, Item::Discount, difference, format!("policy.owners.discount.{owner}"))?;
    }
    raise(bill, order, policy)
}

/// Raises a bill to the minimum, if the policy says so.
pub(super) fn raise(bill: &mut Bill, order: &Order, policy: &Policy) -> Result<(), Reason> {
    let minimum = policy.minimum_usd_per_month;
    if bill.total < minimum && policy.below_minimum == BelowMinimum::Raise {
        let Some(first) = order.group.resources().first().map(|unit| unit.id) else { return Ok(()) };
        let missing = minimum.checked_sub(bill.total)?;
        bill.adjust(first, Item::Minimum, missing, "policy.minimum_usd_per_month".to_owned())?;
    }
    Ok(())
}
