//! `bidprice.v1.Pricing`.

use std::pin::Pin;
use std::time::Instant;

use pricing_proto::bidprice::v1::pricing_server::Pricing;
use pricing_proto::bidprice::v1::quote_stream_response::Outcome;
use pricing_proto::bidprice::v1::{
    Error, QuoteRequest, QuoteResponse, QuoteStreamResponse, ReleaseRequest, ReleaseResponse, ReloadRequest,
    ReloadResponse, ScreenRequest, ScreenResponse, Screened, StatusRequest, StatusResponse,
};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::deadline;
use super::state::Service;
use crate::convert;
use crate::order_name::OrderName;
use crate::pricer::{self, Ask};

impl Service {
    /// When a call must be answered.
    pub(super) fn deadline<T>(&self, request: &Request<T>) -> Instant {
        deadline::of(request.metadata(), self.active().loaded.config.limits.deadline.get())
    }

    async fn answer(&self, request: QuoteRequest, deadline: Instant) -> Result<QuoteResponse, Status> {
        let priced = self.decide(ask(request)?, deadline).await?;
        let quotes = priced.iter().map(|p| convert::answer::quote(&p.quote, p.alternatives.as_ref())).collect();
        Ok(QuoteResponse { quotes })
    }
}

/// What a request asks.
fn ask(request: QuoteRequest) -> Result<Ask, Status> {
    let QuoteRequest { order, owner, order_id, already_reserved, targets, alternatives } = request;
    let (text, name) = convert::order::text(order).map_err(invalid)?;
    let mut ask = Ask::read(text).map_err(invalid)?;
    ask.name = order_id.map(OrderName::from).or(name);
    let of_name = || ask.name.as_ref().map(|name| name.owner.clone());
    ask.owner = Some(owner).filter(|owner| !owner.is_empty()).or_else(of_name).filter(|owner| !owner.is_empty());
    ask.already_reserved = already_reserved;
    ask.alternatives = alternatives;
    ask.with_targets(convert::order::targets(targets)).map_err(invalid)
}

pub(super) fn invalid(error: impl std::error::Error) -> Status {
    Status::invalid_argument(error.to_string())
}

#[tonic::async_trait]
impl Pricing for Service {
    async fn quote(&self, request: Request<QuoteRequest>) -> Result<Response<QuoteResponse>, Status> {
        let deadline = self.deadline(&request);
        self.answer(request.into_inner(), deadline).await.map(Response::new)
    }

    async fn screen(&self, request: Request<ScreenRequest>) -> Result<Response<ScreenResponse>, Status> {
        let ScreenRequest { order, owner } = request.into_inner();
        let ask = ask(QuoteRequest { order, owner, ..QuoteRequest::default() })?;
        let active = self.active();
        let screened = pricer::screen(&active.settings, None, &ask);
        let groups = ask.orders.iter().map(|order| order.group.name().to_owned());
        let screened = groups.zip(screened).map(|(group, screened)| Screened {
            group,
            passed: screened.is_ok(),
            reason: screened.err().as_ref().map(convert::answer::reason),
        });
        Ok(Response::new(ScreenResponse { screened: screened.collect() }))
    }

    type QuoteStreamStream = Pin<Box<dyn Stream<Item = Result<QuoteStreamResponse, Status>> + Send>>;

    async fn quote_stream(
        &self,
        request: Request<Streaming<QuoteRequest>>,
    ) -> Result<Response<Self::QuoteStreamStream>, Status> {
        let service = self.clone();
        let longest = self.active().loaded.config.limits.deadline.get();
        let answers = request.into_inner().then(move |request| {
            let service = service.clone();
            async move {
                let now = Instant::now();
                let deadline = now.checked_add(longest).unwrap_or(now);
                let outcome = match service.answer(request?, deadline).await {
                    Ok(response) => Outcome::Response(response),
                    Err(status) => Outcome::Error(Error {
                        code: u32::try_from(i32::from(status.code())).unwrap_or_default(),
                        message: status.message().to_owned(),
                    }),
                };
                Ok(QuoteStreamResponse { outcome: Some(outcome) })
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn release(&self, _request: Request<ReleaseRequest>) -> Result<Response<ReleaseResponse>, Status> {
        Ok(Response::new(ReleaseResponse { released: false }))
    }

    async fn status(&self, _request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        Ok(Response::new(self.status()))
    }

    async fn reload(&self, _request: Request<ReloadRequest>) -> Result<Response<ReloadResponse>, Status> {
        let service = self.clone();
        let reloaded = tokio::task::spawn_blocking(move || service.reload()).await;
        let reloaded = reloaded.map_err(|_| Status::internal("the reload was lost; this is a bug"))?;
        let active = reloaded.map_err(|error| Status::failed_precondition(error.to_string()))?;
        Ok(Response::new(ReloadResponse {
            rates_digest: active.settings.rates.digest.to_string(),
            plugin_digest: active.settings.plugin.as_ref().map(pricing_host::Plugin::digest),
        }))
    }
}
