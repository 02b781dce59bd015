//! Arrival times of generated orders.
//!
//! With `pattern = "poisson"`, arrivals are an inhomogeneous Poisson process, whose rate can follow the time of day and
//! rise in bursts. It is sampled by thinning (Lewis and Shedler, 1979): candidates arrive at the highest rate, and each
//! is kept with the probability that the rate at its time has relative to the highest. The times depend only on
//! `[orders.arrivals]` and the seed, so changing what orders ask for does not change when they arrive. Doubling the
//! rate alone gives the same orders in half the time.

use std::f64::consts::TAU;
use std::time::Duration;

use rust_decimal::Decimal;

use super::check::{HORIZON, between, millis, share, wide, wrong};
use super::{MAX_ORDERS, StreamError};
use crate::market::float;
use crate::number::Number;
use crate::random::{Draws, Purpose};
use crate::scenario::{ArrivalPattern, ArrivalsEntry, BurstsEntry};
use crate::time::Millis;

const DAY: f64 = 86_400_000.0;
/// The most candidates, or pieces of time, that are tried.
const MAX_STEPS: usize = 50_000_000;
/// The number of halvings that bring a day down to far less than a millisecond.
const HALVINGS: u32 = 60;

/// The arrival process, in milliseconds from the start of the window.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    /// The number of orders...
    number: f64,
    /// ...per this many milliseconds.
    period: f64,
    pattern: ArrivalPattern,
    swing: f64,
    peak: f64,
    bursts: Option<Bursts>,
}

#[derive(Clone, Copy, Debug)]
struct Bursts {
    every: f64,
    length: f64,
    factor: f64,
}

impl Arrivals {
    pub(super) fn new(entry: &ArrivalsEntry) -> Result<Self, StreamError> {
        let (number, period) = rate(&entry.rate)?;
        let (swing, peak) = match &entry.daily {
            None => (0.0, 0.0),
            Some(daily) => {
                let hour = daily.peak_hour.unwrap_or_default();
                let hour = between("orders.arrivals.daily.peak_hour", hour, 0, 24)?;
                (share("orders.arrivals.daily.swing", Some(daily.swing))?, hour * 3_600_000.0)
            }
        };
        let bursts = entry.bursts.as_ref().map(bursts).transpose()?;
        Ok(Self { number, period, pattern: entry.pattern, swing, peak, bursts })
    }

    /// The arrival times of the first `most` orders that arrive before `end`.
    pub(super) fn times(&self, draws: &Draws, most: usize, end: Option<Millis>) -> Result<Vec<Millis>, StreamError> {
        self.check_number(most, end)?;
        let mut times = Times { list: Vec::new(), most, end };
        match self.pattern {
            ArrivalPattern::Poisson => self.by_chance(draws, &mut times)?,
            ArrivalPattern::Regular if self.swing == 0.0 && self.bursts.is_none() => self.evenly(&mut times)?,
            ArrivalPattern::Regular => self.by_rate(&mut times)?,
        }
        Ok(times.list)
    }

    /// Rejects at once a scenario that would give far too many orders, before anything is generated.
    fn check_number(&self, most: usize, end: Option<Millis>) -> Result<(), StreamError> {
        let lowest = (1.0 - self.swing) * self.bursts.map_or(1.0, |bursts| bursts.factor.min(1.0));
        let expected = end.map_or(0.0, |end| wide(end) / self.period * self.number * lowest);
        // With a wide margin: near the limit, the actual number decides.
        let bound = MAX_ORDERS.saturating_mul(2);
        if most > MAX_ORDERS && expected > u32::try_from(bound).map_or(f64::INFINITY, f64::from) {
            return Err(too_many());
        }
        Ok(())
    }

    /// Poisson arrivals by thinning. Each candidate has random numbers of its own.
    fn by_chance(&self, draws: &Draws, times: &mut Times) -> Result<(), StreamError> {
        let highest = (1.0 + self.swing) * self.bursts.map_or(1.0, |bursts| bursts.factor.max(1.0));
        let mean_gap = self.period / self.number / highest;
        let mut time = 0.0;
        for candidate in 0..MAX_STEPS {
            let mut draw = draws.of(Purpose::Arrival, candidate);
            time += draw.exponential() * mean_gap;
            if times.are_over(time) {
                return Ok(());
            }
            if draw.unit() * highest < self.level(time) {
                times.add(time)?;
            }
        }
        Err(too_rare())
    }

    /// Arrivals at a constant rate.
    fn evenly(&self, times: &mut Times) -> Result<(), StreamError> {
        let mut place = 0.0;
        loop {
            // Computed from a single product and quotient, so that whole milliseconds stay whole.
            let time = place * self.period / self.number;
            if times.are_over(time) {
                return Ok(());
            }
            times.add(time)?;
            place += 1.0;
        }
    }

