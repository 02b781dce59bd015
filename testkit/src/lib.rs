//! Generators, oracles and the corpus.

pub mod check;
pub mod corpus;
pub mod fuzz;
pub mod generate;
#[cfg(feature = "guests")]
pub mod guest;
#[cfg(feature = "guests")]
pub mod guests;
pub mod oracle;
pub mod orders;
pub mod random;
