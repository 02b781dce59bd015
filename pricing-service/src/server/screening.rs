//! `akash.provider.v1.ProviderRPC/BidScreening`: what the provider's own clients ask before they deploy.

use std::pin::Pin;

use pricing_core::quote::{Quote, QuotedTarget};
use pricing_proto::akash::base::attributes::v1::Attribute;
use pricing_proto::akash::deployment::v1beta4::{GroupSpec, ResourceUnit};
use pricing_proto::akash::market::v1beta5::ResourceOffer;
use pricing_proto::akash::provider::v1::provider_rpc_server::ProviderRpc;
use pricing_proto::akash::provider::v1::{BidScreeningRequest, BidScreeningResponse, Status as ProviderStatus};
use pricing_proto::cosmos::base::v1beta1::DecCoin;
use prost::Message;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::pricing::invalid;
use super::state::Service;
use crate::convert;
use crate::metrics::Call;
use crate::pricer::Ask;

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
        let spec = request.into_inner().group_spec;
        let spec = spec.ok_or_else(|| Status::invalid_argument("the request has no `group_spec`"))?;
        let answer = move |service: &Self| {
            let ask = Ask::read(convert::order::group_spec(&spec).map_err(invalid)?).map_err(invalid)?;
            let decided = service.decide(Call::BidScreening, ask, deadline);
            let response = match decided.value.first() {
                Some(priced) => screened(&spec, &priced.quote)?,
                None => return Err(Status::internal("the order has no group; this is a bug")),
            };
            Ok(decided.map(|_| response))
        };
        self.in_turn(Call::BidScreening, deadline, charge, answer).await.map(Response::new)
    }
}

fn screened(spec: &GroupSpec, quote: &Quote) -> Result<BidScreeningResponse, Status> {
    if let Some(reason) = quote.reason() {
        let reasons = vec![format!("{}: {}", reason.code.name(), reason.message)];
        return Ok(BidScreeningResponse { passed: false, reasons, ..BidScreeningResponse::default() });
    }
    let price = quote.price().ok_or_else(|| Status::internal("a bid has no price; this is a bug"))?;
    let amount = convert::order::to_atomics(&price.amount().to_string())
        .ok_or_else(|| Status::internal("the bid has more decimals than the chain"))?;
    Ok(BidScreeningResponse {
        passed: true,
        reasons: Vec::new(),
        resource_offers: spec.resources.iter().zip(&quote.targets).map(|(unit, target)| offer(unit, target)).collect(),
        price: Some(DecCoin { denom: price.denom().as_str().to_owned(), amount }),
    })
}

/// What is offered for a unit: what was asked for, with the card that it would get where that is certain.
fn offer(unit: &ResourceUnit, target: &QuotedTarget) -> ResourceOffer {
    let mut resources = unit.resource.clone();
    if let (Some(gpu), Some(kind)) = (resources.as_mut().and_then(|found| found.gpu.as_mut()), target.certain_kind()) {
        gpu.attributes = vec![Attribute { key: kind.attribute_key(), value: "true".to_owned() }];
    }
    ResourceOffer { resources, count: unit.count }
}
