//! Reads the orders of a bid log for a simulation.
//!
//! Every quote is an order: the group that was priced, with its time and owner. If an order with a name was priced
//! again, as after a restart of the provider, it is one order that arrives at the last time. Orders without a name
//! cannot be told apart, so each of their quotes is an order. Screenings are not orders.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use pricing_core::money::UsdPerAkt;
use pricing_core::order::{Order, detect};
use pricing_engine::bid_log::entry::{Damage, Decision, Entry};
use pricing_engine::bid_log::read::{Log, Place};
use pricing_engine::comparison::Outcome;
use pricing_sim::stream::{Arrival, MAX_ORDERS, Memory};

/// Returns the orders of a log.
///
/// # Errors
/// When there is no log, or one of its lines cannot be used.
pub(super) fn arrivals(path: &Path) -> Result<Vec<Arrival>, String> {
    let answered = answered(path, &mut |place, problem| Err(unusable(place, &problem)))?;
    Ok(answered.into_iter().map(|answered| answered.arrival).collect())
}

/// An order of a log, and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    /// The order.
    pub(crate) arrival: Arrival,
    /// The answer, without exploration.
    pub(crate) outcome: Outcome,
    /// The cards, as in the labels of the service's metrics.
    pub(crate) gpu: String,
    /// What an AKT was worth then, where that was known.
    pub(crate) usd_per_akt: Option<UsdPerAkt>,
}

/// Decides about a line that cannot be used: it is left out, or its problem ends the reading.
pub(crate) type OnBadLine<'a> = dyn FnMut(&Place, String) -> Result<(), String> + 'a;

/// The orders of a log with their answers. `on_bad_line` decides about a line that cannot be used.
///
/// # Errors
/// When there is no log, it has too many orders, or `on_bad_line` returns an error.
pub(crate) fn answered(path: &Path, on_bad_line: &mut OnBadLine<'_>) -> Result<Vec<Answered>, String> {
    let log = Log::open(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let mut orders: BTreeMap<Key, Answered> = BTreeMap::new();
    let mut memory = Memory::default();
    for (place, line) in log.lines() {
        let decision = match line {
            Ok(Entry::Decision(decision)) if decision.quote.is_some() => decision,
            // An incomplete last line: the log is being written, or the machine stopped while it was.
            Ok(_) | Err(Damage::Cut) => continue,
            Err(damage) => {
                on_bad_line(&place, damage.to_string())?;
                continue;
            }
        };
        let answered = match answer(&log, &decision) {
            Ok(answered) => answered,
            Err(problem) => {
                on_bad_line(&place, problem)?;
                continue;
            }
        };
        // Those that are asked for again are counted again: that does not make a log of them smaller.
        memory.add(&answered.arrival).map_err(|problem| unusable(&place, &problem.to_string()))?;
        orders.insert(Key::of(&decision), answered);
        if orders.len() > MAX_ORDERS {
            return Err(format!("the log has more than {MAX_ORDERS} orders; name one of its files"));
        }
    }
    let mut answered: Vec<(Key, Answered)> = orders.into_iter().collect();
    answered.sort_by(|(key, one), (other, later)| (one.arrival.at, key).cmp(&(later.arrival.at, other)));
    Ok(answered.into_iter().map(|(_, answered)| answered).collect())
}

/// The order of a decision, and what was answered.
fn answer(log: &Log, decision: &Decision) -> Result<Answered, String> {
    let rate = decision.usd_per_akt.as_deref().map(str::parse::<UsdPerAkt>).transpose();
    Ok(Answered {
        arrival: arrival(log, decision)?,
        outcome: decision.outcome_without_exploration().map_err(|error| format!("the quote: {error}"))?,
        gpu: decision.gpu.clone(),
        usd_per_akt: rate.map_err(|error| format!("the USD/AKT rate: {error}"))?,
    })
}

/// What tells orders from each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// The order's name, and the index of the group.
    Named(String, usize),
    /// The sequence number of the quote.
    Nameless(u64),
}

impl Key {
    fn of(decision: &Decision) -> Self {
        match &decision.order_id {
            Some(name) => Self::Named(name.exact(), decision.group.index),
            None => Self::Nameless(decision.sequence),
        }
    }
}

/// What is said of a line that ends the reading.
pub(crate) fn unusable(place: &Place, problem: &str) -> String {
    format!(
        "the bid log cannot be used, {place}: {problem}; take the line out of a copy of the log to go on without it"
    )
}

fn arrival(log: &Log, decision: &Decision) -> Result<Arrival, String> {
    let (order, several) = order(log, decision)?;
    let id = match (&decision.order_id, several) {
        (Some(name), true) => format!("{}/{}", name.exact(), decision.group.name.exact()),
        (Some(name), false) => name.exact(),
        (None, _) => format!("quote-{}", decision.sequence),
    };
    let owner = decision.owner.as_deref().or(decision.order_id.as_ref().map(|name| name.owner.exact()));
    let has_maximum = order.max_price.is_some();
    Ok(Arrival {
        id: Arc::from(id),
        at: time(&decision.time)?,
        until: None,
        owner: owner.map(Arc::from),
        order: Arc::new(order),
        has_maximum,
    })
}

/// The group that was priced, and whether there were others beside it.
fn order(log: &Log, decision: &Decision) -> Result<(Order, bool), String> {
    let kept;
    let text = match (&decision.order, decision.order_object) {
        (Some(text), _) => text,
        (None, Some(digest)) => {
            kept = log.objects().text(digest).map_err(|error| error.to_string())?;
            &kept
        }
        (None, None) => return Err("the line has no order".to_owned()),
    };
    let mut orders = detect::read(text, None).map_err(|error| format!("the order: {error}"))?;
    let index = decision.group.index;
    if index >= orders.len() {
        return Err(format!("the order has no group {index}"));
    }
    let several = orders.len() > 1;
    Ok((orders.swap_remove(index), several))
}

fn time(text: &str) -> Result<u64, String> {
    let shown = || pricing_core::text::excerpt(text);
    let time = humantime::parse_rfc3339(text).map_err(|error| format!("the time `{}`: {error}", shown()))?;
    let since = time.duration_since(UNIX_EPOCH).map_err(|_| format!("the time `{}` is before 1970", shown()))?;
    u64::try_from(since.as_millis()).map_err(|_| format!("the time `{}` is out of range", shown()))
}
