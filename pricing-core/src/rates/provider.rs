//! How a provider describes itself to the chain, for orders that require something of it: its attributes, their
//! auditors, and its limits.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;

use crate::address::Address;
use crate::text::{Untrusted, excerpt};

/// The maximum number of volumes per resource unit, unless the provider sets another one: the daemon's default.
pub const DEFAULT_VOLUMES: u32 = 4;
/// The shortest and the longest reclamation window that the chain accepts.
const WINDOWS: [Duration; 2] = [Duration::from_secs(3_600), Duration::from_secs(720 * 3_600)];

/// How a provider describes itself to the chain. Orders are compared with it before anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// The auditors who signed all of its attributes.
    pub audited_by: Vec<Address>,
    /// Hostnames that tenants cannot have.
    pub blocked_hostnames: Vec<BlockedHostname>,
    /// How long it warns a tenant before it reclaims the resources. None if it makes no such promise.
    pub reclamation_window: Option<Duration>,
    /// The maximum number of volumes per resource unit.
    pub volumes: u32,
}

impl Default for Provider {
    fn default() -> Self {
        Self {
            attributes: BTreeMap::new(),
            audited_by: Vec::new(),
            blocked_hostnames: Vec::new(),
            reclamation_window: None,
            volumes: DEFAULT_VOLUMES,
        }
    }
}

/// A hostname that tenants cannot have or, with a leading dot, every name below a domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockedHostname(String);

/// Why a text is not a hostname.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a hostname; expected one such as `example.com`, or `.example.com` for every name below it")]
pub struct HostnameError(Untrusted);

impl BlockedHostname {
    /// Parses a hostname, or a domain with a leading dot.
    ///
    /// # Errors
    /// When it is neither, because it would block nothing.
    pub fn parse(text: &str) -> Result<Self, HostnameError> {
        let name = text.strip_prefix('.').unwrap_or(text);
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        match name.split('.').all(is_label) {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err(HostnameError(text.into())),
        }
    }

    /// Whether this blocks a hostname: it is the same name, or its domain. Case and a trailing dot are ignored.
    #[must_use]
    pub fn blocks(&self, hostname: &str) -> bool {
        let hostname = hostname.strip_suffix('.').unwrap_or(hostname).to_ascii_lowercase();
        if self.0.starts_with('.') { hostname.ends_with(&self.0) } else { hostname == self.0 }
    }
}

impl fmt::Display for BlockedHostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a reclamation window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// It is not a duration.
    #[error("`{0}` is not a duration; expected one such as `24h` or `1h30m`")]
    Malformed(String),
    /// The chain rejects bids with it.
    #[error("`{0}` is out of range; the chain takes from 1h to 720h")]
    OutOfRange(String),
}

/// Parses a reclamation window: numbers with `h`, `m` or `s`, the larger unit first.
///
/// # Errors
/// When it is not a duration, or one that the chain rejects.
pub fn reclamation_window(text: &str) -> Result<Duration, WindowError> {
    let malformed = || WindowError::Malformed(excerpt(text));
    let (mut rest, mut seconds) = (text, 0_u64);
    for (unit, length) in [('h', 3_600), ('m', 60), ('s', 1)] {
        let Some((number, after)) = rest.split_once(unit) else { continue };
        let is_whole = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number = is_whole.then(|| number.parse::<u64>().ok()).flatten().ok_or_else(malformed)?;
        let part = number.checked_mul(length).ok_or_else(malformed)?;
        seconds = seconds.checked_add(part).ok_or_else(malformed)?;
        rest = after;
    }
    if !rest.is_empty() || text.is_empty() {
        return Err(malformed());
    }
    let window = Duration::from_secs(seconds);
    let [shortest, longest] = WINDOWS;
    if (shortest..=longest).contains(&window) { Ok(window) } else { Err(WindowError::OutOfRange(excerpt(text))) }
}

/// Formats a duration as people write it: `24h`, `1h30m`, `90s`.
#[must_use]
pub fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let part = |length: u64, of: u64| seconds.checked_div(length).and_then(|count| count.checked_rem(of)).unwrap_or(0);
    let parts = [(part(3_600, u64::MAX), 'h'), (part(60, 60), 'm'), (part(1, 60), 's')];
    let written: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    match (written.is_empty(), duration.subsec_nanos()) {
        (false, 0) => written,
        _ => format!("{duration:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_read_as_go_writes_it() {
        for (text, seconds) in [("24h", 86_400), ("1h30m", 5_400), ("90m", 5_400), ("3600s", 3_600), ("1h0m0s", 3_600)]
        {
            assert_eq!(reclamation_window(text).unwrap().as_secs(), seconds, "{text}");
        }
        for text in ["", "h", "24", "1d", "30m1h", "-1h", "1.5h", "24h ", "99999999999999999999h"] {
            assert!(matches!(reclamation_window(text), Err(WindowError::Malformed(_))), "{text}");
        }
        for text in ["59m", "0s", "721h"] {
            assert!(matches!(reclamation_window(text), Err(WindowError::OutOfRange(_))), "{text}");
        }
        assert_eq!(shown(Duration::from_secs(86_400)), "24h");
        assert_eq!(shown(Duration::from_secs(5_401)), "1h30m1s");
        assert_eq!(shown(Duration::from_millis(1_500)), "1.5s");
    }

    #[test]
    fn a_blocked_hostname_blocks_itself_and_a_domain_what_is_below_it() {
        let blocks = |blocked: &str, name: &str| BlockedHostname::parse(blocked).unwrap().blocks(name);
        for (blocked, name) in [("foobar.com", "FooBar.com"), (".foobar.com", "a.b.foobar.com"), ("A.b", "a.b.")] {
            assert!(blocks(blocked, name), "{blocked} {name}");
        }
        for (blocked, name) in [("foobar.com", "a.foobar.com"), (".foobar.com", "foobar.com"), (".a.b", "xa.b")] {
            assert!(!blocks(blocked, name), "{blocked} {name}");
        }
        for text in ["", ".", "*.foobar.com", "foobar.com.", "a..b", "a b", "https://a.b"] {
            assert!(BlockedHostname::parse(text).is_err(), "{text}");
        }
    }
}
