//! Quotes without blocking: for daemons on an async executor, of any kind.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_channel::oneshot;
use pricing_core::budget::{Budget, SearchBudget};
use pricing_core::inventory::Cluster;
use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::order::Order;
use pricing_core::quote::{Quote, QuoteRequest, Reason, ReasonCode, Supply, Terms};
use pricing_core::rates::Pricing;
use pricing_core::reserve::Scheduler;
use pricing_core::text::Untrusted;
use rust_decimal::Decimal;

use super::Plugin;

/// What is known of the cluster, owned: see [`Supply`].
#[derive(Clone, Debug)]
pub enum SharedSupply {
    /// Nothing.
    Unknown,
    /// An inventory, on which the order is placed.
    Reserve {
        /// The inventory.
        cluster: Arc<Cluster>,
        /// Who places.
        scheduler: Scheduler,
        /// What may be spent on the quote.
        budget: SearchBudget,
    },
    /// The daemon has reserved already.
    Held {
        /// The inventory.
        cluster: Arc<Cluster>,
    },
}

impl SharedSupply {
    fn budget(&self) -> SearchBudget {
        match self {
            Self::Reserve { budget, .. } => *budget,
            Self::Unknown | Self::Held { .. } => SearchBudget::default(),
        }
    }

    fn borrow(&self) -> Supply<'_> {
        match self {
            Self::Unknown => Supply::Unknown,
            Self::Reserve { cluster, scheduler, .. } => Supply::Reserve { cluster, scheduler: *scheduler },
            Self::Held { cluster } => Supply::Held { cluster },
        }
    }
}

/// Everything that a quote needs, owned, so that another thread can make it.
#[derive(Clone, Debug)]
pub struct QuoteJob {
    /// The order.
    pub order: Arc<Order>,
    /// The operator's rates and policy.
    pub pricing: Arc<Pricing>,
    /// What is known of the cluster.
    pub supply: SharedSupply,
    /// How full the cluster is.
    pub utilisation: Option<Arc<Utilisation>>,
    /// Who ordered.
    pub owner: Option<String>,
    /// What an AKT is worth.
    pub usd_per_akt: Option<Decimal>,
}

impl QuoteJob {
    fn run(&self, plugin: &Plugin) -> Quote {
        let owner = self.owner.as_deref().map(Untrusted::new);
        let budget = Budget::new(self.supply.budget());
        let terms = Terms { owner, usd_per_akt: self.usd_per_akt, budget: Some(&budget), ..Terms::default() };
        let utilisation = self.utilisation.as_deref();
        let (order, pricing, supply) = (&*self.order, &*self.pricing, self.supply.borrow());
        plugin.quote(&QuoteRequest { order, pricing, supply, utilisation, terms })
    }
}

/// A quote that one of the host's own threads is making.
///
/// It needs no particular executor. Dropped before its turn it is never made; dropped later, its call ends by its
/// deadline. When more than a thousand wait already, it is a fault at once.
#[derive(Debug)]
pub struct QuoteFuture {
    order: Arc<Order>,
    /// None when too many quotes were waiting already.
    receiver: Option<oneshot::Receiver<Quote>>,
}

impl Future for QuoteFuture {
    type Output = Quote;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Quote> {
        let Self { order, receiver } = &mut *self;
        let fault = |code, message: &str| Quote::no_bid(order, Reason::new(code, message));
        let Some(receiver) = receiver else {
            let message = "too many orders wait for the plugin host already";
            return Poll::Ready(fault(ReasonCode::DeadlineExceeded, message));
        };
        Pin::new(receiver).poll(context).map(|made| {
            made.unwrap_or_else(|_| fault(ReasonCode::Trap, "the plugin host lost the call; this is a bug"))
        })
    }
}

impl Plugin {
    /// Places and prices an order as [`Plugin::quote`] does, on one of the host's own threads.
    #[must_use]
    pub fn quote_async(&self, job: QuoteJob) -> QuoteFuture {
        let order = Arc::clone(&job.order);
        let plugin = self.clone();
        let receiver = self.inner.host.workers.run(move || job.run(&plugin));
        QuoteFuture { order, receiver }
    }
}
