//! The page that Prometheus reads: `/metrics`, and `/healthz` beside it.

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

/// Connections at the same time. For one more, the oldest is closed.
const CONNECTIONS: usize = 32;
/// How old a connection must be before it has to make room for another: a page is made in a few milliseconds.
const AGE: Duration = Duration::from_millis(250);
/// How long the head of a request may take, from the beginning of the connection or the end of the answer before it.
const HEADER_TIME: Duration = Duration::from_secs(5);
/// How long a connection may last. Who reads for longer connects anew.
const CONNECTION_TIME: Duration = Duration::from_secs(120);
/// How long answers may take to be read when the service stops.
const DRAIN: Duration = Duration::from_secs(2);
/// How long to wait when no connection can be accepted, such as for want of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}")]
pub struct PageError {
    /// Where.
    pub address: SocketAddr,
    /// Why.
    pub error: io::Error,
}

/// The listener of the page.
pub struct Page {
    listener: TcpListener,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("listener", &self.listener).finish()
    }
}

impl Page {
    /// Listens on an address. To be called within a tokio runtime.
    ///
    /// # Errors
    /// When that is not possible.
    pub fn bind(address: SocketAddr) -> Result<Self, PageError> {
        let bind = || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        bind().map(|listener| Self { listener }).map_err(|error| PageError { address, error })
    }

    /// The address, with the port that the system chose where none was named.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves the page until told to stop, and lets the answers under way be read for a little while.
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
                    // Closed at once when all others came just now.
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
        // Those that are still read after that are cut off when the service ends.
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
    // One protocol, so that nothing waits to find out which: who says nothing would keep others from reading.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(16 << 10);
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(pages)));
    let over = tokio::select! {
        // What goes wrong with a connection is its peer's business.
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
