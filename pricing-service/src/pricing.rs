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
use super::gate::{Charge, Payer};
use super::service::Service;
use super::stream::Answers;
use pricing_engine::digest::Digest;
use pricing_engine::engine::Answer;
use pricing_engine::metrics::Call;
use pricing_messages::calls::{self, Unfinished};

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

    /// Answers a request: at once if it is small and a slot is free, or else when it is its turn. The order is also read
    /// then, because reading takes time, too.
    pub(super) async fn quote_in_turn(
        &self,
        call: Call,
        payer: Payer,
        request: QuoteRequest,
        deadline: Instant,
    ) -> Result<QuoteResponse, Status> {
        let asked = Instant::now();
        let charge = self.charge(payer, request.encoded_len(), request.alternatives);
        let answered = match self.quote_at_once(call, charge, request, deadline) {
            Err(refused) => Err(refused),
            Ok(Tried::Answered(answer)) => answer,
            Ok(Tried::Not(request)) => {
                let answer = move |service: &Self| calls::quote(service.engine(), call, request, deadline);
                self.turn(deadline, charge, move |service| answer(service).map_err(invalid)).await
            }
            Ok(Tried::Unfinished(order)) => {
                let answer = move |service: &Self| Ok(calls::finish(service.engine(), *order, deadline));
                self.turn(deadline, charge.tried(), answer).await
            }
        };
        self.answer(call, asked, answered).await
    }

    /// Answers a small request on this thread, if that takes no longer than a moment and need not wait.
    fn quote_at_once(
        &self,
        call: Call,
        charge: Charge,
        request: QuoteRequest,
        deadline: Instant,
    ) -> Result<Tried, Status> {
        let active = self.active();
        // A plugin has a deadline of its own, which is longer than a moment.
        if active.plugin.is_some() {
            return Ok(Tried::Not(request));
        }
        let slot = self.inner.gate.begin_at_once(&active.loaded.config.limits, deadline, charge)?;
        let Some(slot) = slot else { return Ok(Tried::Not(request)) };
        let quote = |until| {
            let tried = calls::quote_within(self.engine(), call, request, until);
            let steps = tried.as_ref().ok().and_then(|tried| tried.as_ref().ok()).map_or(0, |answer| answer.steps);
            (tried, steps)
        };
        Ok(match slot.run(quote)?.map_err(invalid) {
            Ok(Ok(answer)) => Tried::Answered(Ok(answer)),
            Ok(Err(unfinished)) => Tried::Unfinished(Box::new(unfinished)),
            Err(invalid) => Tried::Answered(Err(invalid)),
        })
    }
}

/// What became of a request that may be answered at once.
enum Tried {
    Answered(Result<Answer<QuoteResponse>, Status>),
    /// It takes too long, or it would have to wait for another order.
    Unfinished(Box<Unfinished>),
    /// It is not small, or no slot is free.
    Not(QuoteRequest),
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
