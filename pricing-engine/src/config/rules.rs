//! The ranges of the keys' values.

use std::net::SocketAddr;
use std::time::Duration;

use pricing_core::address::{Address, AddressPrefix};
use pricing_core::money::UsdPerAkt;
use pricing_core::quantity::Quantity;
use pricing_core::quote::Spread;
use pricing_core::rates::changes::MaxChange;
use pricing_core::reserve::kubernetes::{KubernetesVersion, MAX_PODS_WITHOUT_REQUESTS};
use pricing_core::text::excerpt;
use toml::de::DeValue;

use super::tune::MOST_STEP;
use super::{Percentage, TuneObjective, TuneRange};
use crate::telemetry;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
/// The keys that are varied have any names.
const VARY: &str = "tune.vary.";
/// As `humantime` defines it: 365.25 days.
const YEAR: u64 = 31_557_600;

/// The allowed values of a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// A duration between two bounds, in milliseconds.
    Span(u64, u64),
    /// Such a duration, or `0s`.
    SpanOrNone(u64, u64),
    /// A whole number between two bounds.
    Whole(u64, u64),
    /// The value of an AKT in USD.
    UsdPerAkt,
    /// A percentage, or `0`.
    MaxChange,
    /// A percentage above 0.
    Spread,
    /// A private text, or a whole number.
    Seed,
    /// A floor and a ceiling.
    Range,
    /// The largest step of `tune`.
    Step,
    /// What `tune` raises.
    Objective,
    /// An HTTP or HTTPS URL.
    Url,
    /// The address of a gRPC service: an HTTP or HTTPS URL without a path.
    Peer,
    /// A socket address to listen on.
    Address,
    /// A path.
    Path,
    /// A path, or an empty string.
    PathOrNone,
    /// A string that is not empty.
    Text,
    /// A SHA-256 fingerprint in hexadecimal.
    Fingerprint,
    /// A size in bytes, such as `16Mi`.
    Size,
    /// A log level, or a filter.
    Level,
    /// The address of an OpenTelemetry collector.
    Collector,
    /// The REST address of a node of the chain: an HTTP or HTTPS URL without a query.
    Node,
    /// The address of an account of the chain.
    Account,
}

/// Why a value is refused, with a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// Returns the rule for a key; `None` if its type is enough. The keys of `shadow.plugin` have the rules of `plugin`,
/// and all sources of the feed have the same rules.
pub(super) fn of(path: &str) -> Option<Rule> {
    let path = path.strip_prefix("shadow.").filter(|path| path.starts_with("plugin.")).unwrap_or(path);
    if path.starts_with("outcomes.rest[") {
        return Some(Rule::Node);
    }
    let numbered = path.strip_prefix("feed.source[").and_then(|rest| rest.split_once("]."));
    if path.starts_with(VARY) {
        return Some(Rule::Range);
    }
    Some(match numbered.map_or(path, |(_, key)| key) {
        "url" => Rule::Url,
        "max_age" if numbered.is_some() => Rule::Span(1000, DAY * 1000),
        "name" | "path" if numbered.is_some() => Rule::Text,
        "listen.socket" => Rule::PathOrNone,
        "listen.tcp" | "listen.metrics" => Rule::Address,
        "listen.tls.certificate"
        | "listen.tls.key"
        | "listen.tls.client_ca"
        | "inventory.file"
        | "inventory.ca"
        | "rates.file"
        | "feed.cache"
        | "plugin.file"
        | "plugin.cache"
        | "shadow.rates"
        | "kubernetes.scheduler_config"
        | "bid_log.folder"
        | "outcomes.folder"
        | "reload.state" => Rule::Path,
        "inventory.provider" | "inventory.operator" => Rule::Peer,
        "inventory.fingerprint" => Rule::Fingerprint,
        // The bound is high because a file that describes a static cluster may be written by hand.
        "inventory.max_age" => Rule::Span(1000, 10 * YEAR * 1000),
        "feed.max_age" => Rule::Span(1000, 7 * DAY * 1000),
        "inventory.silence" => Rule::SpanOrNone(1000, DAY * 1000),
        "feed.interval" => Rule::Span(1000, DAY * 1000),
        "inventory.hold" => Rule::SpanOrNone(1000, DAY * 1000),
        "outcomes.provider" => Rule::Account,
        "outcomes.interval" => Rule::Span(10_000, 7 * DAY * 1000),
        "outcomes.since" => Rule::Span(3_600_000, 10 * YEAR * 1000),
        "outcomes.requests_per_second" => Rule::Whole(1, 1000),
        "kubernetes.pods_without_requests" => Rule::Whole(0, MAX_PODS_WITHOUT_REQUESTS.into()),
        "reserve.search_steps" => Rule::Whole(1, 1_000_000_000_000),
        "feed.usd_per_akt" => Rule::UsdPerAkt,
        "feed.timeout" | "outcomes.timeout" => Rule::Span(100, 300_000),
        "plugin.deadline" | "limits.deadline" => Rule::Span(1, 600_000),
        "tune.scenario" | "tune.costs" => Rule::Path,
        "tune.max_step" => Rule::Step,
        "tune.objective" => Rule::Objective,
        "tune.interval" => Rule::Span(HOUR * 1000, 30 * DAY * 1000),
        "tune.resamples" => Rule::Whole(40, 10_000),
        "explore.spread" => Rule::Spread,
        "explore.seed" => Rule::Seed,
        "plugin.fuel" => Rule::Whole(1, 1_000_000_000_000_000),
        "plugin.memory_limit" => Rule::Size,
        "bid_log.file_bytes" => Rule::Whole(4 << 10, 1 << 40),
        "bid_log.files" => Rule::Whole(1, 100_000),
        "limits.request_bytes" => Rule::Whole(1 << 10, 64 << 20),
        "limits.concurrency" => Rule::Whole(1, 1024),
        "limits.queue" => Rule::Whole(0, 100_000),
        "limits.rate" => Rule::Whole(1, 1_000_000),
        "limits.connections" => Rule::Whole(1, 100_000),
        "limits.streams" => Rule::Whole(0, 100_000),
        "limits.buffered_bytes" => Rule::Whole(1 << 10, 16 << 30),
        "limits.drain" => Rule::SpanOrNone(1, 3_600_000),
        "reload.max_change" => Rule::MaxChange,
        "reload.watch" => Rule::SpanOrNone(100, 3_600_000),
        "tracing.level" => Rule::Level,
        "tracing.otlp" => Rule::Collector,
        _ => return None,
    })
}

