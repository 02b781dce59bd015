//! Generated orders: each asks for what its own random numbers make of the scenario's shares and weights.
//!
//! Every decision about an order has random numbers of its own, independent of earlier decisions. Raising a share
//! therefore changes orders in one direction only (an order with `*` at a share of 0.2 still has it at 0.4), and
//! raising a weight moves orders to its choice, but none between the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use pricing_core::gpu::{GpuRequest, GpuSelector};
use pricing_core::order::{
    Attribute, Endpoint, EndpointKind, Endpoints, GroupSpec, Order, OrderFormat, PlacementRequirements, ResourceUnit,
    StorageClass, Volume,
};
use pricing_core::quantity::{Bytes, MilliCpu};

use super::MAX_ORDERS;
use super::arrivals::Arrivals;
use super::check::wrong;
use super::mix::{Mix, Shape};
use super::{Arrival, StreamError, with_maximum};
use crate::random::Draws;
use crate::scenario::{GenerateEntry, OrdersEntry};
use crate::time::Millis;

/// Generates orders.
#[derive(Clone, Debug)]
pub(super) struct Generator {
    mix: Mix,
    arrivals: Arrivals,
    most: usize,
    end: Option<Millis>,
    owner: Option<Arc<str>>,
    denom: String,
}

impl Generator {
    /// Checks the scenario's settings. Without a number of orders or a duration there would be no end.
    pub(super) fn new(
        generate: &GenerateEntry,
        entry: &OrdersEntry,
        denom: &str,
        end: Option<Millis>,
    ) -> Result<Self, StreamError> {
        let arrivals = entry
            .arrivals
            .as_ref()
            .ok_or_else(|| wrong("`orders.generate` needs [orders.arrivals] with a `rate` such as `40/h`"))?;
        let most = match (generate.orders, entry.limit) {
            (Some(orders), Some(limit)) => Some(orders.min(limit)),
            (orders, limit) => orders.or(limit),
        };
        if most.is_none() && end.is_none() {
            return Err(wrong("generated orders would never end; set `orders.generate.orders` or `orders.duration`"));
        }
        if let Some(most) = most.filter(|most| *most > MAX_ORDERS) {
            return Err(wrong(format!("`orders.generate.orders` is `{most}`; at most {MAX_ORDERS} are generated")));
        }
        Ok(Self {
            mix: Mix::new(generate)?,
            arrivals: Arrivals::new(arrivals)?,
            most: most.unwrap_or(usize::MAX),
            end,
            owner: entry.owner.as_deref().map(Arc::from),
            denom: denom.to_owned(),
        })
    }

    /// The orders for a seed. Orders of the same shape share one allocation.
    pub(super) fn orders(&self, draws: &Draws) -> Result<Vec<Arrival>, StreamError> {
        let times = self.arrivals.times(draws, self.most, self.end)?;
        let mut known: BTreeMap<Shape, Arc<Order>> = BTreeMap::new();
        let mut orders = Vec::with_capacity(times.len());
        for (number, at) in times.into_iter().enumerate() {
            let shape = self.mix.shape(draws, number);
            let order = match known.get(&shape) {
                Some(order) => Arc::clone(order),
                None => {
                    let order = Arc::new(self.order(&shape)?);
                    known.insert(shape, Arc::clone(&order));
                    order
                }
            };
            let id = Arc::from(format!("order-{}", number.saturating_add(1)));
            orders.push(Arrival { id, at, until: None, owner: self.owner.clone(), order, has_maximum: false });
        }
        Ok(orders)
    }

    /// The order of a shape.
    fn order(&self, shape: &Shape) -> Result<Order, StreamError> {
        // Sizes are per card.
        let times = |amount: u64| amount.saturating_mul(shape.cards.max(1));
        let selector = |(vendor, model, ram, interface): &(String, String, Option<String>, Option<String>)| {
            GpuSelector::new(vendor, model, ram.as_deref(), interface.as_deref())
        };
        let unit = ResourceUnit {
            id: 1,
            cpu: MilliCpu::new(times(shape.cpu)),
            cpu_attributes: Vec::new(),
            memory: Bytes::new(times(shape.memory)),
            memory_attributes: Vec::new(),
            gpu: GpuRequest {
                units: shape.cards,
                alternatives: shape.kinds.iter().map(selector).collect(),
                ..GpuRequest::default()
            },
            storage: self.volumes(times(shape.storage)),
            endpoints: Endpoints::Listed(endpoints(self.mix.endpoints)),
            count: shape.replicas,
            price: None,
        };
        let order = GroupSpec::new("generated".to_owned(), PlacementRequirements::default(), vec![unit])
            .and_then(|group| Order::from_group(group, OrderFormat::GroupSpec));
        let order = order.map_err(|error| wrong(format!("orders.generate: {error}")))?;
        Ok(with_maximum(order, &self.denom).0)
    }

    fn volumes(&self, size: u64) -> Vec<Volume> {
        if size == 0 {
            return Vec::new();
        }
        let size = Bytes::new(size);
        let name = |name: &str| name.to_owned();
        let class = StorageClass::Ephemeral;
        let mut volumes = vec![Volume { name: name("default"), size, class, attributes: Vec::new() }];
        if let Some(class) = &self.mix.persistent {
            let attributes = vec![
                Attribute { key: name("class"), value: class.clone() },
                Attribute { key: name("persistent"), value: name("true") },
            ];
            volumes.push(Volume { name: name("data"), size, class: StorageClass::from_name(class), attributes });
        }
        volumes
    }
}

/// The first endpoint is shared HTTP, the others are ports.
fn endpoints(count: usize) -> Vec<Endpoint> {
    let kind = |place| if place == 0 { EndpointKind::SharedHttp } else { EndpointKind::RandomPort };
    (0..count).map(|place| Endpoint { kind: kind(place), sequence_number: 0 }).collect()
}
