//! Quotes.

pub mod compat;
