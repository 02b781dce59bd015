//! A single round, for `bidprice feed update` and `bidprice doctor`: the rules of the live feed, with the cache as the last
//! value.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use rust_decimal::Decimal;

use super::cache::{self, CacheError};
use super::fetch::Client;
use super::reading::{Snapshot, SourceReading};
use super::source::Settings;
use super::state::{State, Verdict};
use crate::clock::ClockReading;
use crate::config::{self, ConfigError};

/// The result of a round.
#[derive(Clone, Debug)]
pub struct Update {
    /// The value that was accepted.
    pub usd_per_akt: Option<Decimal>,
    /// The previous value of the cache.
    pub last: Option<Decimal>,
    /// How old the previous value was.
    pub last_age: Option<Duration>,
    /// Why no value was accepted.
    pub problem: Option<String>,
    /// Why the previous cache was not used.
    pub cache_problem: Option<String>,
    /// The sources.
    pub sources: Vec<SourceReading>,
    /// The times of day that came with the answers.
    pub clocks: Vec<ClockReading>,
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
    let settings = asked(config)?;
    let Some(path) = settings.cache.clone() else {
        return Err(ConfigError::unusable("feed.cache", "no file is named for the value").into());
    };
    let update = round(&settings).await?;
    if let Some(value) = update.usd_per_akt {
        cache::write(&path, value).map_err(|error| UpdateError::Unwritable { path, error })?;
    }
    Ok(update)
}

/// Asks every source once, and compares the value with the cache, if there is one. Nothing is written.
///
/// # Errors
/// When the configuration cannot be used, or fixes the value.
pub async fn look(config: &config::Feed) -> Result<Update, UpdateError> {
    round(&asked(config)?).await
}

/// The settings of a feed whose sources are asked.
fn asked(config: &config::Feed) -> Result<Settings, ConfigError> {
    let settings = Settings::of(config)?;
    if settings.fixed.is_some() {
        return Err(ConfigError::unusable("feed.usd_per_akt", "the value is fixed, so nothing is fetched"));
    }
    Ok(settings)
}

async fn round(settings: &Settings) -> Result<Update, UpdateError> {
    let mut state = State::new(&settings.sources);
    let cached = settings.cache.as_deref().map(|path| cache::read_cache(path, settings.max_age, SystemTime::now()));
    let cache_problem = match cached {
        Some(Ok(cached)) => {
            state.restore(cached.usd_per_akt, cached.age, Instant::now());
            None
        }
        None | Some(Err(CacheError::Absent)) => None,
        Some(Err(error)) => Some(error.to_string()),
    };
    let (last, last_age) = state.last().map(|last| (last.value, last.age(Instant::now()))).unzip();
    let client = Client::new().map_err(UpdateError::Client)?;
    let mut clocks = Vec::new();
    let mut answers = Vec::new();
    for fetched in client.round(&settings.sources, settings.timeout).await {
        clocks.extend(fetched.clocks);
        answers.push((fetched.source, fetched.value.map_err(|error| error.to_string())));
    }
    let verdict = state.observe(answers, Instant::now());
    let usd_per_akt = match verdict {
        Verdict::Taken(value) => Some(value),
        _ => None,
    };
    let reading = Snapshot::of(None, settings.max_age, &state, None, 0).reading(Instant::now());
    let problem = usd_per_akt.is_none().then(|| verdict.to_string());
    Ok(Update { usd_per_akt, last, last_age, problem, cache_problem, sources: reading.sources, clocks })
}
