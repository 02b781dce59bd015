//! The live feed: the value of an AKT in USD.
//!
//! Sources are asked in the background. A quote never waits for them: it reads the last accepted value. A wrong value
//! is worse than none. When the rules below leave doubt, the last accepted value stays until it is too old. Then there
//! is none, and a quote in uakt is the fault `rate-unavailable` (the other denoms need no feed).
//!
//! # What a usable answer is
//! A JSON document of at most 64 KiB with an HTTP status 2xx, within `timeout` from the start of the request to the
//! last byte received. The source's path must lead to a number above 0 and at most 1000000, or to a string with such a
//! number. It is parsed as a decimal, and rounded half-even to 18 decimals. Anything else is not an answer. The price
//! of the chain's own oracle must also be one that the chain calls healthy, and be no older than the source's `max_age`
//! (`oracle`).
//!
//! # What happens in a round
//! All sources are asked at the same time, once in every `interval`: 10 % more or less, so that providers do not ask in
//! step, and at most about a minute after a round without a value. The following rules only consider the sources that
//! answered.
//!
//! - **Majority.** More than half of the answers must be within 20 % of each other (20 % of the lowest of them).
//!   Otherwise the sources *disagree*, and the round has no value. Two sources that disagree have no majority.
//! - **Value.** The round's value is the median. For an even number of answers it is the mean of the two in the middle,
//!   rounded half-even to 18 decimals. An answer more than 20 % away from it is reported, and has no other effect.
//! - **Near.** The value is accepted if it is within 20 % of the last accepted value, in either direction.
//! - **Jump.** Otherwise at least two different sources must confirm it: their newest answers, from this round or the
//!   two before it, are within 20 % of the round's value. They may do so in the same round. A single source never
//!   confirms its own jump, even if it is the only one that is configured. Its value is refused, and the last value
//!   becomes too old, but the next values are still compared with it. A second source ends that, or a start without the
//!   cache.
//! - **Cold start.** Without a last value, the value of a round with a majority is accepted. If only one source
//!   answered, its value is accepted unless another source contradicted it in the two rounds before.
//!
//! # How long a value is used
//! A value is used until `max_age` after it was fetched. `cache` persists it across restarts. The cache is only read if
//! no other user can have written it, and if it is neither older than `max_age` nor from the future (by more than two
//! minutes). A value that the configuration fixes (`usd_per_akt`) never becomes too old, and nothing is fetched.
//!
//! # Sources
//! If none is configured, these are asked: the chain's own price from the node `https://api.akashnet.net` (kind
//! `oracle`); `https://api.diadata.org/v1/assetQuotation/Osmosis/ibc-C2CF…`, path `Price` (AKT on Osmosis); and
//! `https://api.coingecko.com/api/v3/simple/price?ids=akash-network&vs_currencies=usd`, path `akash-network.usd`. The
//! last two are those of the generic bid price script (akash-network/helm-charts,
//! `charts/akash-provider/scripts/price_script_generic.sh`, version February-04-2025).
//!
//! At most three redirects are followed, from `https` to `https` only. Plain `http` is for an operator's own sources,
//! where the network is trusted.

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

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use pricing_core::money::UsdPerAkt;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use cache::{CacheError, Cached, read_cache};
pub use once::{Update, UpdateError, look, update};
pub use reading::{Counters, Reading, SourceCounters, SourceReading};

use crate::config::{self, ConfigError};
use source::Settings;
use task::Shared;

/// The most rounds that can be requested at the same time.
const REQUESTS: usize = 16;

/// The live feed. Clones are cheap handles to the same feed, whose task ends when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Feed {
    shared: Arc<Shared>,
    requests: mpsc::Sender<oneshot::Sender<()>>,
    end: Arc<DropGuard>,
    task: TaskTracker,
}

impl Feed {
    /// Starts with the value in the cache, if it can be used, and a first round. Must be called within a Tokio runtime.
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

    /// Checks a configuration, without asking a source.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn check(config: &config::Feed) -> Result<(), ConfigError> {
        Settings::of(config).map(|_| ())
    }

    /// Switches to another configuration, and asks its sources at once. The last value stays.
    ///
    /// # Errors
    /// When the configuration cannot be used. Nothing has changed then.
    pub fn reconfigure(&self, config: &config::Feed) -> Result<(), ConfigError> {
        self.shared.reconfigure(Settings::of(config)?);
        Ok(())
    }

    /// Returns the value of an AKT in USD, if there is a usable one. Neither waits nor allocates.
    #[must_use]
    pub fn usd_per_akt(&self, now: Instant) -> Option<UsdPerAkt> {
        self.shared.snapshot().usd_per_akt(now)
    }

    /// Returns the value, its age, the problem and the sources. Never waits.
    #[must_use]
    pub fn reading(&self, now: Instant) -> Reading {
        self.shared.snapshot().reading(now)
    }

    /// Returns the counters since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.snapshot().counters()
    }

    /// Requests a round, and waits until it has ended.
    pub async fn refresh(&self) {
        let (done, wait) = oneshot::channel();
        // Both only fail after the feed was stopped. There are no rounds then.
        if self.requests.send(done).await.is_ok() {
            let _ = wait.await;
        }
    }

    /// Stops the task, and waits until it has ended. The last value is still returned until it is too old.
    pub async fn stop(&self) {
        self.end.token().cancel();
        self.task.wait().await;
    }
}
