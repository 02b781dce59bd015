//! The calls of `bidprice.v1.Pricing`, on the calling thread: from the request's message to the answer's.
//!
//! Who may call, how many calls run at once, and until when, is up to whoever carries the messages.

use std::time::Instant;

use pricing_engine::Engine;
use pricing_engine::config::ConfigError;
use pricing_engine::decision::{OrderRequest, OrderRequestError, PricedGroup, ScreenedGroup};
use pricing_engine::digest::Digest;
use pricing_engine::engine::{self, Answer};
use pricing_engine::metrics::Call;
use pricing_engine::order_name::OrderName;
use pricing_proto::bidprice::v1::{
    QuoteRequest, QuoteResponse, ReleaseRequest, ReleaseResponse, ReloadRequest, ReloadResponse, ScreenRequest,
    ScreenResponse, Screened,
};

use crate::answer;
use crate::order::{self, OrderMessageError};

/// Why a request cannot be answered, whatever the engine's state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// The message is not that of an order.
    #[error(transparent)]
    Message(#[from] OrderMessageError),
    /// The order cannot be read.
    #[error(transparent)]
    Order(#[from] OrderRequestError),
    /// A release does not say of which order.
    #[error("the request has no `order_id`")]
    NoOrderId,
    /// What a reload is to accept is not a digest.
    #[error("`accept` is not `sha256:` and 64 hexadecimal digits")]
    NotADigest,
}

/// Prices an order, and records it as `call` in the metrics and in the bid log.
///
/// # Errors
/// When the order cannot be read.
pub fn quote(
    engine: &Engine,
    call: Call,
    request: QuoteRequest,
    deadline: Instant,
) -> Result<Answer<QuoteResponse>, InvalidRequest> {
    let asked = order_request(request)?;
    let warnings = warnings(&asked);
    Ok(answered(engine.quote_as(call, asked, deadline), warnings))
}

/// An order that [`quote_within`] has not priced.
#[derive(Debug)]
pub struct Unfinished {
    order: Box<engine::Unfinished>,
    warnings: Vec<String>,
}

/// Prices an order as [`quote`] does, if that takes no longer than until `patience`. The inner error is what [`finish`]
/// prices from the beginning.
///
/// # Errors
/// When the order cannot be read.
pub fn quote_within(
    engine: &Engine,
    call: Call,
    request: QuoteRequest,
    patience: Instant,
) -> Result<Result<Answer<QuoteResponse>, Unfinished>, InvalidRequest> {
    let asked = order_request(request)?;
    let warnings = warnings(&asked);
    Ok(match engine.quote_within(call, asked, patience) {
        Ok(decided) => Ok(answered(decided, warnings)),
        Err(order) => Err(Unfinished { order, warnings }),
    })
}

/// Prices an order that was not priced in time.
#[must_use]
pub fn finish(engine: &Engine, unfinished: Unfinished, deadline: Instant) -> Answer<QuoteResponse> {
    let Unfinished { order, warnings } = unfinished;
    answered(engine.finish(*order, deadline), warnings)
}

fn warnings(asked: &OrderRequest) -> Vec<String> {
    asked.warnings.iter().map(ToString::to_string).collect()
}

fn answered(decided: Answer<Vec<PricedGroup>>, warnings: Vec<String>) -> Answer<QuoteResponse> {
    let quote = |priced: &PricedGroup| answer::quote(&priced.quote, priced.alternatives.as_ref());
    decided.map(|priced| QuoteResponse { quotes: priced.iter().map(quote).collect(), warnings })
}

/// Declines each group of an order that would be declined wherever it was placed.
///
/// # Errors
/// When the order cannot be read.
pub fn screen(
    engine: &Engine,
    request: ScreenRequest,
    deadline: Instant,
) -> Result<Answer<ScreenResponse>, InvalidRequest> {
    let ScreenRequest { order, owner } = request;
    let asked = order_request(QuoteRequest { order, owner, ..QuoteRequest::default() })?;
    let screened = engine.screen(&asked, deadline);
    let groups = asked.orders.iter().map(|order| order.group.name().exact().to_owned());
    let told = |(group, ScreenedGroup { outcome, .. })| Screened {
        group,
        passed: outcome.is_ok(),
        reason: outcome.err().as_ref().map(answer::reason),
    };
    Ok(screened.map(|screened| ScreenResponse { screened: groups.zip(screened).map(told).collect() }))
}

/// Releases the capacity that is held for an order.
///
/// # Errors
/// When the request does not name the order.
pub fn release(engine: &Engine, request: ReleaseRequest) -> Result<ReleaseResponse, InvalidRequest> {
    let name = request.order_id.map(OrderName::from).ok_or(InvalidRequest::NoOrderId)?;
    Ok(ReleaseResponse { released: engine.release(&name) })
}

/// Returns the digest of the configuration that a reload is to accept, if it names one.
///
/// # Errors
/// When the text is not a digest.
pub fn accepted(request: &ReloadRequest) -> Result<Option<Digest>, InvalidRequest> {
    match request.accept.as_str() {
        "" => Ok(None),
        text => Digest::parse(text).map(Some).ok_or(InvalidRequest::NotADigest),
    }
}

/// Reads the configuration again. Blocks until its files have settled.
///
/// # Errors
/// When it is refused, or has to be accepted first. Nothing has changed then.
pub fn reload(engine: &Engine, accepted: Option<Digest>) -> Result<ReloadResponse, ConfigError> {
    let active = match accepted {
        None => engine.reload()?,
        Some(digest) => engine.accept(digest)?,
    };
    Ok(ReloadResponse {
        rates_digest: active.settings.rates.digest.to_string(),
        plugin_digest: active.plugin.as_ref().map(|opened| opened.plugin().digest()),
        warnings: active.scheduler_warnings(),
    })
}

/// Converts a request. The owner is the one that the request names, or that of the order's name.
fn order_request(request: QuoteRequest) -> Result<OrderRequest, InvalidRequest> {
    let QuoteRequest { order, owner, order_id, already_reserved, targets, alternatives } = request;
    let (text, name) = order::text(order)?;
    let mut asked = OrderRequest::read(text)?;
    asked.name = order_id.map(OrderName::from).or(name);
    let of_name = || asked.name.as_ref().map(|name| name.owner.exact().to_owned());
    asked.owner = Some(owner).filter(|owner| !owner.is_empty()).or_else(of_name).filter(|owner| !owner.is_empty());
    asked.already_reserved = already_reserved;
    asked.alternatives = alternatives;
    Ok(asked.with_targets(order::targets(targets))?)
}
