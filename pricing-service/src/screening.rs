//! Implements `akash.provider.v1.ProviderRPC/BidScreening`, which clients of the provider call before they deploy
//! (AEP-67).
//!
//! Each reason begins with the text that the daemon uses (akash-network/provider#386). The checks have the daemon's
//! order, too: what the order requires of the provider, then capacity, then the price and its denom. The response has a
//! price even if it is above the tenant's maximum, or in another denom than the order's.

use std::pin::Pin;
use std::time::Instant;

use pricing_core::budget::Budget;
use pricing_core::gpu::INTERCONNECT_KEY;
use pricing_core::money::{Denom, Price, denoms};
use pricing_core::order::Order;
use pricing_core::quote::{self, Quote, QuoteRequest, QuotedTarget, Reason, ReasonCode, Supply, Terms};
use pricing_core::rates::{CoinValue, Pricing};
use pricing_core::reserve::shortage::{Lack, NodeShortage};
use pricing_core::text::printable;
use pricing_proto::akash::base::attributes::v1::Attribute;
use pricing_proto::akash::deployment::v1beta4::{GroupSpec, ResourceUnit};
use pricing_proto::akash::market::v1beta5::ResourceOffer;
use pricing_proto::akash::provider::v1::provider_rpc_server::ProviderRpc;
use pricing_proto::akash::provider::v1::{BidScreeningRequest, BidScreeningResponse, Status as ProviderStatus};
use pricing_proto::cosmos::base::v1beta1::DecCoin;
use prost::Message;
use rust_decimal::Decimal;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::service::Service;
use pricing_engine::decision::{self, OrderRequest};
use pricing_engine::engine::Answer;
use pricing_engine::metrics::Call;
use pricing_messages::order;

/// The request has no group.
const MISSING: &str = "missing group spec";
/// The group is invalid.
const INVALID: &str = "group validation error";
/// A unit asks for cards without any attributes of them.
const NAMELESS: &str = "incompatible attributes for resources requirements";
const NOT_HERE: &str = "this is the pricing service; ask the provider's daemon for its status";

#[tonic::async_trait]
impl ProviderRpc for Service {
    async fn get_status(&self, _request: Request<()>) -> Result<Response<ProviderStatus>, Status> {
        Err(Status::unimplemented(NOT_HERE))
    }

    type StreamStatusStream = Pin<Box<dyn Stream<Item = Result<ProviderStatus, Status>> + Send>>;

    async fn stream_status(&self, _request: Request<()>) -> Result<Response<Self::StreamStatusStream>, Status> {
        Err(Status::unimplemented(NOT_HERE))
    }

    async fn bid_screening(
        &self,
        request: Request<BidScreeningRequest>,
    ) -> Result<Response<BidScreeningResponse>, Status> {
        let deadline = self.deadline(&request);
        let charge = self.charge(self.payer(&request), request.get_ref().encoded_len(), false);
        let BidScreeningRequest { group_spec, hostnames } = request.into_inner();
        let Some(spec) = group_spec else { return Ok(Response::new(refused(MISSING.to_owned()))) };
        let answer = move |service: &Self| service.screen_bid(&spec, &hostnames, deadline);
        self.in_turn(Call::BidScreening, deadline, charge, answer).await.map(Response::new)
    }
}

