//! Asks the sources over HTTP and HTTPS.

use std::time::{Duration, SystemTime};

use pricing_http::{Answer, HttpError, Limits, StatusCode};
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use super::json::AnswerError;
use super::oracle::{self, OracleError};
use super::source::{Reader, Source};
use crate::clock::{ClockReading, ClockSource};

/// The most bytes of an answer. Those of the default sources have less than a thousand.
const MAX_BYTES: usize = 64 << 10;

/// Why a source has no value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// There is no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The HTTP status is not 2xx.
    #[error("it answers {0}")]
    Status(StatusCode),
    /// The answer has no value.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The chain's price cannot be used.
    #[error(transparent)]
    Oracle(#[from] OracleError),
}

/// What a source answered.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// The source.
    pub(crate) source: Source,
    /// Its value.
    pub(crate) value: Result<Decimal, FetchError>,
    /// The times of day that came with the answer.
    pub(crate) clocks: Vec<ClockReading>,
}

/// The HTTP client that asks the sources.
#[derive(Clone, Debug)]
pub(crate) struct Client(pricing_http::Client);

impl Client {
    /// Loads the system's authorities. Without any, plain `http` still works.
    pub(crate) fn new() -> Result<Self, String> {
        // Sources are asked too rarely to keep connections open.
        pricing_http::Client::new(0).map(Self)
    }

    /// Returns whether certificates can be checked.
    pub(crate) fn has_authorities(&self) -> bool {
        self.0.has_authorities()
    }

    /// Asks all sources at the same time, and waits until each has answered or timed out.
    pub(crate) async fn round(&self, sources: &[Source], timeout: Duration) -> Vec<Fetched> {
        let limits = Limits { timeout, bytes: MAX_BYTES };
        let mut exchanges = JoinSet::new();
        for source in sources.iter().cloned() {
            let client = self.clone();
            exchanges.spawn(async move { client.fetch(source, limits).await });
        }
        let mut answers = Vec::with_capacity(sources.len());
        while let Some(exchange) = exchanges.join_next().await {
            answers.extend(exchange);
        }
        answers
    }

    async fn fetch(&self, source: Source, limits: Limits) -> Fetched {
        match self.0.get(&source.url, limits).await {
            Err(error) => Fetched { source, value: Err(error.into()), clocks: Vec::new() },
            Ok(answer) => {
                let here = SystemTime::now();
                let (value, clocks) = (value(&source, &answer, here), clocks(&source, &answer, here));
                Fetched { source, value, clocks }
            }
        }
    }
}

/// Returns the value in a source's answer.
fn value(source: &Source, answer: &Answer, now: SystemTime) -> Result<Decimal, FetchError> {
    if !answer.status.is_success() {
        return Err(FetchError::Status(answer.status));
    }
    match &source.reader {
        Reader::Path(path) => Ok(path.value(&answer.body)?),
        Reader::Oracle(max_age) => Ok(oracle::value(&answer.body, *max_age, now)?),
    }
}

/// Returns the times of day in a source's answer, whatever its status.
fn clocks(source: &Source, answer: &Answer, here: SystemTime) -> Vec<ClockReading> {
    let block = match &source.reader {
        Reader::Path(_) => None,
        Reader::Oracle(_) => oracle::time(&answer.body),
    };
    let told = [(ClockSource::Server, answer.date()), (ClockSource::Block, block)];
    let reading = |(of, told)| Some(ClockReading { teller: source.name.to_string(), source: of, told: told?, here });
    told.into_iter().filter_map(reading).collect()
}
