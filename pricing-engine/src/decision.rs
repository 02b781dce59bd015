//! Prices the groups of one order with the settings and the live state at that moment.

use std::sync::{Arc, OnceLock};

use pricing_core::budget::{Budget, SearchBudget, Spent};
use pricing_core::input::InputError;
use pricing_core::inventory::Cluster;
use pricing_core::inventory::held_capacity::HeldCapacity;
use pricing_core::money::UsdPerAkt;
use pricing_core::order::{self, Order};
use pricing_core::quote::{
    self, Alternatives, GivenTarget, Quote, QuoteRequest, QuotedTarget, Reason, ReasonCode, Supply, TargetError, Terms,
};
use pricing_core::reserve::kubernetes::{Draw, PodTemplate};
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_core::text::Untrusted;
use pricing_host::{Plugin, Pricer};

use crate::config::{LoadedRates, LoadedScheduler};
use crate::digest::Digest;
use crate::explore::Explore;
use crate::inventory::{Availability, Snapshot};
use crate::order_name::OrderName;

/// The most groups that an order may have. The chain itself allows fewer.
const MAX_GROUPS: usize = 100;

/// An order to price, with what its caller knows about it.
#[derive(Clone, Debug)]
pub struct OrderRequest {
    /// The order's text.
    pub text: Arc<str>,
    /// The orders that were read from the text, one for each group.
    pub orders: Vec<Order>,
    /// What some of the tenants' tools would not accept in the text.
    pub warnings: Vec<InputError>,
    /// The tenant's address.
    pub owner: Option<String>,
    /// The order's name.
    pub name: Option<OrderName>,
    /// Whether the daemon has already reserved the order.
    pub already_reserved: bool,
    /// The daemon's reservation; empty when it is not known.
    pub targets: Vec<GivenTarget>,
    /// The targets, matched to the order's units.
    given: Vec<QuotedTarget>,
    /// Whether to price every distinct set of cards as well.
    pub alternatives: bool,
    /// The digest of the text, once it has been computed.
    digest: OnceLock<Digest>,
}

/// Why an order cannot be priced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderRequestError {
    /// The order cannot be read.
    #[error("the order cannot be read: {0}")]
    Order(#[from] InputError),
    /// The targets do not match the order.
    #[error("the targets are not the order's: {0}")]
    Targets(#[from] TargetError),
    /// There are too many groups.
    #[error("the order has {0} groups; at most {MAX_GROUPS} are taken")]
    Groups(usize),
    /// Targets are given for an order of several groups. They do not say which group they belong to.
    #[error("targets are given for an order of {0} groups; expected one group")]
    TargetsOfGroups(usize),
}

impl OrderRequest {
    /// Reads an order's text.
    ///
    /// # Errors
    /// When it is not an order, or has too many groups.
    pub fn read(text: impl Into<Arc<str>>) -> Result<Self, OrderRequestError> {
        let text = text.into();
        let order::detect::Orders { orders, warnings } = order::detect::read_with_warnings(&text, None)?;
        if orders.len() > MAX_GROUPS {
            return Err(OrderRequestError::Groups(orders.len()));
        }
        Ok(Self {
            text,
            orders,
            warnings,
            owner: None,
            name: None,
            already_reserved: false,
            targets: Vec::new(),
            given: Vec::new(),
            alternatives: false,
            digest: OnceLock::new(),
        })
    }

    /// Returns the digest of the order's text. It is computed once, however many groups the order has.
    #[must_use]
    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| Digest::of(&*self.text))
    }

    /// Sets the daemon's reservation.
    ///
    /// # Errors
    /// When they do not match the order.
    pub fn with_targets(mut self, targets: Vec<GivenTarget>) -> Result<Self, OrderRequestError> {
        if !targets.is_empty() {
            let [order] = self.orders.as_slice() else {
                return Err(OrderRequestError::TargetsOfGroups(self.orders.len()));
            };
            self.given = QuotedTarget::given(order, &targets)?;
        }
        self.targets = targets;
        Ok(self)
    }
}

