//! Implements the gRPC service `bidprice.v1.Pricing`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use pricing_proto::bidprice::v1::pricing_server::Pricing;
use pricing_proto::bidprice::v1::{
    QuoteRequest, QuoteResponse, QuoteStreamResponse, ReleaseRequest, ReleaseResponse, ReloadRequest, ReloadResponse,
    ScreenRequest, ScreenResponse, StatusRequest, StatusResponse,
};
use prost::Message;
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

use super::caller::Caller;
use super::deadline::{self, Deadline};
use super::gate::Payer;
use super::service::Service;
use super::stream::Answers;
use pricing_engine::digest::Digest;
use pricing_engine::metrics::Call;
use pricing_messages::calls;

impl Service {
    /// Returns when a call must be answered.
    pub(super) fn deadline<T>(&self, request: &Request<T>) -> Instant {
        request.extensions().get().map_or_else(|| self.longest(), |Deadline(deadline)| *deadline)
    }

    /// Returns whom a call is charged to.
    pub(super) fn payer<T>(&self, request: &Request<T>) -> Payer {
        request.extensions().get().copied().unwrap_or_default()
    }

    /// Returns the latest time at which a call that begins now must be answered.
    pub(super) fn longest(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.active().loaded.config.limits.deadline.get()).unwrap_or(now)
    }

    /// Answers a request when it is its turn. The order is also read then, because reading takes time, too.
    pub(super) async fn quote_in_turn(
        &self,
        call: Call,
        payer: Payer,
        request: QuoteRequest,
        deadline: Instant,
    ) -> Result<QuoteResponse, Status> {
        let charge = self.charge(payer, request.encoded_len(), request.alternatives);
        let answer = move |service: &Self| calls::quote(service.engine(), call, request, deadline).map_err(invalid);
        self.in_turn(call, deadline, charge, answer).await
    }
}

pub(super) fn invalid(error: impl std::error::Error) -> Status {
    Status::invalid_argument(error.to_string())
}

/// Returns the digest of the configuration that a reload accepts. Callers over TCP without TLS may not accept any.
fn accepted(request: &Request<ReloadRequest>) -> Result<Option<Digest>, Status> {
    if request.get_ref().accept.is_empty() {
        return Ok(None);
    }
    if !matches!(request.extensions().get(), Some(Caller::Owner | Caller::Certified)) {
        let message = "a configuration is accepted over the Unix socket or mutual TLS: without a certificate, anyone who is \
                       on this machine could";
        return Err(Status::permission_denied(message));
    }
    calls::accepted(request.get_ref()).map_err(invalid)
}

#[tonic::async_trait]
impl Pricing for Service {
    async fn quote(&self, request: Request<QuoteRequest>) -> Result<Response<QuoteResponse>, Status> {
        let (deadline, payer) = (self.deadline(&request), self.payer(&request));
        self.quote_in_turn(Call::Quote, payer, request.into_inner(), deadline).await.map(Response::new)
    }

    async fn screen(&self, request: Request<ScreenRequest>) -> Result<Response<ScreenResponse>, Status> {
        let (deadline, payer) = (self.deadline(&request), self.payer(&request));
        let charge = self.charge(payer, request.get_ref().encoded_len(), false);
        let request = request.into_inner();
        let answer = move |service: &Self| calls::screen(service.engine(), request, deadline).map_err(invalid);
        self.in_turn(Call::Screen, deadline, charge, answer).await.map(Response::new)
    }

    type QuoteStreamStream = Pin<Box<dyn Stream<Item = Result<QuoteStreamResponse, Status>> + Send>>;

    async fn quote_stream(
        &self,
        request: Request<Streaming<QuoteRequest>>,
    ) -> Result<Response<Self::QuoteStreamStream>, Status> {
        let deadline = deadline::named(request.metadata()).and_then(|time| Instant::now().checked_add(time));
        let payer = self.payer(&request);
        let messages = request.extensions().get().cloned();
        Ok(Response::new(Box::pin(Answers::new(self.clone(), payer, request.into_inner(), deadline, messages))))
    }

    async fn release(&self, request: Request<ReleaseRequest>) -> Result<Response<ReleaseResponse>, Status> {
        calls::release(self.engine(), request.into_inner()).map(Response::new).map_err(invalid)
    }

    async fn status(&self, _request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        Ok(Response::new(self.status()))
    }

    async fn reload(&self, request: Request<ReloadRequest>) -> Result<Response<ReloadResponse>, Status> {
        let accepted = accepted(&request)?;
        let engine = self.engine().clone();
        let place = Arc::clone(&self.inner.reloaders).try_acquire_owned();
        let place =
            place.map_err(|_| Status::resource_exhausted("a reload is in progress, and another one is waiting"))?;
        let reload = move || {
            // It is held until the reload is done, even if the caller goes away.
            let _place = place;
            calls::reload(&engine, accepted)
        };
        let reloaded = tokio::task::spawn_blocking(reload).await;
        let reloaded = reloaded.map_err(|_| Status::internal("the reload was lost; this is a bug"))?;
        reloaded.map(Response::new).map_err(|error| Status::failed_precondition(error.to_string()))
    }
}
