//! Generates load on a service: closed (a fixed number of calls in flight) or open (a fixed number of calls per second,
//! whatever the answers).
//!
//! The client is plain HTTP/2, and encodes its request once. It shares the cores with the service, so its own cost
//! should be small.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use h2::client::SendRequest;
use http::{HeaderMap, Request, Uri};
use pricing_proto::bidprice::v1::{QuoteRequest, QuoteResponse};
use prost::Message as _;
use prost::bytes::{BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::{Handle, Runtime};
use tokio::time::timeout_at;
use tonic::{Code, Status};

use crate::stats::Samples;

/// The number of connections. Each carries many streams.
const CONNECTIONS: usize = 4;

/// The method that is called.
const QUOTE: &str = "/bidprice.v1.Pricing/Quote";

/// A client with several connections, which are used in turn.
#[derive(Clone)]
pub struct Clients {
    connections: Vec<SendRequest<Bytes>>,
    uri: Uri,
    /// The request, encoded and framed.
    message: Bytes,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("connections", &self.connections.len()).finish_non_exhaustive()
    }
}

/// Encodes a message with its gRPC frame.
#[must_use]
pub fn framed(message: &impl prost::Message) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.encoded_len()).unwrap_or(u32::MAX));
    // A growable buffer always has room.
    let _ = message.encode(&mut framed);
    framed.freeze()
}

/// Makes the head of a call.
///
/// # Errors
/// When the path or the deadline is not a valid header.
pub fn head(uri: &Uri, deadline: Option<Duration>) -> http::Result<Request<()>> {
    let head = Request::post(uri).header("content-type", "application/grpc").header("te", "trailers");
    match deadline {
        Some(deadline) => head.header("grpc-timeout", format!("{}u", deadline.as_micros())).body(()),
        None => head.body(()),
    }
}

/// Opens an HTTP/2 connection. It lives as long as its senders.
///
/// # Errors
/// When nothing listens at the address.
pub async fn connect(address: &Address<'_>) -> io::Result<SendRequest<Bytes>> {
    match address {
        Address::Unix(path) => handshake(UnixStream::connect(path).await?).await,
        Address::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            handshake(stream).await
        }
    }
}

async fn handshake(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> io::Result<SendRequest<Bytes>> {
    let (send, connection) = h2::client::handshake(stream).await.map_err(io::Error::other)?;
    tokio::spawn(async move {
        // The calls on the connection report its errors.
        let _ = connection.await;
    });
    Ok(send)
}

/// The outcomes of calls.
#[derive(Clone, Debug, Default)]
pub struct Outcomes {
    /// Bids, with the time from the intended start of the call to the answer.
    pub bids: Samples,
    /// Answers without a bid.
    pub no_bids: usize,
    /// `RESOURCE_EXHAUSTED`.
    pub refused: Samples,
    /// `DEADLINE_EXCEEDED` from the service.
    pub missed: usize,
    /// Calls that the client gave up.
    pub given_up: usize,
    /// All other calls.
    pub failed: usize,
    /// How often each reason for a missing bid and each error occurred.
    pub why: BTreeMap<String, usize>,
    /// Bids that came after their deadline.
    pub late: usize,
}

impl Outcomes {
    fn because(&mut self, why: String) {
        *self.why.entry(why).or_default() += 1;
    }

    fn count(&mut self, answer: Result<QuoteResponse, Status>, took: Duration, late: bool) {
        match answer {
            Ok(answer) if answer.quotes.iter().any(|quote| quote.price.is_none()) => {
                self.no_bids += 1;
                let reason = answer.quotes.into_iter().find_map(|quote| quote.reason);
                self.because(reason.map(|reason| reason.code).unwrap_or_default());
            }
            Ok(_) => {
                self.late += usize::from(late);
                self.bids.add(took);
            }
            Err(status) if status.code() == Code::ResourceExhausted => self.refused.add(took),
            Err(status) if status.code() == Code::DeadlineExceeded => self.missed += 1,
            Err(status) => {
                self.failed += 1;
                self.because(format!("{:?} {}", status.code(), status.message()));
            }
        }
    }

    /// Returns the number of calls.
    #[must_use]
    pub fn all(&self) -> usize {
        let Self { bids, no_bids, refused, missed, given_up, failed, .. } = self;
        bids.count() + no_bids + refused.count() + missed + given_up + failed
    }

    /// Returns the percentage of calls that got a bid in time.
    #[must_use]
    pub fn success(&self) -> f64 {
        let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        100.0 * number(self.bids.count() - self.late) / number(self.all()).max(1.0)
    }

    /// Formats the outcomes in a line, and the reasons in more lines.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { bids, no_bids, refused, missed, given_up, failed, late, .. } = self;
        let why: String = self.why.iter().map(|(why, times)| format!("\n    {times} times: {why}")).collect();
        format!(
            "{} bids ({late} late), {no_bids} no bids, {} refused, {missed} missed, {given_up} given up by the client, \
             {failed} failed{why}",
            bids.count(),
            refused.count()
        )
    }
}

