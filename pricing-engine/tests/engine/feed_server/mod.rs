//! A faulty source: an HTTP server that gives the answers of a test, one request for each connection.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A bound on waits. It only ends a test that hangs.
pub(crate) const HANG: Duration = Duration::from_secs(600);

/// An answer of the server.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// 200 with a body.
    Body(String),
    /// A status without a body.
    Status(u16),
    /// A redirect to the same address.
    RedirectToItself,
    /// No answer.
    Hang,
    /// 200, and a slow body, byte by byte.
    Drip,
    /// Slow headers, byte by byte.
    DripHead,
    /// 200, and an endless body.
    Endless,
    /// 200, and a body shorter than its `Content-Length`.
    Halfway,
    /// The connection is closed without an answer.
    Close,
    /// Bytes that are not HTTP.
    Garbage,
    /// 200 with bytes that are not UTF-8.
    NotText,
}

impl Answer {
    /// A body with a number at `akt.usd`.
    pub(crate) fn price(number: &str) -> Self {
        Self::Body(format!("{{\"akt\":{{\"usd\":{number}}}}}"))
    }
}

/// The server, which stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    answer: Arc<Mutex<Answer>>,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens on loopback.
    pub(crate) async fn start(answer: Answer) -> Self {
        Self::listen(answer, None).await
    }

    /// Listens on loopback, with a self-signed certificate.
    pub(crate) async fn start_tls(answer: Answer) -> Self {
        let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        Self::listen(answer, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn listen(answer: Answer, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (answer, requests) = (Arc::new(Mutex::new(answer)), Arc::new(Mutex::new(Vec::new())));
        let task = tokio::spawn(accept(listener, tls, Arc::clone(&answer), Arc::clone(&requests)));
        Self { address, scheme, answer, requests, task }
    }

    /// Returns its address.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}/price", self.scheme, self.address)
    }

    /// Sets another answer.
    pub(crate) fn set(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// Returns the heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until there were `count` requests.
    pub(crate) async fn wait_for_requests(&self, count: usize) {
        let start = Instant::now();
        while self.requests().len() < count {
            assert!(start.elapsed() < HANG, "{} requests, and {count} are expected", self.requests().len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Stops listening.
    pub(crate) async fn close(&self) {
        self.task.abort();
        while !self.task.is_finished() {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    answer: Arc<Mutex<Answer>>,
    requests: Arc<Mutex<Vec<String>>>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (answer, requests, tls) = (Arc::clone(&answer), Arc::clone(&requests), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, &answer, &requests).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, &answer, &requests).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite, answer: &Mutex<Answer>, requests: &Mutex<Vec<String>>) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match reader.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    requests.lock().unwrap().push(String::from_utf8(head).unwrap());
    let answer = answer.lock().unwrap().clone();
    // The client may close the connection at any time.
    tokio::select! {
        _ = write(&mut writer, answer) => {}
        _ = reader.read_u8() => {}
    }
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), answer: Answer) -> std::io::Result<()> {
    let ok = |length: usize| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nset-cookie: a=b\r\n\r\n");
    match answer {
        Answer::Body(body) => writer.write_all(format!("{}{body}", ok(body.len())).as_bytes()).await?,
        Answer::Status(status) => {
            writer.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").as_bytes()).await?;
        }
        Answer::RedirectToItself => {
            writer.write_all(b"HTTP/1.1 302 X\r\nlocation: /price\r\ncontent-length: 0\r\n\r\n").await?;
        }
        Answer::Hang => std::future::pending().await,
        Answer::Drip => {
            writer.write_all(ok(1000).as_bytes()).await?;
            drip(writer).await?;
        }
        Answer::DripHead => {
            writer.write_all(b"HTTP/1.1 200 OK\r\nx-drip: ").await?;
            drip(writer).await?;
        }
        Answer::Endless => {
            writer.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
            loop {
                writer.write_all(&[b' '; 4096]).await?;
            }
        }
        Answer::Halfway => writer.write_all(format!("{}{{\"akt\":{{\"usd\":0.5", ok(100)).as_bytes()).await?,
        Answer::Close => {}
        Answer::Garbage => writer.write_all(b"SSH-2.0-OpenSSH_9.6\r\n\r\n").await?,
        Answer::NotText => {
            writer.write_all(ok(2).as_bytes()).await?;
            writer.write_all(&[0xff, 0xfe]).await?;
        }
    }
    writer.shutdown().await
}

/// Writes a byte every tenth of a second, so that a timeout between two bytes is never reached.
async fn drip(writer: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
    loop {
        writer.write_all(b" ").await?;
        writer.flush().await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
