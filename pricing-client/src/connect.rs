//! Connections to a service.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Response};
use tonic::transport::{Channel, Endpoint, Uri};
use tower::util::MapResponse;
use tower::{ServiceExt, service_fn};

use crate::error::{AddressError, BEGAN};

/// A channel that marks responses whose headers arrived without a status, so that a fault in the rest of them can be
/// told from an error that the service reported.
pub(crate) type Marked = MapResponse<Channel, fn(Response<Body>) -> Response<Body>>;

/// Wraps a channel as [`Marked`].
pub(crate) fn marked(channel: Channel) -> Marked {
    channel.map_response(mark::<Body>)
}

/// Marks a response whose headers have no status. A response that is an error has it in its first headers.
pub(crate) fn mark<B>(mut response: Response<B>) -> Response<B> {
    if !response.headers().contains_key("grpc-status") {
        response.headers_mut().insert(BEGAN, HeaderValue::from_static("1"));
    }
    response
}

/// The delay before a busy socket is tried again.
const BUSY: Duration = Duration::from_millis(5);

/// Makes a channel over a Unix socket. The first call opens the socket.
pub(crate) fn unix(socket: PathBuf) -> Channel {
    // The address is only used for the `:authority` of requests.
    Endpoint::from_static("http://localhost").connect_with_connector_lazy(service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { connected(&socket).await.map(TokioIo::new) }
    }))
}

/// Connects. While the socket's backlog is full, it tries again until the caller's deadline.
pub(crate) async fn connected(socket: &std::path::Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(socket).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(BUSY).await,
            done => return done.and_then(trusted),
        }
    }
}

/// Refuses a service that another user runs: in a directory that others can write to, anybody could listen and name the
/// price. Root may connect to any user's service, because a service rarely runs as root.
fn trusted(stream: UnixStream) -> io::Result<UnixStream> {
    let (peer, own) = (stream.peer_cred()?.uid(), rustix::process::geteuid().as_raw());
    if own == 0 || peer == own || peer == 0 {
        return Ok(stream);
    }
    let message = format!("user {peer} listens there, and not user {own} or root");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

/// Parses an address with this scheme.
pub(crate) fn endpoint(address: &str, scheme: &'static str) -> Result<Endpoint, AddressError> {
    let endpoint =
        Endpoint::from_shared(address.to_owned()).map_err(|error| AddressError::malformed(address, &error))?;
    if endpoint.uri().scheme_str() != Some(scheme) {
        return Err(AddressError::Scheme { address: address.to_owned(), scheme });
    }
    Ok(endpoint.tcp_nodelay(true))
}
