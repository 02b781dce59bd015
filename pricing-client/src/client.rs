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

/// The deadline of a call when the caller sets none.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// A client of a service. Clones share its connection.
#[derive(Clone, Debug)]
pub struct Client {
    pricing: PricingClient<Marked>,
    deadline: Duration,
}

impl Client {
    /// Makes a client of a service that listens on a Unix socket. Must be called within a tokio runtime.
    pub fn unix(socket: impl Into<PathBuf>) -> Self {
        Self::over(connect::unix(socket.into()))
    }

    /// Makes a client of a service at an address such as `http://127.0.0.1:9310`, without TLS. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// When the text is not an address with the scheme `http`.
    pub fn tcp(address: &str) -> Result<Self, AddressError> {
        connect::endpoint(address, "http").map(|endpoint| Self::over(endpoint.connect_lazy()))
    }

    /// Makes a client of a service at an address such as `https://prices.example:9310`, with TLS. Must be called within
    /// a tokio runtime.
    ///
    /// # Errors
    /// When the text is not an address with the scheme `https`, or a certificate or key cannot be used.
    #[cfg(feature = "tls")]
    pub fn tls(address: &str, tls: &crate::Tls) -> Result<Self, AddressError> {
        let endpoint = connect::endpoint(address, "https")?;
        let secured = endpoint.tls_config(tls.settings()).map_err(|error| AddressError::tls(address, &error))?;
        Ok(Self::over(secured.connect_lazy()))
    }

    fn over(channel: Channel) -> Self {
        Self { pricing: PricingClient::new(connect::marked(channel)), deadline: DEFAULT_DEADLINE }
    }

    /// Sets the deadline of each call. It covers connecting, waiting and reading the answer.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Returns the deadline of each call.
    #[must_use]
    pub const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Places and prices an order. A decline and a fault are answers, not errors.
    ///
    /// # Errors
    /// When the service does not answer in time, or answers with an error.
    pub async fn quote(&self, request: QuoteRequest) -> Result<QuoteResponse, CallError> {
        let mut pricing = self.pricing.clone();
        self.within(pricing.quote(self.due(request))).await
    }

    /// Returns whether an order would be declined whatever cards and nodes it got.
    ///
    /// # Errors
    /// When the service does not answer in time, or answers with an error.
    pub async fn screen(&self, request: ScreenRequest) -> Result<ScreenResponse, CallError> {
        let mut pricing = self.pricing.clone();
        self.within(pricing.screen(self.due(request))).await
    }

    /// Prices many orders in one call. Each request gets an answer, in the order of the requests. The deadline applies
    /// to each wait for an answer.
    ///
    /// # Errors
    /// When the service does not answer in time, or answers with an error.
    pub async fn quote_stream<S>(&self, requests: S) -> Result<Answers, CallError>
    where
        S: Stream<Item = QuoteRequest> + Send + 'static,
    {
        let mut pricing = self.pricing.clone();
        // Without `grpc-timeout`, which would limit the whole stream.
        let answers = self.within(pricing.quote_stream(Request::new(requests))).await?;
        Ok(Answers::new(answers, self.deadline))
    }

    /// Releases the capacity that is held for an order.
    ///
    /// # Errors
    /// When the service does not answer in time, or answers with an error.
    pub async fn release(&self, request: ReleaseRequest) -> Result<ReleaseResponse, CallError> {
        let mut pricing = self.pricing.clone();
        self.within(pricing.release(self.due(request))).await
    }

    /// Returns what the service prices with at the moment, and its health.
    ///
    /// # Errors
    /// When the service does not answer in time, or answers with an error.
    pub async fn status(&self) -> Result<StatusResponse, CallError> {
        let mut pricing = self.pricing.clone();
        self.within(pricing.status(self.due(StatusRequest {}))).await
    }

    /// Makes the service read its configuration, rates and plugin again.
    ///
    /// # Errors
    /// When the service does not answer in time, or answers with an error. A bad configuration changes nothing, and the
    /// error says what is wrong with it.
    pub async fn reload(&self) -> Result<ReloadResponse, CallError> {
        let mut pricing = self.pricing.clone();
        self.within(pricing.reload(self.due(ReloadRequest::default()))).await
    }

    /// Makes the service accept, by its digest, a configuration that it refused because someone has to accept it first.
    ///
    /// # Errors
    /// When the service does not answer in time, or answers with an error: the files have changed since, or the caller
    /// is not allowed to accept.
    pub async fn accept(&self, digest: impl Into<String>) -> Result<ReloadResponse, CallError> {
        let mut pricing = self.pricing.clone();
        self.within(pricing.reload(self.due(ReloadRequest { accept: digest.into() }))).await
    }

    fn due<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.deadline);
        request
    }

    /// Waits for an answer until the deadline, even if the peer ignores `grpc-timeout`.
    async fn within<T>(&self, call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, CallError> {
        match timeout(self.deadline, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(CallError::of(&status, self.deadline)),
            Err(_) => Err(CallError::Deadline { after: self.deadline }),
        }
    }
}
