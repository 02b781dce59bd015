//! Prices a bid on a decentralised GPU cloud from the card that the scheduler will really allocate.
//!
//! The story of a bid is the story of the modules: an [`order`] is read, a [`reserve`] gives it nodes and cards of an
//! [`inventory`], [`rates`] say what they cost, and a [`quote`] adds it up and decides.
//!
//! The crate is pure: no clock, files, environment, random numbers, threads or printing. Inputs are values.

#![warn(clippy::arithmetic_side_effects, clippy::float_arithmetic)]

pub mod address;
pub mod budget;
pub mod gpu;
pub mod input;
pub mod inventory;
pub mod money;
pub mod order;
pub mod quantity;
pub mod quote;
pub mod rates;
pub mod reserve;
pub mod text;
pub mod variables;
