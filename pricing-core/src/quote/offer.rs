//! Splits the bid into the chain's `OfferPrices`: what one replica of each unit pays for each resource per block.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::Terms;
use super::lines::{Bill, Item, Line};
use super::reason::Reason;
use crate::money::{ArithmeticOverflow, CHAIN_DECIMALS, LINE_DECIMALS, Price, share};
use crate::order::{EndpointKind, Endpoints, Order, ResourceUnit, Volume};

/// The price of one volume of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumePrice {
    /// The volume's name.
    pub name: String,
    /// Units of the denom per block.
    pub price: Decimal,
}

/// The price of a replica's endpoints of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointPrice {
    /// The kind.
    pub kind: EndpointKind,
    /// Units of the denom per block.
    pub price: Decimal,
}

/// What one replica of a unit pays per block, in the bid's denom, with 18 decimals (fewer if the bid has 10 or more
/// digits before the point).
///
/// The sum over all units of count times amounts is the bid, to within 1e-12. Leased IPs belong to the first unit that
/// leases one, and whatever raises the whole group belongs to the first unit's CPU. A discount lowers everything in
/// proportion, so no amount is negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferPrices {
    /// The unit.
    pub resource_id: u32,
    /// The number of its replicas.
    pub count: u32,
    /// CPU.
    pub cpu: Decimal,
    /// Memory.
    pub memory: Decimal,
    /// Volumes, in the order of the request.
    pub storage: Vec<VolumePrice>,
    /// GPUs.
    pub gpu: Decimal,
    /// Endpoints, by kind.
    pub endpoints: Vec<EndpointPrice>,
}

impl OfferPrices {
    /// The first amount that is not zero, or else CPU's. It absorbs the rounding difference.
    fn some_amount(&mut self) -> &mut Decimal {
        let Self { cpu, memory, storage, gpu, endpoints, .. } = self;
        if !gpu.is_zero() {
            return gpu;
        }
        if !cpu.is_zero() {
            return cpu;
        }
        let rest = std::iter::once(memory)
            .chain(storage.iter_mut().map(|volume| &mut volume.price))
            .chain(endpoints.iter_mut().map(|endpoint| &mut endpoint.price));
        let mut rest = rest.filter(|amount| !amount.is_zero());
        rest.next().unwrap_or(cpu)
    }

    fn per_replica(&self) -> Result<Decimal, ArithmeticOverflow> {
        let amounts = [self.cpu, self.memory, self.gpu]
            .into_iter()
            .chain(self.storage.iter().map(|volume| volume.price))
            .chain(self.endpoints.iter().map(|endpoint| endpoint.price));
        sum(amounts)
    }
}

fn sum(amounts: impl Iterator<Item = Decimal>) -> Result<Decimal, ArithmeticOverflow> {
    amounts.into_iter().try_fold(Decimal::ZERO, |sum, amount| sum.checked_add(amount).ok_or(ArithmeticOverflow))
}

/// The cost of an amount in steps: an exact quotient.
const AMOUNT: usize = 64;

/// The cost of splitting a unit's part, in steps: one amount per resource, for each of which the unit's lines are
/// searched, and for each volume those of its class.
fn size(unit: &ResourceUnit) -> usize {
    let volumes = unit.storage.len();
    let looked_through = volumes.saturating_mul(volumes).saturating_mul(4);
    volumes.saturating_add(9).saturating_mul(AMOUNT).saturating_add(looked_through)
}

/// Splits a bid among the units that caused it, in proportion to their lines.
///
/// Discounts and exploration are spread over everything and raises are not, so the denominator is the sum of the charges and the
/// raises. Rounding every share separately leaves a small difference, which [`settle`] assigns.
pub(super) fn split(order: &Order, bill: &Bill, price: &Price, terms: &Terms<'_>) -> Result<Vec<OfferPrices>, Reason> {
    terms.take(bill.lines.len().saturating_mul(8))?;
    let raised = sum(adjustments(bill).filter(|usd| usd.is_sign_positive()))?;
    let charged = bill.lines.iter().filter(|line| line.item.unit().is_some()).map(|line| line.usd_per_month.decimal());
    let whole = sum(charged)?.checked_add(raised).ok_or(ArithmeticOverflow)?;
    let mut lines: BTreeMap<u32, Vec<&Line>> = BTreeMap::new();
    for line in &bill.lines {
        lines.entry(line.resource_id).or_default().push(line);
    }
    let splitter = Splitter { lines, amount: price.amount(), whole, decimals: decimals_of(price.amount()) };
    let mut offers = Vec::new();
    for (index, unit) in order.group.resources().iter().enumerate() {
        terms.take(size(unit))?;
        let raised = if index == 0 { raised } else { Decimal::ZERO };
        offers.push(splitter.unit(unit, raised)?);
    }
    settle(&mut offers, price.amount(), splitter.decimals)?;
    Ok(offers)
}

/// How many of the chain's 18 decimals the amounts of a bid can have: all of them, unless the bid is so large that it
/// would need more digits than a [`Decimal`] has.
fn decimals_of(amount: Decimal) -> u32 {
    const DIGITS: u32 = 27;
    let whole = amount.trunc().mantissa().unsigned_abs().checked_ilog10().map_or(1, |log| log.saturating_add(1));
    CHAIN_DECIMALS.min(DIGITS.saturating_sub(whole))
}

/// The lines that belong to the whole group and do not count anything, except exploration, which is proportional.
fn adjustments(bill: &Bill) -> impl Iterator<Item = Decimal> + '_ {
    let of_group = |line: &&Line| line.item.unit().is_none() && line.item != Item::Explore;
    bill.lines.iter().filter(of_group).map(|line| line.usd_per_month.decimal())
}

