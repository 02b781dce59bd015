//! One connection: it counts against the limit, must say something soon, and ends when it is cut.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use super::super::gate::Payer;

/// How long a connection may take to come to its first HTTP/2 frame, the TLS handshake included.
pub(super) const HELLO: Duration = Duration::from_secs(5);

/// The preface of HTTP/2, and the head of the frame that follows it. After that, pings find out who is dead.
const HELLO_BYTES: usize = 24 + 9;

/// What bytes come and go over.
pub(super) enum Wire {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    fn payer(&self) -> Payer {
        match self {
            Self::Unix(stream) => Payer::of_unix(stream),
            Self::Tls(stream) => Payer::of_tls(stream),
            Self::Tcp(_) => Payer::of_connection(),
        }
    }
}

/// A connection.
pub(super) struct Connection {
    wire: Wire,
    payer: Payer,
    hello: Option<Hello>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _permit: OwnedSemaphorePermit,
}

struct Hello {
    patience: Pin<Box<Sleep>>,
    bytes: usize,
}

impl Connection {
    /// A connection that has until the end of the patience to say something.
    pub(super) fn new(
        wire: Wire,
        patience: Pin<Box<Sleep>>,
        permit: OwnedSemaphorePermit,
        cut: CancellationToken,
    ) -> Self {
        let hello = Some(Hello { patience, bytes: 0 });
        let payer = wire.payer();
        Self { wire, payer, hello, cut: Box::pin(cut.cancelled_owned()), _permit: permit }
    }
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Caller {
    /// The service's own user, or root.
    Owner,
    /// Who has a certificate of `client_ca`.
    Certified,
    /// Anybody on this machine.
    Anybody,
}

/// What is known of the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Peer {
    /// Who it is.
    pub(in crate::server) caller: Caller,
    /// Whose account its requests are on.
    pub(in crate::server) payer: Payer,
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        let caller = match self.wire {
            Wire::Unix(_) => Caller::Owner,
            Wire::Tls(_) => Caller::Certified,
            Wire::Tcp(_) => Caller::Anybody,
        };
        Peer { caller, payer: self.payer }
    }
}

/// Calls the same method of whatever the bytes come and go over.
macro_rules! wired {
    ($connection:expr, $method:ident $(, $argument:expr)*) => {
        match &mut $connection.wire {
            Wire::Unix(stream) => Pin::new(stream).$method($($argument),*),
            Wire::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).$method($($argument),*),
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let before = buf.filled().len();
        let read = wired!(self, poll_read, cx, buf);
        if let Some(hello) = &mut self.hello {
            let new = buf.filled().len().saturating_sub(before);
            hello.bytes = hello.bytes.saturating_add(new);
            if hello.bytes >= HELLO_BYTES {
                self.hello = None;
            } else if hello.patience.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        wired!(self, poll_write, cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        wired!(self, poll_write_vectored, cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.wire {
            Wire::Unix(stream) => stream.is_write_vectored(),
            Wire::Tcp(stream) => stream.is_write_vectored(),
            Wire::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        wired!(self, poll_flush, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        wired!(self, poll_shutdown, cx)
    }
}
