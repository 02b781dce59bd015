//! Where snapshots come from: a file, or a peer's stream.

mod connect;
mod file;
mod stream;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::accepted::{AcceptedSnapshot, Refusal, accept};
use super::plan::{InventorySource, Plan};
use super::shared::SharedInventory;

/// Follows a plan's source until it is dropped.
pub(super) async fn follow(plan: Plan, sink: SnapshotSink) {
    match plan.source {
        InventorySource::File(path) => file::follow(path, plan.pace, sink).await,
        InventorySource::Peer(peer) => stream::Follower::new(peer, plan.silence, plan.pace, sink).follow().await,
    }
}

/// Where a source reports its snapshots and its problems. Once another source has taken over, reports have no effect.
#[derive(Clone, Debug)]
pub(super) struct SnapshotSink {
    shared: Arc<SharedInventory>,
    generation: u64,
}

impl SnapshotSink {
    pub(super) fn new(shared: Arc<SharedInventory>, generation: u64) -> Self {
        Self { shared, generation }
    }

    /// Reports a snapshot, accepted or refused, whose age was `age` when it arrived. Returns whether it was accepted.
    fn take(&self, snapshot: Result<AcceptedSnapshot, Refusal>, age: Duration) -> bool {
        let accepted = snapshot.is_ok();
        self.shared.take(self.generation, snapshot, age, Instant::now());
        accepted
    }

    /// Reports that the source is not reachable.
    fn lost(&self, why: &str) {
        self.shared.lost(self.generation, why, Instant::now());
    }

    /// Reports that the source was opened.
    fn opened(&self) {
        self.shared.opened(self.generation);
    }

    /// Reads a text, and accepts or refuses it, on a thread for blocking work. The text in use is not read again.
    async fn accept(
        &self,
        text: impl FnOnce() -> Result<String, Refusal> + Send + 'static,
    ) -> Result<AcceptedSnapshot, Refusal> {
        let shared = Arc::clone(&self.shared);
        let read = move || {
            let text = text()?;
            let current = shared.accepted().filter(|accepted| *accepted.snapshot.text.text == *text);
            current.map_or_else(|| accept(text), Ok)
        };
        let joined = tokio::task::spawn_blocking(read).await;
        joined.unwrap_or_else(|error| Err(Refusal::Malformed(format!("reading it was broken off: {error}"))))
    }
}
