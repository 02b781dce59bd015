//! Requests for the tests of plugins.

use crate::{
    Builtin, Endpoints, GpuKind, GpuRequest, Order, Placement, Quote, RateCard, Request, ResourceUnit, Target,
};

/// Makes a request for a test, starting from an empty order. The fields of the request are public, so a test can set
/// what has no method here.
#[derive(Clone, Debug)]
pub struct Sample(Request);

impl Default for Sample {
    fn default() -> Self {
        Self::new()
    }
}

impl Sample {
    /// Makes a request without resources, owner, inventory or built-in quote.
    #[must_use]
    pub fn new() -> Self {
        let zero = || "0".to_owned();
        Self(Request {
            order: Order {
                group: "sample".to_owned(),
                resources: Vec::new(),
                requirements: Vec::new(),
                denom: "uakt".to_owned(),
                max_price: None,
                price_precision: 6,
            },
            targets: Vec::new(),
            rates: RateCard {
                cpu: zero(),
                memory: zero(),
                endpoint: zero(),
                ip: zero(),
                storage: Vec::new(),
                gpu: Vec::new(),
            },
            builtin: Builtin { quote: None, no_bid: None },
            owner: None,
            utilisation: None,
            usd_per_coin: None,
            denom_exponent: 6,
            blocks_per_month: "429909".to_owned(),
        })
    }

    /// Sets the owner of the order.
    #[must_use]
    pub fn owner(mut self, owner: &str) -> Self {
        self.0.owner = Some(owner.to_owned());
        self
    }

    /// Sets the total of the built-in quote, in USD per month.
    #[must_use]
    pub fn total(mut self, usd_per_month: &str) -> Self {
        self.0.builtin.quote = Some(Quote { lines: Vec::new(), usd_per_month: usd_per_month.to_owned(), price: None });
        self
    }

    /// Adds a resource unit with one endpoint.
    #[must_use]
    pub fn unit(mut self, count: u32, cpu_millis: u64, memory_bytes: u64) -> Self {
        let id = u32::try_from(self.0.order.resources.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.0.order.resources.push(ResourceUnit {
            id,
            count,
            cpu_millis,
            memory_bytes,
            gpu: None,
            storage: Vec::new(),
            endpoints: Endpoints { total: 1, leased_ips: 0 },
        });
        let placement = Placement { node: None, replicas: count, cards: Vec::new(), known: false };
        self.0.targets.push(Target { resource_id: id, placements: vec![placement] });
        self
    }

    /// Gives the last unit cards of an NVIDIA model.
    #[must_use]
    pub fn gpus(mut self, units: u64, model: &str) -> Self {
        let kind = GpuKind { vendor: "nvidia".to_owned(), model: model.to_owned(), ram: None, interface: None };
        if let Some(unit) = self.0.order.resources.last_mut() {
            unit.gpu = Some(GpuRequest { units, alternatives: vec![kind.clone()] });
        }
        for placement in self.0.targets.last_mut().into_iter().flat_map(|target| &mut target.placements) {
            placement.cards = vec![kind.clone()];
        }
        self
    }

    /// Returns the request.
    #[must_use]
    pub fn request(self) -> Request {
        self.0
    }
}