/// The settings that the engine prices with until the next reload.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The rates.
    pub rates: LoadedRates,
    /// The plugin.
    pub plugin: Option<Plugin>,
    /// The scheduler that places orders.
    pub scheduler: Scheduler,
    /// Which card model a resource unit gets if several models fit.
    pub prefer: Prefer,
    /// The search budget of a request, shared by all of its groups and their alternatives.
    pub budget: SearchBudget,
    /// What starts the pods.
    pub kubernetes: LoadedScheduler,
    /// How bids are explored.
    pub explore: Option<Explore>,
}

/// The live inventory and the live rate at the moment of a decision.
#[derive(Clone, Debug)]
pub struct LiveState {
    /// The cluster.
    pub availability: Availability,
    /// The value of an AKT in USD, if it is known.
    pub usd_per_akt: Option<UsdPerAkt>,
}

/// The decision for one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedGroup {
    /// The quote.
    pub quote: Quote,
    /// The price of every distinct set of cards; `None` if it was not requested, or if the inventory is unusable.
    pub alternatives: Option<Alternatives>,
    /// What the bids for the previous groups take.
    pub before: TakenBefore,
    /// The budget that was left for this group.
    pub remaining_budget: RemainingBudget,
}

/// What the bids for the previous groups of an order take from the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenBefore {
    /// What is reserved for them, in addition to what is held for other orders.
    pub reserved: Vec<HeldCapacity>,
    /// What their pods request, on the nodes where Kubernetes would start them.
    pub started: Vec<HeldCapacity>,
}

/// The result of screening one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenedGroup {
    /// `Ok`, or the reason to decline.
    pub outcome: Result<(), Reason>,
    /// The budget that was left for this group.
    pub remaining_budget: RemainingBudget,
}

/// The budget that was left when a group's turn came. A replay with the same steps makes the same decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemainingBudget {
    /// The search steps that were left.
    pub steps_left: u64,
    /// The steps that were left for predicting where pods start.
    pub left_for_predictions: u64,
    /// Whether the deadline passed before the group was done. A replay may then decide differently.
    pub out_of_time: bool,
}

impl RemainingBudget {
    /// Runs the work for a group, and records the budget that was left before it.
    fn of<R>(budget: &Budget<'_>, work: impl FnOnce() -> R) -> (R, Self) {
        let (steps_left, left_for_predictions) = (budget.left(), budget.left_for_predictions());
        let done = work();
        (done, Self { steps_left, left_for_predictions, out_of_time: budget.spent() == Some(Spent::Time) })
    }
}

/// The search steps per node that subtracting a bid costs: from what can be reserved, and from what Kubernetes sees.
const SUBTRACTION_STEPS: usize = 64;

/// Prices each group of the order. Each is placed on what the bids for the previous groups leave of the cluster, since
/// all of them may be won, and its pods are predicted where the pods of these bids leave room. A group that is not bid
/// on takes nothing.
///
/// Once the budget is used up, every further group is a fault. A deadline in `budget` stops the search as well.
#[must_use]
pub fn price(settings: &Settings, live: &LiveState, request: &OrderRequest, budget: &Budget<'_>) -> Vec<PricedGroup> {
    let mut all = Vec::with_capacity(request.orders.len());
    let mut live = live.clone();
    let mut before = TakenBefore::default();
    for (index, order) in request.orders.iter().enumerate() {
        let ((quote, alternatives), remaining_budget) =
            RemainingBudget::of(budget, || price_group(settings, &live, request, (index, order), budget));
        let last = index.saturating_add(1) == request.orders.len();
        let taken = if last || !is_placed(request) {
            TakenBefore::default()
        } else {
            TakenBefore::by_bid(settings, order, &quote, &live.availability, budget)
        };
        all.push(PricedGroup { quote, alternatives, before: before.clone(), remaining_budget });
        // Without these steps the budget is used up: the next groups are faults, so the cluster no longer matters.
        if !taken.is_empty() && budget.take(nodes(&live.availability).saturating_mul(SUBTRACTION_STEPS)).is_ok() {
            live.availability = without(live.availability, &taken);
            before.add(taken);
        }
    }
    all
}

