//! Between the messages of `pricing-proto` and the domain.

pub mod answer;
pub mod order;
pub(crate) mod status;
