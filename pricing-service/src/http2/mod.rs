//! One HTTP/2 connection: its calls are let in or refused as their heads arrive, before anything is read or begun.
//!
//! `h2` speaks the protocol. This is no more than its accept loop, so that a refusal is an answer to a head and not a
//! task, bytes that there is no room for stay with the peer (flow control), and what a call holds is counted until its
//! peer has taken the answer.

mod call;
mod inbound;
mod outbound;
mod refusal;
mod weight;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use h2::server::{Connection, SendResponse};
use h2::{Ping, PingPong, RecvStream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tonic::codegen::Bytes;
use tonic::codegen::http::Request;
use tonic::service::Routes;

use super::caller::Caller;
use super::deadline;
use super::gate::Payer;
use super::intake::Kind;
use super::service::Service;
use crate::connections::Place;

use call::Call;
pub(super) use inbound::{InWork, WithReader};
use refusal::Refusals;

/// How long a connection may take until it speaks HTTP/2, the TLS handshake apart.
pub(super) const HELLO: Duration = Duration::from_secs(5);

/// How long a connection may be silent before it is asked whether anybody is still there, and how long the answer may
/// take.
const PING: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(8));

/// How long the last words of a connection that makes room may take.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// Bytes of a call's request that its peer may send before they are taken up. Of what waits to be read there are no more
/// than these for each call that is open; the connection as a whole has the 64 KiB that HTTP/2 begins with.
const WINDOW: u32 = 32 << 10;

/// Bytes of an answer that are handed to the connection before the peer takes them.
const SEND_BUFFER: usize = 64 << 10;

/// How large the head of a call may be.
const HEAD_BYTES: u32 = 16 << 10;

/// Calls that were given up before they were looked at. One more ends the connection; but a caller who gives up on all
/// its calls at once is no attacker.
const RESETS: usize = 1000;

/// Calls that were ended early and are remembered for a moment, since their peer may still be sending.
const REMEMBERED: usize = 200;

/// What h2 lets a connection spend on data in small pieces: 256 less its length for each that nobody has read. It is never
/// given back for those of a refused call that come late, of which there may be a thousand this way before the connection
/// has to be opened anew. A call that was let in is read as its data come.
const SMALL_PIECES: usize = 256 << 10;

/// Calls that a connection takes in before it lets other tasks have their turn. Refusing is quick, but a flood of calls to
/// refuse would keep a thread from the answers of those that were taken, and they would come too late. With too few, calls
/// pile up that were given up before they were looked at, and the connection ends (see [`RESETS`]).
const IN_A_ROW: u32 = 64;

/// What calls are answered by. Cheap to clone.
#[derive(Clone)]
pub(super) struct Calls {
    service: Service,
    routes: Routes,
    refusals: Refusals,
}

/// Who is at the other end of a connection, and the connection's place.
pub(super) struct Peer<P> {
    pub(super) caller: Caller,
    pub(super) payer: Payer,
    pub(super) place: P,
}

/// What ends connections: first the stop, which lets open calls end, then the cut.
#[derive(Clone)]
pub(super) struct Ends {
    pub(super) stop: CancellationToken,
    pub(super) cut: CancellationToken,
}

/// When bytes last came over a connection.
#[derive(Debug)]
pub(super) struct Heard {
    began: Instant,
    millis: AtomicU64,
}

/// Why a connection comes to its end.
enum End {
    /// Nobody is there any more, or the service cuts it off.
    Now,
    /// Its place is another's.
    Evicted,
    /// The service stops: open calls may end.
    Stop,
}

impl Heard {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), millis: AtomicU64::new(0) })
    }

    /// Bytes came.
    pub(super) fn touch(&self) {
        let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.millis.store(millis, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        let last = Duration::from_millis(self.millis.load(Ordering::Relaxed));
        self.began.checked_add(last).unwrap_or(self.began)
    }
}

impl Calls {
    pub(super) fn new(service: Service, routes: Routes) -> Self {
        Self { service, routes: routes.prepare(), refusals: Refusals::default() }
    }

    /// Serves a connection until it ends.
    pub(super) async fn serve(
        self,
        wire: impl AsyncRead + AsyncWrite + Unpin + Send,
        heard: Arc<Heard>,
        peer: Peer<Place>,
        ends: Ends,
    ) {
        let peer = Peer { caller: peer.caller, payer: peer.payer, place: Arc::new(peer.place) };
        let handshake = timeout(HELLO, builder(peer.place.streams()).handshake(wire));
        let connection = tokio::select! {
            biased;
            () = ends.cut.cancelled() => return,
            () = ends.stop.cancelled() => return,
            () = peer.place.evicted() => return,
            connection = handshake => connection,
        };
        match connection {
            Ok(Ok(connection)) => {
                peer.place.spoke();
                self.accept(connection, &heard, &peer, &ends).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "a connection did not start HTTP/2"),
            Err(_) => tracing::debug!("a connection did not start HTTP/2 in time"),
        }
    }

