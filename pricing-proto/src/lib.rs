//! The gRPC messages and services of bidprice (`bidprice.v1`), and those of the chain, the provider and its inventory
//! operator that it speaks.
//!
//! The `.proto` files in `proto/` are the project's own, with the chain's package names and field numbers. What of the
//! chain's messages is not needed here is left out, and skipped when it comes.

#![expect(
    missing_docs,
    clippy::allow_attributes_without_reason,
    reason = "the code is generated; the .proto files have the words"
)]

// `rustfmt` leaves generated code alone, so that it stays what the generator writes.
#[rustfmt::skip]
#[path = "generated/mod.rs"]
mod generated;

pub use generated::*;

/// The descriptors of all services and messages, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/descriptors.bin");