    /// Regular arrivals at a varying rate: an order whenever the integral of the rate has grown by one, the first one
    /// at once. Within a smooth piece the time is found by bisection.
    fn by_rate(&self, times: &mut Times) -> Result<(), StreamError> {
        let (mut from, mut owed) = (0.0, 0.0);
        for _ in 0..MAX_STEPS {
            if times.are_over(from) {
                return Ok(());
            }
            let to = self.smooth_until(from);
            let comes = self.expected(from, to);
            if owed > comes {
                owed -= comes;
                from = to;
                continue;
            }
            let (mut low, mut high) = (from, to);
            for _ in 0..HALVINGS {
                let middle = low + (high - low) / 2.0;
                if self.expected(from, middle) < owed { low = middle } else { high = middle }
            }
            if times.are_over(high) {
                return Ok(());
            }
            times.add(high)?;
            (from, owed) = (high, 1.0);
        }
        Err(too_rare())
    }

    /// The rate at a time, relative to the average without bursts.
    fn level(&self, time: f64) -> f64 {
        let daily = if self.swing == 0.0 { 1.0 } else { 1.0 + self.swing * libm::cos(TAU * (time - self.peak) / DAY) };
        daily * self.burst_factor(time)
    }

    fn burst_factor(&self, time: f64) -> f64 {
        match self.bursts {
            Some(bursts) if time >= bursts.every && libm::fmod(time, bursts.every) < bursts.length => bursts.factor,
            _ => 1.0,
        }
    }

    /// The end of the current smooth piece, in which no burst starts or ends; at most half a day.
    fn smooth_until(&self, from: f64) -> f64 {
        let at_most = from + DAY / 2.0;
        let Some(bursts) = self.bursts else { return at_most };
        let into = libm::fmod(from, bursts.every);
        let in_burst = from >= bursts.every && into < bursts.length;
        let left = if in_burst { bursts.length - into } else { bursts.every - into };
        // For large times a small rest can vanish in rounding; time must advance anyway.
        at_most.min(from + left.max(0.5))
    }

    /// The expected number of orders in a smooth piece: the integral of the rate.
    fn expected(&self, from: f64, to: f64) -> f64 {
        let wave = |time: f64| libm::sin(TAU * (time - self.peak) / DAY) * DAY / TAU;
        let swung = if self.swing == 0.0 { 0.0 } else { self.swing * (wave(to) - wave(from)) };
        (to - from + swung) * self.burst_factor(from) * self.number / self.period
    }
}

struct Times {
    list: Vec<Millis>,
    most: usize,
    end: Option<Millis>,
}

impl Times {
    fn are_over(&self, time: f64) -> bool {
        self.list.len() >= self.most || self.end.is_some_and(|end| libm::round(time) >= wide(end))
    }

    fn add(&mut self, time: f64) -> Result<(), StreamError> {
        if self.list.len() >= MAX_ORDERS {
            return Err(too_many());
        }
        let late = || wrong(format!("orders arrive for more than {} years; raise `orders.arrivals.rate`", years()));
        self.list.push(millis(time).ok_or_else(late)?);
        Ok(())
    }
}

fn too_many() -> StreamError {
    wrong(format!("more than {MAX_ORDERS} orders arrive; lower `orders.arrivals.rate` or `orders.duration`"))
}

fn years() -> Millis {
    HORIZON / (365 * 24 * 3_600 * 1_000)
}

fn too_rare() -> StreamError {
    wrong("`orders.arrivals` has orders so rarely that they cannot be found; raise `rate`, or make bursts longer")
}

/// A number of orders, and in how many milliseconds.
fn rate(text: &str) -> Result<(f64, f64), StreamError> {
    let malformed = || {
        let shown = pricing_core::text::excerpt(text);
        wrong(format!("`orders.arrivals.rate` is `{shown}`; write such as `40/h`, `0.5/min` or `3/30s`"))
    };
    let (number, period) = text.split_once('/').ok_or_else(malformed)?;
    let number = pricing_core::money::parse_decimal(number.trim()).map_err(|_| malformed())?;
    if number <= Decimal::ZERO {
        return Err(wrong(format!("`orders.arrivals.rate` is `{text}`; it must be above 0")));
    }
    let period = period.trim();
    let period = if period.starts_with(|first: char| first.is_ascii_digit()) {
        humantime::parse_duration(period)
    } else {
        humantime::parse_duration(&format!("1{period}"))
    };
    let period = period.ok().and_then(|period| length("orders.arrivals.rate", period).ok()).ok_or_else(malformed)?;
    Ok((float(Some(Number(number))), period))
}

fn bursts(entry: &BurstsEntry) -> Result<Bursts, StreamError> {
    let every = length("orders.arrivals.bursts.every", entry.every)?;
    let length = length("orders.arrivals.bursts.length", entry.length)?;
    if length > every {
        return Err(wrong("`orders.arrivals.bursts.length` is longer than `every`: the bursts would never end"));
    }
    Ok(Bursts { every, length, factor: between("orders.arrivals.bursts.factor", entry.factor, 0, 1000)? })
}

/// A positive time in milliseconds.
fn length(key: &str, time: Duration) -> Result<f64, StreamError> {
    let time = Millis::try_from(time.as_millis()).ok().filter(|time| (1..=HORIZON).contains(time));
    time.map(wide).ok_or_else(|| wrong(format!("`{key}` must be from 1ms to {} years", years())))
}
