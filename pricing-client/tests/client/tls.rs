//! Mutual TLS: a caller without a certificate gets no answer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use pricing_client::{CallError, Client, Tls};
use pricing_proto::bidprice::v1::pricing_server::PricingServer;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};

use crate::fake;

struct Authority(Issuer<'static, KeyPair>, String);

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    Authority(Issuer::new(params, key), certificate)
}

impl Authority {
    fn signs(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_caller_with_a_certificate_of_the_authority_is_answered() {
    let (ours, other) = (authority(), authority());
    let (certificate, key) = ours.signs("bidprice.example");
    let settings = ServerTlsConfig::new()
        .identity(Identity::from_pem(certificate, key))
        .client_ca_root(Certificate::from_pem(&ours.1));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let calls = PricingServer::new(fake::Calls::new(|_| Ok(fake::bid("uact", "1"))));
    let server = Server::builder().tls_config(settings).unwrap().add_service(calls);
    let serving = tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));

    let tls = |signer: &Authority, name: &str| {
        let (certificate, key) = signer.signs("caller");
        Tls { ca: ours.1.clone(), certificate, key, server_name: Some(name.to_owned()) }
    };
    let good = tls(&ours, "bidprice.example");
    let client = |tls: &Tls| Client::tls(&address, tls).unwrap().with_deadline(Duration::from_secs(3600));
    assert_eq!(client(&good).status().await.unwrap().version, "1.2.3");
    for bad in [tls(&other, "bidprice.example"), tls(&ours, "another.example")] {
        let error = client(&bad).status().await.unwrap_err();
        assert!(error.is_silence() && !matches!(error, CallError::Deadline { .. }), "{error}");
    }
    let plain = address.replacen("https", "http", 1);
    assert!(Client::tcp(&plain).unwrap().status().await.unwrap_err().is_silence());
    assert!(!format!("{good:?}").contains("PRIVATE KEY"));
    serving.abort();
}
