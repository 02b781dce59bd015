//! The byte stream of a connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

use crate::caller::Caller;
use crate::gate::Payer;
use crate::http2::Heard;

/// A connection of any kind, which records when bytes arrive.
pub(super) struct Wire {
    kind: Kind,
    heard: Arc<Heard>,
}

/// The kinds of connections.
pub(super) enum Kind {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Kind {
    /// Returns who is at the other end.
    pub(super) fn caller(&self) -> Caller {
        match self {
            Self::Unix(_) => Caller::Owner,
            Self::Tls(_) => Caller::Certified,
            Self::Tcp(_) => Caller::Anybody,
        }
    }

    /// Returns whom its requests are charged to.
    pub(super) fn payer(&self) -> Payer {
        match self {
            Self::Unix(stream) => Payer::of_unix(stream),
            Self::Tls(stream) => Payer::of_tls(stream),
            Self::Tcp(_) => Payer::of_connection(),
        }
    }
}

impl Wire {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, heard: Heard::new() }
    }

    /// Returns the record of when bytes last arrived.
    pub(super) fn heard(&self) -> Arc<Heard> {
        Arc::clone(&self.heard)
    }
}

/// Calls the same method of whichever stream the connection has.
macro_rules! wired {
    ($wire:expr, $method:ident $(, $argument:expr)*) => {
        match &mut $wire.kind {
            Kind::Unix(stream) => Pin::new(stream).$method($($argument),*),
            Kind::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            Kind::Tls(stream) => Pin::new(stream.as_mut()).$method($($argument),*),
        }
    };
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = wired!(self, poll_read, cx, buf);
        if buf.filled().len() > before {
            self.heard.touch();
        }
        read
    }
}

impl AsyncWrite for Wire {
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
        match &self.kind {
            Kind::Unix(stream) => stream.is_write_vectored(),
            Kind::Tcp(stream) => stream.is_write_vectored(),
            Kind::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        wired!(self, poll_flush, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        wired!(self, poll_shutdown, cx)
    }
}
