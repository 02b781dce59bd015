//! Streams of orders: what arrives when, and for how long.
//!
//! Whatever the source, an order becomes an [`Arrival`]. A stream is in the order of arrival; of orders that arrive at
//! the same moment, the one that the source has first is first.

mod arrivals;
#[cfg(feature = "parquet")]
pub mod arrow;
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
pub use drawn::{Drawn, DrawnOrNot};
pub use memory::{MAX_MEMORY, Memory};
pub use source::{Source, source};

/// The maximum of an order that has none, in units of its denom a block: more than anything costs.
pub const NO_MAXIMUM: i64 = 1_000_000_000_000_000;
/// The denom of orders that name none, unless the scenario does: a dollar token, which needs no feed.
pub const DEFAULT_DENOM: &str = "uact";

/// The most orders of a stream: each takes about a kilobyte of memory. Larger ones come to [`MAX_MEMORY`] first.
pub const MAX_ORDERS: usize = 2_000_000;

/// An order that arrives.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// What the source calls it.
    pub id: Arc<str>,
    /// When it arrives.
    pub at: Millis,
    /// When its lease would end; none when the source does not say.
    pub until: Option<Millis>,
    /// Who ordered.
    pub owner: Option<Arc<str>>,
    /// The order. One without a maximum of its own has [`NO_MAXIMUM`].
    pub order: Arc<Order>,
    /// Whether the maximum is the tenant's.
    pub has_maximum: bool,
}

/// Orders in the order of their arrival.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// The orders.
    pub arrivals: Vec<Arrival>,
    /// From the first arrival to the end of the last lease, or as the scenario says.
    pub window: Window,
}

impl Stream {
    /// Sorts orders by arrival, and looks at them until the end of the last lease or for `length` from the first arrival
    /// on. Orders that arrive after that are left out.
    #[must_use]
    pub fn new(arrivals: Vec<Arrival>, length: Option<Millis>) -> Self {
        let start = arrivals.iter().map(|arrival| arrival.at).min().unwrap_or(0);
        Self::starting(start, arrivals, length)
    }

    /// As [`Self::new`], with a window that begins before the first arrival.
    #[must_use]
    pub fn starting(start: Millis, mut arrivals: Vec<Arrival>, length: Option<Millis>) -> Self {
        arrivals.sort_by_key(|arrival| arrival.at);
        let last = arrivals.iter().map(|arrival| arrival.until.unwrap_or(arrival.at).max(arrival.at)).max();
        let end = length.map_or(last.unwrap_or(start), |length| start.saturating_add(length));
        // The window's end is the moment after the last; where it is the last lease's end, every order is within.
        arrivals.retain(|arrival| length.is_none() || arrival.at < end);
        Self { arrivals, window: Window { start, end } }
    }
}

/// Orders of rows, as they are read.
#[derive(Debug, Default)]
struct Collected {
    arrivals: Vec<Arrival>,
    rows: usize,
    memory: Memory,
}

impl Collected {
    /// Adds the orders of the next row.
    fn row(&mut self, columns: &Columns, cells: &[Option<&str>], defaults: &Defaults<'_>) -> Result<(), InputError> {
        self.rows = self.rows.saturating_add(1);
        for arrival in columns.arrivals(cells, self.rows, defaults)? {
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

/// Makes sure that an order has a maximum, in this denom where it had none.
#[must_use]
pub fn with_maximum(mut order: Order, denom: &str) -> (Order, bool) {
    let has_maximum = order.max_price.is_some();
    if !has_maximum {
        order.max_price = Price::new(Denom::new(denom), Decimal::from(NO_MAXIMUM)).ok();
    }
    (order, has_maximum)
}

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not what it should be.
    #[error("`{name}`: {problem}")]
    Malformed {
        /// The file.
        name: String,
        /// What is wrong, and where.
        problem: InputError,
    },
    /// The scenario cannot be meant.
    #[error("{0}")]
    Scenario(String),
}
