//! The gRPC messages and services of bidprice (`bidprice.v1`), and those of the chain, the provider and its inventory
//! operator that bidprice uses.
//!
//! The `.proto` files in `proto/` are the project's own, with the chain's package names and field numbers. Parts of the
//! chain's messages that are not needed here are left out; they are skipped when a message is decoded.

#![expect(
    missing_docs,
    clippy::allow_attributes_without_reason,
    reason = "the code is generated; the .proto files have the words"
)]

// `rustfmt` skips generated code, so that it stays exactly as generated.
#[rustfmt::skip]
#[path = "generated/mod.rs"]
mod generated;

pub use generated::*;

/// The descriptors of all services and messages, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/descriptors.bin");
