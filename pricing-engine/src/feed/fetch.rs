//! Asks the sources over HTTP and HTTPS.

use std::time::{Duration, SystemTime};

use pricing_http::{HttpError, Limits, StatusCode};
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use super::json::AnswerError;
use super::oracle::{self, OracleError};
use super::source::{Reader, Source};

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
    pub(crate) async fn round(
        &self,
        sources: &[Source],
        timeout: Duration,
    ) -> Vec<(Source, Result<Decimal, FetchError>)> {
        let limits = Limits { timeout, bytes: MAX_BYTES };
        let mut exchanges = JoinSet::new();
        for source in sources.iter().cloned() {
            let client = self.clone();
            exchanges.spawn(async move {
                let answer = client.fetch(&source, limits).await;
                (source, answer)
            });
        }
        let mut answers = Vec::with_capacity(sources.len());
        while let Some(exchange) = exchanges.join_next().await {
            answers.extend(exchange);
        }
        answers
    }

    async fn fetch(&self, source: &Source, limits: Limits) -> Result<Decimal, FetchError> {
        let answer = self.0.get(&source.url, limits).await?;
        if !answer.status.is_success() {
            return Err(FetchError::Status(answer.status));
        }
        match &source.reader {
            Reader::Path(path) => Ok(path.value(&answer.body)?),
            Reader::Oracle(max_age) => Ok(oracle::value(&answer.body, *max_age, SystemTime::now())?),
        }
    }
}
