//! The live feed: what an AKT is worth in USD.
//!
//! Sources are asked in the background, never in a quote; a quote reads the last value that was believed. A wrong value
//! is worse than none: where the rules below leave doubt the last good value stays until it is too old, and then there
//! is none, which the pricer answers with `rate-unavailable` (in uakt; the other denoms need no feed).
//!
//! # What an answer must be
//! A JSON document of at most 64 KiB with HTTP status 2xx, within `timeout` from the first byte sent to the last one
//! received. At the source's path must stand a number, or a text that is one, above 0 and at most 1000000. It is read
//! digit by digit; what is behind the 18th decimal is rounded half-even. Everything else is no answer. The answer of the
//! chain's own oracle must moreover be one that the chain calls healthy, and no older than the source's `max_age`
//! (`oracle`).
//!
//! # What becomes of a round
//! Every `interval` (10 % more or less, so that providers do not ask in step; after a round without a value at most a
//! minute) all sources are asked at once. What follows knows only those that answered.
//!
//! - **Majority.** More than half of the answers must be at most 20 % apart from each other (20 % of the lowest of them).
//!   Otherwise the sources *disagree* and the round has no value; two that disagree have no majority.
//! - **Value.** The round's value is the median; of an even number the mean of the two in the middle, rounded half-even to
//!   18 decimals. An answer more than 20 % away from it is named, and does nothing else.
//! - **Near.** It is taken when it is at most 20 % of the last value away from that, in either direction.
//! - **Jump.** Otherwise at least two different sources must vouch for it: their newest answers, from this round or the
//!   two before it, are at most 20 % away from the round's value. They may do so in one round. A source alone never
//!   confirms its own jump, also where it is the only one that is configured: its value is refused, the last one ages
//!   out, and remains what the next values are held against. A second source ends that, or a start without the cache.
//! - **Cold start.** Without any last value a round with a majority is taken; where just one source answered, its value
//!   is taken unless another one said something else in the two rounds before.
//!
//! # How long a value lives
//! It is used up to `max_age` after it was fetched. `cache` keeps it across restarts; it is read only when nobody else
//! can have written it, and neither from the future (two minutes are forgiven) nor older than `max_age`. A value that
//! the configuration fixes (`usd_per_akt`) never ages, and nothing is fetched.
//!
//! # Sources
//! Without any in the configuration: the chain's own price as the node `https://api.akashnet.net` tells it (kind `oracle`),
//! `https://api.diadata.org/v1/assetQuotation/Osmosis/ibc-C2CF…`, path `Price` (AKT on Osmosis), and `https://api.coingecko.com/api/v3/simple/price?ids=akash-network&vs_currencies=usd`, path
//! `akash-network.usd`. The last two are those of the generic bid price script (akash-network/helm-charts,
//! `charts/akash-provider/scripts/price_script_generic.sh`, version February-04-2025).
//!
//! Redirects are followed from `https` to `https`, three at most. Plain `http` is for sources of one's own: nobody on
//! the way to them may be able to answer.

mod cache;
mod fetch;
mod json;
mod number;
mod once;
mod oracle;
mod reading;
mod source;
mod state;
mod task;

use pricing_core::money::UsdPerAkt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use cache::{CacheError, Cached, read_cache};
pub use once::{Update, UpdateError, update};
pub use reading::{Counters, Reading, SourceCounters, SourceReading};

use crate::config::{self, ConfigError};
use source::Settings;
use task::Shared;

/// Rounds that may be asked for at the same time.
const REQUESTS: usize = 16;

/// The live feed. Clones are cheap and read the same feed; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct Feed {
    shared: Arc<Shared>,
    requests: mpsc::Sender<oneshot::Sender<()>>,
    end: Arc<DropGuard>,
    task: TaskTracker,
}

impl Feed {
    /// Begins with the value in the cache, if it can be used, and asks the sources at once and from then on. Must be
    /// called within a Tokio runtime.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn start(config: &config::Feed) -> Result<Self, ConfigError> {
        let settings = Settings::of(config)?;
        let runtime = Handle::try_current().map_err(|error| ConfigError::unusable("feed", error))?;
        let shared = Arc::new(Shared::new(settings, Instant::now(), SystemTime::now()));
        let (requests, requested) = mpsc::channel(REQUESTS);
        let token = CancellationToken::new();
        let task = TaskTracker::new();
        task.spawn_on(task::run(Arc::clone(&shared), requested, token.clone()), &runtime);
        task.close();
        Ok(Self { shared, requests, end: Arc::new(token.drop_guard()), task })
    }

    /// Whether a configuration can be used. Asks nobody.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(config: &config::Feed) -> Result<(), ConfigError> {
        Settings::of(config).map(|_| ())
    }

    /// Uses another configuration from now on, and asks its sources at once. The last value stays.
    ///
    /// # Errors
    /// When the configuration cannot be used; then nothing changes.
    pub fn reconfigure(&self, config: &config::Feed) -> Result<(), ConfigError> {
        self.shared.reconfigure(Settings::of(config)?);
        Ok(())
    }

    /// USD for an AKT, if there is a value that can be used. Neither waits nor allocates.
    #[must_use]
    pub fn usd_per_akt(&self, now: Instant) -> Option<UsdPerAkt> {
        self.shared.snapshot().usd_per_akt(now)
    }

    /// The value, its age, what is wrong, and each source. Never waits.
    #[must_use]
    pub fn reading(&self, now: Instant) -> Reading {
        self.shared.snapshot().reading(now)
    }

    /// What was counted since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.snapshot().counters()
    }

    /// Asks the sources now, and waits until that is done.
    pub async fn refresh(&self) {
        let (done, wait) = oneshot::channel();
        // Both fail only when the feed was stopped: nothing is asked any more then.
        if self.requests.send(done).await.is_ok() {
            let _ = wait.await;
        }
    }

    /// Ends the fetching, and waits until it has ended. The last value is still told until it is too old.
    pub async fn stop(&self) {
        self.end.token().cancel();
        self.task.wait().await;
    }
}
