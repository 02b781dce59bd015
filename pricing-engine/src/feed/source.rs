//! The checked configuration of the feed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use rust_decimal::Decimal;

use super::json::JsonPath;
use super::{number, oracle};
use crate::config::{self, ConfigError, FeedKind, FeedSource, Span};

/// The node whose oracle is asked if no source is configured.
const DEFAULT_NODE: &str = "https://api.akashnet.net";
/// The other default sources: those of the generic bid price script, which asks the second one if the first one fails
/// (`charts/akash-provider/scripts/price_script_generic.sh` of akash-network/helm-charts, version February-04-2025; its
/// paths are `.Price` and `[.[]][0].usd`). The first is DIA's quotation of AKT's denom on Osmosis.
const DEFAULT_DOCUMENTS: [(&str, &str); 2] = [
    (
        "https://api.diadata.org/v1/assetQuotation/Osmosis/ibc-C2CFB1C37C146CF95B0784FD518F8030FEFC76C5800105B1742FB65FFE65F873",
        "Price",
    ),
    ("https://api.coingecko.com/api/v3/simple/price?ids=akash-network&vs_currencies=usd", "akash-network.usd"),
];
/// The most sources.
const MAX_SOURCES: usize = 16;
/// The shortest interval. Public sources refuse clients that ask more often.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// The default `max_age` of the chain's price, which is computed with every block, every six seconds.
const ORACLE_MAX_AGE: Duration = Duration::from_secs(600);
/// The longest of any duration, so that sums of them do not overflow.
const MAX_SPAN: Duration = Duration::from_secs(366 * 24 * 3600);

/// A source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its name in messages.
    pub(crate) name: Arc<str>,
    /// The address of a JSON document. It may contain an API key, so messages never repeat it.
    pub(crate) url: Url,
    /// How the value is read from the document.
    pub(crate) reader: Reader,
}

/// How a value is read from a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// As the number at a path.
    Path(JsonPath),
    /// As the price of the chain's oracle, with its largest age.
    Oracle(Duration),
}

/// The checked configuration of the feed.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// A fixed value, which never becomes too old.
    pub(crate) fixed: Option<Decimal>,
    /// The sources; empty if the value is fixed.
    pub(crate) sources: Vec<Source>,
    /// The time between two rounds.
    pub(crate) interval: Duration,
    /// The timeout of a source.
    pub(crate) timeout: Duration,
    /// How long a value is used.
    pub(crate) max_age: Duration,
    /// The file that persists the last accepted value.
    pub(crate) cache: Option<PathBuf>,
}

impl Settings {
    /// Checks the configuration.
    pub(crate) fn of(config: &config::Feed) -> Result<Self, ConfigError> {
        let span = |key: &str, span: Duration, least: Duration| match span {
            span if span < least => {
                let least = humantime::format_duration(least);
                Err(ConfigError::unusable(key, format_args!("it must be at least {least}")))
            }
            span if span > MAX_SPAN => Err(ConfigError::unusable(key, "it must be at most 366days")),
            span => Ok(span),
        };
        let fixed = config.usd_per_akt.map(config::Number::get);
        if fixed.is_some_and(|usd| number::bounded(usd).is_none()) {
            let message = "it must be above 0 and at most 1000000";
            return Err(ConfigError::unusable("feed.usd_per_akt", message));
        }
        if fixed.is_some() && !config.source.is_empty() {
            return Err(ConfigError::unusable("feed", "`usd_per_akt` and `source` exclude each other"));
        }
        Ok(Self {
            sources: if fixed.is_some() { Vec::new() } else { sources(&config.source)? },
            fixed,
            interval: span("feed.interval", config.interval.get(), MIN_INTERVAL)?,
            timeout: span("feed.timeout", config.timeout.get(), Duration::from_millis(1))?,
            max_age: span("feed.max_age", config.max_age.get(), Duration::from_millis(1))?,
            cache: config.cache.clone(),
        })
    }
}

/// Returns the configured sources, or the defaults.
fn sources(configured: &[FeedSource]) -> Result<Vec<Source>, ConfigError> {
    let documents = DEFAULT_DOCUMENTS.into_iter().map(|(url, path)| FeedSource::json(url, path));
    let defaults: Vec<FeedSource> = std::iter::once(FeedSource::oracle(DEFAULT_NODE)).chain(documents).collect();
    let configured = if configured.is_empty() { &defaults } else { configured };
    let unusable = |place: usize, message: String| ConfigError::unusable(format!("feed.source.{place}"), message);
    if configured.len() > MAX_SOURCES {
        return Err(ConfigError::unusable("feed.source", format_args!("there are more than {MAX_SOURCES}")));
    }
    let mut sources: Vec<Source> = Vec::new();
    for (place, configured) in configured.iter().enumerate() {
        let source = source(configured, &sources).map_err(|message| unusable(place, message))?;
        // Two equal sources would confirm each other's jumps.
        if let Some(twin) = sources.iter().find(|other| other.url == source.url && other.reader == source.reader) {
            return Err(unusable(place, format!("it is the same as `{}`, and cannot confirm itself", twin.name)));
        }
        if sources.iter().any(|other| other.name == source.name) {
            return Err(unusable(place, format!("another source is called `{}` too", source.name)));
        }
        sources.push(source);
    }
    Ok(sources)
}