/// Returns the number of nodes.
fn nodes(availability: &Availability) -> usize {
    match availability {
        Availability::Known(snapshot) => snapshot.cluster.nodes().len(),
        Availability::NotConfigured | Availability::Unusable(_) => 0,
    }
}

/// Returns whether the engine places the order itself, provided that there is an inventory.
fn is_placed(request: &OrderRequest) -> bool {
    !request.already_reserved && request.given.is_empty()
}

/// Returns the capacity that a bid takes from the cluster.
fn capacity_of_bid(settings: &Settings, order: &Order, quote: &Quote) -> Vec<HeldCapacity> {
    match quote.price() {
        Some(_) => HeldCapacity::by(order, &settings.rates.pricing, settings.scheduler, &quote.targets),
        None => Vec::new(),
    }
}

impl TakenBefore {
    /// Returns what a bid takes. Where it is not predicted where its pods start, they take what is reserved for them.
    fn by_bid(
        settings: &Settings,
        order: &Order,
        quote: &Quote,
        availability: &Availability,
        budget: &Budget<'_>,
    ) -> Self {
        let reserved = capacity_of_bid(settings, order, quote);
        let started = match availability {
            Availability::Known(snapshot) if !reserved.is_empty() => {
                capacity_of_pods(settings, order, quote, &snapshot.running, budget)
            }
            Availability::Known(_) | Availability::NotConfigured | Availability::Unusable(_) => None,
        };
        Self { started: started.unwrap_or_else(|| reserved.clone()), reserved }
    }

    fn is_empty(&self) -> bool {
        self.reserved.is_empty() && self.started.is_empty()
    }

    fn add(&mut self, more: Self) {
        let merge = |known: &mut Vec<HeldCapacity>, more| {
            *known = HeldCapacity::merge(std::mem::take(known).into_iter().chain(more));
        };
        merge(&mut self.reserved, more.reserved);
        merge(&mut self.started, more.started);
    }
}

/// Returns what the pods of a bid request on the nodes where Kubernetes would start them. `None` if that is not
/// predicted, or if a pod fits nowhere.
///
/// The pods of the next groups are predicted for one course of events, not for each of them: of nodes that are equally
/// good for a pod, it gets the first.
fn capacity_of_pods(
    settings: &Settings,
    order: &Order,
    quote: &Quote,
    running: &Cluster,
    budget: &Budget<'_>,
) -> Option<Vec<HeldCapacity>> {
    quote.pods.placements()?;
    let units = settings.rates.pricing.commit.for_order(order).units(&order.group, settings.scheduler);
    let selectors = quote.targets.iter().map(|target| target.selector.clone());
    let pods = PodTemplate::selected(&order.group, &units, selectors, running);
    let scheduler = &settings.kubernetes.scheduler;
    match budget.predict(|part| scheduler.draw(&pods, running, &mut |_| 0, part)).ok()? {
        Draw::Started(nodes) => Some(HeldCapacity::of_pods(order, &units, &pods, &nodes, running)),
        Draw::Pending { .. } => None,
    }
}

/// Returns the inventory with more capacity held. The utilisation does not change: a bid may still be lost.
fn without(availability: Availability, taken: &TakenBefore) -> Availability {
    match availability {
        Availability::Known(snapshot) => {
            let held = HeldCapacity::merge(snapshot.held.iter().chain(&taken.reserved).cloned());
            Availability::Known(Arc::new(Snapshot {
                cluster: Arc::new(snapshot.cluster.without(&taken.reserved)),
                running: Arc::new(snapshot.running.without(&taken.started)),
                held,
                ..(*snapshot).clone()
            }))
        }
        Availability::NotConfigured | Availability::Unusable(_) => availability,
    }
}

