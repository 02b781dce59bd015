//! The sockets that the service listens on.
//!
//! Who may call:
//!
//! | listener | callers |
//! |---|---|
//! | Unix socket | the user that the service runs as, and root |
//! | TCP without TLS | **every user of this machine**; so its address must be a loopback address |
//! | TCP with mutual TLS | whoever has a certificate of the configured authority |
//!
//! A configuration that the guard has refused is not accepted over TCP without TLS ([`Caller`](crate::caller::Caller)).
//!
//! [`Listeners::bind`] binds the Unix socket last, so that whoever finds it can rely on the TCP port.
//! [`Listeners::serve`] then goes through these states:
//!
//! 1. It accepts connections until the stop, or until one of its listeners fails.
//! 2. It waits for the open connections, for `limits.drain` at most. They end once their calls have.
//! 3. It cuts off those that are left.

mod accept;
mod socket;
mod tls;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ServeError;
use super::http2::{Calls, Ends};
use crate::certificate::Validity;
use crate::connections::Table;
use pricing_engine::config::{self, ConfigError};

use accept::Reception;
use socket::Socket;
pub(super) use socket::{SocketError, check as check_folder, or_here, vacant};

/// Everything that the service listens on.
pub(super) struct Listeners {
    unix: Option<Socket>,
    tcp: Option<(TcpListener, Option<TlsAcceptor>)>,
    table: Arc<Table>,
    certificate: Option<Validity>,
}

/// How long a connection must have been idle before it may be evicted.
const IDLE: Duration = Duration::from_secs(5);

/// Checks that the certificates and the key can be used, and returns when the certificate is valid.
///
/// # Errors
/// When they cannot be used.
pub(super) fn check_tls(listen: &config::Listen) -> Result<Option<Validity>, ConfigError> {
    listen.tls.as_ref().map(|tls| tls::acceptor(tls).map(|(_, validity)| validity)).transpose()
}

impl Listeners {
    pub(super) async fn bind(listen: &config::Listen, limits: &config::Limits) -> Result<Self, ServeError> {
        listen.check()?;
        let (tls, certificate) = listen.tls.as_ref().map(tls::acceptor).transpose()?.unzip();
        let tcp = match listen.tcp {
            None => None,
            Some(address) => {
                let bound = bind_tcp(address).await;
                Some((bound.map_err(|error| cannot(address.to_string(), &explained(error)))?, tls))
            }
        };
        let unix = if listen.socket.as_os_str().is_empty() {
            None
        } else {
            let bound = Socket::bind(&listen.socket).await;
            Some(bound.map_err(|error| cannot(listen.socket.display().to_string(), &error))?)
        };
        Ok(Self { unix, tcp, table: Table::new(limits.connections, IDLE), certificate })
    }

    /// Returns when the service's own certificate is valid, or `None` without TLS.
    pub(super) fn certificate(&self) -> Option<Validity> {
        self.certificate
    }

    /// Returns the table of open connections.
    pub(super) fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Serves until `stop` is cancelled, then lets the calls in flight end for at most the time that `drain` returns.
    pub(super) async fn serve(
        self,
        calls: Calls,
        stop: CancellationToken,
        drain: impl FnOnce() -> Duration,
    ) -> Result<(), ServeError> {
        let cut = CancellationToken::new();
        // The runtime may outlive this, in a program that links the service.
        let _cut = cut.clone().drop_guard();
        let open = TaskTracker::new();
        let ends = Ends { stop: stop.clone(), cut: cut.clone() };
        let reception = Reception { calls, table: self.table, open: open.clone(), ends };
        let unix = self.unix.map(|socket| tokio::spawn(reception.clone().unix(socket)));
        let tcp = self.tcp.map(|(listener, tls)| tokio::spawn(reception.clone().tcp(listener, tls)));
        drop(reception);
        let mut failed = Ok(());
        for accepting in [unix, tcp].into_iter().flatten() {
            if let Err(error) = accepting.await {
                // A service that cannot be reached on one of its addresses stops.
                stop.cancel();
                failed = Err(ServeError::Failed(error.to_string()));
            }
        }
        open.close();
        let drain = drain();
        if timeout(drain, open.wait()).await.is_err() {
            tracing::warn!(?drain, "calls in flight did not end within `limits.drain`; they are cut off");
            cut.cancel();
            open.wait().await;
        }
        failed
    }
}

/// Listens on a TCP address.
pub(super) async fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

fn cannot(address: String, error: &impl ToString) -> ServeError {
    ServeError::Listen { address, message: error.to_string() }
}

/// Returns the system's message, and what to do about it.
pub(super) fn explained(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("{error}; stop the program that listens there, or name another port"),
        io::ErrorKind::PermissionDenied => format!("{error}; name a port from 1024 up"),
        io::ErrorKind::AddrNotAvailable => format!("{error}; name an address of this machine"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
