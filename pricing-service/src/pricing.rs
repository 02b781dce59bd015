//! Implements the gRPC service `bidprice.v1.Pricing`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use pricing_proto::bidprice::v1::pricing_server::Pricing;
use pricing_proto::bidprice::v1::{
    QuoteRequest, QuoteResponse, QuoteStreamResponse, ReleaseRequest, ReleaseResponse, ReloadRequest, ReloadResponse,
    ScreenRequest, ScreenResponse, Screened, StatusRequest, StatusResponse,
};
use prost::Message;
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

use super::caller::Caller;
use super::deadline::{self, Deadline};
use super::gate::Payer;
use super::service::Service;
use super::stream::Answers;
use crate::convert;
use pricing_engine::decision::{OrderRequest, PricedGroup, ScreenedGroup as Outcome};
use pricing_engine::digest::Digest;
use pricing_engine::metrics::Call;
use pricing_engine::order_name::OrderName;

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
        let answer = move |service: &Self| {
            let asked = order_request(request)?;
            let warnings = asked.warnings.iter().map(ToString::to_string).collect();
            let decided = service.engine().quote_as(call, asked, deadline);
            let quote = |p: &PricedGroup| convert::answer::quote(&p.quote, p.alternatives.as_ref());
            Ok(decided.map(|priced| QuoteResponse { quotes: priced.iter().map(quote).collect(), warnings }))
        };
        self.in_turn(call, deadline, charge, answer).await
    }
}

/// Converts a request. The owner is the one that the request names, or that of the order's name.
fn order_request(request: QuoteRequest) -> Result<OrderRequest, Status> {
    let QuoteRequest { order, owner, order_id, already_reserved, targets, alternatives } = request;
    let (text, name) = convert::order::text(order).map_err(invalid)?;
    let mut asked = OrderRequest::read(text).map_err(invalid)?;
    asked.name = order_id.map(OrderName::from).or(name);
    let of_name = || asked.name.as_ref().map(|name| name.owner.exact().to_owned());
    asked.owner = Some(owner).filter(|owner| !owner.is_empty()).or_else(of_name).filter(|owner| !owner.is_empty());
    asked.already_reserved = already_reserved;
    asked.alternatives = alternatives;
    asked.with_targets(convert::order::targets(targets)).map_err(invalid)
}

pub(super) fn invalid(error: impl std::error::Error) -> Status {
    Status::invalid_argument(error.to_string())
}

/// Returns the digest of the configuration that a reload accepts. Callers over TCP without TLS may not accept any.
fn accepted(request: &Request<ReloadRequest>) -> Result<Option<Digest>, Status> {
    let text = request.get_ref().accept.as_str();
    if text.is_empty() {
        return Ok(None);
    }
    if !matches!(request.extensions().get(), Some(Caller::Owner | Caller::Certified)) {
        let message = "a configuration is accepted over the Unix socket or mutual TLS: without a certificate, anyone who is \
                       on this machine could";
        return Err(Status::permission_denied(message));
    }
    let malformed = || Status::invalid_argument("`accept` is not `sha256:` and 64 hexadecimal digits");
    Digest::parse(text).map(Some).ok_or_else(malformed)
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
        let ScreenRequest { order, owner } = request.into_inner();
        let answer = move |service: &Self| {
            let asked = order_request(QuoteRequest { order, owner, ..QuoteRequest::default() })?;
            let screened = service.engine().screen(&asked, deadline);
            let groups = asked.orders.iter().map(|order| order.group.name().exact().to_owned());
            let told = |(group, Outcome { outcome, .. })| Screened {
                group,
                passed: outcome.is_ok(),
                reason: outcome.err().as_ref().map(convert::answer::reason),
            };
            Ok(screened.map(|screened| ScreenResponse { screened: groups.zip(screened).map(told).collect() }))
        };
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
        let name = request.into_inner().order_id.map(OrderName::from);
        let name = name.ok_or_else(|| Status::invalid_argument("the request has no `order_id`"))?;
        let released = self.engine().release(&name);
        Ok(Response::new(ReleaseResponse { released }))
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
            match accepted {
                None => engine.reload(),
                Some(digest) => engine.accept(digest),
            }
        };
        let reloaded = tokio::task::spawn_blocking(reload).await;
        let reloaded = reloaded.map_err(|_| Status::internal("the reload was lost; this is a bug"))?;
        let active = reloaded.map_err(|error| Status::failed_precondition(error.to_string()))?;
        Ok(Response::new(ReloadResponse {
            rates_digest: active.settings.rates.digest.to_string(),
            plugin_digest: active.plugin.as_ref().map(|opened| opened.plugin().digest()),
            warnings: active.scheduler_warnings(),
        }))
    }
}
