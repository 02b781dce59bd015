//! A fake service with scripted answers, and peers that are not services.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Read;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use pricing_proto::bidprice::v1::pricing_server::{Pricing, PricingServer};
use pricing_proto::bidprice::v1::{
    Decision, Price, Quote, QuoteRequest, QuoteResponse, QuoteStreamResponse, Reason, ReleaseRequest, ReleaseResponse,
    ReloadRequest, ReloadResponse, ScreenRequest, ScreenResponse, StatusRequest, StatusResponse,
    quote_stream_response::Outcome,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

/// The requests so far, each with its `grpc-timeout`.
type Asked = Arc<Mutex<Vec<(QuoteRequest, Option<String>)>>>;
type Answer = dyn Fn(&QuoteRequest) -> Result<QuoteResponse, Status> + Send + Sync;

/// A fake service on a Unix socket.
pub struct Fake {
    /// The path of the socket.
    pub socket: PathBuf,
    /// The requests so far, each with its `grpc-timeout`.
    pub asked: Asked,
    _folder: TempDir,
    _runtime: Runtime,
}

/// The calls of a fake service.
pub struct Calls {
    answer: Box<Answer>,
    delay: Duration,
    asked: Asked,
}

impl Calls {
    /// Makes a service whose answers a function returns.
    pub fn new(answer: impl Fn(&QuoteRequest) -> Result<QuoteResponse, Status> + Send + Sync + 'static) -> Self {
        Self { answer: Box::new(answer), delay: Duration::ZERO, asked: Arc::default() }
    }
}

impl Fake {
    /// Starts a service that answers at once.
    pub fn answers(answer: impl Fn(&QuoteRequest) -> Result<QuoteResponse, Status> + Send + Sync + 'static) -> Self {
        Self::start(Calls::new(answer))
    }

    /// Starts a service that answers after a delay.
    pub fn late(delay: Duration) -> Self {
        Self::start(Calls { delay, ..Calls::new(|_| Ok(bid("uact", "1"))) })
    }

    fn start(calls: Calls) -> Self {
        let folder = TempDir::new().unwrap();
        let socket = folder.path().join("bidprice.sock");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let asked = calls.asked.clone();
        let listener = runtime.block_on(async { tokio::net::UnixListener::bind(&socket).unwrap() });
        let server = tonic::transport::Server::builder().add_service(PricingServer::new(calls));
        runtime.spawn(server.serve_with_incoming(UnixListenerStream::new(listener)));
        Self { socket, asked, _folder: folder, _runtime: runtime }
    }
}

/// Returns a bid.
pub fn bid(denom: &str, amount: &str) -> QuoteResponse {
    let price = Price { denom: denom.to_owned(), amount: amount.to_owned() };
    one(Quote { decision: Decision::Bid.into(), price: Some(price), ..Quote::default() })
}

/// Returns a decline or a fault.
pub fn no_bid(decision: Decision, code: &str, message: &str) -> QuoteResponse {
    let reason = Reason { code: code.to_owned(), message: message.to_owned(), ..Reason::default() };
    one(Quote { decision: decision.into(), reason: Some(reason), ..Quote::default() })
}

/// Returns an answer with one quote.
pub fn one(quote: Quote) -> QuoteResponse {
    QuoteResponse { quotes: vec![quote], ..QuoteResponse::default() }
}

/// Starts a peer that handles each connection with this function, on its own thread.
pub fn peer(does: impl Fn(UnixStream) + Send + Sync + 'static) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("bidprice.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let does = Arc::new(does);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let does = does.clone();
            thread::spawn(move || does(stream));
        }
    });
    (folder, socket)
}

/// Reads and drops input until the other side closes the connection.
pub fn swallow(mut stream: &UnixStream) {
    let mut bytes = [0; 4096];
    while stream.read(&mut bytes).is_ok_and(|read| read > 0) {}
}

#[tonic::async_trait]
impl Pricing for Calls {
    async fn quote(&self, request: Request<QuoteRequest>) -> Result<Response<QuoteResponse>, Status> {
        let timeout = request.metadata().get("grpc-timeout").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let request = request.into_inner();
        let answer = (self.answer)(&request);
        self.asked.lock().unwrap().push((request, timeout));
        tokio::time::sleep(self.delay).await;
        answer.map(Response::new)
    }

    async fn screen(&self, _: Request<ScreenRequest>) -> Result<Response<ScreenResponse>, Status> {
        Ok(Response::new(ScreenResponse::default()))
    }

    type QuoteStreamStream = std::pin::Pin<Box<dyn Stream<Item = Result<QuoteStreamResponse, Status>> + Send>>;

    async fn quote_stream(
        &self,
        request: Request<Streaming<QuoteRequest>>,
    ) -> Result<Response<Self::QuoteStreamStream>, Status> {
        let answers = request.into_inner().map(|request| {
            let quotes = vec![Quote { group: request?.owner, ..Quote::default() }];
            let response = QuoteResponse { quotes, ..QuoteResponse::default() };
            Ok(QuoteStreamResponse { outcome: Some(Outcome::Response(response)) })
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn release(&self, _: Request<ReleaseRequest>) -> Result<Response<ReleaseResponse>, Status> {
        Ok(Response::new(ReleaseResponse { released: true }))
    }

    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        Ok(Response::new(StatusResponse { version: "1.2.3".to_owned(), ..StatusResponse::default() }))
    }

    async fn reload(&self, _: Request<ReloadRequest>) -> Result<Response<ReloadResponse>, Status> {
        Err(Status::failed_precondition("rates.toml: no such file"))
    }
}
