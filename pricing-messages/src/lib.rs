//! The messages of `bidprice.v1`, whoever carries them: a request in a message becomes a question to the engine, and its
//! answer a message again.
//!
//! `pricing-service` carries them over gRPC, and `pricing-ffi` within the daemon's process. Since both come here, one
//! request gets the same bytes from either.

pub mod answer;
pub mod calls;
pub mod order;
pub mod status;
