//! Pulls the market of a made-up chain from nodes that answer as the chain does, and fail as networks do.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

mod examples;
mod fuzz_corpus;
mod pull;
mod resume;
mod scene;
mod troubles;
