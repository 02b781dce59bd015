//! Asks the sources over HTTP and HTTPS.
//!
//! Certificates are checked against the system's authorities, as `curl` does in the generic script. An operator can add
//! or remove an authority without a new build of this program. `SSL_CERT_FILE` names other authorities, and
//! `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are honoured.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pricing_core::text::excerpt;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{StatusCode, Url, header};
use rust_decimal::Decimal;
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::task::JoinSet;

use super::json::AnswerError;
use super::oracle::{self, OracleError};
use super::source::{Reader, Source};

/// The most bytes of an answer. Those of the default sources have less than a thousand.
const MAX_BYTES: usize = 64 << 10;
/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 3;

/// Why a source has no value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The whole exchange took too long.
    #[error("no answer within {}", humantime::format_duration(*.0))]
    Timeout(Duration),
    /// The connection failed.
    #[error("no connection: {0}")]
    Connection(String),
    /// The exchange was interrupted, or is malformed.
    #[error("the answer broke off: {0}")]
    Broken(String),
    /// It redirects to an address that is not followed.
    #[error("it redirects, {0}")]
    Redirect(&'static str),
    /// The HTTP status is not 2xx.
    #[error("it answers {0}")]
    Status(StatusCode),
    /// The answer is too large.
    #[error("the answer has more than {MAX_BYTES} bytes")]
    TooLarge,
    /// The answer is not text.
    #[error("the answer is not UTF-8 text")]
    NotText,
    /// Its certificate cannot be checked on this system.
    #[error("its certificate cannot be checked: {0}; install the system's `ca-certificates` or set SSL_CERT_FILE")]
    NoAuthorities(String),
    /// The answer has no value.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The chain's price cannot be used.
    #[error(transparent)]
    Oracle(#[from] OracleError),
}

/// Why a redirect is not followed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotFollowed(&'static str);

/// The HTTP client that asks the sources.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    /// Why certificates cannot be checked, if they cannot.
    no_authorities: Option<String>,
}

impl Client {
    /// Loads the system's authorities. Without any, plain `http` still works.
    pub(crate) fn new() -> Result<Self, String> {
        let (config, no_authorities) = match tls(true) {
            Ok(config) => (config, None),
            Err(error) => (tls(false).map_err(|error| error.to_string())?, Some(error.to_string())),
        };
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .redirect(Policy::custom(redirect))
            .referer(false)
            // Sources are asked too rarely to keep connections open.
            .pool_max_idle_per_host(0)
            // One of the default sources refuses clients without a user agent.
            .user_agent(concat!("bidprice/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| cause(&error))?;
        Ok(Self { http, no_authorities })
    }

    /// Returns whether certificates can be checked.
    pub(crate) fn has_authorities(&self) -> bool {
        self.no_authorities.is_none()
    }

    /// Asks all sources at the same time, and waits until each has answered or timed out.
    pub(crate) async fn round(
        &self,
        sources: &[Source],
        timeout: Duration,
    ) -> Vec<(Source, Result<Decimal, FetchError>)> {
        let mut exchanges = JoinSet::new();
        for source in sources.iter().cloned() {
            let client = self.clone();
            exchanges.spawn(async move {
                let answer = tokio::time::timeout(timeout, client.fetch(&source)).await;
                (source, answer.unwrap_or(Err(FetchError::Timeout(timeout))))
            });
        }
        let mut answers = Vec::with_capacity(sources.len());
        while let Some(exchange) = exchanges.join_next().await {
            answers.extend(exchange);
        }
        answers
    }

    async fn fetch(&self, source: &Source) -> Result<Decimal, FetchError> {
        if let (Some(problem), "https") = (&self.no_authorities, source.url.scheme()) {
            return Err(FetchError::NoAuthorities(problem.clone()));
        }
        let request = self.http.get(source.url.clone()).header(header::ACCEPT, "application/json");
        let mut response = request.send().await.map_err(told)?;
        if !response.status().is_success() {
            return Err(FetchError::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(told)? {
            if body.len().saturating_add(chunk.len()) > MAX_BYTES {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let text = std::str::from_utf8(&body).map_err(|_| FetchError::NotText)?;
        match &source.reader {
            Reader::Path(path) => Ok(path.value(text)?),
            Reader::Oracle(max_age) => Ok(oracle::value(text, *max_age, SystemTime::now())?),
        }
    }
}

/// Returns the TLS settings, with their own crypto provider instead of the process's default one.
fn tls(authorities: bool) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = match authorities {
        true => config.with_platform_verifier()?,
        false => config.with_root_certificates(rustls::RootCertStore::empty()),
    };
    Ok(config.with_no_client_auth())
}

fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    match followed(attempt.previous(), attempt.url()) {
        Ok(()) => attempt.follow(),
        Err(not) => attempt.error(not),
    }
}

/// Decides whether a redirect is followed: at most three times, and never from or to plain `http`, where anybody on the
/// network path could answer.
fn followed(previous: &[Url], next: &Url) -> Result<(), NotFollowed> {
    if previous.iter().chain([next]).any(|url| url.scheme() != "https") {
        return Err(NotFollowed(
            "which is followed from `https` to `https` only; name the address that it redirects to",
        ));
    }
    if previous.len() > MAX_REDIRECTS {
        return Err(NotFollowed("again and again; three times are followed"));
    }
    Ok(())
}

/// Converts an error. Its message omits the address, which may contain an API key.
fn told(error: reqwest::Error) -> FetchError {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(NotFollowed(why)) = error.downcast_ref() {
            return FetchError::Redirect(why);
        }
        source = error.source();
    }
    if error.is_connect() { FetchError::Connection(cause(&error)) } else { FetchError::Broken(cause(&error)) }
}

/// Returns the message of an error's root cause.
fn cause(error: &reqwest::Error) -> String {
    let mut bottom: Option<&dyn Error> = error.source();
    while let Some(deeper) = bottom.and_then(Error::source) {
        bottom = Some(deeper);
    }
    excerpt(&bottom.map_or_else(|| "the request failed".to_owned(), ToString::to_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follows(urls: &[&str]) -> Result<(), String> {
        let urls: Vec<Url> = urls.iter().map(|url| url.parse().unwrap()).collect();
        let (next, previous) = urls.split_last().unwrap();
        followed(previous, next).map_err(|error| error.to_string())
    }

    #[test]
    fn redirects_are_followed_three_times_and_from_https_to_https_only() {
        assert!(follows(&["https://a/", "https://b/"]).is_ok());
        assert!(follows(&["https://a/", "https://b/", "https://c/", "https://d/"]).is_ok());
        let again = follows(&["https://a/", "https://b/", "https://c/", "https://d/", "https://e/"]);
        assert!(again.unwrap_err().contains("three times"));
        for urls in [["https://a/", "http://a/"], ["http://a/", "https://a/"], ["http://a/", "http://a/b"]] {
            assert!(follows(&urls).unwrap_err().contains("`https` only"), "{urls:?}");
        }
        assert!(follows(&["https://a/", "ftp://a/"]).is_err());
    }
}