    /// Takes calls in until the connection ends.
    async fn accept(
        &self,
        mut connection: Connection<impl AsyncRead + AsyncWrite + Unpin + Send, Bytes>,
        heard: &Heard,
        peer: &Peer<Arc<Place>>,
        ends: &Ends,
    ) {
        let mut pong = connection.ping_pong();
        let (mut stopping, mut in_a_row) = (false, 0_u32);
        loop {
            let mut end = pin!(ended(&mut pong, heard, &peer.place, ends, stopping));
            let reason = loop {
                tokio::select! {
                    biased;
                    accepted = connection.accept() => match accepted {
                        Some(Ok((request, respond))) => {
                            self.arrived(request, respond, peer);
                            in_a_row = in_a_row.wrapping_add(1);
                            if in_a_row.is_multiple_of(IN_A_ROW) {
                                tokio::task::yield_now().await;
                            }
                        }
                        Some(Err(error)) => {
                            tracing::debug!(%error, "a connection broke");
                            return;
                        }
                        None => return,
                    },
                    reason = &mut end => break reason,
                }
            };
            match reason {
                End::Now => return,
                End::Evicted => {
                    connection.abrupt_shutdown(h2::Reason::NO_ERROR);
                    let _ = timeout(LAST_WORDS, async { while connection.accept().await.is_some() {} }).await;
                    return;
                }
                End::Stop => {
                    connection.graceful_shutdown();
                    stopping = true;
                }
            }
        }
    }

    /// The head of a call is there: it gets a place and is begun, or is refused.
    fn arrived(&self, mut request: Request<RecvStream>, respond: SendResponse<Bytes>, peer: &Peer<Arc<Place>>) {
        let active = self.service.active();
        let limits = &active.loaded.config.limits;
        let kind = Kind::of(request.uri().path());
        let deadline = deadline::of(request.headers(), kind.longest(limits));
        let inner = &self.service.inner;
        let open = peer.place.call();
        match inner.intake.admit(&inner.gate, limits, kind, deadline, peer.payer, open.connection()) {
            Err(refused) => self.refusals.refuse(request.into_body(), respond, refused),
            Ok(pass) => {
                request.extensions_mut().insert(peer.caller);
                request.extensions_mut().insert(peer.payer);
                let call = Call::new(kind, deadline, limits, pass, open, inner.stopping.clone());
                tokio::spawn(call.run(self.routes.clone(), request, respond));
            }
        }
    }
}

fn builder(streams: u32) -> h2::server::Builder {
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(streams)
        .initial_window_size(WINDOW)
        .max_header_list_size(HEAD_BYTES)
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESETS)
        .max_concurrent_reset_streams(REMEMBERED)
        .data_frame_budget(SMALL_PIECES);
    builder
}

/// Waits until the connection has to end.
async fn ended(pong: &mut Option<PingPong>, heard: &Heard, place: &Place, ends: &Ends, stopping: bool) -> End {
    tokio::select! {
        biased;
        () = ends.cut.cancelled() => End::Now,
        () = place.evicted() => End::Evicted,
        () = ends.stop.cancelled(), if !stopping => End::Stop,
        () = dead(pong, heard) => End::Now,
    }
}

/// Asks a silent peer whether it is still there, and is ready when it is not. Whatever it sends is an answer.
async fn dead(pong: &mut Option<PingPong>, heard: &Heard) {
    let (silence, patience) = PING;
    loop {
        let asked = heard.last().checked_add(silence).unwrap_or_else(Instant::now);
        sleep_until(asked.into()).await;
        let last = heard.last();
        if last.elapsed() < silence {
            continue;
        }
        let ping = async {
            let pinged = match pong {
                Some(pong) => pong.ping(Ping::opaque()).await.is_ok(),
                None => false,
            };
            if !pinged {
                // An earlier one is still on its way; its answer is heard like everything else.
                std::future::pending::<()>().await;
            }
        };
        let _ = timeout(patience, ping).await;
        if heard.last() == last {
            tracing::debug!("a connection was closed: its peer does not answer");
            return;
        }
    }
}
