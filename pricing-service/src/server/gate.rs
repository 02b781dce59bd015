//! Who may price now, who waits, and who is refused at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use crate::config;

/// Why an order is not priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// Too many wait already.
    #[error("too many orders wait already; ask again later")]
    Overload,
    /// The caller's deadline passed.
    #[error("the deadline passed before the order was priced")]
    Deadline,
    /// The pricing thread died.
    #[error("the order could not be priced; this is a bug")]
    Lost,
}

impl From<Refused> for Status {
    fn from(refused: Refused) -> Self {
        let message = refused.to_string();
        match refused {
            Refused::Overload => Self::resource_exhausted(message),
            Refused::Deadline => Self::deadline_exceeded(message),
            Refused::Lost => Self::internal(message),
        }
    }
}

/// Lets so many orders be priced at once, and so many wait.
#[derive(Debug)]
pub(super) struct Gate {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
}

impl Gate {
    pub(super) fn new(limits: &config::Limits) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let places = limits.concurrency.unwrap_or(cores.saturating_mul(2)).max(1);
        Self { places: Arc::new(Semaphore::new(places)), waiting: AtomicUsize::new(0), queue: limits.queue }
    }

    /// Does work on a thread on which it may take its time, when it is its turn.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Refused> {
        let permit = self.enter(deadline).await?;
        let work = tokio::task::spawn_blocking(move || {
            // Held until the work ends, also when its caller went away.
            let _permit = permit;
            work()
        });
        match tokio::time::timeout_at(deadline.into(), work).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) => Err(Refused::Lost),
            Err(_) => Err(Refused::Deadline),
        }
    }

    async fn enter(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Refused> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(permit);
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.queue {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Refused::Overload);
        }
        let _waits = Waits(&self.waiting);
        match tokio::time::timeout_at(deadline.into(), Arc::clone(&self.places).acquire_owned()).await {
            Ok(permit) => permit.map_err(|_| Refused::Lost),
            Err(_) => Err(Refused::Deadline),
        }
    }
}

/// Somebody who waits, until they no longer do, whatever the reason.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
