//! A single round, for `bidprice feed update`: the rules of the live feed, with the cache as the last value.

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use rust_decimal::Decimal;

use super::cache::{self, CacheError};
use super::fetch::Client;
use super::reading::{Snapshot, SourceReading};
use super::source::Settings;
use super::state::{State, Verdict};
use crate::config::{self, ConfigError};

/// The result of a round.
#[derive(Clone, Debug)]
pub struct Update {
    /// The value that was accepted and written to the cache.
    pub usd_per_akt: Option<Decimal>,
    /// The previous value of the cache.
    pub last: Option<Decimal>,
    /// Why no value was accepted.
    pub problem: Option<String>,
    /// Why the previous cache was not used.
    pub cache_problem: Option<String>,
    /// The sources.
    pub sources: Vec<SourceReading>,
}

/// Why there was no round, or why its value could not be written.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The HTTP client cannot be built on this system.
    #[error("the sources cannot be asked: {0}")]
    Client(String),
    /// The cache cannot be written.
    #[error("{}: {error}", path.display())]
    Unwritable {
        /// The path of the cache.
        path: PathBuf,
        /// The cause.
        error: CacheError,
    },
}

/// Asks every source once, compares the value with the cache, and writes it there if it is accepted.
///
/// # Errors
/// When the configuration cannot be used, fixes the value or names no cache, or when the cache cannot be written.
pub async fn update(config: &config::Feed) -> Result<Update, UpdateError> {
    let settings = Settings::of(config)?;
    if settings.fixed.is_some() {
        return Err(ConfigError::unusable("feed.usd_per_akt", "the value is fixed, so nothing is fetched").into());
    }
    let Some(path) = settings.cache else {
        return Err(ConfigError::unusable("feed.cache", "no file is named for the value").into());
    };
    let mut state = State::new(&settings.sources);
    let cache_problem = match cache::read_cache(&path, settings.max_age, SystemTime::now()) {
        Ok(cached) => {
            state.restore(cached.usd_per_akt, cached.age, Instant::now());
            None
        }
        Err(CacheError::Absent) => None,
        Err(error) => Some(error.to_string()),
    };
    let last = state.last().map(|last| last.value);
    let client = Client::new().map_err(UpdateError::Client)?;
    let answers = client.round(&settings.sources, settings.timeout).await;
    let answers = answers.into_iter().map(|(source, answer)| (source, answer.map_err(|error| error.to_string())));
    let verdict = state.observe(answers.collect(), Instant::now());
    let usd_per_akt = match verdict {
        Verdict::Taken(value) => Some(value),
        _ => None,
    };
    if let Some(value) = usd_per_akt {
        cache::write(&path, value).map_err(|error| UpdateError::Unwritable { path, error })?;
    }
    let reading = Snapshot::of(None, settings.max_age, &state, None, 0).reading(Instant::now());
    let problem = usd_per_akt.is_none().then(|| verdict.to_string());
    Ok(Update { usd_per_akt, last, problem, cache_problem, sources: reading.sources })
}