fn source(configured: &FeedSource, others: &[Source]) -> Result<Source, String> {
    let url = Url::parse(&configured.url).map_err(|error| format!("`url` is not an address: {error}"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err("`url` must begin with `https://` or `http://`".to_owned());
    }
    let host = url.host_str().ok_or("`url` names no host")?;
    let reader = reader(configured)?;
    let name = match &configured.name {
        Some(name) if name.is_empty() => return Err("`name` is empty".to_owned()),
        Some(name) => name.clone(),
        None => unused(host, others),
    };
    let url = match reader {
        Reader::Path(_) => url,
        Reader::Oracle(_) => oracle::address(url),
    };
    Ok(Source { name: name.into(), url, reader })
}

fn reader(configured: &FeedSource) -> Result<Reader, String> {
    match (configured.kind, &configured.path) {
        (FeedKind::Json, None) => Err("`path` is missing: where the number is in the document".to_owned()),
        (FeedKind::Json, Some(_)) if configured.max_age.is_some() => {
            Err("`max_age` is for the kind `oracle`: a plain number has no age".to_owned())
        }
        (FeedKind::Json, Some(path)) => JsonPath::parse(path)
            .map(Reader::Path)
            .ok_or_else(|| format!("`path`: `{path}` has an empty step; expected one such as `data.0.price`")),
        (FeedKind::Oracle, Some(_)) => {
            Err("`path` is for the kind `json`: the oracle's answer has a known form".to_owned())
        }
        (FeedKind::Oracle, None) => Ok(Reader::Oracle(configured.max_age.map_or(ORACLE_MAX_AGE, Span::get))),
    }
}

/// Returns the host as a name, with a number if that name is taken.
fn unused(host: &str, others: &[Source]) -> String {
    let taken = |name: &str| others.iter().any(|other| *other.name == *name);
    let numbered = (2..).map(|number| format!("{host} {number}"));
    std::iter::once(host.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sources: &[(Option<&str>, &str, &str)]) -> Result<Vec<String>, String> {
        let source = |(name, url, path): &(Option<&str>, &str, &str)| FeedSource {
            name: name.map(str::to_owned),
            ..FeedSource::json(*url, *path)
        };
        let config = config::Feed { source: sources.iter().map(source).collect(), ..config::Feed::default() };
        let settings = Settings::of(&config).map_err(|error| error.to_string())?;
        Ok(settings.sources.iter().map(|source| source.name.to_string()).collect())
    }

    #[test]
    fn without_sources_the_chain_and_the_two_of_the_generic_script_are_asked() {
        assert_eq!(of(&[]).unwrap(), ["api.akashnet.net", "api.diadata.org", "api.coingecko.com"]);
        let defaults = Settings::of(&config::Feed::default()).unwrap();
        let first = defaults.sources.first().unwrap();
        assert_eq!(first.url.path(), "/akash/oracle/v2/aggregated_price/akt");
        assert_eq!(first.reader, Reader::Oracle(ORACLE_MAX_AGE));
    }

    #[test]
    fn keys_of_the_other_kind_are_refused() {
        let settings = |source: FeedSource| {
            let config = config::Feed { source: vec![source], ..config::Feed::default() };
            Settings::of(&config).map(|_| ()).map_err(|error| error.to_string())
        };
        let oracle = || FeedSource::oracle("http://a");
        let json = || FeedSource::json("http://a", "p");
        assert!(settings(oracle()).is_ok());
        assert!(settings(FeedSource { max_age: Some(Span::secs(60)), ..oracle() }).is_ok());
        for (source, problem) in [
            (FeedSource { path: Some("p".to_owned()), ..oracle() }, "`path` is for the kind `json`"),
            (FeedSource { path: None, ..json() }, "`path` is missing"),
            (FeedSource { max_age: Some(Span::secs(60)), ..json() }, "`max_age` is for the kind `oracle`"),
        ] {
            let refused = settings(source).unwrap_err();
            assert!(refused.starts_with("feed.source.0: ") && refused.contains(problem), "{refused}");
        }
    }

    #[test]
    fn a_source_without_a_name_is_called_by_its_host() {
        let sources = [(None, "http://a/1", "p"), (Some("mine"), "http://a/2", "p"), (None, "http://a/3", "p")];
        assert_eq!(of(&sources).unwrap(), ["a", "mine", "a 2"]);
    }

    #[test]
    fn a_source_that_would_confirm_itself_is_refused() {
        let twice = [(None, "http://a/1", "p"), (Some("b"), "http://a/1", "p")];
        assert_eq!(of(&twice).unwrap_err(), "feed.source.1: it is the same as `a`, and cannot confirm itself");
        let namesakes = [(Some("b"), "http://a/1", "p"), (Some("b"), "http://a/2", "p")];
        assert_eq!(of(&namesakes).unwrap_err(), "feed.source.1: another source is called `b` too");
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for (url, path) in
            [("ftp://a", "p"), ("a", "p"), ("file:///etc/passwd", "p"), ("https://", "p"), ("http://a", "a..b")]
        {
            assert!(of(&[(None, url, path)]).unwrap_err().starts_with("feed.source.0: "), "{url} {path}");
        }
        let settings = |config: config::Feed| Settings::of(&config).map(|_| ()).map_err(|error| error.to_string());
        let defaults = config::Feed::default;
        let often = settings(config::Feed { interval: Span::millis(5), ..defaults() });
        assert_eq!(often.unwrap_err(), "feed.interval: it must be at least 1s");
        assert!(settings(config::Feed { timeout: Span::secs(0), ..defaults() }).is_err());
        assert!(settings(config::Feed { max_age: Span::secs(u64::MAX), ..defaults() }).is_err());
    }
}
