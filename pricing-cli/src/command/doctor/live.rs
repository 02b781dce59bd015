//! Asks what the configuration names, all at the same time: the inventory's source, the feed's sources, nodes of the
//! chain, the socket and the addresses. Everybody has the time that the service gives them.

use std::time::{Duration, Instant};

use pricing_core::inventory::Cluster;
use pricing_engine::clock::ClockReading;
use pricing_engine::config::Config;
use pricing_engine::feed::{self, Update, UpdateError};
use pricing_engine::inventory::{Availability, LiveInventory, Reading};
use pricing_engine::outcomes::{NodeReading, Plan, look_at_nodes};
use pricing_service::look::{self, AddressState, SocketState};

use crate::error::CliError;

/// The most time for the inventory. A peer has 10 s for the connection, and 30 s for its first message.
const INVENTORY_TIME: Duration = Duration::from_secs(50);
/// How often the inventory is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long reads of files may outlast everything else: a file system that hangs must not keep the doctor.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// What was answered.
pub(super) struct Live {
    /// `None` without an inventory, or where its configuration is refused.
    pub(super) inventory: Option<(Reading, Availability)>,
    /// `None` where the value is fixed, or the feed's configuration is refused.
    pub(super) feed: Option<Result<Update, String>>,
    /// `None` without `[outcomes]`, or where it is refused.
    pub(super) nodes: Option<Result<Vec<NodeReading>, String>>,
    /// `None` without a socket.
    pub(super) socket: Option<SocketState>,
    pub(super) addresses: Vec<AddressState>,
}

impl Live {
    /// Asks, and waits for all answers.
    pub(super) fn ask(config: &Config) -> Result<Self, CliError> {
        let runtime = pricing_service::runtime()
            .map_err(|error| CliError::internal(format!("the runtime cannot be started: {error}")))?;
        let live = runtime.block_on(async {
            let (inventory, feed, nodes, socket, addresses) = tokio::join!(
                inventory(config),
                feed(config),
                nodes(config),
                socket(config),
                look::addresses(&config.listen),
            );
            Self { inventory, feed, nodes, socket, addresses }
        });
        runtime.shutdown_timeout(LAST_WAIT);
        Ok(live)
    }

    /// The cluster of the inventory, if it can be used.
    pub(super) fn cluster(&self) -> Option<&Cluster> {
        match &self.inventory {
            Some((_, Availability::Known(snapshot))) => Some(&snapshot.cluster),
            _ => None,
        }
    }

    /// Whether a service answers on the socket.
    pub(super) fn is_served(&self) -> bool {
        matches!(self.socket, Some(SocketState::Served(_)))
    }

    /// The times of day that came with the answers.
    pub(super) fn clocks(&self) -> Vec<&ClockReading> {
        let feed = self.feed.iter().flatten().flat_map(|update| &update.clocks);
        let nodes = self.nodes.iter().flatten().flatten().flat_map(|node| &node.clocks);
        feed.chain(nodes).collect()
    }
}

/// Follows the inventory until its first snapshot, or its first problem.
async fn inventory(config: &Config) -> Option<(Reading, Availability)> {
    let live = LiveInventory::start(&config.inventory, None).ok()??;
    let begun = Instant::now();
    loop {
        let now = Instant::now();
        let reading = live.reading(now);
        let counters = &reading.counters;
        let is_told = counters.taken > 0 || counters.lost > 0 || !counters.refused.is_empty();
        if is_told || now.saturating_duration_since(begun) > INVENTORY_TIME {
            return Some((reading, live.availability(now, None)));
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn feed(config: &Config) -> Option<Result<Update, String>> {
    if config.feed.usd_per_akt.is_some() {
        return None;
    }
    match feed::look(&config.feed).await {
        Ok(update) => Some(Ok(update)),
        // The check of the configuration says it.
        Err(UpdateError::Config(_)) => None,
        Err(error) => Some(Err(error.to_string())),
    }
}

async fn nodes(config: &Config) -> Option<Result<Vec<NodeReading>, String>> {
    let plan = Plan::of(config).ok()??;
    Some(look_at_nodes(&plan).await)
}

async fn socket(config: &Config) -> Option<SocketState> {
    let path = &config.listen.socket;
    if path.as_os_str().is_empty() {
        return None;
    }
    Some(look::socket(path).await)
}
