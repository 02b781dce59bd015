//! Plugins for the benchmarks: a host, an order with everything that a plugin can see, and the plugins themselves.

use std::path::{Path, PathBuf};

use pricing_core::inventory::Cluster;
use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::money::UsdPerAkt;
use pricing_core::order::Order;
use pricing_core::quote::plugin::{Draft, draft};
use pricing_core::quote::{Quote, QuoteRequest, Supply, Terms};
use pricing_core::rates::Pricing;
use pricing_core::reserve::Scheduler;
use pricing_core::text::Untrusted;
use pricing_host::Request;
use testkit::guest::{self, Guest};
use testkit::random::Random;
use testkit::{generate, orders};

/// An order of three services with GPUs, placed on a cluster of 100 nodes.
#[derive(Debug)]
pub struct Case {
    /// The order.
    pub order: Order,
    /// The rate card.
    pub pricing: Pricing,
    /// The cluster that the order is placed on.
    pub cluster: Cluster,
    /// The utilisation of the cluster.
    pub utilisation: Utilisation,
    /// The built-in quote.
    pub draft: Quote,
    /// The terms of the quote, with the owner.
    pub terms: Terms<'static>,
}

impl Case {
    /// Makes the case, with the first generated cluster that has room for the order.
    #[must_use]
    pub fn new() -> Option<Self> {
        let order = orders::three_services("uact")?;
        let pricing = super::pricing();
        let terms =
            Terms { owner: Some(Untrusted::new(orders::OWNER)), usd_per_akt: Some(UsdPerAkt::ONE), ..Terms::default() };
        (1..100).find_map(|seed| {
            let cluster = generate::real_cluster(&mut Random::new(seed), 100);
            let Draft::Open(draft) = draft(&QuoteRequest::new(&order, &pricing, supply(&cluster), &terms)) else {
                return None;
            };
            draft.price()?;
            let (order, pricing) = (order.clone(), pricing.clone());
            let utilisation = Utilisation::of(&cluster);
            Some(Self { order, pricing, cluster, utilisation, draft, terms })
        })
    }

    /// Returns the request to a plugin.
    #[must_use]
    pub fn request(&self) -> Request<'_> {
        Request { asked: self.asked(), draft: &self.draft }
    }

    /// Returns the request for a quote.
    #[must_use]
    pub fn asked(&self) -> QuoteRequest<'_> {
        let utilisation = Some(&self.utilisation);
        QuoteRequest { utilisation, ..QuoteRequest::new(&self.order, &self.pricing, self.supply(), &self.terms) }
    }

    /// Returns the cluster as the supply of a quote.
    #[must_use]
    pub fn supply(&self) -> Supply<'_> {
        supply(&self.cluster)
    }
}

fn supply(cluster: &Cluster) -> Supply<'_> {
    Supply::Reserve { cluster, scheduler: Scheduler::Sound }
}

/// Returns a component that ignores its request and answers with a fixed price, so that only the host's cost remains.
#[must_use]
pub fn constant() -> Vec<u8> {
    guest::answers(0, "1.5")
}

/// Returns a component that runs this code before it answers.
#[must_use]
pub fn with_body(fields: &str, body: &str) -> Vec<u8> {
    let fields = format!("{fields} {}", guest::text_data("1.5"));
    let price = format!("{body} {}", guest::text_answer(0, 3));
    Guest { fields: &fields, price: &price, ..Guest::default() }.component()
}

/// Reads a built example plugin, if it exists.
#[must_use]
pub fn example(name: &str) -> Option<Vec<u8>> {
    std::fs::read(example_path(name)).ok()
}

/// Returns the path of a built example plugin.
#[must_use]
pub fn example_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples-plugins/built").join(name)
}
