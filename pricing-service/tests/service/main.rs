//! Tests of the service over real sockets.

mod access;
mod budget;
mod common;
#[path = "../../../pricing-engine/tests/engine/decisions/mod.rs"]
mod decisions;
mod explore;
mod floods;
mod guard;
mod kubernetes;
mod loading;
mod messages;
mod metrics;
mod negative;
mod overload;
mod reload;
mod screening;
mod slow;
