//! Accepts connections, as many at once as may be.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::geteuid;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, HELLO, Wire};
use super::socket::Socket;

/// Where accepted connections go, and how many there may be.
#[derive(Clone)]
pub(super) struct Reception {
    pub(super) connections: mpsc::Sender<Connection>,
    pub(super) places: Arc<Semaphore>,
    pub(super) most: usize,
    /// Accepts no more.
    pub(super) stop: CancellationToken,
    /// Ends the connections.
    pub(super) cut: CancellationToken,
}

/// A message that would come with each of many connections is told at most this often.
const TOLD: Duration = Duration::from_secs(10);

/// How long to wait when the system has no more file descriptors or memory.
const EXHAUSTED: Duration = Duration::from_millis(100);

impl Reception {
    /// Accepts on a Unix socket until the service stops.
    pub(super) async fn unix(self, socket: Socket) {
        let mut teller = Teller::default();
        while let Some(accepted) = self.until_stopped(socket.listener.accept()).await {
            match accepted {
                Ok((stream, _)) => self.welcome_unix(stream, &mut teller).await,
                Err(error) => teller.accept_failed(&error).await,
            }
        }
        socket.close();
    }

    /// Accepts on a TCP port until the service stops.
    pub(super) async fn tcp(self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let mut teller = Teller::default();
        while let Some(accepted) = self.until_stopped(listener.accept()).await {
            match accepted {
                Ok((stream, _)) => self.welcome_tcp(stream, tls.as_ref(), &mut teller).await,
                Err(error) => teller.accept_failed(&error).await,
            }
        }
    }

    async fn until_stopped<T>(&self, accepted: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            accepted = accepted => Some(accepted),
        }
    }

    async fn welcome_unix(&self, stream: UnixStream, teller: &mut Teller) {
        // The mode of the socket's file says the same; this holds even where that was changed.
        let caller = stream.peer_cred().map(|caller| caller.uid());
        if !caller.as_ref().is_ok_and(|uid| *uid == geteuid().as_raw() || *uid == 0) {
            teller.tell(|| tracing::warn!(?caller, "a connection of another user was refused"));
            return;
        }
        if let Some(permit) = self.place(teller) {
            self.hand_over(Wire::Unix(stream), permit).await;
        }
    }

    async fn welcome_tcp(&self, stream: TcpStream, tls: Option<&TlsAcceptor>, teller: &mut Teller) {
        let Some(permit) = self.place(teller) else { return };
        // Answers are small, and waited for.
        let _ = stream.set_nodelay(true);
        let Some(tls) = tls else {
            return self.hand_over(Wire::Tcp(stream), permit).await;
        };
        let handshake = tls.accept(stream);
        let reception = self.clone();
        // As many at once as there are places.
        tokio::spawn(async move {
            let shaken = tokio::select! {
                () = reception.stop.cancelled() => return,
                shaken = timeout(HELLO, handshake) => shaken,
            };
            match shaken {
                Ok(Ok(stream)) => reception.hand_over(Wire::Tls(Box::new(stream)), permit).await,
                Ok(Err(error)) => tracing::info!(%error, "a TLS connection was refused"),
                Err(_) => tracing::info!("a TLS connection was refused: the handshake took too long"),
            }
        });
    }

    /// A place for a connection. One beyond the limit is closed at once: its caller had better know now than wait
    /// for somebody else to leave.
    fn place(&self, teller: &mut Teller) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok();
        if place.is_none() {
            let limit = self.most;
            teller.tell(|| tracing::warn!(limit, "a connection was refused: there are `limits.connections` already"));
        }
        place
    }

    async fn hand_over(&self, wire: Wire, permit: OwnedSemaphorePermit) {
        let connection = Connection::new(wire, Box::pin(sleep(HELLO)), permit, self.cut.clone());
        // Nobody takes it any more when the service has stopped.
        let _ = self.connections.send(connection).await;
    }
}

/// Tells what is told too often otherwise.
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
