//! Asks other servers over HTTP and HTTPS: the sources of what an AKT is worth, and the nodes of the chain.
//!
//! Certificates are checked against the system's authorities, as `curl` does in the generic script. An operator can add
//! or remove an authority without a new build of this program. `SSL_CERT_FILE` names other authorities, and
//! `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are honoured.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pricing_core::text::excerpt;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Response, header};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;

pub use reqwest::header::HeaderMap;
pub use reqwest::{StatusCode, Url};

/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 3;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
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
    /// The answer is too large.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// The answer is not text.
    #[error("the answer is not UTF-8 text")]
    NotText,
    /// The server's certificate cannot be checked on this system.
    #[error("its certificate cannot be checked: {0}; install the system's `ca-certificates` or set SSL_CERT_FILE")]
    NoAuthorities(String),
}

/// Why a redirect is not followed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotFollowed(&'static str);

/// How much an exchange may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most time, from the connection to the last byte.
    pub timeout: Duration,
    /// The most bytes of a body.
    pub bytes: usize,
}

/// An answer, with any status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body. It is empty if the status is not 2xx.
    pub body: String,
}

impl Answer {
    /// Returns the server's time, from the header `Date`.
    #[must_use]
    pub fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.headers.get(header::DATE)?.to_str().ok()?).ok()
    }
}

/// An HTTP client.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    /// Why certificates cannot be checked, if they cannot.
    no_authorities: Option<String>,
}

impl Client {
    /// Loads the system's authorities. Without any, plain `http` still works. Up to `idle` connections per host are
    /// left open for the next request.
    ///
    /// # Errors
    /// When this system can have no client, with the cause.
    pub fn new(idle: usize) -> Result<Self, String> {
        let (config, no_authorities) = match tls(true) {
            Ok(config) => (config, None),
            Err(error) => (tls(false).map_err(|error| error.to_string())?, Some(error.to_string())),
        };
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .redirect(Policy::custom(redirect))
            .referer(false)
            .pool_max_idle_per_host(idle)
            // Some servers refuse clients without a user agent.
            .user_agent(concat!("bidprice/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| cause(&error))?;
        Ok(Self { http, no_authorities })
    }

    /// Whether certificates can be checked.
    #[must_use]
    pub fn has_authorities(&self) -> bool {
        self.no_authorities.is_none()
    }

    /// Asks for a JSON document.
    ///
    /// # Errors
    /// When there is no whole answer within the limits.
    pub async fn get(&self, url: &Url, limits: Limits) -> Result<Answer, HttpError> {
        if let (Some(problem), "https") = (&self.no_authorities, url.scheme()) {
            return Err(HttpError::NoAuthorities(problem.clone()));
        }
        let exchange = tokio::time::timeout(limits.timeout, self.exchange(url, limits.bytes)).await;
        exchange.unwrap_or(Err(HttpError::Timeout(limits.timeout)))
    }

    async fn exchange(&self, url: &Url, most: usize) -> Result<Answer, HttpError> {
        let request = self.http.get(url.clone()).header(header::ACCEPT, "application/json");
        let mut response = request.send().await.map_err(told)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let body = if status.is_success() { body(&mut response, most).await? } else { String::new() };
        Ok(Answer { status, headers, body })
    }
}

async fn body(response: &mut Response, most: usize) -> Result<String, HttpError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        if body.len().saturating_add(chunk.len()) > most {
            return Err(HttpError::TooLarge(most));
        }
        body.extend_from_slice(&chunk);
    }
    String::from_utf8(body).map_err(|_| HttpError::NotText)
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
fn told(error: reqwest::Error) -> HttpError {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(NotFollowed(why)) = error.downcast_ref() {
            return HttpError::Redirect(why);
        }
        source = error.source();
    }
    if error.is_connect() { HttpError::Connection(cause(&error)) } else { HttpError::Broken(cause(&error)) }
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
    fn an_answer_tells_the_time_of_its_server_or_none() {
        let answer = |date: &str| {
            let headers = HeaderMap::from_iter([(header::DATE, date.parse().unwrap())]);
            Answer { status: StatusCode::OK, headers, body: String::new() }.date()
        };
        let seconds = answer("Tue, 01 Dec 2026 12:00:00 GMT").unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(seconds.as_secs(), 1_796_126_400);
        assert_eq!(["", "soon", "2026-12-01T12:00:00Z"].map(answer), [None; 3]);
        let without = Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: String::new() };
        assert_eq!(without.date(), None);
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
