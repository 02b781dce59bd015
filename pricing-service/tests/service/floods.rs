//! Clients that open much and finish nothing. What exceeds a limit is refused, other clients are served, and everything
//! is free again afterwards.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::{HANG, ORDER, Running, outcome, quote, request};
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use prost::Message as _;
use prost::bytes::Bytes;
use testkit::free_address::FreeAddress;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tonic::codegen::http::Request;
use tonic::{Code, Status};

const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
const QUOTE: &str = "/bidprice.v1.Pricing/Quote";
const QUOTE_STREAM: &str = "/bidprice.v1.Pricing/QuoteStream";
const STATUS: &str = "/bidprice.v1.Pricing/Status";

/// An empty gRPC message.
const EMPTY: &[u8] = &[0; 5];

/// A connection that sends only what a test tells it to.
struct Caller {
    send: SendRequest<Bytes>,
}

/// A call whose request may never be complete.
struct Call {
    response: ResponseFuture,
    body: SendStream<Bytes>,
}

impl Caller {
    async fn new(running: &Running) -> Self {
        let stream = UnixStream::connect(running.socket()).await.unwrap();
        let (send, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self { send }
    }

    /// Begins a call, and sends the first bytes of its request.
    async fn begin(&self, path: &str, sent: impl AsRef<[u8]>) -> Call {
        let mut send = self.send.clone().ready().await.unwrap();
        let head = Request::post(format!("http://localhost{path}")).header("content-type", "application/grpc");
        let (response, mut body) = send.send_request(head.body(()).unwrap(), false).unwrap();
        body.send_data(Bytes::copy_from_slice(sent.as_ref()), false).unwrap();
        Call { response, body }
    }
}

impl Call {
    /// Returns the body of the answer, or the status of a refusal.
    async fn answer(self) -> Result<(RecvStream, SendStream<Bytes>), Status> {
        let response = tokio::time::timeout(HANG, self.response).await.unwrap().unwrap();
        match Status::from_header_map(response.headers()) {
            Some(status) => Err(status),
            None => Ok((response.into_body(), self.body)),
        }
    }

