//! Serves one HTTP/2 connection. Each call is admitted or refused when its head arrives.
//!
//! `h2` implements the protocol. This module is its accept loop, so that
//!
//! - a refusal is an answer to a head, and costs neither a task nor a buffer;
//! - unread bytes stay with the peer, by flow control;
//! - what a call holds is counted until the peer has read the answer.
//!
//! A connection goes through these states:
//!
//! 1. The peer has [`HELLO`] to complete the handshake. A stop or an eviction before that closes the connection at
//!    once.
//! 2. Calls are accepted. Admitted calls run in tasks of their own ([`Call`]), others are refused ([`Refusals`]).
//! 3. At a stop, the peer gets a GOAWAY and open calls may end. If the connection is evicted, it gets a GOAWAY and has
//!    [`LAST_WORDS`] to read it. If the peer is dead or the service cuts the connection off, it is dropped at once.
//!
//! A peer that sends nothing for a while gets a PING ([`PING`]). It is dead if nothing arrives in answer.

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

/// How long a connection may take to speak HTTP/2, after the TLS handshake.
pub(super) const HELLO: Duration = Duration::from_secs(5);

/// How long a connection may be silent before it gets a PING, and how long the answer may take.
const PING: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(8));

/// How long an evicted connection may take to read its GOAWAY.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// The flow-control window of a call: the bytes that its peer may send before they are read. This bounds the unread
/// bytes of each open call. The connection as a whole has HTTP/2's initial window of 64 KiB.
const WINDOW: u32 = 32 << 10;

/// The bytes of an answer that are handed to the connection before the peer reads them.
const SEND_BUFFER: usize = 64 << 10;

/// The most bytes of a call's head.
const HEAD_BYTES: u32 = 16 << 10;

/// The most calls that the peer resets before they are accepted. One more ends the connection. A caller that gives up
/// all its calls at once is not an attacker.
const RESETS: usize = 1000;

/// The most calls that this side has reset and remembers for a moment, because their peer may still be sending.
const REMEMBERED: usize = 200;

/// What `h2` lets a connection spend on small DATA frames: each unread one costs 256 bytes less its length. The cost of
/// frames that arrive late for a refused call is never restored. A thousand of them end the connection, and the peer
/// has to open another. The frames of an admitted call are read as they arrive.
const SMALL_PIECES: usize = 256 << 10;

/// The calls that a connection accepts before other tasks have their turn.
///
/// Refusing a call is quick, but a flood of refusals would occupy the thread, and the answers of admitted calls would
/// be late. If the number is too small, calls that were reset before they were accepted pile up, and the connection
/// ends (see [`RESETS`]).
const IN_A_ROW: u32 = 64;

/// What answers the calls. It is cheap to clone.
#[derive(Clone)]
pub(super) struct Calls {
    service: Service,
    routes: Routes,
    refusals: Refusals,
}

/// The peer of a connection, and the connection's slot.
pub(super) struct Peer<P> {
    pub(super) caller: Caller,
    pub(super) payer: Payer,
    pub(super) place: P,
}

/// What ends connections: first `stop`, which lets open calls end, then `cut`.
#[derive(Clone)]
pub(super) struct Ends {
    pub(super) stop: CancellationToken,
    pub(super) cut: CancellationToken,
}

/// The time at which bytes last arrived on a connection.
#[derive(Debug)]
pub(super) struct Heard {
    began: Instant,
    millis: AtomicU64,
}

/// Why a connection ends.
enum End {
    /// The peer is dead, or the service cuts the connection off.
    Now,
    /// The connection has to make room for another.
    Evicted,
    /// The service stops. Open calls may end.
    Stop,
}

impl Heard {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), millis: AtomicU64::new(0) })
    }

    /// Records that bytes have arrived.
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
    ///
    /// Until the handshake is done, the connection costs memory and serves nobody. So it has a time limit, and a
    /// shutdown or an eviction ends it at once.
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

    /// Accepts calls until the connection ends.
    ///
    /// The future that waits for the end is made anew after a stop, because it must not wait for the stop again.
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

    /// Admits a call and begins it, or refuses it. Only its head has arrived.
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

/// Sends a PING to a silent peer, and completes if it does not answer. Any bytes count as an answer.
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
                // An earlier PING is still in flight. Its answer is noticed like any other bytes.
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
