//! A bare tonic service: it answers every call with the same bytes. What it cannot do, no service on tonic can.

#![expect(clippy::unwrap_used, reason = "a benchmark without its input must stop")]

use std::convert::Infallible;
use std::fs;
use std::future::{Ready, ready};
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::task::{Context, Poll};

use prost::bytes::Bytes;
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Service};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::{Status, service::Routes};
use tonic_prost::ProstCodec;

/// Answers every call with the same message.
///
/// Requests and answers are `google.protobuf.BytesValue`s, whose one field is the first field of a `QuoteRequest`, the
/// order, and of a `QuoteResponse` of one group, its quote. So the bytes of both services are the same, and this one
/// neither reads nor writes what is in them.
#[derive(Clone)]
struct Echo(Bytes);

impl NamedService for Echo {
    const NAME: &'static str = "bidprice.v1.Pricing";
}

impl UnaryService<Bytes> for Echo {
    type Response = Bytes;
    type Future = Ready<Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, _: tonic::Request<Bytes>) -> Self::Future {
        ready(Ok(tonic::Response::new(self.0.clone())))
    }
}

impl Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::<Bytes, Bytes>::default()).unary(echo, request).await) })
    }
}

/// Writes what an echo needs into its folder: where to listen, and the answer.
pub(crate) fn write(folder: &Path, tcp: SocketAddr, answer: &[u8]) {
    fs::write(folder.join("tcp"), tcp.to_string()).unwrap();
    fs::write(folder.join("answer"), answer).unwrap();
}

/// Serves until the standard input ends, on a runtime like the service's.
pub(crate) fn serve(folder: &Path) {
    let tcp: SocketAddr = fs::read_to_string(folder.join("tcp")).unwrap().parse().unwrap();
    let answer = prost::Message::decode(&*fs::read(folder.join("answer")).unwrap()).unwrap();
    let runtime = pricing_service::runtime().unwrap();
    let routes = Routes::new(Echo(answer)).prepare();
    let (tcp, unix) = runtime.block_on(async {
        let unix = UnixListener::bind(folder.join("s")).unwrap();
        (TcpListener::bind(tcp).await.unwrap(), unix)
    });
    let server = || Server::builder().add_routes(routes.clone());
    runtime.spawn(server().serve_with_incoming(TcpListenerStream::new(tcp)));
    runtime.spawn(server().serve_with_incoming(UnixListenerStream::new(unix)));
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}
