//! The checked configuration of the pulls.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pricing_core::address::{Address, AddressPrefix};
use pricing_market::rest::{Settings, Url};

use crate::config::{self, Config, ConfigError};

/// The folder of the history in the bid log's folder.
const HISTORY: &str = "history";
/// The time from the start to the first pull. Until then the feed has a value, and a service that crashes at its start
/// again and again asks no node.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// What is pulled, from where, and how often.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The provider whose bids are meant.
    pub provider: Address,
    /// The folder of the history.
    pub folder: PathBuf,
    /// How old a bid may be when the first pull sees it.
    pub since: Duration,
    /// The time from the end of a pull to the next one.
    pub interval: Duration,
    /// The time from the start to the first pull.
    pub first_wait: Duration,
    /// The first wait after a pull that failed.
    pub retry: Duration,
    /// Which nodes are asked, and how gently.
    pub nodes: Settings,
}

impl Plan {
    /// Makes a plan. `None` if outcomes are not configured.
    ///
    /// # Errors
    /// When an address cannot be used, or there is no folder.
    pub fn of(config: &Config) -> Result<Option<Self>, ConfigError> {
        let Some(outcomes) = &config.outcomes else { return Ok(None) };
        let provider = Address::parse(&outcomes.provider, &AddressPrefix::default());
        let provider = provider.map_err(|error| ConfigError::unusable("outcomes.provider", error))?;
        let urls: Result<Vec<Url>, _> = outcomes.rest.iter().map(|text| text.parse()).collect();
        let urls = urls.map_err(|_| ConfigError::unusable("outcomes.rest", "expected URLs of nodes"))?;
        let folder = folder_of(outcomes, config.bid_log.as_ref());
        let folder =
            folder.ok_or_else(|| ConfigError::unusable("outcomes.folder", "there is no bid log; name a folder"))?;
        let mut nodes = Settings::new(urls);
        nodes.requests_per_second = outcomes.requests_per_second;
        nodes.timeout = outcomes.timeout.get();
        let interval = outcomes.interval.get();
        Ok(Some(Self {
            provider,
            folder,
            since: outcomes.since.get(),
            interval,
            first_wait: FIRST_WAIT.min(interval),
            retry: Duration::from_secs(60),
            nodes,
        }))
    }
}

/// The folder of the history: the configured one, or one in the bid log's folder.
#[must_use]
pub fn folder_of(outcomes: &config::Outcomes, log: Option<&config::BidLog>) -> Option<PathBuf> {
    let in_log = |log: &config::BidLog| Path::new(&log.folder).join(HISTORY);
    outcomes.folder.clone().or_else(|| log.map(in_log))
}
