//! Who may call the service, and what happens to peers that break the protocol.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::{HANG, ORDER, Running, outcome, quote, request};
use crate::floods::page;
use pricing_host::compile::Compiler;
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::{QuoteResponse, ReloadRequest};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use testkit::free_address::FreeAddress;
use tokio::io::AsyncWriteExt as _;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// Checks that the service still prices.
async fn prices(running: &Running) {
    let answer = quote(&mut running.client().await, ORDER).await.unwrap();
    assert!(outcome(&answer).ends_with(" uact"), "{answer:?}");
}

/// Returns why a service with this configuration does not start.
async fn refusal(config: &str, put: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path());
    let path = folder.path().join("bidprice.toml");
    fs::write(&path, config).unwrap();
    pricing_service::run(&path, Compiler::InProcess, CancellationToken::new()).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_its_owner_s_alone_and_goes_with_the_service() {
    let running = Running::start("").await;
    let socket = running.socket();
    assert_eq!(fs::symlink_metadata(&socket).unwrap().mode() & 0o777, 0o600);
    prices(&running).await;
    running.stop().await.unwrap();
    assert!(!socket.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_service_is_refused_and_the_first_goes_on() {
    let running = Running::start("").await;
    let config = format!("[listen]\nsocket = \"{}\"", running.socket().display());
    assert!(refusal(&config, |_| {}).await.contains("another service listens there"));
    prices(&running).await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_beyond_loopback_without_tls_is_refused_and_says_what_to_do() {
    let message = refusal("[listen]\ntcp = \"0.0.0.0:9310\"\nsocket = \"\"", |_| {}).await;
    assert!(message.contains("`listen.tcp`: anyone who can reach `0.0.0.0:9310`"), "{message}");
    assert!(message.contains("127.0.0.1:9310") && message.contains("[listen.tls]"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn loopback_tcp_prices_too() {
    let free = FreeAddress::new();
    let address = free.get();
    let running = Running::start(&format!("[listen]\nsocket = \"bidprice.sock\"\ntcp = \"{address}\"")).await;
    let channel = Endpoint::try_from(format!("http://{address}")).unwrap().connect().await.unwrap();
    let answer = quote(&mut PricingClient::new(channel), ORDER).await.unwrap();
    assert!(outcome(&answer).ends_with(" uact"));
    running.stop().await.unwrap();
}

/// An authority with a certificate for `localhost`.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Issues a certificate with its key.
    fn issue(&self) -> (String, String) {
        self.issue_until(4000)
    }

    /// Issues a certificate that expires at the beginning of `year`.
    fn issue_until(&self, year: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 1, 1);
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

const TLS: &str = "[listen.tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\nclient_ca = \"a.pem\"";

/// Writes the files that a service with mutual TLS needs.
fn put_tls(folder: &Path, server: &Authority, clients: &Authority, mode: u32) {
    let (certificate, key) = server.issue();
    fs::write(folder.join("c.pem"), certificate).unwrap();
    fs::write(folder.join("k.pem"), key).unwrap();
    fs::set_permissions(folder.join("k.pem"), fs::Permissions::from_mode(mode)).unwrap();
    fs::write(folder.join("a.pem"), clients.pem()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_mutual_tls_only_certificates_of_the_authority_may_call() {
    let (server, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let free = FreeAddress::new();
    let address = free.get();
    let config = format!("[listen]\nsocket = \"bidprice.sock\"\ntcp = \"{address}\"\n{TLS}");
    let running = Running::start_beside(&config, |folder| put_tls(folder, &server, &clients, 0o600)).await;
    let asks = async |identity: Option<(String, String)>| {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(server.pem())).domain_name("localhost");
        let tls = match identity {
            Some((certificate, key)) => tls.identity(Identity::from_pem(certificate, key)),
            None => tls,
        };
        let endpoint = Endpoint::try_from(format!("https://{address}")).unwrap().tls_config(tls).unwrap();
        let channel = endpoint.connect().await.map_err(|error| error.to_string())?;
        let mut client = PricingClient::new(channel);
        let quoted = quote(&mut client, ORDER).await.map_err(|error| error.to_string())?;
        // It may also accept a refused configuration, but none has this digest.
        let accept = format!("sha256:{}", "0".repeat(64));
        let refused = client.reload(ReloadRequest { accept }).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
        Ok::<_, String>(quoted)
    };
    assert!(outcome(&asks(Some(clients.issue())).await.unwrap()).ends_with(" uact"));
    assert!(asks(None).await.is_err());
    assert!(asks(Some(others.issue())).await.is_err());
    assert!(asks(Some(server.issue())).await.is_err());
    let plain = Endpoint::try_from(format!("http://{address}")).unwrap().connect().await;
    if let Ok(channel) = plain {
        assert!(quote(&mut PricingClient::new(channel), ORDER).await.is_err());
    }
    assert!(outcome(&asks(Some(clients.issue())).await.unwrap()).ends_with(" uact"));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_of_the_service_is_told_and_the_socket_serves() {
    let authority = Authority::new();
    let (tcp, metrics) = (FreeAddress::new(), FreeAddress::new());
    let config = format!(
        "[listen]\nsocket = \"bidprice.sock\"\ntcp = \"{}\"\nmetrics = \"{}\"\n{TLS}",
        tcp.get(),
        metrics.get()
    );
    let put = |folder: &Path| {
        put_tls(folder, &authority, &authority, 0o600);
        let (certificate, key) = authority.issue_until(2020);
        fs::write(folder.join("c.pem"), certificate).unwrap();
        fs::write(folder.join("k.pem"), key).unwrap();
    };
    let running = Running::start_beside(&config, put).await;
    let certificate = running.status().await.certificate.unwrap();
    assert_eq!(certificate.not_after, "2020-01-01T00:00:00Z");
    assert!(certificate.days_left < -1.0, "{certificate:?}");
    let problem = "the certificate expired on 2020-01-01T00:00:00Z; renew it and restart";
    assert_eq!(certificate.problem.as_deref(), Some(problem));
    let page = page(&metrics).await.unwrap();
    assert!(page.contains("\nbidprice_certificate_days_left -"), "{page}");
    let report = pricing_service::check(&running.folder().join("bidprice.toml"), &Compiler::InProcess);
    assert!(report.problems.iter().any(|found| found.message.contains(problem)), "{report:?}");
    prices(&running).await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_keep_nobody_from_mutual_tls() {
    let authority = Authority::new();
    let free = FreeAddress::new();
    let address = free.get();
    let config = format!("[listen]\nsocket = \"bidprice.sock\"\ntcp = \"{address}\"\n{TLS}\n[limits]\nconnections = 8");
    let running = Running::start_beside(&config, |folder| put_tls(folder, &authority, &authority, 0o600)).await;
    let mut silent = Vec::new();
    for number in 0..40 {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        if number % 2 == 0 {
            // The beginning of a handshake. The service may have closed the connection by then.
            let _ = stream.write_all(b"\x16\x03\x01").await;
        }
        silent.push(stream);
    }
    let (certificate, key) = authority.issue();
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(authority.pem()))
        .domain_name("localhost")
        .identity(Identity::from_pem(certificate, key));
    let endpoint = Endpoint::try_from(format!("https://{address}")).unwrap().tls_config(tls).unwrap();
    let start = Instant::now();
    loop {
        if let Ok(channel) = endpoint.connect().await
            && quote(&mut PricingClient::new(channel), ORDER).await.is_ok()
        {
            break;
        }
        assert!(start.elapsed() < HANG);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(silent);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_others_may_read_is_refused() {
    let authority = Authority::new();
    let free = FreeAddress::new();
    let config = format!("[listen]\nsocket = \"\"\ntcp = \"{}\"\n{TLS}", free.get());
    let message = refusal(&config, |folder| put_tls(folder, &authority, &authority, 0o644)).await;
    assert!(message.contains("listen.tls.key") && message.contains("chmod 600"), "{message}");
    let nothing = |folder: &Path| {
        put_tls(folder, &authority, &authority, 0o600);
        fs::write(folder.join("a.pem"), "nothing").unwrap();
    };
    assert!(refusal(&config, nothing).await.contains("it has no certificate"));
}

/// Sends bytes, and returns what the service sends until it closes the connection.
fn said(socket: &Path, bytes: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    let mut answer = Vec::new();
    // The service may close the connection before everything was written or read.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bytes_cost_their_connection_alone() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let running = Running::start("").await;
    let with_preface = |frames: &[u8]| [PREFACE, frames].concat();
    let hostile = [
        Vec::new(),
        vec![0; 100_000],
        vec![0xff; 100_000],
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        PREFACE.to_vec(),
        with_preface(&[0xff; 1000]),
        // A frame of 16 MiB, headers without an end, a window that overflows.
        with_preface(b"\xff\xff\xff\x00\x00\x00\x00\x00\x01"),
        with_preface(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x05\x01\x00\x00\x00\x00\x01\xff\xff\xff\xff\xff"),
        with_preface(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x04\x08\x00\x00\x00\x00\x00\x7f\xff\xff\xff"),
    ];
    for bytes in hostile {
        let socket = running.socket();
        tokio::task::spawn_blocking(move || said(&socket, &bytes)).await.unwrap();
        prices(&running).await;
    }
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_are_closed_and_leave_their_places() {
    let running = Running::start("[limits]\nconnections = 8\n").await;
    let socket = running.socket();
    let silent = (0..8).map(|_| UnixStream::connect(&socket).unwrap());
    let silent: Vec<UnixStream> = silent.collect();
    (&silent[0]).write_all(b"PRI * HTT").unwrap();
    let closed = tokio::task::spawn_blocking(move || {
        silent.into_iter().all(|mut stream| {
            stream.set_read_timeout(Some(HANG)).unwrap();
            let mut rest = Vec::new();
            // The service sends its own SETTINGS first.
            stream.read_to_end(&mut rest).is_ok() || rest.len() < 1000
        })
    });
    assert!(closed.await.unwrap());
    let start = Instant::now();
    while quote_once(&socket).await.is_err() {
        assert!(start.elapsed() < HANG);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.stop().await.unwrap();
}

/// Returns a client over a connection of its own.
async fn connected(socket: &Path) -> Result<PricingClient<Channel>, String> {
    let endpoint = Endpoint::try_from(format!("unix://{}", socket.display())).unwrap();
    endpoint.connect().await.map(PricingClient::new).map_err(|error| error.to_string())
}

/// Prices an order over a connection of its own.
async fn quote_once(socket: &Path) -> Result<String, String> {
    let answer = quote(&mut connected(socket).await?, ORDER).await;
    answer.map(|answer| outcome(&answer)).map_err(|status| status.to_string())
}

/// Counts the sockets of this machine with the service's path: the listener and its connections.
fn sockets_at(path: &Path) -> usize {
    let sockets = fs::read_to_string("/proc/net/unix").unwrap();
    let path = path.to_str().unwrap();
    sockets.lines().filter(|line| line.split_whitespace().last() == Some(path)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_connections_beyond_the_limit_are_closed_at_once() {
    let running = Running::start("[limits]\nconnections = 4\n").await;
    let socket = running.socket();
    let start = Instant::now();
    let mut clients = Vec::new();
    while clients.len() < 4 {
        // The connection of [`Running::start`] may still occupy a slot.
        assert!(start.elapsed() < HANG, "{} connections", clients.len());
        let Ok(mut client) = connected(&socket).await else { continue };
        // A connection with an open call is never evicted.
        let (sender, requests) = tokio::sync::mpsc::channel(1);
        let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
        if let Ok(answers) = client.quote_stream(requests).await {
            clients.push((client, sender, answers));
        }
    }
    let refused = tokio::task::spawn_blocking(move || {
        let refused = (0..10_000).filter(|_| {
            let mut stream = UnixStream::connect(&socket).unwrap();
            stream.set_read_timeout(Some(HANG)).unwrap();
            stream.read(&mut [0; 1]).map_or(true, |read| read == 0)
        });
        refused.count()
    });
    assert_eq!(refused.await.unwrap(), 10_000);
    // The earlier connections still work.
    for (client, _, _) in &mut clients {
        quote(client, ORDER).await.unwrap();
    }
    let start = Instant::now();
    while sockets_at(&running.socket()) > 1 + clients.len() {
        assert!(start.elapsed() < HANG, "{} sockets", sockets_at(&running.socket()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_too_deep_is_refused_with_a_message() {
    let running = Running::start("[limits]\nrequest_bytes = 1000000\n").await;
    let mut client = running.client().await;
    let huge = client.quote(request(&" ".repeat(1_000_001))).await.unwrap_err();
    assert_eq!(huge.code(), Code::ResourceExhausted);
    assert!(huge.message().contains("1000000 bytes of `limits.request_bytes`"), "{huge}");
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("a: {", "}"), ("- ", "")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let status = client.quote(request(&deep)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{open}: {status}");
    }
    let mut asked = tonic::Request::new(request(ORDER));
    asked.metadata_mut().insert("x-long", "x".repeat(100_000).parse().unwrap());
    assert!(client.quote(asked).await.is_err());
    prices(&running).await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_that_it_serves_until_it_is_about_to_end() {
    let running = Running::start("[limits]\ndrain = \"1h\"\n").await;
    let mut health = HealthClient::new(running.channel().await);
    for name in ["", "bidprice.v1.Pricing", "akash.provider.v1.ProviderRPC"] {
        let asked = HealthCheckRequest { service: name.to_owned() };
        let answer = health.check(asked).await.unwrap().into_inner();
        assert_eq!(answer.status, ServingStatus::Serving as i32, "{name}");
    }
    let watched = HealthCheckRequest { service: "bidprice.v1.Pricing".to_owned() };
    let mut watched = health.watch(watched).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status, ServingStatus::Serving as i32);
    let stopped = tokio::spawn(running.stop());
    assert_eq!(watched.message().await.unwrap().unwrap().status, ServingStatus::NotServing as i32);
    // A watcher does not delay the stop until the end of the drain.
    tokio::time::timeout(HANG, stopped).await.unwrap().unwrap().unwrap();
    assert!(!matches!(watched.message().await, Ok(Some(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_not_the_call_s_is_told_so_and_nothing_else_happens() {
    let running = Running::start("").await;
    let mut client = tonic::client::Grpc::new(running.channel().await);
    client.ready().await.unwrap();
    // Its first field is a number, but that of the request is a message.
    let other = tonic::Request::new(prost_types::Duration { seconds: 5, nanos: 0 });
    let path = tonic::codegen::http::uri::PathAndQuery::from_static("/bidprice.v1.Pricing/Quote");
    let codec = tonic_prost::ProstCodec::<prost_types::Duration, QuoteResponse>::default();
    let status = client.unary(other, path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().starts_with("failed to decode Protobuf message: "), "{}", status.message());
    prices(&running).await;
    running.stop().await.unwrap();
}