impl Clients {
    /// Connects to a service.
    ///
    /// # Errors
    /// When nothing listens at the address.
    pub async fn connect(address: &Address<'_>, request: &QuoteRequest) -> io::Result<Self> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(connect(address).await?);
        }
        let uri = format!("http://localhost{QUOTE}").parse().map_err(io::Error::other)?;
        Ok(Self { connections, uri, message: framed(request) })
    }

    /// Makes one call.
    ///
    /// # Errors
    /// When it is not answered.
    pub async fn quote(&self) -> Result<QuoteResponse, Status> {
        self.ask(0, None).await
    }

    /// Keeps this many calls in flight for some time (closed loop).
    #[must_use]
    pub fn closed(&self, runtime: &Runtime, in_flight: usize, time: Duration) -> Outcomes {
        let end = Instant::now() + time;
        self.closed_until(runtime, in_flight, move || Instant::now() >= end)
    }

    /// Keeps this many calls in flight until `is_enough` returns true.
    #[must_use]
    pub fn closed_until(
        &self,
        runtime: &Runtime,
        in_flight: usize,
        is_enough: impl Fn() -> bool + Clone + Send + Sync + 'static,
    ) -> Outcomes {
        let outcomes = Arc::new(Mutex::new(Outcomes::default()));
        let callers = (0..in_flight).map(|number| {
            let (clients, outcomes, is_enough) = (self.clone(), Arc::clone(&outcomes), is_enough.clone());
            runtime.spawn(async move {
                while !is_enough() {
                    clients.call(number, Instant::now(), None, &outcomes).await;
                }
            })
        });
        let callers: Vec<_> = callers.collect();
        for caller in callers {
            // A caller that panicked shows in the number of outcomes.
            let _ = runtime.block_on(caller);
        }
        take(&outcomes)
    }

    /// Starts this many calls per second, whether or not there are answers (open loop).
    ///
    /// Latencies count from the intended start of each call, so that a late client does not hide the service's delays
    /// (coordinated omission).
    #[must_use]
    pub fn open(&self, runtime: &Runtime, rate: f64, time: Duration, deadline: Option<Duration>) -> Outcomes {
        let outcomes = Arc::new(Mutex::new(Outcomes::default()));
        let pending = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        let each = Duration::from_secs_f64(1.0 / rate);
        let mut intended = start;
        while intended < start + time {
            thread::sleep(intended.saturating_duration_since(Instant::now()));
            // Sleeping is not exact, so several calls may be due.
            let now = Instant::now();
            while intended <= now && intended < start + time {
                self.send(runtime.handle(), intended, deadline, &outcomes, &pending);
                intended += each;
            }
        }
        while pending.load(Ordering::Acquire) > 0 {
            thread::sleep(Duration::from_millis(5));
        }
        take(&outcomes)
    }

    fn send(
        &self,
        runtime: &Handle,
        intended: Instant,
        deadline: Option<Duration>,
        outcomes: &Arc<Mutex<Outcomes>>,
        pending: &Arc<AtomicUsize>,
    ) {
        let number = pending.fetch_add(1, Ordering::AcqRel);
        let (clients, outcomes, pending) = (self.clone(), Arc::clone(outcomes), Arc::clone(pending));
        runtime.spawn(async move {
            clients.call(number, intended, deadline, &outcomes).await;
            pending.fetch_sub(1, Ordering::AcqRel);
        });
    }

    async fn call(&self, number: usize, intended: Instant, deadline: Option<Duration>, outcomes: &Mutex<Outcomes>) {
        let answered = match deadline {
            None => Some(self.ask(number, None).await),
            Some(deadline) => {
                // A call that starts late has less time left.
                let left = deadline.saturating_sub(intended.elapsed());
                let until = intended.checked_add(deadline).unwrap_or(intended);
                timeout_at(until.into(), self.ask(number, Some(left))).await.ok()
            }
        };
        let took = intended.elapsed();
        let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let late = deadline.is_some_and(|deadline| took > deadline);
        match answered {
            None => outcomes.given_up += 1,
            Some(answer) => outcomes.count(answer, took, late),
        }
    }

    /// Makes one call. A status in the headers is an error without a body; otherwise the status comes in the trailers.
    async fn ask(&self, number: usize, deadline: Option<Duration>) -> Result<QuoteResponse, Status> {
        let connection = self.connections.get(number % CONNECTIONS).cloned();
        let connection = connection.ok_or_else(|| Status::internal("there is no connection"))?;
        let mut connection = connection.ready().await.map_err(broken)?;
        let head = head(&self.uri, deadline).map_err(|error| Status::internal(error.to_string()))?;
        let (response, mut body) = connection.send_request(head, false).map_err(broken)?;
        body.send_data(self.message.clone(), true).map_err(broken)?;
        let response = response.await.map_err(broken)?;
        if let Some(status) = Status::from_header_map(response.headers()) {
            return Err(status);
        }
        let mut body = response.into_body();
        let mut message = BytesMut::new();
        while let Some(data) = body.data().await {
            let data = data.map_err(broken)?;
            let _ = body.flow_control().release_capacity(data.len());
            message.extend_from_slice(&data);
        }
        let trailers = body.trailers().await.map_err(broken)?.unwrap_or_default();
        match status(&trailers).code() {
            Code::Ok => QuoteResponse::decode(message.split_off(message.len().min(5)))
                .map_err(|error| Status::internal(error.to_string())),
            _ => Err(status(&trailers)),
        }
    }
}

fn status(trailers: &HeaderMap) -> Status {
    Status::from_header_map(trailers).unwrap_or_else(|| Status::unknown("there is no status"))
}

fn broken(error: h2::Error) -> Status {
    match error.reason() {
        // The service, or its HTTP/2 library, accepts no more calls on this connection at the moment.
        Some(h2::Reason::REFUSED_STREAM) => Status::resource_exhausted(error.to_string()),
        _ => Status::unavailable(error.to_string()),
    }
}

fn take(outcomes: &Mutex<Outcomes>) -> Outcomes {
    std::mem::take(&mut *outcomes.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The address of a service.
#[derive(Clone, Copy, Debug)]
pub enum Address<'a> {
    /// A Unix socket.
    Unix(&'a Path),
    /// A TCP address.
    Tcp(std::net::SocketAddr),
}
