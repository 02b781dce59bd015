//! The chain's `OfferPrices` as JSON.

use serde::Serialize;

use crate::quote::offer::OfferPrices;

#[derive(Debug, Serialize)]
pub(super) struct OfferJson<'a> {
    resource_id: u32,
    count: u32,
    prices: OfferPricesJson<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct OfferPricesJson<'a> {
    cpu: String,
    memory: String,
    storage: Vec<VolumeJson<'a>>,
    gpu: String,
    endpoints: Vec<EndpointJson>,
}

#[derive(Debug, Serialize)]
pub(super) struct VolumeJson<'a> {
    name: &'a str,
    price: String,
}

#[derive(Debug, Serialize)]
pub(super) struct EndpointJson {
    kind: &'static str,
    price: String,
}

impl<'a> OfferJson<'a> {
    pub(super) fn new(offer: &'a OfferPrices) -> Self {
        let volumes = offer.storage.iter();
        let endpoints = offer.endpoints.iter();
        Self {
            resource_id: offer.resource_id,
            count: offer.count,
            prices: OfferPricesJson {
                cpu: offer.cpu.to_string(),
                memory: offer.memory.to_string(),
                storage: volumes.map(|v| VolumeJson { name: &v.name, price: v.price.to_string() }).collect(),
                gpu: offer.gpu.to_string(),
                endpoints: endpoints
                    .map(|e| EndpointJson { kind: e.kind.name(), price: e.price.to_string() })
                    .collect(),
            },
        }
    }
}
