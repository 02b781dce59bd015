//! Reads a history's folder as a stream of orders and the facts about them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use pricing_core::input::InputError;
use pricing_core::money::{Denom, Price, UsdPerAkt, parse_decimal};
use pricing_core::order::{Order, OrderFormat, detect};
use pricing_core::text::excerpt;
use pricing_market::history::{Coin, History, HistoryBid, HistoryLease, HistoryOrder, ORDERS_FILE};
use pricing_market::outcome::own_bid;

use super::value::Valuer;
use super::{Bid, LeaseLength, LeftOut, Lifetimes, MarketHistory, OrderFacts, Taker};
use crate::files::Files;
use crate::stream::{Arrival, MAX_ORDERS, Memory, Stream, StreamError, cell, with_maximum};
use crate::time::{DAY, Millis, midnight};

/// Reads the history of a folder.
///
/// The window begins at midnight (UTC) before the first order, and ends with the day in which the history ends.
///
/// # Errors
/// When the folder cannot be read, or one of its orders makes no sense. The error names the order.
pub fn read(folder: &str, files: &Files, reading: &Reading<'_>) -> Result<MarketHistory, StreamError> {
    let history = History::read(&files.path(folder)).map_err(|error| StreamError::Scenario(error.to_string()))?;
    if history.orders.len() > MAX_ORDERS {
        return Err(StreamError::Scenario(format!("`{folder}` has more than {MAX_ORDERS} orders")));
    }
    let mut reader = Reader::new(&history, reading);
    let name = || format!("{folder}/{ORDERS_FILE}");
    for order in &history.orders {
        reader.add(order).map_err(|error| {
            let path = [Some(excerpt(&order.order_id).as_str()), error.path()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(": ");
            StreamError::Malformed { name: name(), problem: error.at(path) }
        })?;
    }
    Ok(reader.finish())
}

/// How a history is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The denom of orders that name none.
    pub denom: &'a str,
    /// The value of an AKT, for bids whose value in USD the history does not have.
    pub usd_per_akt: Option<UsdPerAkt>,
    /// The most orders. Later ones are left out.
    pub limit: usize,
}

/// What a group spec asks for.
#[derive(Clone, Debug)]
struct ParsedSpec {
    order: Arc<Order>,
    has_maximum: bool,
    kind: Arc<str>,
}

/// The orders that were read so far.
struct Reader<'a> {
    provider: &'a str,
    relative_times: bool,
    denom: &'a str,
    limit: usize,
    end: Millis,
    valuer: Valuer,
    ids: BTreeSet<&'a str>,
    providers: BTreeMap<&'a str, Arc<str>>,
    /// Orders by the text of their spec and maximum: tenants ask for the same again and again.
    specs: BTreeMap<(&'a str, String), ParsedSpec>,
    memory: Memory,
    found: Vec<(Arrival, OrderFacts)>,
    left_out: LeftOut,
}

impl<'a> Reader<'a> {
    fn new(history: &'a History, reading: &Reading<'a>) -> Self {
        Self {
            provider: &history.manifest.provider,
            relative_times: history.manifest.relative_times,
            denom: reading.denom,
            limit: reading.limit,
            end: end(history),
            valuer: Valuer::new(reading.usd_per_akt),
            ids: BTreeSet::new(),
            providers: BTreeMap::new(),
            specs: BTreeMap::new(),
            memory: Memory::default(),
            found: Vec::new(),
            left_out: LeftOut::default(),
        }
    }

    /// Adds an order, or counts it as left out.
    fn add(&mut self, order: &'a HistoryOrder) -> Result<(), InputError> {
        if !self.ids.insert(&order.order_id) {
            return Err(InputError::new("the order is there twice"));
        }
        let Some(spec) = &order.order else {
            self.left_out.without_spec = self.left_out.without_spec.saturating_add(1);
            return Ok(());
        };
        let ParsedSpec { order: parsed, has_maximum, kind } = self.spec(spec.get(), order.max_price.as_ref())?;
        let at = time("at", &order.at)?;
        let facts = self.facts(order, kind)?;
        let ended = facts.lease.filter(|lease| lease.ended);
        let owner = order.order_id.split('/').next().filter(|owner| !owner.is_empty());
        let arrival = Arrival {
            id: Arc::from(order.order_id.as_str()),
            at,
            until: ended.map(|lease| at.saturating_add(lease.length)),
            owner: owner.map(|owner| self.shared(owner)),
            order: parsed,
            has_maximum,
        };
        self.memory.add(&arrival)?;
        self.found.push((arrival, facts));
        Ok(())
    }

    /// The order of a spec. The maximum of the history counts where the spec has no price.
    fn spec(&mut self, text: &'a str, maximum: Option<&Coin>) -> Result<ParsedSpec, InputError> {
        let key = (text, maximum.map(|coin| format!("{} {}", coin.amount, coin.denom)).unwrap_or_default());
        if let Some(known) = self.specs.get(&key) {
            return Ok(known.clone());
        }
        let mut orders = detect::read(text, Some(OrderFormat::GroupSpec)).map_err(|error| error.at("order"))?;
        let (Some(mut order), true) = (orders.pop(), orders.is_empty()) else {
            return Err(InputError::new("it is not one group spec").at("order"));
        };
        if order.max_price.is_none() {
            order.max_price = maximum.map(price).transpose()?;
        }
        let (order, has_maximum) = with_maximum(order, self.denom);
        let kind = Arc::from(kind_of(&order));
        let parsed = ParsedSpec { order: Arc::new(order), has_maximum, kind };
        Ok(self.specs.entry(key).or_insert(parsed).clone())
    }