/// Returns how to get the value of a key that is missing.
pub(super) fn missing_hint(section: &str, name: &str) -> Option<&'static str> {
    let is_seed = (section, name) == ("explore", "seed");
    is_seed.then_some("a private text or number that no tenant can guess, such as what `openssl rand -hex 16` prints")
}

/// Returns what to write in place of a word that a key does not know, where that is not the nearest one.
pub(super) fn word_hint(path: &str, word: &str) -> Option<String> {
    (path == "kubernetes.version").then(|| KubernetesVersion::hint(word))
}

fn refused(message: impl Into<String>) -> Refused {
    Refused { message: message.into(), hint: None }
}

impl Rule {
    /// Returns whether the value is a number that a float cannot represent exactly.
    pub(super) fn is_exact(self) -> bool {
        matches!(self, Self::UsdPerAkt)
    }

    /// Returns what is expected, for messages.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Span(..) | Self::SpanOrNone(..) => "a duration such as `\"90s\"`",
            Self::Whole(..) => "a whole number",
            Self::MaxChange => "a percentage such as `\"50%\"`, or `0`",
            Self::Spread | Self::Step => "a percentage such as `\"3%\"`",
            Self::Seed => "a private text or number, such as what `openssl rand -hex 16` prints",
            Self::Range => "a floor and a ceiling such as `\"1300..2200\"`; a key with dots is quoted",
            Self::Objective => "an objective such as `\"revenue\"`",
            Self::UsdPerAkt => "a number as a string, such as `\"0.50\"`",
            Self::Node => "the address of a node, such as `\"https://rest.example.com\"`",
            Self::Account => "the address of an account, such as `\"akash1...\"`",
            Self::Url | Self::Peer | Self::Collector => "an address such as `\"https://host:8444\"`",
            Self::Address => "an address such as `\"127.0.0.1:9310\"`",
            Self::Path | Self::PathOrNone => "a path",
            Self::Text => "a string",
            Self::Fingerprint => "64 hexadecimal digits",
            Self::Size => "a size such as `\"16Mi\"`",
            Self::Level => "a level such as `\"info\"`",
        }
    }

    /// Checks a value, which is a string or an integer.
    pub(super) fn check(self, value: &DeValue<'_>) -> Result<(), Refused> {
        let text = match value {
            DeValue::String(text) => text.as_ref(),
            DeValue::Integer(integer) => {
                let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
                return self.check_whole(integer.as_str(), number);
            }
            _ => return Ok(()),
        };
        match self {
            Self::Span(least, most) => span(text, least, most, false),
            Self::SpanOrNone(least, most) => span(text, least, most, true),
            Self::UsdPerAkt => usd_per_akt(text),
            Self::MaxChange => max_change(text),
            Self::Spread => Spread::parse(text).map(|_| ()).map_err(|error| refused(error.to_string())),
            Self::Range => TuneRange::parse(text).map(|_| ()).map_err(refused),
            Self::Step => Percentage::parse(text, MOST_STEP).map(|_| ()).map_err(refused),
            Self::Objective => TuneObjective::parse(text).map(|_| ()).map_err(refused),
            Self::Url => url(text).map(|_| ()),
            Self::Peer => peer(text),
            Self::Address => address(text),
            Self::PathOrNone if text.is_empty() => Ok(()),
            Self::Path | Self::PathOrNone => path(text),
            Self::Text if text.trim().is_empty() => Err(refused("expected text that is not empty")),
            Self::Seed if text.trim().is_empty() => {
                Err(refused("the seed is empty; `openssl rand -hex 16` prints one"))
            }
            Self::Fingerprint => fingerprint(text),
            Self::Size => size(text),
            Self::Level => telemetry::check_level(text).map_err(refused),
            Self::Collector => collector(text),
            Self::Node => node(text),
            Self::Account => account(text),
            Self::Text | Self::Seed | Self::Whole(..) => Ok(()),
        }
    }

    fn check_whole(self, text: &str, number: Option<u64>) -> Result<(), Refused> {
        match self {
            Self::Whole(least, most) if number.is_none_or(|number| number < least || number > most) => {
                let text = excerpt(text);
                Err(refused(format!("`{text}` is out of range; expected a whole number from {least} to {most}")))
            }
            Self::UsdPerAkt => usd_per_akt(text),
            Self::MaxChange => max_change(text),
            _ => Ok(()),
        }
    }
}

