//! Where snapshots come from: a file, or a peer's stream.

mod connect;
mod file;
mod stream;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::believe::{Believed, Refusal, believe};
use super::core::Core;
use super::plan::{Plan, Source};

/// Follows a plan's source until it is dropped.
pub(super) async fn follow(plan: Plan, feeder: Feeder) {
    match plan.source {
        Source::File(path) => file::follow(path, plan.pace, feeder).await,
        Source::Peer(peer) => stream::Follower::new(peer, plan.silence, plan.pace, feeder).follow().await,
    }
}

/// What a source tells of itself. After another source took over, nobody listens.
#[derive(Clone, Debug)]
pub(super) struct Feeder {
    core: Arc<Core>,
    generation: u64,
}

impl Feeder {
    pub(super) fn new(core: Arc<Core>, generation: u64) -> Self {
        Self { core, generation }
    }

    /// Takes or refuses a snapshot that was so old when it was had, and says whether it was good.
    fn take(&self, snapshot: Result<Believed, Refusal>, age: Duration) -> bool {
        let good = snapshot.is_ok();
        self.core.take(self.generation, snapshot, age, Instant::now());
        good
    }

    /// Tells that the source is not heard.
    fn lost(&self, why: &str) {
        self.core.lost(self.generation, why, Instant::now());
    }

    /// Tells that the source was opened.
    fn opened(&self) {
        self.core.opened(self.generation);
    }

    /// Reads a text, away from the threads that serve calls. A text that is in use already is not read again.
    async fn believe(
        &self,
        text: impl FnOnce() -> Result<String, Refusal> + Send + 'static,
    ) -> Result<Believed, Refusal> {
        let core = Arc::clone(&self.core);
        let read = move || {
            let text = text()?;
            let current = core.good().filter(|good| *good.known.snapshot.text == *text);
            current.map_or_else(|| believe(text), Ok)
        };
        let joined = tokio::task::spawn_blocking(read).await;
        joined.unwrap_or_else(|error| Err(Refusal::Malformed(format!("reading it was broken off: {error}"))))
    }
}
