//! What to doubt about a proposal, in sentences.

use std::sync::atomic::AtomicBool;

use pricing_core::money::Usd;
use pricing_core::rates::Pricing;
use pricing_core::text::{counted, plural};
use pricing_sim::history::{MarketHistory, OrderFacts, Taker};
use pricing_sim::report::grouped;
use pricing_sim::stream::Arrival;
use rust_decimal::Decimal;

use crate::answer::cents;
use crate::cancel::Cancellable;
use crate::candidate::Space;
use crate::decision::{Decision, FEWEST_BLOCKS, FEWEST_ORDERS};
use crate::evaluate::{TuneError, count, float};
use crate::interval::mean;
use crate::replay::Replays;
use crate::scores::Scores;
use crate::tune::{Settings, Tuned};
use crate::words::signed;

/// Resamples on which the answer of rivals is tried.
const RESAMPLES: u64 = 40;
/// From this share of leases on that did not go to the cheapest bid, the choice of tenants matters.
const NOT_CHEAPEST: f64 = 0.15;
/// From this many standard errors on, rivals' prices have a trend.
const TREND: f64 = 2.5;

/// An order that a change concerns.
struct Concerned<'a> {
    order: usize,
    arrival: &'a Arrival,
    facts: Option<&'a OrderFacts>,
    /// What it costs a month at the current rates, and at the proposal.
    current: Usd,
    proposal: Usd,
}

/// Everything to doubt, most important first.
///
/// # Errors
/// When a replay fails, or `cancelled` is set meanwhile.
pub fn doubts(
    replays: &mut Replays<'_>,
    space: &Space,
    tuned: &Tuned,
    settings: &Settings,
    cancelled: &AtomicBool,
) -> Result<Vec<String>, TuneError> {
    let mut doubts = thin(tuned);
    let proposal = replays.pricing(&tuned.proposal)?;
    let current = replays.pricing(&space.current)?;
    let history = replays.prepared.history().cloned();
    let follow = {
        let concerned = concerned(replays, history.as_deref(), &current, &proposal);
        doubts.extend(few_of_kind(&concerned));
        doubts.extend(extrapolated(&concerned));
        doubts.extend(trend(&concerned));
        followed(&concerned, replays.basis().len())
    };
    doubts.extend(edges(replays, space, tuned));
    doubts.extend(utilisation(tuned));
    doubts.extend(history.as_deref().map(|history| not_cheapest(replays, history)).unwrap_or_default());
    doubts.extend(history.as_deref().and_then(relative_times));
    doubts.extend(unknown_cards(replays));
    if let Some(factors) = follow {
        doubts.push(rivals_follow(replays, factors, space, tuned, settings, cancelled)?);
    }
    doubts.extend(replays.prepared.warnings().iter().cloned());
    if history.is_some() {
        let known = "Orders on which neither you nor anybody that the history knows of bid are not in it.";
        doubts.push(known.to_owned());
    } else {
        doubts
            .push("The orders are not from a history with the bids of others: the competition is made up.".to_owned());
    }
    Ok(doubts)
}

fn thin(tuned: &Tuned) -> Vec<String> {
    let mut said = Vec::new();
    let size = tuned.history;
    if size.blocks < FEWEST_BLOCKS || size.orders < FEWEST_ORDERS {
        said.push(format!(
            "There {} {} in {}; at least {FEWEST_ORDERS} in {FEWEST_BLOCKS} are needed.",
            plural(size.orders, "is", "are"),
            counted(size.orders, "order"),
            counted(size.blocks, "block")
        ));
    }
    if let (Some(days), true) = (tuned.decided.more_days, tuned.decided.decision != Decision::Change) {
        said.push(format!(
            "About {days} more {} like these would tell whether the gain is real.",
            plural(days, "day", "days")
        ));
    }
    said
}

/// The orders whose price the change changes.
fn concerned<'a>(
    replays: &'a Replays<'_>,
    history: Option<&'a MarketHistory>,
    current: &Pricing,
    proposal: &Pricing,
) -> Vec<Concerned<'a>> {
    let of = |(order, arrival): (usize, &'a Arrival)| {
        let current = replays.prepared.cost(arrival, current)?;
        let proposal = replays.prepared.cost(arrival, proposal)?;
        let facts = history.and_then(|history| history.facts(order));
        (current != proposal).then_some(Concerned { order, arrival, facts, current, proposal })
    };
    replays.basis().iter().enumerate().filter_map(of).collect()
}

