//! The sockets that the service listens on.
//!
//! Who may call: on the Unix socket, the user that the service runs as, and root. On TCP without TLS, **everybody on
//! this machine**, of whatever user, for which reason it must be loopback; with TLS, whoever has a certificate of the
//! configured authority. A refused configuration is accepted only by those who are not just anybody ([`Caller`]).

mod accept;
mod connection;
mod socket;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::{Router, ServeError};
use crate::config::{self, ConfigError};

use accept::Reception;
pub(super) use connection::{Caller, Peer};
use socket::Socket;
pub(super) use socket::check as check_folder;

/// Everything that the service listens on.
pub(super) struct Listeners {
    unix: Option<Socket>,
    tcp: Option<(TcpListener, Option<TlsAcceptor>)>,
    connections: usize,
}

/// Says whether the service may listen there, without doing so.
///
/// # Errors
/// When more people could call than should, or nobody could.
pub fn check(listen: &config::Listen) -> Result<(), ConfigError> {
    match (listen.tcp, &listen.tls) {
        (Some(address), None) if !is_loopback(address) => Err(ConfigError::unusable(
            "listen.tcp",
            format_args!(
                "whoever reaches `{address}` could ask for prices and reload the service; name an address of this \
                 machine alone, such as `127.0.0.1:{}`, or set `certificate`, `key` and `client_ca` in `[listen.tls]`",
                address.port()
            ),
        )),
        (None, Some(_)) => Err(ConfigError::unusable("listen.tls", "there is no `tcp` that it could be for")),
        (None, None) if listen.socket.as_os_str().is_empty() => {
            Err(ConfigError::unusable("listen", "nobody could call; name a `socket`, or an address in `tcp`"))
        }
        _ => Ok(()),
    }
}

/// Says whether the certificates and the key can be used.
///
/// # Errors
/// When they cannot.
pub(super) fn check_tls(listen: &config::Listen) -> Result<(), ConfigError> {
    listen.tls.as_ref().map_or(Ok(()), |tls| tls::acceptor(tls).map(|_| ()))
}

/// Whether only this machine can reach an address.
fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

impl Listeners {
    pub(super) async fn bind(listen: &config::Listen, limits: &config::Limits) -> Result<Self, ServeError> {
        check(listen)?;
        let tls = listen.tls.as_ref().map(tls::acceptor).transpose()?;
        let tcp = match listen.tcp {
            None => None,
            Some(address) => {
                let bound = TcpListener::bind(address).await;
                Some((bound.map_err(|error| cannot(address.to_string(), &explained(error)))?, tls))
            }
        };
        let unix = if listen.socket.as_os_str().is_empty() {
            None
        } else {
            let bound = Socket::bind(&listen.socket).await;
            Some(bound.map_err(|error| cannot(listen.socket.display().to_string(), &error))?)
        };
        Ok(Self { unix, tcp, connections: limits.connections.clamp(1, Semaphore::MAX_PERMITS) })
    }

    /// Serves until told to stop, then lets the calls in flight end, as long as may be.
    pub(super) async fn serve(
        self,
        router: Router,
        stop: CancellationToken,
        drain: impl FnOnce() -> Duration,
    ) -> Result<(), ServeError> {
        let cut = CancellationToken::new();
        // The runtime may live on, in a program that has the service linked in.
        let _cut = cut.clone().drop_guard();
        let (sender, connections) = mpsc::channel(1);
        let places = Arc::new(Semaphore::new(self.connections));
        let reception = Reception { connections: sender, places, most: self.connections, stop: stop.clone(), cut };
        let unix = self.unix.map(|socket| tokio::spawn(reception.clone().unix(socket)));
        let tcp = self.tcp.map(|(listener, tls)| tokio::spawn(reception.clone().tcp(listener, tls)));
        drop(reception);
        let incoming = ReceiverStream::new(connections).map(Ok::<_, io::Error>);
        let too_long = async {
            stop.cancelled().await;
            let drain = drain();
            tokio::time::sleep(drain).await;
            tracing::warn!(?drain, "calls in flight did not end within `limits.drain`; they are cut off");
        };
        let served = tokio::select! {
            served = router.serve_with_incoming_shutdown(incoming, stop.cancelled()) => served,
            () = too_long => Ok(()),
        };
        stop.cancel();
        for accepting in [unix, tcp].into_iter().flatten() {
            accepting.await.map_err(|error| ServeError::Failed(error.to_string()))?;
        }
        served.map_err(|error| ServeError::Failed(error.to_string()))
    }
}

fn cannot(address: String, error: &impl ToString) -> ServeError {
    ServeError::Listen { address, message: error.to_string() }
}

/// What the system says, and what to do about it.
fn explained(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("{error}; stop the program that listens there, or name another port"),
        io::ErrorKind::PermissionDenied => format!("{error}; name a port from 1024 up"),
        io::ErrorKind::AddrNotAvailable => format!("{error}; name an address of this machine"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
