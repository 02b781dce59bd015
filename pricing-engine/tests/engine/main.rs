//! The engine's parts, fed by real peers.

mod bid_log;
mod decisions;
mod feed;
mod feed_server;
mod inventory;
mod reference;
mod shadow;

use std::time::Duration;

/// A bound on waits for what is bound to happen. It only ends a test that hangs.
const HANG: Duration = Duration::from_secs(600);

const _: () = assert!(
    pricing_engine::telemetry::HAS_OTLP,
    "this package's dev-dependency on itself turns `otlp` on: without it, no test of the workspace sends a span"
);
