//! Streams of orders: what arrives when, and for how long.
//!
//! Whatever the source, an order becomes an [`Arrival`]. A stream is sorted by arrival time; orders that arrive at the
//! same time stay in the order of the source.

mod arrivals;
#[cfg(feature = "parquet")]
pub mod arrow;
mod blocks;
pub mod cell;
mod check;
mod drawn;
mod generate;
pub mod jsonl;
mod lifetime;
mod maximum;
mod memory;
mod mix;
pub mod openb;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod row;
pub mod sdl_dir;
mod source;
pub mod table;

use std::sync::Arc;

use pricing_core::input::InputError;
use pricing_core::money::{Denom, Price};
use pricing_core::order::Order;
use rust_decimal::Decimal;

use crate::files::FileError;
use crate::time::{Millis, Window};

use row::{Columns, Defaults};

pub use check::{MAX_SIGMA, sigma};
pub use drawn::{Drawn, OrderFile};
pub use memory::{MAX_MEMORY, Memory};
pub use source::{Source, source};

/// The maximum of an order that has none, in units of its denom per block: more than anything costs.
pub const NO_MAXIMUM: i64 = 1_000_000_000_000_000;
/// The denom of orders that name none, unless the scenario sets one: a dollar token, which needs no feed.
pub const DEFAULT_DENOM: &str = "uact";

/// The most orders in a stream. Each takes about a kilobyte of memory; larger ones reach [`MAX_MEMORY`] first.
pub const MAX_ORDERS: usize = 2_000_000;

/// An order that arrives.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Its name in the source.
    pub id: Arc<str>,
    /// When it arrives.
    pub at: Millis,
    /// When its lease would end. None if the source does not say.
    pub until: Option<Millis>,
    /// The owner of the order.
    pub owner: Option<Arc<str>>,
    /// The order. One without a maximum of its own has [`NO_MAXIMUM`].
    pub order: Arc<Order>,
    /// Whether the tenant set the maximum.
    pub has_maximum: bool,
}

/// Orders in order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// The orders.
    pub arrivals: Vec<Arrival>,
    /// From the first arrival to the end of the last lease, or as the scenario says.
    pub window: Window,
    /// For each arrival of a resampled stream, its index in the stream that it is drawn from. Empty for other streams.
    pub origin: Vec<usize>,
}

impl Stream {
    /// Sorts orders by arrival. The window starts at the first arrival, and ends with the last lease or after `length`;
    /// orders that arrive after its end are left out.
    #[must_use]
    pub fn new(arrivals: Vec<Arrival>, length: Option<Millis>) -> Self {
        let start = arrivals.iter().map(|arrival| arrival.at).min().unwrap_or(0);
        Self::starting(start, arrivals, length)
    }

    /// Like [`Self::new`], with a window that starts before the first arrival.
    #[must_use]
    pub fn starting(start: Millis, mut arrivals: Vec<Arrival>, length: Option<Millis>) -> Self {
        arrivals.sort_by_key(|arrival| arrival.at);
        let last = arrivals.iter().map(|arrival| arrival.until.unwrap_or(arrival.at).max(arrival.at)).max();
        let end = length.map_or(last.unwrap_or(start), |length| start.saturating_add(length));
        // The end of the window is exclusive. If it is the end of the last lease, every order is within it.
        arrivals.retain(|arrival| length.is_none() || arrival.at < end);
        Self { arrivals, window: Window { start, end }, origin: Vec::new() }
    }

    /// A stream whose arrivals are drawn from another one, with the index of each there.
    fn drawn_from(mut self, mut origin: Vec<usize>) -> Self {
        // Only the last arrivals can have been left out, since they came in order.
        origin.truncate(self.arrivals.len());
        self.origin = origin;
        self
    }

    /// The index of an arrival in the stream that it is drawn from, or else in this stream.
    #[must_use]
    pub fn origin(&self, arrival: usize) -> usize {
        self.origin.get(arrival).copied().unwrap_or(arrival)
    }
}

/// Decides about a row that is not an order: the row is left out, or its error ends the reading.
pub type OnBadRow<'a> = dyn FnMut(InputError) -> Result<(), InputError> + 'a;

/// The orders of the rows that were read so far.
#[derive(Debug, Default)]
struct Collected {
    arrivals: Vec<Arrival>,
    rows: usize,
    memory: Memory,
}

impl Collected {
    /// Adds the orders of the next row. `place` adds the row's place to an error.
    fn row(
        &mut self,
        columns: &Columns,
        cells: &[Option<&str>],
        defaults: &Defaults<'_>,
        place: impl Fn(InputError) -> InputError,
        on_bad_row: &mut OnBadRow<'_>,
    ) -> Result<(), InputError> {
        let number = self.rows.saturating_add(1);
        match columns.arrivals(cells, number, defaults) {
            Err(error) => self.bad_row(place(error), on_bad_row),
            Ok(arrivals) => {
                self.rows = number;
                self.add(arrivals).map_err(place)
            }
        }
    }

    /// Counts a row that is not an order, so that the rows after it keep their numbers.
    fn bad_row(&mut self, error: InputError, on_bad_row: &mut OnBadRow<'_>) -> Result<(), InputError> {
        self.rows = self.rows.saturating_add(1);
        on_bad_row(error)
    }

    fn add(&mut self, arrivals: Vec<Arrival>) -> Result<(), InputError> {
        for arrival in arrivals {
            self.memory.add(&arrival)?;
            self.arrivals.push(arrival);
        }
        if self.arrivals.len() > MAX_ORDERS {
            let message = format!("there are more than {MAX_ORDERS} orders");
            return Err(InputError::new(message).hint("split the file, and simulate its parts"));
        }
        Ok(())
    }
}

/// Ensures that an order has a maximum, in this denom if it had none. The second part is whether it had one.
#[must_use]
pub fn with_maximum(mut order: Order, denom: &str) -> (Order, bool) {
    let has_maximum = order.max_price.is_some();
    if !has_maximum {
        order.max_price = Price::new(Denom::new(denom), Decimal::from(NO_MAXIMUM)).ok();
    }
    (order, has_maximum)
}

/// Why a stream cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is malformed.
    #[error("`{name}`: {problem}")]
    Malformed {
        /// The file.
        name: String,
        /// What is wrong, and where.
        problem: InputError,
    },
    /// The scenario makes no sense.
    #[error("{0}")]
    Scenario(String),
}
