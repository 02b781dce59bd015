//! TLS to a peer, whose certificate is checked against certificate authorities or one fingerprint.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};

use crate::config::ConfigError;
use crate::digest::Digest;

/// The most bytes of a file of certificate authorities.
const MAX_CA_BYTES: u64 = 4 << 20;

/// What a peer's certificate is checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// The system's certificate authorities.
    System,
    /// The authorities of a file with this digest.
    Authorities(Digest),
    /// The SHA-256 fingerprint of one certificate.
    Fingerprint([u8; 32]),
}

/// The TLS settings for a peer.
#[derive(Clone, Debug)]
pub(super) struct PeerTls {
    pub(super) trust: Trust,
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
}

/// Parses a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons.
pub(super) fn fingerprint(text: &str) -> Result<Trust, ConfigError> {
    let digits: Vec<u8> = text.trim().bytes().filter(|byte| *byte != b':').collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    let bytes = bytes.filter(|_| hexadecimal && digits.len() == 64).and_then(|bytes| bytes.try_into().ok());
    bytes.map(Trust::Fingerprint).ok_or_else(|| {
        let message = "it is not a SHA-256 fingerprint; expected 64 hexadecimal digits, as `openssl x509 -noout \
                       -fingerprint -sha256 -in CERTIFICATE` prints them";
        ConfigError::unusable("inventory.fingerprint", message)
    })
}

/// Reads the certificate authorities of a PEM file.
pub(super) fn authorities(path: &Path) -> Result<(Trust, RootCertStore), ConfigError> {
    let unusable = |message: String| ConfigError::unusable("inventory.ca", format!("{}: {message}", path.display()));
    let pem = pricing_files::read(path, MAX_CA_BYTES).map_err(|error| unusable(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("it has no certificate (PEM)".to_owned()));
    }
    Ok((Trust::Authorities(Digest::of(&pem)), roots))
}

/// Loads the system's certificate authorities.
pub(super) fn system_authorities() -> Result<(Trust, RootCertStore), ConfigError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let message = "this machine knows no certificate authorities; set `inventory.ca` or `inventory.fingerprint`";
        return Err(ConfigError::unusable("inventory", message));
    }
    Ok((Trust::System, roots))
}

/// Builds the TLS client for HTTP/2.
pub(super) fn client(trust: Trust, roots: RootCertStore, name: ServerName<'static>) -> Result<PeerTls, ConfigError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::unusable("inventory", error))?;
    let mut config = match trust {
        Trust::Fingerprint(fingerprint) => {
            let verifier = Arc::new(Pinned::new(fingerprint, &provider));
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
        Trust::System | Trust::Authorities(_) => builder.with_root_certificates(roots).with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(PeerTls { trust, config: Arc::new(config), name })
}

/// Accepts only the certificate with this fingerprint, whatever its name, its dates and its issuer are. That the peer
/// has the private key is checked as usual.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    fn new(fingerprint: [u8; 32], provider: &CryptoProvider) -> Self {
        Self { fingerprint, algorithms: provider.signature_verification_algorithms }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found: [u8; 32] = Sha256::digest(end_entity).into();
        // The comparison takes constant time: it always looks at every byte.
        let different = found.iter().zip(&self.fingerprint).fold(0, |different, (a, b)| different | (a ^ b));
        if different == 0 {
            return Ok(ServerCertVerified::assertion());
        }
        let found: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
        let message = format!("the peer's certificate has the fingerprint {found}, not `inventory.fingerprint`");
        Err(rustls::Error::General(message))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
