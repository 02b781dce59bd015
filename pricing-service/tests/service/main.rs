//! The service, asked over real sockets, and its parts, fed by real peers.

mod access;
mod bid_log;
mod budget;
mod common;
mod decisions;
mod feed;
mod feed_server;
mod floods;
mod free_address;
mod guard;
mod inventory;
mod loading;
mod messages;
mod metrics;
mod overload;
mod reference;
mod reload;
mod screening;
mod shadow;
mod slow;

const _: () = assert!(
    pricing_service::telemetry::HAS_OTLP,
    "this package's dev-dependency on itself turns `otlp` on: without it, no test of the workspace sends a span"
);
