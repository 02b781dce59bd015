//! Scale pricing, the daemon's other built-in strategy: a price per block for each thousandth of a thread, each MiB,
//! each endpoint and each leased IP, in the order's denom. GPUs are free.
//!
//! This repeats the daemon's arithmetic (`bidengine/pricing.go` of akash-network/provider 0.16.2), which is exact
//! except for one rounding: bytes are divided by 2^20 to 16 decimals, half away from zero, before the scale is applied.
//! A scale with many decimals can therefore give a price with more decimals than the chain accepts, and then the daemon
//! does not bid.

mod amount;
#[cfg(test)]
mod tests;

use core::ops::Shr;
use std::collections::BTreeMap;

use num_bigint::BigUint;

use super::reason::{Reason, ReasonCode};
use super::{Decision, PlacedOrder, Quote, QuoteRequest, screen, targets, usd_per_coin};
use crate::input::InputError;
use crate::money::{self, Denom, Price, Usd};
use crate::order::{Order, StorageClass, Volume, leased_ips};
use crate::text::excerpt;
use crate::variables;

pub use amount::{Amount, AmountError};

/// The prefix of the variables' names.
const PREFIX: &str = "AKASH_BID_PRICE_";
/// The suffix of the scales' names. Other variables with the prefix choose the strategy, or are for scripts.
const SUFFIX: &str = "_SCALE";
/// All scales, in messages.
const ALL: &str = "AKASH_BID_PRICE_*_SCALE";
/// The daemon's variables, except that for storage.
const PLAIN: [&str; 4] = [
    "AKASH_BID_PRICE_CPU_SCALE",
    "AKASH_BID_PRICE_MEMORY_SCALE",
    "AKASH_BID_PRICE_ENDPOINT_SCALE",
    "AKASH_BID_PRICE_IP_SCALE",
];
/// The daemon's variable for storage: `0.1,beta2=0.2`.
const STORAGE: &str = "AKASH_BID_PRICE_STORAGE_SCALE";
/// The class of volumes that do not persist, and of a scale without a name.
const EPHEMERAL: &str = "ephemeral";
/// The binary logarithm of the bytes in a MiB.
const MIB_BITS: u32 = 20;
/// Half a MiB. Adding it before truncation rounds half up.
const HALF_MIB: u32 = 1 << 19;
/// The decimals that the daemon keeps of a quotient (`decimal.DivisionPrecision`).
const DIVISION_DECIMALS: u32 = 16;

/// Scales, in units of the order's denom per block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scales {
    /// Per thousandth of a thread.
    pub cpu: Amount,
    /// Per MiB of memory.
    pub memory: Amount,
    /// Per endpoint of any kind.
    pub endpoint: Amount,
    /// Per leased IP.
    pub ip: Amount,
    /// Per MiB of storage, by class.
    pub storage: BTreeMap<String, Amount>,
}

/// Why the daemon rejects a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    /// All scales are zero.
    #[error("at least one bid price must be a non-zero number")]
    AllZero,
    /// A scale is negative.
    #[error("scale price cannot be negative")]
    Negative,
    /// A scale is not a number.
    #[error(transparent)]
    Malformed(#[from] AmountError),
}

/// Why the daemon does not price an order, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScaleFault {
    /// A volume's class has no scale.
    #[error("no pricing configured for storage class: {0}")]
    NoClass(String),
    /// The order costs nothing.
    #[error("a bid of zero was produced")]
    Zero,
    /// The price has more decimals than the chain accepts.
    #[error("`{0}` exceeds max precision: a price has 18 decimals at most")]
    Precision(String),
    /// The price is higher than any that the chain can sort.
    #[error("a bid quantity is invalid: `{0}` is above 10^18")]
    TooHigh(String),
}

impl Scales {
    /// Checks scales as the daemon does. `memory` and `storage` are per MiB.
    ///
    /// # Errors
    /// When a scale is not a number, or the daemon would reject the combination.
    pub fn new([cpu, memory, endpoint, ip]: [&str; 4], storage: &BTreeMap<String, String>) -> Result<Self, ScaleError> {
        let mut is_negative = false;
        let mut scale = |text: &str| -> Result<Amount, AmountError> {
            let (amount, negative) = Amount::parse(text)?;
            is_negative |= negative;
            Ok(amount)
        };
        let storage = storage.iter().map(|(class, text)| Ok((class.clone(), scale(text)?)));
        let storage = storage.collect::<Result<BTreeMap<_, _>, AmountError>>()?;
        let scales =
            Self { cpu: scale(cpu)?, memory: scale(memory)?, endpoint: scale(endpoint)?, ip: scale(ip)?, storage };
        let plain = [&scales.cpu, &scales.memory, &scales.endpoint, &scales.ip];
        // As in the daemon: one class without a price counts as if no class had one.
        let no_storage = scales.storage.is_empty() || scales.storage.values().any(Amount::is_zero);
        if no_storage && plain.into_iter().all(Amount::is_zero) {
            return Err(ScaleError::AllZero);
        }
        if is_negative { Err(ScaleError::Negative) } else { Ok(scales) }
    }

