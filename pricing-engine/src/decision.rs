//! One decision: an order, and everything that its price depends on at that moment.

use std::sync::{Arc, OnceLock};

use pricing_core::budget::{Budget, SearchBudget, Spent};
use pricing_core::input::InputError;
use pricing_core::inventory::held::Held;
use pricing_core::order::{self, Order};
use pricing_core::quote::{
    self, Alternatives, GivenTarget, Quote, QuoteRequest, QuotedTarget, Reason, ReasonCode, Supply, TargetError, Terms,
};
use pricing_core::reserve::Scheduler;
use pricing_core::text::Untrusted;
use pricing_host::{Plugin, Pricer};
use rust_decimal::Decimal;

use crate::config::Source;
use crate::digest::Digest;
use crate::inventory::{Known, Stock};
use crate::order_name::OrderName;

/// The most groups that an order may have. The chain itself allows fewer.
const MAX_GROUPS: usize = 100;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The order's text.
    pub text: Arc<str>,
    /// What the text says, one a group.
    pub orders: Vec<Order>,
    /// What of the text only some of the tenants' tools take.
    pub warnings: Vec<InputError>,
    /// Who ordered.
    pub owner: Option<String>,
    /// The order's name.
    pub name: Option<OrderName>,
    /// The daemon has reserved already.
    pub already_reserved: bool,
    /// Where the daemon put it, in its words; empty when it did not say.
    pub targets: Vec<GivenTarget>,
    /// The same, as the order's.
    given: Vec<QuotedTarget>,
    /// Whether every distinct set of cards is to be priced too.
    pub alternatives: bool,
    /// The digest of the text, once it was asked for.
    digest: OnceLock<Digest>,
}

/// Why something cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The order cannot be read.
    #[error("the order cannot be read: {0}")]
    Order(#[from] InputError),
    /// The targets are not the order's.
    #[error("the targets are not the order's: {0}")]
    Targets(#[from] TargetError),
    /// There are more groups than any order has.
    #[error("the order has {0} groups; at most {MAX_GROUPS} are taken")]
    Groups(usize),
    /// Targets of several groups cannot be told apart.
    #[error("targets are given for an order of {0} groups; expected one group")]
    TargetsOfGroups(usize),
}

impl Ask {
    /// Reads an order's text.
    ///
    /// # Errors
    /// When it is no order.
    pub fn read(text: impl Into<Arc<str>>) -> Result<Self, AskError> {
        let text = text.into();
        let order::detect::Orders { orders, warnings } = order::detect::read_with_warnings(&text, None)?;
        if orders.len() > MAX_GROUPS {
            return Err(AskError::Groups(orders.len()));
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

    /// The digest of the order's text. It is worked out once, however many groups the order has.
    #[must_use]
    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| Digest::of(&*self.text))
    }

    /// Says where the daemon put the order.
    ///
    /// # Errors
    /// When these are not targets of the order.
    pub fn with_targets(mut self, targets: Vec<GivenTarget>) -> Result<Self, AskError> {
        if !targets.is_empty() {
            let [order] = self.orders.as_slice() else {
                return Err(AskError::TargetsOfGroups(self.orders.len()));
            };
            self.given = QuotedTarget::given(order, &targets)?;
        }
        self.targets = targets;
        Ok(self)
    }
}

/// What a service prices with until it is configured anew.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The rates.
    pub rates: Source,
    /// The plugin.
    pub plugin: Option<Plugin>,
    /// Who places.
    pub scheduler: Scheduler,
    /// What may be spent on a request, all groups and their alternatives together.
    pub budget: SearchBudget,
}

/// What is known beside the settings at the moment of a decision.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The cluster.
    pub stock: Stock,
    /// What an AKT is worth.
    pub usd_per_akt: Option<Decimal>,
}

/// What was decided for one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// The quote.
    pub quote: Quote,
    /// Every distinct set of cards, where they were asked for and there are some.
    pub alternatives: Option<Alternatives>,
    /// What the bids for the groups before it take of the cluster, beside what is held for other orders.
    pub before: Vec<Held>,
    /// What was there to decide it with.
    pub means: Means,
}

/// What screening came to for one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screened {
    /// Nothing speaks against it, or what does.
    pub outcome: Result<(), Reason>,
    /// What was there to find that out with.
    pub means: Means,
}

/// What was left of a request's budget for a group: with as much, the same is decided again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// The steps that were left when its turn came.
    pub steps_left: u64,
    /// Whether the request's time was over before the group was done. That may be otherwise the next time.
    pub out_of_time: bool,
}

impl Means {
    /// Does the work for a group, and notes what was there for it.
    fn of<R>(budget: &Budget<'_>, work: impl FnOnce() -> R) -> (R, Self) {
        let steps_left = budget.left();
        let done = work();
        (done, Self { steps_left, out_of_time: budget.spent() == Some(Spent::Time) })
    }
}

/// Steps a node for taking what a bid takes off the cluster.
const LESS: usize = 32;

