//! The HTTP endpoint for Prometheus: `/metrics`, and `/healthz`.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE as CONTENT_TYPE_HEADER;
use axum::routing::get;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connections::{Place, Table};
use pricing_engine::metrics::CONTENT_TYPE;

/// The most connections at the same time. For one more, an old one is closed.
const CONNECTIONS: usize = 32;
/// How old a connection must be before it may be closed for another. Rendering a page takes a few milliseconds.
const AGE: Duration = Duration::from_millis(250);
/// How long the head of a request may take, from the connection's beginning or the end of the previous answer.
const HEADER_TIME: Duration = Duration::from_secs(5);
/// How long a connection may last. A client that needs longer has to reconnect.
const CONNECTION_TIME: Duration = Duration::from_secs(120);
/// How long clients may take to read their answers when the service stops.
const DRAIN: Duration = Duration::from_secs(2);
/// How long to wait when no connection can be accepted, for example for want of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}")]
pub struct PageError {
    /// The address.
    pub address: SocketAddr,
    /// The reason.
    pub error: io::Error,
}

/// The listener of the metrics page.
pub struct Page {
    listener: TcpListener,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("listener", &self.listener).finish()
    }
}

impl Page {
    /// Listens on an address. This must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(address: SocketAddr) -> Result<Self, PageError> {
        let bind = || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        bind().map(|listener| Self { listener }).map_err(|error| PageError { address, error })
    }

    /// Returns the address, with the port that the system chose if it was 0.
    ///
    /// # Errors
    /// When the system does not report the address.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves the page until `stop` is cancelled, then allows a short time for the answers in flight to be read.
    pub async fn serve(self, render: impl Fn() -> String + Send + Sync + 'static, stop: CancellationToken) {
        let pages = pages(Arc::new(render));
        let table = Table::new(CONNECTIONS, AGE);
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    // Without a slot the connection is closed at once: all others are too young to be evicted.
                    let Some(place) = table.place() else { continue };
                    connections.spawn(connection(stream, pages.clone(), place, stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to the metrics could not be accepted");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
        }
        connections.close();
        // What is still being read after that is cut off when the service ends.
        let _ = tokio::time::timeout(DRAIN, connections.wait()).await;
    }
}

fn pages(render: Arc<dyn Fn() -> String + Send + Sync>) -> Router {
    let metrics = move || {
        let render = Arc::clone(&render);
        async move { ([(CONTENT_TYPE_HEADER, CONTENT_TYPE)], render()) }
    };
    Router::new().route("/metrics", get(metrics)).route("/healthz", get(|| async { "ok\n" }))
}

async fn connection(stream: TcpStream, pages: Router, place: Place, stop: CancellationToken) {
    // Only HTTP/1, because detecting the protocol would wait for bytes. A client that sends none would then occupy a
    // slot.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(16 << 10);
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(pages)));
    let over = tokio::select! {
        // An error concerns only the client of this connection.
        _ = served.as_mut() => true,
        () = place.evicted() => true,
        () = tokio::time::sleep(CONNECTION_TIME) => false,
        () = stop.cancelled() => false,
    };
    if !over {
        served.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(DRAIN, served).await;
    }
}
