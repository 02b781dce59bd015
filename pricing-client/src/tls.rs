//! Mutual TLS.

use std::fmt;

use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// The certificates for mutual TLS: whom the caller trusts, and who the caller is.
#[derive(Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate authorities of the service (PEM).
    pub ca: String,
    /// The caller's certificate chain (PEM).
    pub certificate: String,
    /// The caller's private key (PEM).
    pub key: String,
    /// The name in the service's certificate, if it differs from the address's host.
    pub server_name: Option<String>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A private key must not reach a log.
        f.debug_struct("Tls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

impl Tls {
    pub(crate) fn settings(&self) -> ClientTlsConfig {
        let settings = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.ca))
            .identity(Identity::from_pem(&self.certificate, &self.key));
        match &self.server_name {
            Some(name) => settings.domain_name(name),
            None => settings,
        }
    }
}
