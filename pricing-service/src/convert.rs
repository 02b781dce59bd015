//! Conversions between the messages of `pricing-proto` and the domain's types.

pub mod answer;
pub mod order;
pub(crate) mod status;