    /// Reads the daemon's environment variables through `variable`. One that is unset or empty is 0, as in the daemon.
    ///
    /// # Errors
    /// When the daemon would reject them. The error names the variable, if there is a single one.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InputError> {
        let text = |name: &str| variable(name).filter(|text| !text.is_empty()).unwrap_or_else(|| "0".to_owned());
        let mut storage = BTreeMap::new();
        for entry in text(STORAGE).split(',') {
            let (class, scale) = match entry.split_once('=') {
                Some((class, scale)) => (class, scale),
                None => (EPHEMERAL, entry),
            };
            Amount::parse(scale)
                .map_err(|error| InputError::new(error).at(format!("{STORAGE}: {}", excerpt(entry))))?;
            storage.insert(class.to_owned(), scale.to_owned());
        }
        let plain = PLAIN.map(text);
        for (name, text) in PLAIN.iter().zip(&plain) {
            Amount::parse(text).map_err(|error| InputError::new(error).at(*name))?;
        }
        Self::new(plain.each_ref().map(String::as_str), &storage).map_err(|error| match error {
            ScaleError::AllZero => InputError::new(error).at(ALL).hint(
                "the daemon refuses this: set a scale, such as `AKASH_BID_PRICE_CPU_SCALE`; if it is that of storage alone, \
                 no class of it may be 0",
            ),
            ScaleError::Negative | ScaleError::Malformed(_) => InputError::new(error).at(ALL),
        })
    }

    /// Rejects a variable that is named like a scale but is not one.
    ///
    /// # Errors
    /// When there is such a variable. The error suggests the nearest known name.
    pub fn check_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), InputError> {
        let known: Vec<&str> = PLAIN.into_iter().chain([STORAGE]).collect();
        match names.into_iter().find(|name| Self::is_scale(name) && !known.contains(name)) {
            None => Ok(()),
            Some(name) => Err(variables::unknown(name, "this variable is not a scale of the daemon's", PREFIX, &known)),
        }
    }

    /// Whether a variable is named like a scale.
    #[must_use]
    pub fn is_scale(name: &str) -> bool {
        name.starts_with(PREFIX) && name.ends_with(SUFFIX)
    }

    /// The price of an order per block.
    ///
    /// Like the daemon, it adds up all units before it applies a scale, so bytes are rounded to MiB once for memory and
    /// once for each storage class. Rounding each unit would give another price.
    ///
    /// # Errors
    /// When the daemon has no price for it.
    pub fn price(&self, order: &Order) -> Result<Amount, ScaleFault> {
        let (mut cpu, mut memory, mut endpoints) = (BigUint::ZERO, BigUint::ZERO, BigUint::ZERO);
        let mut storage: BTreeMap<&str, BigUint> = BTreeMap::new();
        for unit in order.group.resources() {
            let times = |quantity: u64| amount::product(&BigUint::from(quantity), &BigUint::from(unit.count));
            cpu = amount::sum(&cpu, &times(unit.cpu.get()));
            memory = amount::sum(&memory, &times(unit.memory.get()));
            for volume in &unit.storage {
                let class = class(volume);
                if !self.storage.contains_key(class) {
                    return Err(ScaleFault::NoClass(excerpt(class)));
                }
                let total = storage.entry(class).or_default();
                *total = amount::sum(total, &times(volume.size.get()));
            }
            endpoints = amount::sum(&endpoints, &BigUint::from(unit.endpoints.quantity()));
        }
        let ips = BigUint::from(leased_ips(order.group.resources().iter().map(|unit| &unit.endpoints)));
        let mut total = self.cpu.times(&Amount::whole(cpu));
        total = total.plus(&self.memory.times(&mebibytes(&memory)));
        for (class, scale) in &self.storage {
            let bytes = storage.remove(class.as_str()).unwrap_or_default();
            total = total.plus(&scale.times(&mebibytes(&bytes)));
        }
        total = total.plus(&self.endpoint.times(&Amount::whole(endpoints)));
        total = total.plus(&self.ip.times(&Amount::whole(ips)));
        checked(total)
    }
}

