//! Ways to a service.

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

/// A channel that marks responses which began as an answer, so that what is wrong with the rest of them can be told from
/// an error that the service named.
pub(crate) type Marked = MapResponse<Channel, fn(Response<Body>) -> Response<Body>>;

/// A channel as [`Marked`].
pub(crate) fn marked(channel: Channel) -> Marked {
    channel.map_response(mark::<Body>)
}

/// Marks a response that began as an answer.
pub(crate) fn mark<B>(mut response: Response<B>) -> Response<B> {
    if !response.headers().contains_key("grpc-status") {
        response.headers_mut().insert(BEGAN, HeaderValue::from_static("1"));
    }
    response
}

/// How long a busy socket is left alone before it is tried again.
const BUSY: Duration = Duration::from_millis(5);

/// A channel over a Unix socket, which is opened by the first call.
pub(crate) fn unix(socket: PathBuf) -> Channel {
    // The address only fills the `:authority` of requests.
    Endpoint::from_static("http://localhost").connect_with_connector_lazy(service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { connected(&socket).await.map(TokioIo::new) }
    }))
}

/// Connects; where more callers wait than the system lets wait, tries again until the caller's deadline.
pub(crate) async fn connected(socket: &std::path::Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(socket).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(BUSY).await,
            done => return done.and_then(trusted),
        }
    }
}

/// Refuses a service of another user: in a folder that is open to others, anybody could name the price. Root may ask
/// anybody's, since a service seldom runs as root.
fn trusted(stream: UnixStream) -> io::Result<UnixStream> {
    let (peer, own) = (stream.peer_cred()?.uid(), rustix::process::geteuid().as_raw());
    if own == 0 || peer == own || peer == 0 {
        return Ok(stream);
    }
    let message = format!("user {peer} listens there, not the user {own} that asks, nor root");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

/// An address of the wanted scheme.
pub(crate) fn endpoint(address: &str, scheme: &'static str) -> Result<Endpoint, AddressError> {
    let endpoint =
        Endpoint::from_shared(address.to_owned()).map_err(|error| AddressError::malformed(address, &error))?;
    if endpoint.uri().scheme_str() != Some(scheme) {
        return Err(AddressError::Scheme { address: address.to_owned(), scheme });
    }
    Ok(endpoint.tcp_nodelay(true))
}
