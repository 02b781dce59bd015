//! How amounts, coins and counts are written for people. JSON has the exact ones.

#[cfg(feature = "service")]
mod amount;
mod count;

#[cfg(all(feature = "service", feature = "simulate"))]
pub(crate) use amount::cut;
#[cfg(feature = "service")]
pub(crate) use amount::{cents, coin};
pub(crate) use count::{count, plural};
