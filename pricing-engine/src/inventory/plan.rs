//! The checked configuration of the inventory. Everything is checked that does not need the source.

use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tonic::transport::Uri;

use super::tls::{self, PeerTls, Trust};
use crate::config::{self, ConfigError};

/// A silent stream is not reopened more often than this, unless `max_age` requires it.
const LEAST_SILENCE: Duration = Duration::from_secs(1);

/// The timeouts and intervals. Only tests have a reason to change them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The timeout of a connection, including name resolution and TLS.
    pub connect: Duration,
    /// The timeout of a stream's first message. Both kinds of peer send their state at once. In a plan it is at most
    /// the time that a stream may be silent.
    pub first: Duration,
    /// The least time between two snapshots that are read. Of those that arrive in between, only the last is read.
    pub gap: Duration,
    /// How often a provider without a stream is polled.
    pub poll: Duration,
    /// How often a file is polled.
    pub look: Duration,
    /// The bound of the first wait after a failure. It doubles with each further failure.
    pub backoff: Duration,
    /// The largest bound of a wait.
    pub backoff_most: Duration,
    /// How long a connection must have been good for the bound to start again from `backoff`.
    pub healthy: Duration,
    /// How often expired holds are ended.
    pub sweep: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first: Duration::from_secs(30),
            gap: Duration::from_millis(100),
            poll: Duration::from_secs(10),
            look: Duration::from_secs(1),
            backoff: Duration::from_millis(200),
            backoff_most: Duration::from_secs(30),
            healthy: Duration::from_secs(30),
            sweep: Duration::from_secs(1),
        }
    }
}

/// The checked configuration that [`super::LiveInventory`] is started with.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) source: InventorySource,
    pub(super) max_age: Duration,
    /// How long a stream may be silent before it is reopened. At most half of `max_age`, so that the snapshot of a
    /// healthy but silent source never becomes too old.
    pub(super) silence: Duration,
    pub(super) hold: Duration,
    pub(super) pace: Pace,
}

/// Where the inventory comes from.
#[derive(Clone, Debug)]
pub(super) enum InventorySource {
    File(PathBuf),
    Peer(Peer),
}

/// The service that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// `akash.inventory.v1.ClusterRPC/StreamCluster`.
    Operator,
    /// `akash.provider.v1.ProviderRPC/StreamStatus`, or `GetStatus` if the provider does not have it.
    Provider,
}

/// The gRPC server that is asked.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) service: Service,
    /// The address as it was configured.
    pub(super) address: String,
    pub(super) uri: Uri,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<PeerTls>,
}

impl Plan {
    /// Checks the configuration of an inventory. Returns `None` if it names no source. Nothing is started or connected
    /// to.
    ///
    /// # Errors
    /// When an address, a fingerprint, a certificate authority or `max_age` cannot be used, or when several sources are
    /// named.
    pub fn of(config: &config::Inventory) -> Result<Option<Self>, ConfigError> {
        let Some(source) = InventorySource::of(config)? else { return Ok(None) };
        let max_age = config.max_age.get();
        if max_age.is_zero() {
            return Err(ConfigError::unusable(
                "inventory.max_age",
                "it must be longer than `0s`: no snapshot is newer",
            ));
        }
        let half = max_age.checked_div(2).unwrap_or(max_age);
        let silence = config.silence.get();
        let silence = if silence.is_zero() { half } else { silence.max(LEAST_SILENCE).min(half) };
        let silence = silence.max(Duration::from_millis(10));
        let pace = Pace::default();
        let pace = Pace { first: pace.first.min(silence), ..pace };
        Ok(Some(Self { source, max_age, silence, hold: config.hold.get(), pace }))
    }