/// Prices one group. What is already reserved is not placed again; an unusable inventory is a fault, unless screening
/// declines the order anyway.
fn price_group(
    settings: &Settings,
    live: &LiveState,
    request: &OrderRequest,
    (index, order): (usize, &Order),
    budget: &Budget<'_>,
) -> (Quote, Option<Alternatives>) {
    let (owner, usd_per_akt) = (request.owner.as_deref().map(Untrusted::new), live.usd_per_akt);
    let prefer = settings.prefer;
    let predict = settings.kubernetes.predict();
    let running = match &live.availability {
        Availability::Known(snapshot) => Some(&*snapshot.running),
        Availability::NotConfigured | Availability::Unusable(_) => None,
    };
    let terms = Terms { owner, usd_per_akt, prefer, predict, running, budget: Some(budget), ..Terms::default() };
    let pricing = &*settings.rates.pricing;
    let supply = match &live.availability {
        _ if !request.given.is_empty() => Supply::Given { targets: &request.given },
        Availability::NotConfigured => Supply::Unknown,
        Availability::Known(snapshot) if request.already_reserved => {
            Supply::AlreadyReserved { cluster: &snapshot.cluster }
        }
        Availability::Known(snapshot) => Supply::Reserve { cluster: &snapshot.cluster, scheduler: settings.scheduler },
        Availability::Unusable(problem) => {
            // A reason to decline that needs no inventory comes first: such an order is declined with or without one.
            let unusable = || Reason::new(ReasonCode::InventoryUnusable, problem.clone());
            let quote_request = QuoteRequest::new(order, pricing, Supply::Unknown, &terms);
            let reason = quote::screen(&quote_request).err().unwrap_or_else(unusable);
            return (Quote::no_bid(order, reason), None);
        }
    };
    let utilisation = match &live.availability {
        Availability::Known(snapshot) => Some(&*snapshot.utilisation),
        Availability::NotConfigured | Availability::Unusable(_) => None,
    };
    let quote_request = QuoteRequest { order, pricing, supply, utilisation, terms };
    // Without a usable rate there is no bid, so the plugin is not called: it does not replace the service's own rate.
    let rate_is_missing = matches!(quote::token(&quote_request), Ok((_, None, _)));
    let plugin = settings.plugin.as_ref().filter(|_| !rate_is_missing);
    let pricer = plugin.cloned().map_or(Pricer::Builtin, Pricer::Plugin);
    let quote = pricer.quote(&quote_request);
    let exploration = settings.explore.and_then(|explore| explore.of_group(request.name.as_ref(), index));
    let quote = match exploration {
        Some(exploration) => quote::explore::explore(&quote_request, quote, &exploration),
        None => quote,
    };
    if !request.alternatives {
        return (quote, None);
    }
    let alternatives = pricer.alternatives(&quote_request);
    // If there are none, the quote itself says why.
    (quote, Some(alternatives.unwrap_or_default()))
}

/// Returns the capacity that the bids take from the cluster, to be held until the daemon has reserved it. Returns
/// `None` if the engine did not place the order or made no bid. All groups of an order are held under its one name.
#[must_use]
pub fn capacity_to_hold(
    settings: &Settings,
    request: &OrderRequest,
    priced: &[PricedGroup],
) -> Option<Vec<HeldCapacity>> {
    if !is_placed(request) {
        return None;
    }
    let bids = request.orders.iter().zip(priced);
    let held = HeldCapacity::merge(bids.flat_map(|(order, priced)| capacity_of_bid(settings, order, &priced.quote)));
    (!held.is_empty()).then_some(held)
}

/// Screens an order: declines each group that would be declined wherever it was placed.
#[must_use]
pub fn screen(
    settings: &Settings,
    usd_per_akt: Option<UsdPerAkt>,
    request: &OrderRequest,
    budget: &Budget<'_>,
) -> Vec<ScreenedGroup> {
    let owner = request.owner.as_deref().map(Untrusted::new);
    let terms = Terms { owner, usd_per_akt, budget: Some(budget), ..Terms::default() };
    let screen = |order| {
        let quote_request = QuoteRequest::new(order, &settings.rates.pricing, Supply::Unknown, &terms);
        let (outcome, remaining_budget) = RemainingBudget::of(budget, || quote::screen(&quote_request));
        ScreenedGroup { outcome, remaining_budget }
    };
    request.orders.iter().map(screen).collect()
}
