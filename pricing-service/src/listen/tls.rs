//! Mutual TLS: callers present a certificate of a configured authority.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use pricing_files::FileError;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::certificate::Validity;
use pricing_engine::config::{self, ConfigError};

/// The most bytes of a PEM file.
const MAX_BYTES: u64 = 1 << 20;

/// Reads the certificates and the key, and returns when the service's own certificate is valid. They are read once: new
/// ones need a restart.
pub(super) fn acceptor(tls: &config::Tls) -> Result<(TlsAcceptor, Validity), ConfigError> {
    let chain = certificates("listen.tls.certificate", &tls.certificate)?;
    let validity = Validity::of(&chain).map_err(|error| unusable("listen.tls.certificate", &tls.certificate, error))?;
    let key = key(&tls.key)?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates("listen.tls.client_ca", &tls.client_ca)? {
        roots.add(certificate).map_err(|error| unusable("listen.tls.client_ca", &tls.client_ca, error))?;
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let verifier = verifier.map_err(|error| unusable("listen.tls.client_ca", &tls.client_ca, error))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::unusable("listen.tls", error))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| unusable("listen.tls.key", &tls.key, error))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), validity))
}

fn certificates(name: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let (pem, _) = read(name, path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|error| unusable(name, path, error))?;
    if certificates.is_empty() {
        return Err(unusable(name, path, "it has no certificate (PEM)"));
    }
    Ok(certificates)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, ConfigError> {
    let name = "listen.tls.key";
    let (pem, mode) = read(name, path)?;
    if mode & 0o027 != 0 {
        let message = format!("others may read or change the key (mode {:o}); `chmod 600` it", mode & 0o777);
        return Err(unusable(name, path, message));
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| unusable(name, path, format!("it has no private key: {error}")))
}

/// Reads a file and its mode. Both are of the same file, even if the path is replaced meanwhile.
fn read(name: &str, path: &Path) -> Result<(Vec<u8>, u32), ConfigError> {
    let failed = |error: FileError| unusable(name, path, error);
    let file = pricing_files::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(|error| failed(error.into()))?.mode();
    Ok((pricing_files::read_file(&file, MAX_BYTES).map_err(failed)?, mode))
}

fn unusable(name: &str, path: &Path, problem: impl std::fmt::Display) -> ConfigError {
    ConfigError::unusable(name, format!("{}: {problem}", path.display()))
}
