//! Identifies the caller that a request is charged to, as far as the connection reveals it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// The caller that a request is charged to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Payer {
    /// A daemon that links the service.
    #[default]
    Inside,
    /// A process on this machine, however many connections it has.
    Process(i32),
    /// The holder of a certificate, by its hash.
    Certificate(u64),
    /// An unknown caller: the connection itself.
    Connection(u64),
}

impl Payer {
    /// Returns the process at the other end.
    pub(crate) fn of_unix(stream: &UnixStream) -> Self {
        let process = stream.peer_cred().ok().and_then(|caller| caller.pid());
        // The kernel reports 0 for a process that this one cannot see, such as one in another container.
        process.filter(|process| *process > 0).map_or_else(Self::of_connection, Self::Process)
    }

    /// Returns the holder of the client's certificate. The handshake must be complete.
    pub(crate) fn of_tls(stream: &TlsStream<TcpStream>) -> Self {
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        certificate.map_or_else(Self::of_connection, |certificate| {
            let mut hasher = DefaultHasher::new();
            certificate.as_ref().hash(&mut hasher);
            Self::Certificate(hasher.finish())
        })
    }

    /// Returns a new account for a connection whose caller cannot be identified.
    pub(crate) fn of_connection() -> Self {
        static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
        Self::Connection(CONNECTIONS.fetch_add(1, Ordering::Relaxed))
    }
}
