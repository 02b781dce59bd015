//! Tests of peers with TLS: self-signed certificates, right and wrong fingerprints, authorities.

use pricing_engine::config::Inventory as Config;
use pricing_engine::digest::Digest;
use pricing_engine::inventory::State;

use super::peer::{Peer, cluster};
use super::{follow, known, names, operator, until_reading};

/// Makes a self-signed certificate for another host name.
fn certificate() -> (String, String, String) {
    let made = rcgen::generate_simple_self_signed(["provider.example".to_owned()]).unwrap();
    let fingerprint = Digest::of(made.cert.der()).to_string();
    let fingerprint = fingerprint.strip_prefix("sha256:").unwrap().to_uppercase();
    (made.cert.pem(), made.signing_key.serialize_pem(), fingerprint)
}

fn at(peer: &Peer) -> Config {
    Config { operator: None, provider: Some(format!("https://localhost:{}", peer.address.port())), ..operator("") }
}

#[tokio::test]
async fn the_right_fingerprint_is_taken_whatever_name_the_certificate_has() {
    let (pem, key, fingerprint) = certificate();
    let peer = Peer::start_tls(cluster(&["a"]), &pem, &key).await;
    let inventory = follow(&Config { fingerprint: Some(fingerprint), ..at(&peer) });
    until_reading(&inventory, "fresh", |reading| reading.state == State::Fresh).await;
    assert_eq!(names(&inventory), ["a"]);
}

#[tokio::test]
async fn a_wrong_fingerprint_is_refused_and_the_message_has_the_one_that_was_seen() {
    let ((pem, key, seen), (.., wrong)) = (certificate(), certificate());
    let peer = Peer::start_tls(cluster(&["a"]), &pem, &key).await;
    let inventory = follow(&Config { fingerprint: Some(wrong), ..at(&peer) });
    until_reading(&inventory, "lost", |reading| reading.counters.lost >= 3).await;
    let why = known(&inventory).unwrap_err();
    assert!(why.contains(&seen.to_lowercase()), "{why}");
    assert_eq!(peer.opened(), 0);
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_refused_without_its_fingerprint() {
    let (pem, key, _) = certificate();
    let (other, ..) = certificate();
    let peer = Peer::start_tls(cluster(&["a"]), &pem, &key).await;
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, other).unwrap();
    let inventory = follow(&Config { ca: Some(ca), ..at(&peer) });
    until_reading(&inventory, "lost", |reading| reading.counters.lost >= 2).await;
    let why = known(&inventory).unwrap_err();
    assert!(why.contains("certificate"), "{why}");
    assert_eq!(peer.opened(), 0);
}

#[tokio::test]
async fn a_certificate_of_a_configured_authority_is_taken_for_its_own_name_only() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    std::fs::write(&ca, authority.self_signed(&authority_key).unwrap().pem()).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    for (name, taken) in [("localhost", true), ("elsewhere.example", false)] {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let peer = Peer::start_tls(cluster(&["a"]), &certificate.pem(), &key.serialize_pem()).await;
        let inventory = follow(&Config { ca: Some(ca.clone()), ..at(&peer) });
        until_reading(&inventory, "either", |reading| reading.state == State::Fresh || reading.counters.lost >= 2)
            .await;
        assert_eq!(known(&inventory).is_ok(), taken, "{name}: {:?}", known(&inventory).err());
    }
}

#[tokio::test]
async fn a_peer_without_tls_is_not_taken_for_one_with_it() {
    let peer = Peer::start(cluster(&["a"])).await;
    let inventory = follow(&Config { fingerprint: Some("00".repeat(32)), ..at(&peer) });
    until_reading(&inventory, "lost", |reading| reading.counters.lost >= 2).await;
    assert!(known(&inventory).is_err());
    assert_eq!(peer.opened(), 0);
}