fn relative_times(history: &MarketHistory) -> Option<String> {
    let said = "The times of the history are only right relative to each other: its days begin at any hour, and patterns of \
                the day or of the week are not those of the calendar. Add a block to the history (`market pull`).";
    history.relative_times.then(|| said.to_owned())
}

fn few_of_kind(concerned: &[Concerned<'_>]) -> Option<String> {
    let few = !concerned.is_empty() && concerned.len() < FEWEST_ORDERS;
    few.then(|| {
        let (orders, have) = (counted(concerned.len(), "order"), plural(concerned.len(), "has", "have"));
        format!("Only {orders} {have} another price at the proposal.")
    })
}

/// Prices beyond everything that was bid, relative to the current rates.
fn extrapolated(concerned: &[Concerned<'_>]) -> Option<String> {
    let relative = |bid: Usd, order: &Concerned<'_>| float(bid.decimal()) / float(order.current.decimal());
    let bids = concerned.iter().flat_map(|order| {
        let facts = order.facts.into_iter();
        facts.flat_map(|facts| facts.rivals.iter().map(|bid| bid.usd).chain(facts.own)).map(|bid| relative(bid, order))
    });
    let (low, high) = bids.fold((f64::INFINITY, 0.0_f64), |(low, high), bid| (low.min(bid), high.max(bid)));
    let proposed = concerned.iter().map(|order| relative(order.proposal, order));
    let (least, most) = proposed.fold((f64::INFINITY, 0.0_f64), |(low, high), bid| (low.min(bid), high.max(bid)));
    if low.is_infinite() {
        return None;
    }
    let beyond = if least < low {
        "lower"
    } else if most > high {
        "higher"
    } else {
        return None;
    };
    Some(format!("Nobody ever bid {beyond} than the proposal does: what it wins there is an extrapolation."))
}

/// Whether the lowest bids of rivals, relative to the current rates, move with time.
fn trend(concerned: &[Concerned<'_>]) -> Option<String> {
    let point = |order: &Concerned<'_>| {
        let lowest = order.facts?.lowest()?;
        Some((count_ms(order.arrival.at), float(lowest.decimal()) / float(order.current.decimal())))
    };
    let points: Vec<(f64, f64)> = concerned.iter().filter_map(point).collect();
    let (at, bids): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let (middle, usual) = (mean(&at), mean(&bids));
    let (mut squares, mut products) = (0.0, 0.0);
    for (at, bid) in &points {
        squares += (at - middle) * (at - middle);
        products += (at - middle) * (bid - usual);
    }
    if points.len() < FEWEST_ORDERS || squares <= 0.0 || usual <= 0.0 {
        return None;
    }
    let slope = products / squares;
    let rest: f64 = points.iter().map(|(at, bid)| bid - usual - slope * (at - middle)).map(|rest| rest * rest).sum();
    let error = (rest / (count(points.len()) - 2.0) / squares).sqrt();
    let (first, last) = (at.iter().copied().fold(f64::INFINITY, f64::min), at.iter().copied().fold(0.0, f64::max));
    let moved = 100.0 * slope * (last - first) / usual;
    (slope.abs() > TREND * error).then(|| {
        let way = if slope < 0.0 { "fell" } else { "rose" };
        format!(
            "The lowest bids of rivals {way} by about {:.0} % over the history. The gain is for prices as they were on \
             average, not as they are now.",
            moved.abs()
        )
    })
}

fn count_ms(at: u64) -> f64 {
    // Seconds are exact as floats for millions of years.
    count(usize::try_from(at / 1000).unwrap_or(usize::MAX))
}

/// By which factor rivals lower their bids on each order if they follow a reduction by half. None without a reduction.
fn followed(concerned: &[Concerned<'_>], orders: usize) -> Option<Vec<Decimal>> {
    let mut factors = vec![Decimal::ONE; orders];
    let mut lowered = false;
    for order in concerned.iter().filter(|order| order.proposal < order.current) {
        let half = order.current.checked_add(order.proposal).ok().map(Usd::decimal);
        let factor = half.and_then(|sum| sum.checked_div(order.current.decimal()));
        let factor = factor.and_then(|factor| factor.checked_div(Decimal::TWO)).map(|factor| factor.round_dp(6));
        if let (Some(factor), Some(slot)) = (factor, factors.get_mut(order.order)) {
            *slot = factor;
            lowered = true;
        }
    }
    lowered.then_some(factors)
}

/// What is left of the gain if rivals follow.
fn rivals_follow(
    replays: &mut Replays<'_>,
    factors: Vec<Decimal>,
    space: &Space,
    tuned: &Tuned,
    settings: &Settings,
    cancelled: &AtomicBool,
) -> Result<String, TuneError> {
    let on = settings.resamples.saturating_sub(RESAMPLES)..settings.resamples;
    // The gain is over what the current rates earn while rivals do not follow: they only do because of the reduction.
    let before_following = Cancellable { evaluate: &*replays, cancelled };
    let mut before = Scores::new(&before_following, settings.objective, settings.threads);
    before.ensure(std::slice::from_ref(&space.current), on.clone())?;
    let (base, _) = before.mean(&space.current, on.clone());
    drop(before);
    replays.let_rivals_follow(factors);
    let following = Cancellable { evaluate: &*replays, cancelled };
    let mut after = Scores::new(&following, settings.objective, settings.threads);
    after.ensure(std::slice::from_ref(&tuned.proposal), on.clone())?;
    let (earns, _) = after.mean(&tuned.proposal, on);
    drop(after);
    replays.let_rivals_follow(Vec::new());
    let percent = 100.0 * (earns / base - 1.0);
    let gain = if base > 0.0 { signed(percent) } else { format!("{} USD", grouped(&cents(earns))) };
    Ok(format!(
        "If rivals follow down by half of the reduction, the gain would be {gain}{}.",
        if percent < 0.0 { ", a loss" } else { "" }
    ))
}

/// Proposals at the end of their range.
fn edges(replays: &Replays<'_>, space: &Space, tuned: &Tuned) -> Vec<String> {
    let names = replays.keys.names();
    let at_end = |(key, name): (usize, &String)| {
        let (low, high) = space.range(key);
        let value = tuned.proposal.value(key);
        (value == low || value == high).then(|| {
            format!(
                "{name} is at the end of its range, {}: a wider range may have better values.",
                grouped(&value.to_string())
            )
        })
    };
    names.iter().enumerate().filter_map(at_end).collect()
}

fn utilisation(tuned: &Tuned) -> Option<String> {
    let least = tuned.objective.least_utilisation();
    let (current, proposal) = tuned.utilisation;
    (least > 0).then(|| {
        format!(
            "The current rates lease {:.0} % of the cards, the proposal {:.0} %; at least {} % are asked for.",
            current * 100.0,
            proposal * 100.0,
            least / 10_000
        )
    })
}

/// Whether tenants take the cheapest bid.
fn not_cheapest(replays: &Replays<'_>, history: &MarketHistory) -> Option<String> {
    let market = replays.prepared.scenario.market.as_ref();
    let fitted = market.is_some_and(|market| market.choice == pricing_sim::scenario::ChoiceName::Fitted);
    let taken = || history.facts.iter().filter(|facts| facts.is_taken() && !facts.rivals.is_empty());
    let (all, others) = (taken().count(), taken().filter(|facts| !took_cheapest(facts)).count());
    let matters = all >= FEWEST_ORDERS && count(others) > NOT_CHEAPEST * count(all);
    (matters && !fitted).then(|| {
        format!(
            "{others} of {all} leases did not go to the cheapest bid, but the replay lets the cheapest win: \
             `market.choice = \"fitted\"` follows what tenants did."
        )
    })
}

fn took_cheapest(facts: &OrderFacts) -> bool {
    let lowest = facts.lowest().into_iter().chain(facts.own).min();
    let paid = match &facts.taker {
        Taker::Nobody => None,
        Taker::Us => facts.own,
        Taker::Rival(winner) => facts.rivals.iter().find(|bid| bid.provider == *winner).map(|bid| bid.usd),
    };
    paid.is_none() || paid <= lowest
}

/// Orders for cards that the inventory does not have.
fn unknown_cards(replays: &Replays<'_>) -> Option<String> {
    let cards = replays.prepared.cluster().cards();
    let lacks = |arrival: &&Arrival| {
        let mut units = arrival.order.group.resources().iter().filter(|unit| unit.gpu.units > 0);
        units.any(|unit| !cards.iter().any(|card| unit.gpu.allows(&card.kind)))
    };
    let lacking = replays.basis().iter().filter(lacks).count();
    (lacking > 0).then(|| {
        format!(
            "{lacking} of {} {} for cards that the inventory does not have. {} at any rates.",
            counted(replays.basis().len(), "order"),
            plural(lacking, "asks", "ask"),
            plural(lacking, "It wins nothing", "They win nothing")
        )
    })
}