    async fn refusal(self) -> Status {
        self.answer().await.err().unwrap()
    }
}

/// Returns the status at the end of an answer.
async fn last(body: &mut RecvStream) -> Status {
    while let Some(data) = tokio::time::timeout(HANG, body.data()).await.unwrap() {
        data.unwrap();
    }
    Status::from_header_map(&body.trailers().await.unwrap().unwrap()).unwrap()
}

/// Returns a request with its gRPC prefix.
fn framed(text: &str) -> Vec<u8> {
    let message = request(text).encode_to_vec();
    let length = u32::try_from(message.len()).unwrap();
    [&[0], &length.to_be_bytes()[..], &message].concat()
}

async fn prices(running: &Running) {
    let answer = quote(&mut running.client().await, ORDER).await.unwrap();
    assert!(outcome(&answer).ends_with(" uact"), "{answer:?}");
}

/// Returns the metrics page, over a connection of its own.
pub(crate) async fn page(address: &FreeAddress) -> Option<String> {
    let mut stream = TcpStream::connect(address.get()).await.ok()?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.ok()?;
    let mut page = String::new();
    stream.read_to_string(&mut page).await.ok()?;
    page.starts_with("HTTP/1.1 200").then_some(page)
}

/// Waits until the metrics have these lines.
async fn until_told(address: &FreeAddress, lines: &[&str]) {
    let start = Instant::now();
    loop {
        let page = page(address).await.unwrap_or_default();
        if lines.iter().all(|line| page.lines().any(|told| told == *line)) {
            return;
        }
        assert!(start.elapsed() < HANG, "{lines:?} never come in\n{page}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Starts a service with a metrics page. Also returns the page's address.
async fn told(limits: &str) -> (Running, FreeAddress) {
    let address = FreeAddress::new();
    let listen = "[listen]\nsocket = \"bidprice.sock\"\nmetrics";
    let running = Running::start(&format!("{listen} = \"{}\"\n[limits]\n{limits}", address.get())).await;
    (running, address)
}

/// Returns the current value of a metric.
async fn told_of(address: &FreeAddress, name: &str) -> u64 {
    let page = page(address).await.unwrap();
    let value = page.lines().find_map(|line| line.strip_prefix(name)).and_then(|value| value.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_counted_over_all_services_and_connections() {
    let (running, metrics) = told("streams = 200").await;
    let (first, second) = (Caller::new(&running).await, Caller::new(&running).await);
    let mut open = Vec::new();
    for number in 0..210 {
        let caller = if number % 2 == 0 { &first } else { &second };
        let (path, sent) = [(REFLECTION, &[][..]), (WATCH, EMPTY), (QUOTE_STREAM, &[])][number % 3];
        let mut call = caller.begin(path, sent).await;
        if path == WATCH {
            call.body.send_data(Bytes::new(), true).unwrap();
        }
        match call.answer().await {
            Ok(answer) => open.push(answer),
            Err(refused) => {
                assert_eq!(refused.code(), Code::ResourceExhausted);
                let message = "200 streams are open already, which is `limits.streams`; close one, or try again later";
                assert_eq!(refused.message(), message);
            }
        }
        assert!(told_of(&metrics, "bidprice_streams").await <= 200);
    }
    // On a slow machine, idle streams have made room for others.
    let refused = told_of(&metrics, "bidprice_refused_total{reason=\"streams\"}").await;
    assert_eq!(usize::try_from(refused).unwrap(), 210 - open.len());
    assert!(refused + told_of(&metrics, "bidprice_evicted_total{kind=\"stream\"}").await >= 10);
    // Other calls are served.
    prices(&running).await;
    running.status().await;
    drop(open);
    until_told(&metrics, &["bidprice_streams 0"]).await;
    drop(second.begin(REFLECTION, []).await.answer().await.unwrap());
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_idle_makes_room() {
    let running = Running::start("[limits]\nstreams = 2").await;
    let (greedy, modest) = (Caller::new(&running).await, Caller::new(&running).await);
    let mut idle = Vec::new();
    for _ in 0..2 {
        idle.push(greedy.begin(REFLECTION, []).await.answer().await.unwrap());
    }
    let start = Instant::now();
    let taken = loop {
        match modest.begin(REFLECTION, []).await.answer().await {
            Ok(taken) => break taken,
            Err(refused) => assert_eq!(refused.code(), Code::ResourceExhausted),
        }
        assert!(start.elapsed() < HANG);
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    // The stream that was idle longest receives the reason.
    let ended = last(&mut idle[0].0).await;
    assert_eq!(
        (ended.code(), ended.message()),
        (Code::ResourceExhausted, "the stream was idle, and makes room for another")
    );
    // The rest of its request is not read any more.
    let body = &mut idle[0].1;
    let reset = tokio::time::timeout(HANG, std::future::poll_fn(|cx| body.poll_reset(cx))).await.unwrap();
    assert_eq!(reset.unwrap(), h2::Reason::NO_ERROR);
    drop((taken, idle));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn half_sent_requests_share_a_budget_that_an_ordinary_order_does_not_need() {
    let (running, metrics) = told("request_bytes = 1000000\nbuffered_bytes = 1000000").await;
    let caller = Caller::new(&running).await;
    let large = framed(&" ".repeat(900_000));
    let first = caller.begin(QUOTE, &large[..600_000]).await;
    // Only the bytes beyond every request's own share are counted.
    until_told(&metrics, &["bidprice_buffered_bytes 550848"]).await;
    let refused = Caller::new(&running).await.begin(QUOTE, &large[..600_000]).await.refusal().await;
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let message = "large requests have the 1000000 bytes of `limits.buffered_bytes` already; try again later";
    assert_eq!(refused.message(), message);
    let refused = Caller::new(&running).await.begin(QUOTE_STREAM, &large[..600_000]).await.answer().await.unwrap();
    assert_eq!(last(&mut { refused.0 }).await.message(), message);
    prices(&running).await;
    drop(first);
    drop(caller);
    until_told(&metrics, &["bidprice_buffered_bytes 0", "bidprice_refused_total{reason=\"bytes\"} 2"]).await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_come_to_its_end_is_given_up() {
    let running = Running::start("[limits]\ndeadline = \"300ms\"").await;
    let caller = Caller::new(&running).await;
    for (path, sent) in
        [(QUOTE, &[0, 0, 0][..]), (STATUS, &[]), (STATUS, &[0, 0]), ("/bidprice.v1.Pricing/Reload", &[0])]
    {
        let status = caller.begin(path, sent).await.refusal().await;
        assert_eq!(status.code(), Code::DeadlineExceeded, "{path}: {status}");
    }
    // A stream has begun earlier, unless the machine is slower than the deadline.
    let status = match caller.begin(QUOTE_STREAM, [0, 0]).await.answer().await {
        Ok((mut answers, _body)) => last(&mut answers).await,
        Err(status) => status,
    };
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    // A complete request is answered, once the machine is fast enough.
    let start = Instant::now();
    while quote(&mut running.client().await, ORDER).await.is_err() {
        assert!(start.elapsed() < HANG);
    }
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn half_sent_orders_make_room_for_whole_ones() {
    let (running, metrics) = told("deadline = \"600s\"\nqueue = 8").await;
    let caller = Caller::new(&running).await;
    let mut half = Vec::new();
    for _ in 0..190 {
        half.push(caller.begin(QUOTE, [0, 0, 0]).await);
    }
    let start = Instant::now();
    // They occupy every slot.
    while told_of(&metrics, "bidprice_refused_total{reason=\"overload\"}").await == 0
        && told_of(&metrics, "bidprice_evicted_total{kind=\"call\"}").await == 0
    {
        assert!(start.elapsed() < HANG);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    while let Err(refused) = quote(&mut running.client().await, ORDER).await {
        assert!(start.elapsed() < HANG, "{refused}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(told_of(&metrics, "bidprice_evicted_total{kind=\"call\"}").await > 0);
    // The remaining ones have to be closed, or the service would wait for them.
    drop((half, caller));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_need_not_be_there_and_its_connection_goes_on() {
    let running = Running::start("[limits]\nstreams = 0").await;
    let caller = Caller::new(&running).await;
    let mut calls = Vec::new();
    for _ in 0..150 {
        calls.push(caller.begin(QUOTE_STREAM, [0, 0, 0]).await);
    }
    for call in calls {
        assert_eq!(call.refusal().await.code(), Code::ResourceExhausted);
    }
    let mut call = caller.begin(QUOTE, framed(ORDER)).await;
    call.body.send_data(Bytes::new(), true).unwrap();
    assert!(call.answer().await.unwrap().0.data().await.is_some());
    running.stop().await.unwrap();
}

/// Returns whether the service prices an order over a connection of its own.
async fn quote_once(socket: &Path) -> bool {
    match UnixStream::connect(socket).await {
        Ok(stream) => quote_over(stream).await,
        Err(_) => false,
    }
}

/// Returns whether the service prices an order over this connection.
async fn quote_over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> bool {
    let Ok((send, connection)) = h2::client::handshake(stream).await else { return false };
    tokio::spawn(connection);
    let Ok(mut send) = send.ready().await else { return false };
    let head = Request::post(format!("http://localhost{QUOTE}")).header("content-type", "application/grpc");
    let Ok((response, mut body)) = send.send_request(head.body(()).unwrap(), false) else { return false };
    body.send_data(framed(ORDER).into(), true).is_ok() && response.await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_that_has_been_idle_longest_makes_room() {
    let (running, metrics) = told("connections = 3").await;
    // It has an open call, so it is not evicted.
    let mut busy = loop {
        // The connection of [`Running::start`] may still occupy a slot.
        if let Ok(answer) = Caller::new(&running).await.begin(REFLECTION, []).await.answer().await {
            break answer;
        }
    };
    // They speak HTTP/2, but have no calls.
    let _idle = [Caller::new(&running).await, Caller::new(&running).await];
    let start = Instant::now();
    while !quote_once(&running.socket()).await {
        assert!(start.elapsed() < HANG);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let page = page(&metrics).await.unwrap();
    let evicted = page.lines().find_map(|line| line.strip_prefix("bidprice_evicted_total{kind=\"connection\"} "));
    assert!(evicted.is_some_and(|evicted| evicted != "0"), "{page}");
    busy.1.send_data(Bytes::from_static(&[0, 0, 0, 0, 2, 0x3a, 0]), true).unwrap();
    assert!(busy.0.data().await.is_some());
    running.stop().await.unwrap();
}

/// The preface and an empty SETTINGS frame. A peer that sends only this answers no PING.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_answer_no_ping_are_given_up_also_when_there_is_no_room_for_others() {
    let (running, metrics) = told("connections = 4").await;
    let mut dead = Vec::new();
    let start = Instant::now();
    // The connection of [`Running::start`] may still occupy a slot.
    while dead.len() < 4 {
        assert!(start.elapsed() < HANG, "{} connections", dead.len());
        let mut stream = UnixStream::connect(running.socket()).await.unwrap();
        // Only a connection with a slot receives the service's SETTINGS.
        if stream.write_all(HELLO).await.is_ok() && stream.read_exact(&mut [0; 9]).await.is_ok() {
            dead.push(stream);
        }
    }
    for mut stream in dead {
        let mut said = Vec::new();
        // Reads until the service closes the connection.
        let _ = tokio::time::timeout(HANG, stream.read_to_end(&mut said)).await.unwrap();
    }
    until_told(&metrics, &["bidprice_connections 0"]).await;
    running.stop().await.unwrap();
}

/// A connection that never sends anything.
#[derive(Debug)]
enum Silent {
    Unix(#[expect(dead_code, reason = "it is only kept open")] UnixStream),
    Tcp(#[expect(dead_code, reason = "it is only kept open")] TcpStream),
}

/// Opens silent connections until another client's call is answered in spite of them.
async fn outlasts(connect: impl AsyncFn() -> Option<Silent>, ask: impl AsyncFn() -> bool) {
    let (mut silent, start) = (Vec::new(), Instant::now());
    loop {
        while silent.len() < 40 {
            silent.extend(connect().await);
        }
        if ask().await {
            return;
        }
        assert!(start.elapsed() < HANG);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_keep_nobody_from_any_listener() {
    let free = [FreeAddress::new(), FreeAddress::new()];
    let [tcp, metrics] = free.each_ref().map(FreeAddress::get);
    let listen = format!("[listen]\nsocket = \"bidprice.sock\"\ntcp = \"{tcp}\"\nmetrics = \"{metrics}\"");
    let running = Running::start(&format!("{listen}\n[limits]\nconnections = 8")).await;
    let socket = running.socket();
    let unix = async || UnixStream::connect(&socket).await.ok().map(Silent::Unix);
    outlasts(unix, async || quote_once(&socket).await).await;
    let silent = async || TcpStream::connect(tcp).await.ok().map(Silent::Tcp);
    let ask = async || match TcpStream::connect(tcp).await {
        Ok(stream) => quote_over(stream).await,
        Err(_) => false,
    };
    outlasts(silent, ask).await;
    // The silent connections of one listener do not affect another.
    outlasts(silent, async || quote_once(&socket).await).await;
    let silent = async || TcpStream::connect(metrics).await.ok().map(Silent::Tcp);
    outlasts(silent, async || page(&free[1]).await.is_some()).await;
    running.stop().await.unwrap();
}