fn span(text: &str, least: u64, most: u64, none: bool) -> Result<(), Refused> {
    let shown = |milliseconds| humantime::format_duration(Duration::from_millis(milliseconds));
    let range = || {
        let or_none = if none { "`0s`, or " } else { "" };
        format!("expected {or_none}from `{}` to `{}`", shown(least), shown(most))
    };
    let parsed = humantime::parse_duration(text).map_err(|_| {
        let message = format!("`{}` is not a duration such as `90s` or `1h 30m`", excerpt(text));
        Refused { message, hint: Some(range()) }
    })?;
    let within = parsed >= Duration::from_millis(least) && parsed <= Duration::from_millis(most);
    if within || (none && parsed.is_zero()) {
        return Ok(());
    }
    Err(refused(format!("`{}` is out of range; {}", excerpt(text), range())))
}

fn usd_per_akt(text: &str) -> Result<(), Refused> {
    text.parse::<UsdPerAkt>().map(|_| ()).map_err(|error| refused(error.to_string()))
}

fn max_change(text: &str) -> Result<(), Refused> {
    MaxChange::parse(text).map(|_| ()).map_err(|error| refused(error.to_string()))
}

fn url(text: &str) -> Result<reqwest::Url, Refused> {
    let hint = Some("expected one such as `https://host:8444`".to_owned());
    let wrong =
        |why: String| Refused { message: format!("`{}` is not an address: {why}", excerpt(text)), hint: hint.clone() };
    let url = reqwest::Url::parse(text).map_err(|error| wrong(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it does not begin with `http://` or `https://`".to_owned()));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("it names no host".to_owned()));
    }
    if url.port() == Some(0) {
        return Err(wrong("there is no port 0".to_owned()));
    }
    Ok(url)
}

fn peer(text: &str) -> Result<(), Refused> {
    let url = url(text)?;
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(refused("a gRPC address has neither path nor query"));
    }
    Ok(())
}

fn node(text: &str) -> Result<(), Refused> {
    let url = url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("the address of a node has no query"));
    }
    Ok(())
}

fn account(text: &str) -> Result<(), Refused> {
    Address::parse(text, &AddressPrefix::default()).map(|_| ()).map_err(|error| refused(error.to_string()))
}

fn collector(text: &str) -> Result<(), Refused> {
    if !telemetry::HAS_OTLP {
        let hint = Some("build it with the feature `otlp`, or take this key out".to_owned());
        return Err(Refused { message: "this program was built without OpenTelemetry".to_owned(), hint });
    }
    url(text).map(|_| ())
}

fn address(text: &str) -> Result<(), Refused> {
    let hint = || Some("expected an IP address and a port, such as `127.0.0.1:9310` or `[::1]:9310`".to_owned());
    let wrong = |message: String| Refused { message, hint: hint() };
    let address: SocketAddr = text.parse().map_err(|_| wrong(format!("`{}` is not an address", excerpt(text))))?;
    if address.port() == 0 {
        return Err(wrong("port 0 means any free port, which no client would find".to_owned()));
    }
    Ok(())
}

fn path(text: &str) -> Result<(), Refused> {
    if text.is_empty() {
        return Err(refused("expected a path that is not empty"));
    }
    if text.contains('\0') {
        return Err(refused("a path cannot have a NUL character"));
    }
    Ok(())
}

fn fingerprint(text: &str) -> Result<(), Refused> {
    let digits = text.chars().filter(|c| *c != ':');
    let (hexadecimal, count) =
        digits.fold((true, 0_usize), |(all, count), c| (all && c.is_ascii_hexdigit(), count + 1));
    if hexadecimal && count == 64 {
        return Ok(());
    }
    let hint = "`openssl x509 -in CERTIFICATE -noout -fingerprint -sha256` prints it";
    let message = format!("expected 64 hexadecimal digits, with or without colons, found {count} characters");
    Err(Refused { message, hint: Some(hint.to_owned()) })
}

fn size(text: &str) -> Result<(), Refused> {
    let parsed = Quantity::parse(text.strip_suffix('B').unwrap_or(text)).ok().and_then(Quantity::whole);
    match parsed.filter(|bytes| *bytes > 0) {
        Some(_) => Ok(()),
        None => Err(refused(format!("`{}` is not a size; expected one such as `16Mi`", excerpt(text)))),
    }
}
