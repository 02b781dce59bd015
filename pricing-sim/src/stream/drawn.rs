//! Orders that depend on the seed: generated, drawn from a folder or from blocks, or from a file with random lifetimes
//! or maxima.
//!
//! Lifetimes and maxima are drawn by the order's index in the stream, so they stay the same whatever else changes. The
//! groups of one deployment end together, because the tenant closes it as a whole.

use std::sync::Arc;

use super::blocks::Blocks;
use super::check::wrong;
use super::generate::Generator;
use super::lifetime::Lifetime;
use super::maximum::{Maximum, MaximumCache};
use super::sdl_dir::SdlFolder;
use super::{Arrival, DEFAULT_DENOM, Stream, StreamError};
use crate::files::Files;
use crate::history::MarketHistory;
use crate::random::{Draws, Purpose};
use crate::scenario::{OrdersEntry, Scenario};
use crate::time::{Millis, Window, midnight};

/// Orders that depend on the seed.
#[derive(Clone, Debug)]
pub struct Drawn {
    orders: Orders,
    history: Option<Arc<MarketHistory>>,
    lifetime: Option<Lifetime>,
    maximum: Option<Maximum>,
    worths: MaximumCache,
    limit: Option<usize>,
    length: Option<Millis>,
}

#[derive(Clone, Debug)]
enum Orders {
    /// From a file, in order of arrival.
    Fixed(Arc<[Arrival]>),
    /// From a history, with its window.
    History(Arc<Stream>),
    /// From a file or a history, in blocks.
    Blocks(Blocks),
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
            _ if entry.resample.is_some() => {
                return Err(wrong(
                    "`orders.resample` is for the orders of a file or a history; those that are made up differ from seed to \
                     seed anyway",
                ));
            }
            (Some(generate), _) => Orders::Generated(Box::new(Generator::new(generate, entry, denom, length)?)),
            (None, Some(folder)) => Orders::Folder(SdlFolder::new(folder, entry, denom, length, files)?),
        };
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
        let block = block(entry);
        if entry.lifetime.is_none() && entry.maximum.is_none() && !entry.replace_maximum && block.is_none() {
            return Ok(OrderFile::Not(arrivals));
        }
        let length = length(entry)?;
        let orders = match block {
            Some(block) => Orders::Blocks(Blocks::new(Arc::new(whole_blocks(arrivals, block)), block, length)?),
            None => {
                arrivals.sort_by_key(|arrival| arrival.at);
                Orders::Fixed(Arc::from(arrivals))
            }
        };
        Self::new(orders, scenario, files, length).map(|drawn| OrderFile::Drawn(Box::new(drawn)))
    }

    /// The orders of a history.
    ///
    /// # Errors
    /// When a section is invalid, or an order cannot get a maximum.
    pub fn of_history(history: Arc<MarketHistory>, scenario: &Scenario, files: &Files) -> Result<Self, StreamError> {
        let entry = &scenario.orders;
        let length = length(entry)?;
        let stream = Arc::clone(&history.stream);
        let orders = match block(entry) {
            Some(block) => Orders::Blocks(Blocks::new(stream, block, length)?),
            None => Orders::History(stream),
        };
        let drawn = Self::new(orders, scenario, files, length)?;
        Ok(Self { history: Some(history), ..drawn })
    }

    /// How long a lease lasts of which the source does not say so: as the scenario says, or else as the leases of the history
    /// did. `origin` is the index of the order there.
    fn length_of_lease(&self, draws: &Draws, deployment: usize, origin: usize) -> Option<Millis> {
        if let Some(lifetime) = &self.lifetime {
            return Some(lifetime.of(draws, deployment));
        }
        let history = self.history.as_ref()?;
        history.lifetimes.draw(history.facts(origin)?, draws.of(Purpose::Lifetime, deployment).unit())
    }

    /// A stream in a window, unless the scenario sets the window's length.
    fn within(&self, window: Window, arrivals: Vec<Arrival>) -> Stream {
        Stream::starting(window.start, arrivals, Some(self.length.unwrap_or(window.length())))
    }

    /// The history that the orders are from, if they are from one.
    pub(super) fn history(&self) -> Option<&Arc<MarketHistory>> {
        self.history.as_ref()
    }

    /// The stream whose orders those of every seed are copies of, if there is one.
    pub(super) fn basis(&self) -> Option<&Arc<Stream>> {
        match &self.orders {
            Orders::History(stream) => Some(stream),
            Orders::Blocks(blocks) => Some(blocks.basis()),
            Orders::Fixed(_) | Orders::Generated(_) | Orders::Folder(_) => None,
        }
    }

    fn new(orders: Orders, scenario: &Scenario, files: &Files, length: Option<Millis>) -> Result<Self, StreamError> {
        let entry = &scenario.orders;
        let maximum = Maximum::new(entry, files, scenario.usd_per_akt())?;
        let mut worths = MaximumCache::default();
        if let Some(maximum) = &maximum {
            for arrival in orders.known() {
                maximum.learn(arrival, &mut worths)?;
            }
        }
        let lifetime = entry.lifetime.as_ref().map(Lifetime::new).transpose()?;
        Ok(Self { orders, history: None, lifetime, maximum, worths, limit: entry.limit, length })
    }

    /// The orders for a seed.
    ///
    /// # Errors
    /// When there are too many, or one cannot get a maximum.
    pub fn stream(&self, draws: &Draws) -> Result<Stream, StreamError> {
        let mut origin = Vec::new();
        let mut orders: Vec<(Arrival, usize)> = match &self.orders {
            Orders::Fixed(arrivals) => arrivals.iter().cloned().zip(0..).collect(),
            Orders::History(stream) => stream.arrivals.iter().cloned().zip(0..).collect(),
            Orders::Blocks(blocks) => {
                let (arrivals, drawn) = blocks.orders(draws)?;
                origin = drawn;
                arrivals.into_iter().zip(0..).collect()
            }
            Orders::Generated(generator) => generator.orders(draws)?.into_iter().zip(0..).collect(),
            Orders::Folder(folder) => folder.orders(draws)?,
        };
        orders.truncate(self.limit.filter(|_| self.basis().is_none()).unwrap_or(usize::MAX));
        let mut worths = self.worths.clone();
        for (order, (arrival, deployment)) in orders.iter_mut().enumerate() {
            if arrival.until.is_none() {
                let drawn_from = origin.get(order).copied().unwrap_or(order);
                let length = self.length_of_lease(draws, *deployment, drawn_from);
                arrival.until = length.map(|length| arrival.at.saturating_add(length));
            }
            if let Some(maximum) = &self.maximum {
                maximum.give(arrival, order, draws, &mut worths)?;
            }
        }
        let arrivals = orders.into_iter().map(|(arrival, _)| arrival).collect();
        Ok(match &self.orders {
            Orders::Fixed(_) => Stream::new(arrivals, self.length),
            Orders::Generated(_) | Orders::Folder(_) => Stream::starting(0, arrivals, self.length),
            Orders::History(stream) => self.within(stream.window, arrivals),
            Orders::Blocks(blocks) => self.within(blocks.window(), arrivals).drawn_from(origin),
        })
    }
}

