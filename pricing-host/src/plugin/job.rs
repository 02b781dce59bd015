//! Non-blocking quotes, for daemons on any async executor.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_channel::oneshot;
use pricing_core::budget::{Budget, SearchBudget};
use pricing_core::inventory::Cluster;
use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::money::UsdPerAkt;
use pricing_core::order::Order;
use pricing_core::quote::{Quote, QuoteRequest, Reason, ReasonCode, Supply, Terms};
use pricing_core::rates::Pricing;
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_core::text::Untrusted;

use super::Plugin;

/// What is known about the cluster, owned. See [`Supply`].
#[derive(Clone, Debug)]
pub enum SharedSupply {
    /// Nothing.
    Unknown,
    /// An inventory, on which the order is placed.
    Reserve {
        /// The inventory.
        cluster: Arc<Cluster>,
        /// The algorithm that makes reservations.
        scheduler: Scheduler,
        /// The budget of the quote.
        budget: SearchBudget,
    },
    /// The daemon has already reserved.
    AlreadyReserved {
        /// The inventory.
        cluster: Arc<Cluster>,
    },
}

impl SharedSupply {
    fn budget(&self) -> SearchBudget {
        match self {
            Self::Reserve { budget, .. } => *budget,
            Self::Unknown | Self::AlreadyReserved { .. } => SearchBudget::default(),
        }
    }

    fn borrow(&self) -> Supply<'_> {
        match self {
            Self::Unknown => Supply::Unknown,
            Self::Reserve { cluster, scheduler, .. } => Supply::Reserve { cluster, scheduler: *scheduler },
            Self::AlreadyReserved { cluster } => Supply::AlreadyReserved { cluster },
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
    /// What is known about the cluster.
    pub supply: SharedSupply,
    /// The utilisation of the cluster.
    pub utilisation: Option<Arc<Utilisation>>,
    /// The owner of the order.
    pub owner: Option<String>,
    /// The price of an AKT in USD, if it is known.
    pub usd_per_akt: Option<UsdPerAkt>,
    /// Which model a request gets that several models fit. Only the sound scheduler has a choice.
    pub prefer: Prefer,
}

impl QuoteJob {
    fn run(&self, plugin: &Plugin) -> Quote {
        let owner = self.owner.as_deref().map(Untrusted::new);
        let budget = Budget::new(self.supply.budget());
        let (usd_per_akt, prefer) = (self.usd_per_akt, self.prefer);
        let terms = Terms { owner, usd_per_akt, prefer, budget: Some(&budget), ..Terms::default() };
        let utilisation = self.utilisation.as_deref();
        let (order, pricing, supply) = (&*self.order, &*self.pricing, self.supply.borrow());
        plugin.quote(&QuoteRequest { order, pricing, supply, utilisation, terms })
    }
}

/// A quote in progress on one of the host's own threads.
///
/// It does not need a particular executor. If it is dropped before its turn, the quote is never made; if it is dropped
/// later, the call ends by its deadline. If more than a thousand quotes are waiting, it is a fault at once.
#[derive(Debug)]
pub struct QuoteFuture {
    order: Arc<Order>,
    /// None if too many quotes were waiting.
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
    /// Places and prices an order like [`Plugin::quote`], on one of the host's own threads.
    #[must_use]
    pub fn quote_async(&self, job: QuoteJob) -> QuoteFuture {
        let order = Arc::clone(&job.order);
        let plugin = self.clone();
        let receiver = self.inner.host.workers.run(move || job.run(&plugin));
        QuoteFuture { order, receiver }
    }
}