impl Service {
    /// Screens a group as the daemon would.
    ///
    /// The daemon checks what the order requires of the provider before it looks at cards. So a group whose cards have
    /// no attributes is read without them, and refused for one of those requirements or else for the missing
    /// attributes. A price above the tenant's maximum and a price in another denom are computed only where they are the
    /// reason for the refusal.
    fn screen_bid(
        &self,
        spec: &GroupSpec,
        hostnames: &[String],
        deadline: Instant,
    ) -> Result<Answer<BidScreeningResponse>, Status> {
        let named = without_nameless_cards(spec);
        let text = order::screening(named.as_ref().unwrap_or(spec), hostnames);
        let request = match text
            .map_err(|error| error.to_string())
            .and_then(|text| OrderRequest::read(text).map_err(|e| e.to_string()))
        {
            Ok(request) => request,
            Err(problem) => return Ok(Answer::at_once(refused(format!("{INVALID}: {problem}")))),
        };
        if named.is_some() {
            let ineligible = self.ineligible(&request, deadline).as_ref().map(told);
            let nameless = || format!("{NAMELESS}: a resource asks for GPUs without saying which");
            return Ok(Answer::at_once(refused(ineligible.unwrap_or_else(nameless))));
        }
        let bug = || Status::internal("the order has no group; this is a bug");
        let order = request.orders.first().cloned().ok_or_else(bug)?;
        let in_dollars = request.clone();
        let decided = self.engine().quote_as(Call::BidScreening, request, deadline);
        let quote = decided.value.first().map(|priced| &priced.quote).ok_or_else(bug)?;
        let response = match quote.reason() {
            None => passed(spec, quote)?,
            Some(reason) if reason.code == ReasonCode::UnsupportedDenom => {
                self.in_another_denom(in_dollars, reason, deadline)?
            }
            Some(reason) => {
                let active = self.active();
                let terms = Terms { usd_per_akt: self.engine().usd_per_akt(Instant::now()), ..Terms::default() };
                let pricing = &active.settings.rates.pricing;
                let request = QuoteRequest::new(&order, pricing, Supply::Unknown, &terms);
                let price = quote::price_above_max(&request, quote);
                BidScreeningResponse { price: price.as_ref().map(coin).transpose()?, ..refused_for(reason) }
            }
        };
        Ok(decided.map(|_| response))
    }

    /// Returns what the order requires of the provider and does not get, if anything.
    fn ineligible(&self, request: &OrderRequest, deadline: Instant) -> Option<Reason> {
        let is_late = || Instant::now() >= deadline;
        let active = self.active();
        let budget = Budget::new(active.settings.budget).until(&is_late);
        let screened = decision::screen(&active.settings, None, request, &budget);
        let mut refused = screened.into_iter().filter_map(|screened| screened.outcome.err());
        refused.find(|reason| is_eligibility(reason.code))
    }

    /// Answers an order whose denom has no value: with its price in another denom, if there is capacity for it.
    ///
    /// If the order lacks capacity, that is the reason instead, because the daemon checks it first.
    fn in_another_denom(
        &self,
        mut request: OrderRequest,
        unsupported: &Reason,
        deadline: Instant,
    ) -> Result<BidScreeningResponse, Status> {
        let is_late = || Instant::now() >= deadline;
        let active = self.active();
        let settings = &active.settings;
        let budget = Budget::new(settings.budget).until(&is_late);
        let Some(denom) = dollars(&settings.rates.pricing) else { return Ok(refused(told(unsupported))) };
        let maximum = Price::new(denom, Decimal::MAX).ok();
        request.orders =
            request.orders.into_iter().map(|order| Order { max_price: maximum.clone(), ..order }).collect();
        let live = self.engine().live(Instant::now());
        let priced = decision::price(settings, &live, &request, &budget);
        let quote = priced.first().map(|priced| &priced.quote);
        match quote.map(|quote| (quote.reason(), quote.price())) {
            Some((Some(reason), _)) if is_capacity(reason.code) => Ok(refused_for(reason)),
            Some((_, Some(price))) => {
                Ok(BidScreeningResponse { price: Some(coin(price)?), ..refused(told(unsupported)) })
            }
            Some(_) | None => Ok(refused(told(unsupported))),
        }
    }
}

/// Returns the first denom with a fixed value, or the network's own dollar if it is one.
fn dollars(pricing: &Pricing) -> Option<Denom> {
    let denoms = &pricing.chain.denoms;
    let fixed = || denoms.iter().filter(|(_, token)| matches!(token.value, CoinValue::Fixed(_)));
    let own = fixed().find(|(denom, _)| denom.as_str() == denoms::ACT);
    own.or_else(|| fixed().next()).map(|(denom, _)| denom.clone())
}

fn is_eligibility(code: ReasonCode) -> bool {
    use ReasonCode::{
        HostnameUnavailable, IncompatibleAttributes, ReclamationWindow, TooManyVolumes, UnsignedAttributes,
    };
    matches!(
        code,
        IncompatibleAttributes | UnsignedAttributes | TooManyVolumes | ReclamationWindow | HostnameUnavailable
    )
}

fn is_capacity(code: ReasonCode) -> bool {
    matches!(code, ReasonCode::InsufficientCapacity | ReasonCode::ReplicaMismatch | ReasonCode::Pending)
}