    /// Returns the same plan with another pace.
    #[must_use]
    pub fn at_pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Returns whether both plans have the same source, checked against the same certificate.
    pub(super) fn has_source_of(&self, other: &Self) -> bool {
        match (&self.source, &other.source) {
            (InventorySource::File(here), InventorySource::File(there)) => here == there,
            (InventorySource::Peer(here), InventorySource::Peer(there)) => {
                let key = |peer: &Peer| (peer.service, peer.uri.clone(), peer.tls.as_ref().map(|tls| tls.trust));
                key(here) == key(there)
            }
            (InventorySource::File(_), InventorySource::Peer(_))
            | (InventorySource::Peer(_), InventorySource::File(_)) => false,
        }
    }
}

impl InventorySource {
    fn of(config: &config::Inventory) -> Result<Option<Self>, ConfigError> {
        let peer = match (&config.file, &config.provider, &config.operator) {
            (None, None, None) => None,
            (Some(path), None, None) => {
                for (key, set) in [("fingerprint", config.fingerprint.is_some()), ("ca", config.ca.is_some())] {
                    if set {
                        return Err(ConfigError::unusable(format!("inventory.{key}"), "a file has no certificate"));
                    }
                }
                return Ok(Some(Self::File(path.clone())));
            }
            (None, Some(address), None) => Some((Service::Provider, address)),
            (None, None, Some(address)) => Some((Service::Operator, address)),
            _ => {
                let message = "`file`, `provider` and `operator` exclude each other";
                return Err(ConfigError::unusable("inventory", message));
            }
        };
        let Some((service, address)) = peer else { return Ok(None) };
        Peer::new(service, address, config).map(|peer| Some(Self::Peer(peer)))
    }

    /// Returns the source as messages name it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => format!("the file {}", path.display()),
            Self::Peer(peer) => format!("the {} {}", peer.service.name(), peer.address),
        }
    }
}

impl Service {
    /// Returns the service as the configuration and messages name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Provider => "provider",
        }
    }
}

impl Peer {
    /// Checks the address of a peer. The host and the port are stored apart from the URI, since the connection and TLS
    /// are made without the transport's help.
    fn new(service: Service, address: &str, config: &config::Inventory) -> Result<Self, ConfigError> {
        let key = format!("inventory.{}", service.name());
        let wrong = |what: &str| {
            let message = format!("`{address}` {what}; expected an address such as `https://localhost:8444`");
            ConfigError::unusable(key.clone(), message)
        };
        let uri: Uri = address.parse().map_err(|error| wrong(&format!("is not an address ({error})")))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("has neither `http://` nor `https://`")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("has no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("has a user name, which gRPC does not support"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong("has a path, which a gRPC address cannot have"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let trust = trust(config, secure)?;
        let name = || ServerName::try_from(host.clone()).map_err(|_| wrong("has no host name that TLS knows"));
        let tls = trust.map(|(trust, roots)| tls::client(trust, roots, name()?)).transpose()?;
        Ok(Self { service, address: address.to_owned(), uri, host, port, tls })
    }
}

/// Returns what the peer's certificate is checked against; `None` without TLS.
fn trust(config: &config::Inventory, secure: bool) -> Result<Option<(Trust, rustls::RootCertStore)>, ConfigError> {
    let empty = rustls::RootCertStore::empty;
    match (secure, config.fingerprint.as_deref(), config.ca.as_deref()) {
        (false, None, None) => Ok(None),
        (false, Some(_), _) => Err(needs_https("inventory.fingerprint")),
        (false, None, Some(_)) => Err(needs_https("inventory.ca")),
        (true, Some(_), Some(_)) => {
            let message = "`fingerprint` and `ca` exclude each other: use one of them to check the certificate";
            Err(ConfigError::unusable("inventory", message))
        }
        (true, Some(fingerprint), None) => Ok(Some((tls::fingerprint(fingerprint)?, empty()))),
        (true, None, Some(ca)) => tls::authorities(ca).map(Some),
        (true, None, None) => tls::system_authorities().map(Some),
    }
}

fn needs_https(key: &str) -> ConfigError {
    ConfigError::unusable(key, "it checks a certificate, which only an `https://` address has")
}

#[cfg(test)]
mod tests;