    fn facts(&mut self, order: &'a HistoryOrder, kind: Arc<str>) -> Result<OrderFacts, InputError> {
        // Of several bids of ours the one that won counts, or else the latest, as in what is told of outcomes.
        let chosen = own_bid(order, self.provider);
        let (mut rivals, mut own) = (Vec::new(), None);
        for bid in &order.bids {
            let Some(usd) = self.valuer.usd(bid).map_err(|error| InputError::new(error).at("bids"))? else {
                self.left_out.bids_without_value = self.left_out.bids_without_value.saturating_add(1);
                continue;
            };
            if bid.provider != self.provider {
                rivals.push(Bid { provider: self.shared(&bid.provider), usd });
            } else if chosen.is_some_and(|chosen| std::ptr::eq(chosen, bid)) {
                own = Some((usd, parse_decimal(&bid.price).ok()));
            }
        }
        rivals.sort_by(|one, other| (one.usd, &one.provider).cmp(&(other.usd, &other.provider)));
        let taker = match winner(order)? {
            None => Taker::Nobody,
            Some(winner) if winner == self.provider => Taker::Us,
            Some(winner) => Taker::Rival(self.shared(winner)),
        };
        let lease = order.lease.as_ref().map(|lease| lease_length(lease, self.end)).transpose()?;
        let (own, own_amount) = own.unzip();
        Ok(OrderFacts { kind, rivals, own, own_amount: own_amount.flatten(), taker, lease })
    }

    /// One allocation for each address.
    fn shared(&mut self, address: &'a str) -> Arc<str> {
        Arc::clone(self.providers.entry(address).or_insert_with(|| Arc::from(address)))
    }

    fn finish(mut self) -> MarketHistory {
        self.found.sort_by_key(|(arrival, _)| arrival.at);
        let all = self.found.len();
        self.found.truncate(self.limit);
        let (arrivals, facts): (Vec<Arrival>, Vec<_>) = self.found.into_iter().unzip();
        let start = arrivals.first().map_or(0, |first| midnight(first.at));
        // With orders left out at the end, the window ends with those that are left.
        let last = arrivals.last().filter(|_| arrivals.len() < all).map_or(self.end, |last| last.at);
        let length = last.saturating_add(1).saturating_sub(start).div_ceil(DAY).saturating_mul(DAY);
        MarketHistory {
            provider: Arc::from(self.provider),
            relative_times: self.relative_times,
            stream: Arc::new(Stream::starting(start, arrivals, Some(length))),
            lifetimes: Lifetimes::of(&facts),
            facts,
            end: self.end,
            left_out: self.left_out,
            choice: OnceLock::new(),
        }
    }
}

/// The last moment that a history knows of. Times that cannot be read are refused later, with their order.
fn end(history: &History) -> Millis {
    let of_order = |order: &HistoryOrder| {
        let lease = order.lease.as_ref();
        let times = [Some(&order.at), lease.map(|lease| &lease.from), lease.and_then(|lease| lease.until.as_ref())];
        times.into_iter().flatten().filter_map(|text| cell::time(text).ok()).max()
    };
    history.orders.iter().filter_map(of_order).max().unwrap_or(0)
}

/// The provider whose bid became the lease.
fn winner(order: &HistoryOrder) -> Result<Option<&str>, InputError> {
    let mut won = order.bids.iter().filter(|bid| bid.won).map(|bid: &HistoryBid| bid.provider.as_str());
    let winner = order.winner.as_deref().or_else(|| won.next());
    match won.find(|provider| Some(*provider) != winner) {
        Some(_) => Err(InputError::new("two providers are said to have won the order").at("winner")),
        None => Ok(winner),
    }
}

fn lease_length(lease: &HistoryLease, end: Millis) -> Result<LeaseLength, InputError> {
    let from = time("lease.from", &lease.from)?;
    let until = lease.until.as_ref().map(|until| time("lease.until", until)).transpose()?;
    let length = until.unwrap_or(end).checked_sub(from);
    let length = length.ok_or_else(|| InputError::new("the lease ends before it begins").at("lease.until"))?;
    Ok(LeaseLength { length, ended: until.is_some() })
}

fn time(key: &str, text: &str) -> Result<Millis, InputError> {
    cell::time(text).map_err(|error| error.at(key))
}

fn price(coin: &Coin) -> Result<Price, InputError> {
    let wrong = |error: pricing_core::money::NumberError| InputError::new(error).at("max_price");
    let amount = parse_decimal(&coin.amount).map_err(wrong)?;
    Price::new(Denom::new(coin.denom.as_str()), amount).map_err(wrong)
}

/// The kinds of card that an order takes, without RAM and interface, sorted. Empty without cards.
fn kind_of(order: &Order) -> String {
    let units = order.group.resources().iter().filter(|unit| unit.gpu.units > 0);
    let named = units.flat_map(|unit| &unit.gpu.alternatives);
    let kinds: BTreeSet<String> =
        named.map(|kind| format!("{}/{}", kind.vendor(), kind.model().unwrap_or("*"))).collect();
    kinds.into_iter().collect::<Vec<_>>().join("|")
}
