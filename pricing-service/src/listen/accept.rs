//! Accepts connections, up to a limit.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::geteuid;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::socket::Socket;
use super::wire::{Kind, Wire};
use crate::caller::may_call;
use crate::connections::{Place, Table};
use crate::http2::{Calls, Ends, HELLO, Peer};

/// Where accepted connections go, and how many there may be.
#[derive(Clone)]
pub(super) struct Reception {
    pub(super) calls: Calls,
    pub(super) table: Arc<Table>,
    /// The open connections.
    pub(super) open: TaskTracker,
    pub(super) ends: Ends,
}

/// The least time between two messages that many connections would cause.
const TOLD: Duration = Duration::from_secs(10);

/// How long to wait when the system has no more file descriptors or memory.
const EXHAUSTED: Duration = Duration::from_millis(100);

impl Reception {
    /// Accepts connections on a Unix socket until the service stops.
    pub(super) async fn unix(self, socket: Socket) {
        let mut teller = Teller::default();
        while let Some(accepted) = self.until_stopped(socket.listener.accept()).await {
            match accepted {
                Ok((stream, _)) => self.welcome_unix(stream, &mut teller),
                Err(error) => teller.accept_failed(&error).await,
            }
        }
        socket.close();
    }

    /// Accepts connections on a TCP port until the service stops.
    pub(super) async fn tcp(self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let mut teller = Teller::default();
        while let Some(accepted) = self.until_stopped(listener.accept()).await {
            match accepted {
                Ok((stream, _)) => self.welcome_tcp(stream, tls.as_ref(), &mut teller),
                Err(error) => teller.accept_failed(&error).await,
            }
        }
    }

    async fn until_stopped<T>(&self, accepted: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.ends.stop.cancelled() => None,
            accepted = accepted => Some(accepted),
        }
    }

    fn welcome_unix(&self, stream: UnixStream, teller: &mut Teller) {
        // The mode of the socket's file enforces the same. This check holds even if the mode was changed.
        let caller = stream.peer_cred().map(|caller| caller.uid());
        if !caller.as_ref().is_ok_and(|uid| may_call(*uid, geteuid().as_raw())) {
            teller.tell(|| tracing::warn!(?caller, "a connection of another user was refused"));
            return;
        }
        if let Some(place) = self.place(teller) {
            self.open.spawn(self.clone().serve(Kind::Unix(stream), place));
        }
    }

    fn welcome_tcp(&self, stream: TcpStream, tls: Option<&TlsAcceptor>, teller: &mut Teller) {
        let Some(place) = self.place(teller) else { return };
        // Answers are small, and callers wait for them.
        let _ = stream.set_nodelay(true);
        let reception = self.clone();
        match tls.cloned() {
            None => self.open.spawn(reception.serve(Kind::Tcp(stream), place)),
            Some(tls) => self.open.spawn(reception.shake_hands(tls, stream, place)),
        };
    }

    async fn shake_hands(self, tls: TlsAcceptor, stream: TcpStream, place: Place) {
        let shaken = tokio::select! {
            () = self.ends.stop.cancelled() => return,
            () = place.evicted() => return,
            shaken = timeout(HELLO, tls.accept(stream)) => shaken,
        };
        match shaken {
            Ok(Ok(stream)) => self.serve(Kind::Tls(Box::new(stream)), place).await,
            Ok(Err(error)) => tracing::info!(%error, "a TLS connection was refused"),
            Err(_) => tracing::info!("a TLS connection was refused: the handshake took too long"),
        }
    }

    async fn serve(self, kind: Kind, place: Place) {
        let (caller, payer) = (kind.caller(), kind.payer());
        let wire = Wire::new(kind);
        let heard = wire.heard();
        self.calls.serve(wire, heard, Peer { caller, payer, place }, self.ends).await;
    }

    /// Returns a slot for a connection. Without one, the connection is closed at once: its caller should know now, and
    /// not wait for another to leave.
    fn place(&self, teller: &mut Teller) -> Option<Place> {
        let place = self.table.place();
        if place.is_none() {
            let limit = self.table.most();
            teller.tell(|| tracing::warn!(limit, "a connection was refused: there are `limits.connections` already"));
        }
        place
    }
}

/// Limits how often a message is logged.
#[derive(Default)]
struct Teller {
    last: Option<Instant>,
}

impl Teller {
    fn tell(&mut self, say: impl FnOnce()) {
        if self.last.is_none_or(|last| last.elapsed() >= TOLD) {
            self.last = Some(Instant::now());
            say();
        }
    }

    async fn accept_failed(&mut self, error: &io::Error) {
        if matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
        ) {
            return;
        }
        self.tell(|| tracing::error!(%error, "connections cannot be accepted; is the limit of open files too low?"));
        sleep(EXHAUSTED).await;
    }
}
