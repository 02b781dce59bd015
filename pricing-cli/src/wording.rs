//! How amounts, coins and counts are written for people. JSON has the exact ones.

#[cfg(feature = "service")]
mod amount;
mod count;

#[cfg(feature = "service")]
pub(crate) use amount::{cents, coin, cut};
pub(crate) use count::{count, plural};
