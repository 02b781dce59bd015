//! Orders that depend on the seed: generated, drawn from a folder, or from a file with random lifetimes or maxima.
//!
//! Lifetimes and maxima are drawn by the order's index in the stream, so they stay the same whatever else changes. The
//! groups of one deployment end together, because the tenant closes it as a whole.

use std::sync::Arc;

use super::check::{begin, wrong};
use super::generate::Generator;
use super::lifetime::Lifetime;
use super::maximum::{Maximum, MaximumCache};
use super::sdl_dir::SdlFolder;
use super::{Arrival, DEFAULT_DENOM, Stream, StreamError};
use crate::files::Files;
use crate::random::Draws;
use crate::result::Starred;
use crate::scenario::{OrdersEntry, Scenario};
use crate::time::Millis;

/// Orders that depend on the seed.
#[derive(Clone, Debug)]
pub struct Drawn {
    orders: Orders,
    lifetime: Option<Lifetime>,
    maximum: Option<Maximum>,
    worths: MaximumCache,
    limit: Option<usize>,
    begin: Option<Millis>,
    length: Option<Millis>,
}

#[derive(Clone, Debug)]
enum Orders {
    /// From a file, in order of arrival.
    Fixed(Arc<[Arrival]>),
    Generated(Box<Generator>),
    Folder(SdlFolder),
}

impl Drawn {
    /// The orders of a scenario that generates them or draws them from a folder. None if they are in a file.
    ///
    /// # Errors
    /// When they cannot be generated as the scenario says. The error names the key or the file.
    pub fn made_up(scenario: &Scenario, files: &Files) -> Result<Option<Self>, StreamError> {
        let entry = &scenario.orders;
        let denom = entry.denom.as_deref().unwrap_or(DEFAULT_DENOM);
        let length = length(entry)?;
        let orders = match (&entry.generate, &entry.sdl_dir) {
            (None, None) if entry.arrivals.is_some() => {
                return Err(wrong(
                    "[orders.arrivals] is for `orders.generate` and `orders.sdl_dir`; the orders of a file say themselves \
                     when they arrive",
                ));
            }
            (None, None) => return Ok(None),
            (Some(generate), _) => Orders::Generated(Box::new(Generator::new(generate, entry, denom, length)?)),
            (None, Some(folder)) => Orders::Folder(SdlFolder::new(folder, entry, denom, length, files)?),
        };
        if entry.begin.is_some() {
            return Err(wrong("`orders.begin` is for orders of a file; made-up ones begin at 0"));
        }
        if entry.time_compression.is_some() {
            return Err(wrong(
                "`orders.time_compression` is for orders of a file; raise `orders.arrivals.rate` instead",
            ));
        }
        Self::new(orders, scenario, files, length).map(Some)
    }

    /// The orders of a file, with the lifetimes and maxima that the scenario sets for them.
    ///
    /// `arrivals` is in its final form: times are compressed, and orders beyond the limit are left out.
    ///
    /// # Errors
    /// When one of the two sections is invalid, or an order cannot get a maximum.
    pub fn of_file(mut arrivals: Vec<Arrival>, scenario: &Scenario, files: &Files) -> Result<OrderFile, StreamError> {
        let entry = &scenario.orders;
        if entry.lifetime.is_none() && entry.maximum.is_none() && !entry.replace_maximum {
            return Ok(OrderFile::Not(arrivals));
        }
        arrivals.sort_by_key(|arrival| arrival.at);
        let orders = Orders::Fixed(Arc::from(arrivals));
        Self::new(orders, scenario, files, length(entry)?).map(|drawn| OrderFile::Drawn(Box::new(drawn)))
    }

    fn new(orders: Orders, scenario: &Scenario, files: &Files, length: Option<Millis>) -> Result<Self, StreamError> {
        let entry = &scenario.orders;
        let maximum = Maximum::new(entry, files, scenario.usd_per_akt())?;
        let mut worths = MaximumCache::default();
        if let (Orders::Fixed(arrivals), Some(maximum)) = (&orders, &maximum) {
            for arrival in arrivals.iter() {
                maximum.learn(arrival, &mut worths)?;
            }
        }
        let lifetime = entry.lifetime.as_ref().map(Lifetime::new).transpose()?;
        Ok(Self { orders, lifetime, maximum, worths, limit: entry.limit, begin: begin(entry)?, length })
    }

    /// The orders for a seed.
    ///
    /// # Errors
    /// When there are too many, or one cannot get a maximum.
    pub fn stream(&self, draws: &Draws) -> Result<Stream, StreamError> {
        let mut orders: Vec<(Arrival, usize)> = match &self.orders {
            Orders::Fixed(arrivals) => arrivals.iter().cloned().zip(0..).collect(),
            Orders::Generated(generator) => generator.orders(draws)?.into_iter().zip(0..).collect(),
            Orders::Folder(folder) => folder.orders(draws)?,
        };
        orders.truncate(self.limit.unwrap_or(usize::MAX));
        let mut worths = self.worths.clone();
        let mut unpriced = Starred::default();
        for (order, (arrival, deployment)) in orders.iter_mut().enumerate() {
            if let (Some(lifetime), None) = (&self.lifetime, arrival.until) {
                arrival.until = Some(arrival.at.saturating_add(lifetime.of(draws, *deployment)));
            }
            if let Some(maximum) = &self.maximum {
                maximum.give(arrival, order, draws, &mut worths, &mut unpriced)?;
            }
        }
        let arrivals = orders.into_iter().map(|(arrival, _)| arrival).collect();
        let stream = match self.orders {
            Orders::Fixed(_) => Stream::beginning(self.begin, arrivals, self.length)?,
            Orders::Generated(_) | Orders::Folder(_) => Stream::starting(0, arrivals, self.length),
        };
        Ok(Stream { unpriced, ..stream })
    }
}

/// The orders of a file, which may depend on the seed.
#[derive(Debug)]
pub enum OrderFile {
    /// They depend on the seed.
    Drawn(Box<Drawn>),
    /// They are always these.
    Not(Vec<Arrival>),
}

/// The length of the window, if the scenario sets it.
fn length(entry: &OrdersEntry) -> Result<Option<Millis>, StreamError> {
    let Some(duration) = entry.duration else { return Ok(None) };
    let length = Millis::try_from(duration.as_millis()).ok().filter(|length| *length <= super::check::HORIZON);
    length.map(Some).ok_or_else(|| wrong("`orders.duration` is more than 10000 years"))
}
