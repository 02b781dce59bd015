//! Connections to a peer, with or without TLS.

use std::error::Error;
use std::io;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};

use super::super::plan::Peer;

/// The interval of HTTP/2 keep-alive pings. A gRPC server in Go closes a connection that pings more often than every
/// five minutes. A stream that hangs is noticed earlier, by its silence.
const PING: Duration = Duration::from_secs(310);
/// The timeout of a ping.
const PONG: Duration = Duration::from_secs(20);
/// The flow-control window, in bytes.
const WINDOW: u32 = 1 << 20;

/// Plain TCP or TLS.
trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Peer {
    /// Connects, or fails after `within`.
    pub(super) async fn connect(&self, within: Duration) -> Result<Channel, String> {
        let too_long = || format!("no connection within {}", humantime::format_duration(within));
        tokio::time::timeout(within, self.channel()).await.map_err(|_| too_long())?.map_err(|error| chain(&error))
    }

    async fn channel(&self) -> Result<Channel, tonic::transport::Error> {
        // `dial` does TLS itself. With an `https` address the transport would expect to do it.
        let placeholder = Uri::from_static("http://inventory");
        let endpoint = Endpoint::from(placeholder)
            .origin(self.uri.clone())
            .user_agent(concat!("bidprice/", env!("CARGO_PKG_VERSION")))?
            .http2_keep_alive_interval(PING)
            .keep_alive_timeout(PONG)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let peer = self.clone();
        let dial = move |_: Uri| {
            let peer = peer.clone();
            async move { peer.dial().await.map(TokioIo::new) }
        };
        endpoint.connect_with_connector(tower::service_fn(dial)).await
    }

    async fn dial(&self) -> io::Result<Box<dyn Io>> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
        tcp.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(tcp)) };
        let connector = TlsConnector::from(std::sync::Arc::clone(&tls.config));
        Ok(Box::new(connector.connect(tls.name.clone(), tcp).await?))
    }
}

/// Returns an error with its causes: the transport's errors say nothing without them.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        // Some errors repeat their causes.
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}
