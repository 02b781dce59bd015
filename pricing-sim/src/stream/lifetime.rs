//! The lifetimes of leases, if the orders do not set them.

use super::StreamError;
use super::check::{HORIZON, between, wide, wrong};
use crate::number::Number;
use crate::random::{Draws, Purpose};
use crate::scenario::{LifetimeEntry, LifetimeShape};
use crate::time::Millis;

/// The longest lifetime: a hundred years. Only the far tail of a wide log-normal distribution comes near it.
const LONGEST: Millis = HORIZON / 100;

/// The distribution of lifetimes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    typical: Millis,
    shape: LifetimeShape,
    sigma: f64,
}

impl Lifetime {
    pub(super) fn new(entry: &LifetimeEntry) -> Result<Self, StreamError> {
        let typical = Millis::try_from(entry.typical.as_millis()).ok().filter(|typical| *typical <= LONGEST);
        let typical = typical.ok_or_else(|| wrong("`orders.lifetime.typical` is more than 100 years"))?;
        if entry.sigma.is_some() && entry.shape != LifetimeShape::LogNormal {
            return Err(wrong("`orders.lifetime.sigma` is for `shape = \"log-normal\"` alone"));
        }
        let sigma = entry.sigma.unwrap_or(Number(rust_decimal::Decimal::ONE));
        Ok(Self { typical, shape: entry.shape, sigma: between("orders.lifetime.sigma", sigma, 0, 5)? })
    }

    /// The lifetime of an order's lease.
    pub(super) fn of(&self, draws: &Draws, order: usize) -> Millis {
        let mut draw = draws.of(Purpose::Lifetime, order);
        let factor = match self.shape {
            LifetimeShape::Fixed => return self.typical,
            LifetimeShape::Exponential => draw.exponential(),
            LifetimeShape::LogNormal => draw.log_normal(self.sigma),
        };
        super::check::millis(wide(self.typical) * factor).unwrap_or(LONGEST).min(LONGEST)
    }
}
