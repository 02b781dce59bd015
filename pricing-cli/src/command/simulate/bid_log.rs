//! The orders of a bid log, as a simulation takes them.
//!
//! Every quote is an order: a group of what was asked, when it was asked, by whom. An order that has a name and was asked
//! for again, as a provider does after a restart, is one order, which arrives when it was last asked for. Orders without
//! a name cannot be told from each other: each quote of one is an order. Screenings are no orders.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use pricing_core::order::{Order, detect};
use pricing_engine::bid_log::entry::{Damage, Decision, Entry};
use pricing_engine::bid_log::read::{Log, Place};
use pricing_engine::comparison::Outcome;
use pricing_sim::stream::{Arrival, MAX_ORDERS, Memory};

/// The orders of a log.
///
/// # Errors
/// When there is no log, or a line of it cannot be used.
pub(super) fn arrivals(path: &Path) -> Result<Vec<Arrival>, String> {
    Ok(answered(path)?.into_iter().map(|answered| answered.arrival).collect())
}

/// An order of a log, and what was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    /// The order.
    pub(crate) arrival: Arrival,
    /// The answer.
    pub(crate) outcome: Outcome,
    /// The cards, as the service's metrics label them.
    pub(crate) gpu: String,
}

/// The orders of a log with their answers.
///
/// # Errors
/// When there is no log, or a line of it cannot be used.
pub(crate) fn answered(path: &Path) -> Result<Vec<Answered>, String> {
    let log = Log::open(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let mut orders: BTreeMap<Key, Answered> = BTreeMap::new();
    let mut memory = Memory::default();
    for (place, line) in log.lines() {
        let decision = match line {
            Ok(Entry::Decision(decision)) if decision.quote.is_some() => decision,
            // The last line of a log that is being written, or was when the machine stopped.
            Ok(_) | Err(Damage::Cut) => continue,
            Err(damage) => return Err(unusable(&place, &damage.to_string())),
        };
        let arrival = arrival(&log, &decision).map_err(|problem| unusable(&place, &problem))?;
        // Those that are asked for again are counted again: that does not make a log of them smaller.
        memory.add(&arrival).map_err(|problem| unusable(&place, &problem.to_string()))?;
        let outcome = decision.outcome().map_err(|error| unusable(&place, &format!("the quote: {error}")))?;
        orders.insert(Key::of(&decision), Answered { arrival, outcome, gpu: decision.gpu.clone() });
        if orders.len() > MAX_ORDERS {
            return Err(format!("the log has more than {MAX_ORDERS} orders; name one of its files"));
        }
    }
    let mut answered: Vec<(Key, Answered)> = orders.into_iter().collect();
    answered.sort_by(|(key, one), (other, later)| (one.arrival.at, key).cmp(&(later.arrival.at, other)));
    Ok(answered.into_iter().map(|(_, answered)| answered).collect())
}

/// What tells orders from each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// The order's name, and the group's place in what was asked.
    Named(String, usize),
    /// The number of the quote.
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

fn unusable(place: &Place, problem: &str) -> String {
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
