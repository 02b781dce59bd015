//! The core's own quote of an order, with what an engine prices with.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a benchmark without its input must stop")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pricing_core::quote::{self, Quote, QuoteRequest, Supply, Terms};
use pricing_core::text::Untrusted;
use pricing_engine::Engine;
use pricing_engine::decision::{OrderRequest, Settings};
use pricing_engine::inventory::{Availability, Snapshot};
use pricing_proto::bidprice::v1::order::Form;

use crate::site;
use crate::stats::Samples;

/// Repetitions for a mean, and how many means there are, of which the median counts.
const TIMES: u32 = 500;
const MEANS: usize = 21;

/// The order of [`site::request`], read, with an engine's settings and inventory.
#[derive(Debug)]
pub struct CoreQuote {
    request: OrderRequest,
    settings: Arc<Settings>,
    snapshot: Arc<Snapshot>,
    usd_per_akt: Option<pricing_core::money::UsdPerAkt>,
}

/// Returns the text of the order of [`site::request`].
#[must_use]
pub fn text() -> String {
    match site::request().order.unwrap().form.unwrap() {
        Form::Text(text) => text,
        other => unreachable!("{other:?}"),
    }
}

impl CoreQuote {
    /// Takes what an engine prices with at the moment.
    #[must_use]
    pub fn of(engine: &Engine) -> Self {
        let live = engine.live(Instant::now());
        let Availability::Known(snapshot) = live.availability else { unreachable!("no inventory") };
        let mut request = OrderRequest::read(text()).unwrap();
        request.owner = Some(site::request().owner);
        Self { request, settings: Arc::clone(&engine.active().settings), snapshot, usd_per_akt: live.usd_per_akt }
    }

    /// Prices the order.
    #[must_use]
    pub fn quote(&self) -> Quote {
        let (settings, snapshot) = (&*self.settings, &*self.snapshot);
        let terms = Terms {
            owner: self.request.owner.as_deref().map(Untrusted::new),
            usd_per_akt: self.usd_per_akt,
            prefer: settings.prefer,
            predict: settings.kubernetes.predict(),
            running: Some(&*snapshot.running),
            ..Terms::default()
        };
        let supply = Supply::Reserve { cluster: &snapshot.cluster, scheduler: settings.scheduler };
        let [order] = self.request.orders.as_slice() else { unreachable!("one group") };
        let request = QuoteRequest::new(order, &settings.rates.pricing, supply, &terms);
        quote::quote(&QuoteRequest { utilisation: Some(&*snapshot.utilisation), ..request })
    }

    /// Returns the mean time of a quote: the median of several means, which other work on the machine hardly changes.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let mean = || {
            let began = Instant::now();
            for _ in 0..TIMES {
                black_box(black_box(self).quote());
            }
            began.elapsed() / TIMES
        };
        let mut means = Samples::default();
        (0..MEANS).for_each(|_| means.add(mean()));
        means.per_mille(500)
    }
}