/// Decides, for each group of the order. Each is placed on what the bids for the groups before it leave of the cluster,
/// since all of them may be won; a group that is not bid on takes nothing.
///
/// Once the budget is used up, every further group is a fault.
#[must_use]
pub fn price(settings: &Settings, moment: &Moment, ask: &Ask, budget: &Budget<'_>) -> Vec<Priced> {
    let mut all = Vec::with_capacity(ask.orders.len());
    let mut moment = moment.clone();
    let mut before: Vec<Held> = Vec::new();
    for (place, order) in ask.orders.iter().enumerate() {
        let ((quote, alternatives), means) = Means::of(budget, || price_group(settings, &moment, ask, order, budget));
        let last = place.saturating_add(1) == ask.orders.len();
        let takes = if last || !is_placed(ask) { Vec::new() } else { takes(settings, order, &quote) };
        all.push(Priced { quote, alternatives, before: before.clone(), means });
        // Without the steps for it the next groups are faults, whatever is left of the cluster.
        if !takes.is_empty() && budget.take(size(&moment.stock).saturating_mul(LESS)).is_ok() {
            moment.stock = less(moment.stock, &takes);
            before = Held::merge(before.into_iter().chain(takes));
        }
    }
    all
}

/// How many nodes there are.
fn size(stock: &Stock) -> usize {
    match stock {
        Stock::Known(known) => known.cluster.nodes().len(),
        Stock::NotAsked | Stock::Unusable(_) => 0,
    }
}

/// Whether this service places the order, where it knows an inventory.
fn is_placed(ask: &Ask) -> bool {
    !ask.already_reserved && ask.given.is_empty()
}

/// What a bid takes of the cluster.
fn takes(settings: &Settings, order: &Order, quote: &Quote) -> Vec<Held> {
    match quote.price() {
        Some(_) => Held::by(order, &settings.rates.pricing, settings.scheduler, &quote.targets),
        None => Vec::new(),
    }
}

fn less(stock: Stock, takes: &[Held]) -> Stock {
    match stock {
        Stock::Known(known) => {
            let held = Held::merge(known.held.iter().chain(takes).cloned());
            Stock::Known(Arc::new(Known { cluster: Arc::new(known.cluster.less(takes)), held, ..(*known).clone() }))
        }
        Stock::NotAsked | Stock::Unusable(_) => stock,
    }
}

fn price_group(
    settings: &Settings,
    moment: &Moment,
    ask: &Ask,
    order: &Order,
    budget: &Budget<'_>,
) -> (Quote, Option<Alternatives>) {
    let (owner, usd_per_akt) = (ask.owner.as_deref().map(Untrusted::new), moment.usd_per_akt);
    let terms = Terms { owner, usd_per_akt, budget: Some(budget), ..Terms::default() };
    let pricing = &*settings.rates.pricing;
    let supply = match &moment.stock {
        _ if !ask.given.is_empty() => Supply::Given { targets: &ask.given },
        Stock::NotAsked => Supply::Unknown,
        Stock::Known(known) if ask.already_reserved => Supply::Held { cluster: &known.cluster },
        Stock::Known(known) => Supply::Reserve { cluster: &known.cluster, scheduler: settings.scheduler },
        Stock::Unusable(problem) => {
            // Whom the provider does not serve is told that, with or without an inventory.
            let unusable = || Reason::new(ReasonCode::InventoryUnusable, problem.clone());
            let request = QuoteRequest::new(order, pricing, Supply::Unknown, &terms);
            let reason = quote::screen(&request).err().unwrap_or_else(unusable);
            return (Quote::no_bid(order, reason), None);
        }
    };
    let utilisation = match &moment.stock {
        Stock::Known(known) => Some(&*known.utilisation),
        Stock::NotAsked | Stock::Unusable(_) => None,
    };
    let request = QuoteRequest { order, pricing, supply, utilisation, terms };
    // Past the feed's age there is no bid: a plugin does not stand in for the service's own rate.
    let rate_is_missing = matches!(quote::token(&request), Ok((_, None, _)));
    let plugin = settings.plugin.as_ref().filter(|_| !rate_is_missing);
    let pricer = plugin.cloned().map_or(Pricer::Builtin, Pricer::Plugin);
    let quote = pricer.quote(&request);
    if !ask.alternatives {
        return (quote, None);
    }
    let alternatives = pricer.alternatives(&request);
    // Without any, the quote itself has said why.
    (quote, Some(alternatives.unwrap_or_default()))
}

/// What the bids among the answers take of the cluster, to be held back until the daemon has reserved it; none when they
/// take nothing that this service placed. All groups of an order are held under its one name.
#[must_use]
pub fn taken(settings: &Settings, ask: &Ask, priced: &[Priced]) -> Option<Vec<Held>> {
    if !is_placed(ask) {
        return None;
    }
    let bids = ask.orders.iter().zip(priced);
    let held = Held::merge(bids.flat_map(|(order, priced)| takes(settings, order, &priced.quote)));
    (!held.is_empty()).then_some(held)
}

/// Declines an order that would be declined whatever it were to get, for each group of it.
#[must_use]
pub fn screen(settings: &Settings, usd_per_akt: Option<Decimal>, ask: &Ask, budget: &Budget<'_>) -> Vec<Screened> {
    let owner = ask.owner.as_deref().map(Untrusted::new);
    let terms = Terms { owner, usd_per_akt, budget: Some(budget), ..Terms::default() };
    let screen = |order| {
        let request = QuoteRequest::new(order, &settings.rates.pricing, Supply::Unknown, &terms);
        let (outcome, means) = Means::of(budget, || quote::screen(&request));
        Screened { outcome, means }
    };
    ask.orders.iter().map(screen).collect()
}
