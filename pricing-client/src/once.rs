//! A single call over its own connection.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::{QuoteRequest, QuoteResponse};
use tokio::time::timeout;
use tonic::body::Body;
use tonic::codegen::http;
use tower::Service;

use crate::connect::{connected, mark};
use crate::error::CallError;

/// Asks a service on a Unix socket for one quote. For programs that exit afterwards: they link less code than with a
/// [`Client`](crate::Client), and no TLS, even if another crate in the build enables it.
///
/// # Errors
/// When the service does not answer in time, or answers with an error.
pub async fn quote_once(socket: &Path, deadline: Duration, request: QuoteRequest) -> Result<QuoteResponse, CallError> {
    timeout(deadline, ask(socket, deadline, request)).await.unwrap_or(Err(CallError::Deadline { after: deadline }))
}

async fn ask(socket: &Path, deadline: Duration, message: QuoteRequest) -> Result<QuoteResponse, CallError> {
    let stream = connected(socket).await.map_err(|error| CallError::Unreachable { message: error.to_string() })?;
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| CallError::Garbled { message: error.to_string() })?;
    let connection = tokio::spawn(connection);
    let mut request = tonic::Request::new(message);
    request.set_timeout(deadline);
    // The address is only used for the `:authority` of requests.
    let origin = http::Uri::from_static("http://localhost");
    let answer = PricingClient::with_origin(Connection(sender), origin).quote(request).await;
    connection.abort();
    answer.map(tonic::Response::into_inner).map_err(|status| CallError::of(&status, deadline))
}

/// Adapts a connection to the service that the generated client expects.
struct Connection(http2::SendRequest<Body>);

impl Service<http::Request<Body>> for Connection {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = self.0.send_request(request);
        Box::pin(async { answer.await.map(mark) })
    }
}