/// Returns the spec without the cards of units that name none, or `None` if there are no such units. The rest can be
/// read.
fn without_nameless_cards(spec: &GroupSpec) -> Option<GroupSpec> {
    let is_nameless = |unit: &ResourceUnit| {
        let gpu = unit.resource.as_ref().and_then(|resources| resources.gpu.as_ref());
        gpu.is_some_and(|gpu| {
            let units = gpu.units.as_ref().map_or(&[][..], |units| &units.val);
            gpu.attributes.is_empty() && units.iter().any(|digit| *digit != b'0')
        })
    };
    if !spec.resources.iter().any(is_nameless) {
        return None;
    }
    let mut named = spec.clone();
    for unit in named.resources.iter_mut().filter(|unit| is_nameless(unit)) {
        if let Some(resources) = &mut unit.resource {
            resources.gpu = None;
        }
    }
    Some(named)
}

/// Writes a reason in the daemon's words.
fn told(reason: &Reason) -> String {
    let text = match reason.code {
        ReasonCode::IncompatibleAttributes => "incompatible provider attributes",
        ReasonCode::UnsignedAttributes => "attribute signature requirements not met",
        ReasonCode::TooManyVolumes => "group volumes count exceeds limit",
        ReasonCode::HostnameUnavailable => "hostnames unavailable",
        ReasonCode::InsufficientCapacity => "capacity check failed: insufficient capacity",
        ReasonCode::ReplicaMismatch | ReasonCode::Pending => "capacity check failed",
        ReasonCode::PriceAboveMax => "price too high",
        ReasonCode::UnsupportedDenom => "unsupported denomination",
        code => code.name(),
    };
    format!("{text}: {}", reason.message)
}

/// Returns a refusal for a reason. Each node that lacks something is a further reason.
fn refused_for(reason: &Reason) -> BidScreeningResponse {
    let of_node = |node: &NodeShortage| {
        let lack = |lack: &Lack| {
            let free = lack.free.as_deref().unwrap_or("none");
            format!("{} {} asked for, {free} free", lack.resource.name(), lack.asked)
        };
        let lacks: Vec<String> = node.lacks.iter().map(lack).collect();
        printable(&format!("node {}: {}", node.node, lacks.join("; ")))
    };
    let nodes = reason.shortage.as_deref().map_or(&[] as &[NodeShortage], |shortage| &shortage.nodes);
    let reasons = std::iter::once(told(reason)).chain(nodes.iter().map(of_node)).collect();
    BidScreeningResponse { passed: false, reasons, ..BidScreeningResponse::default() }
}

fn refused(reason: String) -> BidScreeningResponse {
    BidScreeningResponse { passed: false, reasons: vec![reason], ..BidScreeningResponse::default() }
}

fn passed(spec: &GroupSpec, quote: &Quote) -> Result<BidScreeningResponse, Status> {
    let price = quote.price().ok_or_else(|| Status::internal("a bid has no price; this is a bug"))?;
    Ok(BidScreeningResponse {
        passed: true,
        reasons: Vec::new(),
        resource_offers: spec.resources.iter().zip(&quote.targets).map(|(unit, target)| offer(unit, target)).collect(),
        price: Some(coin(price)?),
    })
}

/// Converts a price to the chain's notation.
fn coin(price: &Price) -> Result<DecCoin, Status> {
    let amount = order::to_atomics(&price.amount().to_string())
        .ok_or_else(|| Status::internal("the bid has more decimals than the chain"))?;
    Ok(DecCoin { denom: price.denom().as_str().to_owned(), amount })
}

/// Returns what is offered for a unit: the requested resources, with the card if it is certain.
fn offer(unit: &ResourceUnit, target: &QuotedTarget) -> ResourceOffer {
    let mut resources = unit.resource.clone();
    if let (Some(gpu), Some(kind)) = (resources.as_mut().and_then(|found| found.gpu.as_mut()), target.certain_kind()) {
        gpu.attributes.retain(|attribute| attribute.key == INTERCONNECT_KEY);
        gpu.attributes.push(Attribute { key: kind.attribute_key(), value: "true".to_owned() });
    }
    ResourceOffer { resources, count: unit.count }
}
