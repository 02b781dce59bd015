//! Generators, oracles and the corpus.

pub mod chain;
#[cfg(feature = "net")]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a broken test must say so at once")]
pub mod chain_node;
pub mod check;
pub mod corpus;
#[cfg(feature = "net")]
#[expect(clippy::expect_used, reason = "without a free address nothing can be tested")]
pub mod free_address;
pub mod fuzz;
pub mod generate;
#[expect(clippy::unwrap_used, clippy::panic, reason = "a broken test case must say so at once")]
pub mod golden;
#[cfg(feature = "guests")]
#[expect(clippy::expect_used, clippy::panic, reason = "a guest that cannot be made is a mistake in a test")]
pub mod guest;
#[cfg(feature = "guests")]
#[expect(clippy::expect_used, reason = "a guest that cannot be made is a mistake in a test")]
pub mod guests;
pub mod oracle;
pub mod orders;
pub mod placements;
pub mod random;
#[expect(clippy::unwrap_used, reason = "a schema that is not one of settings must say so at once")]
pub mod reference;