/// The class under which the daemon counts a volume: its own if it persists and names one.
fn class(volume: &Volume) -> &str {
    let find = |key: &str| volume.attributes.iter().find(|attribute| attribute.key == key).map(|a| a.value.as_str());
    match &volume.class {
        // A script request names the class and has no attributes.
        StorageClass::Persistent(name) if volume.attributes.is_empty() => name.exact(),
        StorageClass::Persistent(_) => find("class").filter(|class| !class.is_empty()).unwrap_or(EPHEMERAL),
        StorageClass::Ephemeral | StorageClass::Ram => EPHEMERAL,
    }
}

/// Converts bytes to MiB with 16 decimals, rounded half away from zero.
fn mebibytes(bytes: &BigUint) -> Amount {
    let digits = amount::product(bytes, &amount::power_of_ten(DIVISION_DECIMALS));
    Amount::new(Shr::shr(amount::sum(&digits, &BigUint::from(HALF_MIB)), MIB_BITS), DIVISION_DECIMALS)
}

/// Checks a total as the daemon does.
fn checked(total: Amount) -> Result<Amount, ScaleFault> {
    if total.is_zero() {
        return Err(ScaleFault::Zero);
    }
    let shown = || excerpt(&total.to_string());
    if total.decimals() > money::CHAIN_DECIMALS {
        return Err(ScaleFault::Precision(shown()));
    }
    // The highest amount that the chain can sort.
    let highest = Amount::whole(amount::power_of_ten(money::CHAIN_DECIMALS));
    if total > highest { Err(ScaleFault::TooHigh(shown())) } else { Ok(total) }
}

/// The quote of an order by scales.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleQuote {
    /// The exact bid per block, or the reason why there is none.
    pub decision: Result<Amount, Reason>,
    /// The denom of the bid, which is the order's.
    pub denom: Denom,
    /// The same as a [`Quote`]. It has no lines, and is a fault if the bid has more digits than a [`Price`] can hold.
    pub quote: Quote,
}

/// Places an order and prices it by scales. Amounts in dollars use the denom's value from the rate card.
#[must_use]
pub fn quote(request: &QuoteRequest<'_>, scales: &Scales) -> ScaleQuote {
    request.within_budget(|request, budget| {
        let order = request.order;
        let admitted = budget.check().map_err(Reason::from).and_then(|()| screen::screen_admission(request));
        match admitted.and_then(|()| targets(request, budget)) {
            Ok(placed) => priced(request, scales, placed),
            Err(reason) => ScaleQuote {
                decision: Err(reason.clone()),
                denom: screen::denom(order),
                quote: Quote::no_bid(order, reason),
            },
        }
    })
}

fn priced(request: &QuoteRequest<'_>, scales: &Scales, placed: PlacedOrder) -> ScaleQuote {
    let order = request.order;
    let denom = screen::denom(order);
    let not_pending = placed.pods.check_pending(&request.pricing.policy);
    let total = not_pending
        .and_then(|()| scales.price(order).map_err(|fault| Reason::new(ReasonCode::InvalidOutput, fault.to_string())));
    let usd_per_month = total.as_ref().ok().and_then(|total| usd(total, request));
    let decision = total.and_then(|total| below_maximum(total, order));
    let bid = decision.clone().and_then(|amount| {
        let overflow = || Reason::from(money::ArithmeticOverflow);
        Price::new(denom.clone(), amount.decimal().ok_or_else(overflow)?).map_err(|_| overflow())
    });
    let quote = Quote {
        decision: bid.map_or_else(Decision::NoBid, Decision::Bid),
        targets: placed.targets,
        pods: placed.pods,
        usd_per_month,
        ..Quote::no_bid(order, Reason::from(money::ArithmeticOverflow))
    };
    ScaleQuote { decision, denom, quote }
}

fn below_maximum(total: Amount, order: &Order) -> Result<Amount, Reason> {
    match &order.max_price {
        Some(max) if total > Amount::of_decimal(max.amount()) => {
            let message = format!(
                "the price of {total} {} a block is above the tenant's maximum of {}",
                max.denom(),
                max.amount()
            );
            Err(Reason::new(ReasonCode::PriceAboveMax, message))
        }
        Some(_) | None => Ok(total),
    }
}

/// A price in USD per month, if the value of the denom is known.
fn usd(total: &Amount, request: &QuoteRequest<'_>) -> Option<Usd> {
    let (denom, token) = screen::token(request.order, request.pricing).ok()?;
    let usd_per_coin = usd_per_coin(&denom, token, &request.terms).ok()?;
    money::per_month(total.decimal()?, request.pricing.chain.blocks_per_month, usd_per_coin, token.exponent).ok()
}
