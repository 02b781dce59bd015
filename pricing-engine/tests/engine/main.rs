//! Tests of the engine's parts with real sockets and files.

mod bid_log;
mod decisions;
mod explore;
mod feed;
mod feed_server;
mod inventory;
mod outcomes;
mod patience;
mod placements;
mod reference;
mod shadow;
mod tune;

use std::time::Duration;

/// A bound on waits. It only ends a test that hangs.
const HANG: Duration = Duration::from_secs(600);

const _: () = assert!(
    pricing_engine::telemetry::HAS_OTLP,
    "this package's dev-dependency on itself turns `otlp` on: without it, no test of the workspace sends a span"
);
