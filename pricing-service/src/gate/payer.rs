//! Whose account a request is on, as far as the other end of a connection can be told.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// Who asks, as far as that can be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Payer {
    /// A daemon that has the service linked in.
    #[default]
    Inside,
    /// A process on this machine, however many connections it has.
    Process(i32),
    /// Who has a certificate, by a hash of it.
    Certificate(u64),
    /// Nobody in particular: the connection.
    Connection(u64),
}

impl Payer {
    /// The process at the other end.
    pub(crate) fn of_unix(stream: &UnixStream) -> Self {
        let process = stream.peer_cred().ok().and_then(|caller| caller.pid());
        // 0 is a process that this one cannot see, such as one in another container.
        process.filter(|process| *process > 0).map_or_else(Self::of_connection, Self::Process)
    }

    /// Who showed a certificate, once the handshake is done.
    pub(crate) fn of_tls(stream: &TlsStream<TcpStream>) -> Self {
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        certificate.map_or_else(Self::of_connection, |certificate| {
            let mut hasher = DefaultHasher::new();
            certificate.as_ref().hash(&mut hasher);
            Self::Certificate(hasher.finish())
        })
    }

    /// A connection whose other end cannot be told from others. Each has an account of its own.
    pub(crate) fn of_connection() -> Self {
        static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
        Self::Connection(CONNECTIONS.fetch_add(1, Ordering::Relaxed))
    }
}
