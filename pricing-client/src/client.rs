//! The client and its calls.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::{
    QuoteRequest, QuoteResponse, ReleaseRequest, ReleaseResponse, ReloadRequest, ReloadResponse, ScreenRequest,
    ScreenResponse, StatusRequest, StatusResponse,
};
use tokio::time::timeout;
use tokio_stream::Stream;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::connect::{self, Marked};
use crate::error::{AddressError, CallError};
use crate::stream::Answers;

/// How long a call may take that was given no other deadline.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// A service to ask. Clones share its connection.
#[derive(Clone, Debug)]
pub struct Client {
    pricing: PricingClient<Marked>,
    deadline: Duration,
}

impl Client {
    /// A service that listens on a Unix socket. Call it in a tokio runtime.
    pub fn unix(socket: impl Into<PathBuf>) -> Self {
        Self::over(connect::unix(socket.into()))
    }

    /// A service at an address such as `http://127.0.0.1:9310`, without TLS. Call it in a tokio runtime.
    ///
    /// # Errors
    /// When the address is none, or not an `http` one.
    pub fn tcp(address: &str) -> Result<Self, AddressError> {
        connect::endpoint(address, "http").map(|endpoint| Self::over(endpoint.connect_lazy()))
    }

    /// A service at an address such as `https://prices.example:9310`, with TLS. Call it in a tokio runtime.
    ///
    /// # Errors
    /// When the address is none, or not an `https` one, or a certificate or key cannot be used.
    #[cfg(feature = "tls")]
    pub fn tls(address: &str, tls: &crate::Tls) -> Result<Self, AddressError> {
        let endpoint = connect::endpoint(address, "https")?;
        let secured = endpoint.tls_config(tls.settings()).map_err(|error| AddressError::tls(address, &error))?;
        Ok(Self::over(secured.connect_lazy()))
    }

    fn over(channel: Channel) -> Self {
        Self { pricing: PricingClient::new(connect::marked(channel)), deadline: DEFAULT_DEADLINE }
    }

    /// The same service, with another deadline for each call: connecting, waiting and reading the answer together.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long a call may take.
    #[must_use]
    pub const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Places and prices an order. A decline and a fault are answers, not errors.
    ///
    /// # Errors
    /// When nobody answers in time, or the answer is an error.
    pub async fn quote(&self, request: QuoteRequest) -> Result<QuoteResponse, CallError> {
        let mut pricing = self.pricing.clone();
        self.within(pricing.quote(self.due(request))).await
    }

    /// Says whether an order would be declined whatever it were to get.
    ///
    /// # Errors
    /// When nobody answers in time, or the answer is an error.
    pub async fn screen(&self, request: ScreenRequest) -> Result<ScreenResponse, CallError> {
        let mut pricing = self.pricing.clone();
        self.within(pricing.screen(self.due(request))).await
    }

    /// Prices many orders over one call: an answer for each, in their order. The deadline counts for each wait.
    ///
    /// # Errors
    /// When nobody answers in time, or the answer is an error.
    pub async fn quote_stream<S>(&self, requests: S) -> Result<Answers, CallError>
    where
        S: Stream<Item = QuoteRequest> + Send + 'static,
    {
        let mut pricing = self.pricing.clone();
        // No `grpc-timeout`: it would end the whole stream.
        let answers = self.within(pricing.quote_stream(Request::new(requests))).await?;
        Ok(Answers::new(answers, self.deadline))
    }

    /// Gives capacity back that is held for an order.
    ///
    /// # Errors
    /// When nobody answers in time, or the answer is an error.
    pub async fn release(&self, request: ReleaseRequest) -> Result<ReleaseResponse, CallError> {
        let mut pricing = self.pricing.clone();
        self.within(pricing.release(self.due(request))).await
    }

    /// What the service prices with at the moment, and how well it is.
    ///
    /// # Errors
    /// When nobody answers in time, or the answer is an error.
    pub async fn status(&self) -> Result<StatusResponse, CallError> {
        let mut pricing = self.pricing.clone();
        self.within(pricing.status(self.due(StatusRequest {}))).await
    }

    /// Has the service read its configuration, rates and plugin again.
    ///
    /// # Errors
    /// When nobody answers in time, or the answer is an error: what is bad changes nothing, and says why.
    pub async fn reload(&self) -> Result<ReloadResponse, CallError> {
        let mut pricing = self.pricing.clone();
        self.within(pricing.reload(self.due(ReloadRequest::default()))).await
    }

    /// Has the service take a configuration that it has refused since it has to be accepted first, by its digest.
    ///
    /// # Errors
    /// When nobody answers in time, or the answer is an error: the files hold another one by now, or the caller may not.
    pub async fn accept(&self, digest: impl Into<String>) -> Result<ReloadResponse, CallError> {
        let mut pricing = self.pricing.clone();
        self.within(pricing.reload(self.due(ReloadRequest { accept: digest.into() }))).await
    }

    fn due<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.deadline);
        request
    }

    /// Waits for an answer, until the deadline at most, whatever the peer does.
    async fn within<T>(&self, call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, CallError> {
        match timeout(self.deadline, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(CallError::of(&status, self.deadline)),
            Err(_) => Err(CallError::Deadline { after: self.deadline }),
        }
    }
}