/// Assigns the rounding difference to the unit with the fewest replicas, where dividing it by the count leaves the
/// smallest error.
fn settle(offers: &mut [OfferPrices], amount: Decimal, decimals: u32) -> Result<(), ArithmeticOverflow> {
    let mut offered = Decimal::ZERO;
    for offer in offers.iter() {
        let cost = offer.per_replica()?.checked_mul(Decimal::from(offer.count)).ok_or(ArithmeticOverflow)?;
        offered = offered.checked_add(cost).ok_or(ArithmeticOverflow)?;
    }
    let rest = amount.checked_sub(offered).ok_or(ArithmeticOverflow)?;
    if let Some(offer) = offers.iter_mut().min_by_key(|offer| offer.count) {
        let each = share(rest, Decimal::ONE, &[Decimal::from(offer.count)], decimals)?;
        let amount = offer.some_amount();
        *amount = amount.checked_add(each).ok_or(ArithmeticOverflow)?.max(Decimal::ZERO).normalize();
    }
    Ok(())
}

struct Splitter<'a> {
    /// The lines of each unit.
    lines: BTreeMap<u32, Vec<&'a Line>>,
    amount: Decimal,
    whole: Decimal,
    decimals: u32,
}

impl Splitter<'_> {
    fn unit(&self, unit: &ResourceUnit, raised: Decimal) -> Result<OfferPrices, ArithmeticOverflow> {
        let usd = |item| self.usd(unit, item, None);
        let per_replica = |usd| self.per_replica(usd, unit.count);
        Ok(OfferPrices {
            resource_id: unit.id,
            count: unit.count,
            // The chain has no price for a replica as such.
            cpu: per_replica(sum([usd(Item::Cpu)?, usd(Item::Confidential)?, raised].into_iter())?)?,
            memory: per_replica(usd(Item::Memory)?)?,
            storage: unit.storage.iter().map(|volume| self.volume(unit, volume)).collect::<Result<_, _>>()?,
            gpu: per_replica(sum([usd(Item::Gpu)?, usd(Item::Interconnect)?].into_iter())?)?,
            endpoints: self.endpoints(unit)?,
        })
    }

    /// The sum of the unit's lines for an item and, if given, a kind.
    fn usd(&self, unit: &ResourceUnit, item: Item, kind: Option<&str>) -> Result<Decimal, ArithmeticOverflow> {
        let lines = self.lines.get(&unit.id).into_iter().flatten().filter(|line| line.item == item);
        let lines = lines.filter(|line| kind.is_none() || line.kind.as_deref() == kind);
        sum(lines.map(|line| line.usd_per_month.decimal()))
    }

    fn per_replica(&self, usd: Decimal, count: u32) -> Result<Decimal, ArithmeticOverflow> {
        if self.whole.is_zero() {
            return Ok(Decimal::ZERO);
        }
        share(self.amount, usd, &[self.whole, Decimal::from(count)], self.decimals)
    }

    /// A volume's share of its class's line, by size.
    fn volume(&self, unit: &ResourceUnit, volume: &Volume) -> Result<VolumePrice, ArithmeticOverflow> {
        let of_class = unit.storage.iter().filter(|other| other.class == volume.class);
        let bytes = sum(of_class.map(|other| Decimal::from(other.size.get())))?;
        let line = self.usd(unit, Item::Storage, Some(volume.class.name().exact()))?;
        let usd = part(line, Decimal::from(volume.size.get()), bytes)?;
        Ok(VolumePrice { name: volume.name.clone(), price: self.per_replica(usd, unit.count)? })
    }

    /// Endpoints share their line by number. The line for leased IPs is added to those of that kind.
    fn endpoints(&self, unit: &ResourceUnit) -> Result<Vec<EndpointPrice>, ArithmeticOverflow> {
        let all = Decimal::from(unit.endpoints.quantity());
        let line = self.usd(unit, Item::Endpoint, None)?;
        let leased = self.usd(unit, Item::Ip, None)?;
        let mut prices = Vec::new();
        for kind in EndpointKind::ALL {
            let number = Decimal::from(number_of(&unit.endpoints, kind));
            let mut usd = part(line, number, all)?;
            if kind == EndpointKind::LeasedIp {
                usd = usd.checked_add(leased).ok_or(ArithmeticOverflow)?;
            }
            if !number.is_zero() || !usd.is_zero() {
                prices.push(EndpointPrice { kind, price: self.per_replica(usd, unit.count)? });
            }
        }
        Ok(prices)
    }
}

/// The share that `number` of `all` pay of a line.
fn part(line: Decimal, number: Decimal, all: Decimal) -> Result<Decimal, ArithmeticOverflow> {
    if all.is_zero() {
        return Ok(Decimal::ZERO);
    }
    if number == all {
        return Ok(line);
    }
    share(line, number, &[all], LINE_DECIMALS)
}

/// How many endpoints of a kind a unit has. If they are only counted, those that are not leased IPs are taken to be
/// random ports.
fn number_of(endpoints: &Endpoints, kind: EndpointKind) -> u64 {
    match endpoints {
        Endpoints::Listed(list) => {
            u64::try_from(list.iter().filter(|endpoint| endpoint.kind == kind).count()).unwrap_or(u64::MAX)
        }
        Endpoints::Counted { endpoints, leased_ips } => match kind {
            EndpointKind::SharedHttp => 0,
            EndpointKind::RandomPort => endpoints.saturating_sub(*leased_ips),
            EndpointKind::LeasedIp => (*leased_ips).min(*endpoints),
        },
    }
}
