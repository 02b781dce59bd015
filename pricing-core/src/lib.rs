//! Prices bids on a decentralised GPU cloud, by the cards that the scheduler will really allocate.
//!
//! A bid passes through the modules in this order: an [`order`] is read, [`reserve`] assigns it nodes and cards of an
//! [`inventory`], [`rates`] say what those cost, and a [`quote`] adds it up and decides.
//!
//! The crate is pure: no clock, files, environment, random numbers, threads or printing. Inputs are values.

#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

pub mod address;
pub mod budget;
mod divisor;
pub mod gpu;
mod heap;
pub mod input;
pub mod inventory;
mod keyword;
pub mod money;
pub mod order;
pub mod quantity;
pub mod quote;
pub mod rates;
pub mod reserve;
pub mod text;
pub mod variables;
#[cfg(feature = "yaml")]
#[cfg_attr(not(feature = "sdl"), expect(dead_code, reason = "SDLs need more of it than other files"))]
mod yaml;