impl Orders {
    /// The orders that are known without a seed.
    fn known(&self) -> &[Arrival] {
        match self {
            Self::Fixed(arrivals) => arrivals,
            Self::History(stream) => &stream.arrivals,
            Self::Blocks(blocks) => &blocks.basis().arrivals,
            Self::Generated(_) | Self::Folder(_) => &[],
        }
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

/// The length of the blocks that orders are drawn in.
fn block(entry: &OrdersEntry) -> Option<Millis> {
    entry.resample.map(|block| Millis::try_from(block.as_millis()).unwrap_or(Millis::MAX))
}

/// A stream whose window begins at midnight of the first order and ends with the block of the last one.
fn whole_blocks(arrivals: Vec<Arrival>, block: Millis) -> Stream {
    let times = || arrivals.iter().map(|arrival| arrival.at);
    let start = midnight(times().min().unwrap_or(0));
    let end = times().max().unwrap_or(start).saturating_add(1);
    let length = end.saturating_sub(start).div_ceil(block.max(1)).saturating_mul(block);
    Stream::starting(start, arrivals, Some(length))
}

/// The length of the window, if the scenario sets it.
fn length(entry: &OrdersEntry) -> Result<Option<Millis>, StreamError> {
    let Some(duration) = entry.duration else { return Ok(None) };
    let length = Millis::try_from(duration.as_millis()).ok().filter(|length| *length <= super::check::HORIZON);
    length.map(Some).ok_or_else(|| wrong("`orders.duration` is more than 10000 years"))
}
