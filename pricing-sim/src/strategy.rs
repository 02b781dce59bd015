//! Strategies: what prices an order.

mod script;

use std::time::Duration;

use pricing_core::budget::{Budget, SearchBudget};
use pricing_core::inventory::ledger::Ledger;
use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::money::{Usd, UsdPerAkt};
use pricing_core::order::Order;
use pricing_core::quote::plugin::{self, Draft};
use pricing_core::quote::scale::{self, Scales};
use pricing_core::quote::{
    Decision, GpuRule, Predict, Quote, QuoteRequest, Reason, ReasonCode, Supply, Terms, quote, token,
};
use pricing_core::rates::Pricing;
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_core::text::Untrusted;
use pricing_host::{BreakerSettings, CallLimits, Plugin, PluginSettings, Request, SizeClass};

pub use script::{DEFAULT_TIMEOUT as SCRIPT_TIMEOUT, Script, ScriptError, ScriptOrder, end_scripts};

/// The wall-clock limit of a plugin's call in a simulation: far more than its fuel lasts, so that fuel decides, which
/// is the same on every machine.
pub const PLUGIN_DEADLINE: Duration = Duration::from_secs(30);

/// The settings of a plugin whose answers must be the same everywhere: only fuel ends a call, and the breaker is off.
#[must_use]
pub fn plugin_settings(class: SizeClass, fuel: Option<u64>) -> PluginSettings {
    let defaults = class.call_limits();
    let limits = CallLimits { deadline: PLUGIN_DEADLINE, fuel: fuel.unwrap_or(defaults.fuel), ..defaults };
    let breaker = BreakerSettings { faults: 0, ..BreakerSettings::default() };
    PluginSettings { limits, breaker, ..PluginSettings::new(class) }
}

/// A strategy: a pricer and its rates.
#[derive(Clone, Debug)]
pub struct Strategy {
    /// Its name in the results.
    pub name: String,
    /// Its rates and policy.
    pub pricing: Pricing,
    /// The pricer.
    pub pricer: Pricer,
}

/// A way to price orders.
#[derive(Clone, Debug)]
pub enum Pricer {
    /// The built-in pricer.
    Builtin(GpuRule),
    /// A plugin.
    Plugin(Plugin),
    /// A bid price script, run as a process.
    Script(Script),
    /// The daemon's scale pricing.
    Scale(Scales),
}

/// Everything that the price of an order depends on at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The order.
    pub order: &'a Order,
    /// The owner of the order.
    pub owner: Option<Untrusted<&'a str>>,
    /// The cluster.
    pub ledger: &'a Ledger,
    /// The algorithm that makes reservations.
    pub scheduler: Scheduler,
    /// Which card model a resource unit gets if several models fit.
    pub prefer: Prefer,
    /// What predicts where pods start, for a strategy that decides by it.
    pub predict: Predict<'a>,
    /// The budget for the order.
    pub budget: SearchBudget,
    /// The price of an AKT in USD, if it is known.
    pub usd_per_akt: Option<UsdPerAkt>,
}

/// The answer of a strategy.
#[derive(Clone, Debug)]
pub struct Priced {
    /// The quote.
    pub quote: Quote,
    /// The price of the same placement by the strategy's own rates for the cards that it gets, if these have one. For
    /// uncertain cards the policy decides.
    pub own: Option<Usd>,
}

impl Strategy {
    /// Places and prices an order.
    #[must_use]
    pub fn price(&self, ask: &Ask<'_>) -> Priced {
        let supply = Supply::Reserve { cluster: ask.ledger.cluster(), scheduler: ask.scheduler };
        // No clock: the same order must get the same answer everywhere.
        let budget = Budget::new(ask.budget);
        let Ask { owner, usd_per_akt, prefer, .. } = *ask;
        // It is computed for each order, and nobody reads it unless it decides.
        let predict = if self.pricing.policy.needs_prediction() { ask.predict } else { Predict::Never };
        let terms =
            Terms { owner, usd_per_akt, prefer, predict, budget: Some(&budget), brief: true, ..Terms::default() };
        self.price_on(ask.order, supply, Some(ask.ledger.utilisation()), terms)
    }

    /// Prices an order, given what is known about the cluster.
    #[must_use]
    pub fn price_on(
        &self,
        order: &Order,
        supply: Supply<'_>,
        utilisation: Option<&Utilisation>,
        terms: Terms<'_>,
    ) -> Priced {
        let pricing = &self.pricing;
        let request = QuoteRequest { order, pricing, supply, utilisation, terms };
        match &self.pricer {
            Pricer::Builtin(GpuRule::RealCard) => {
                let quote = quote(&request);
                Priced { own: quote.usd_per_month, quote }
            }
            Pricer::Builtin(gpu_rule @ GpuRule::HighestWildcard) => {
                let priced = quote(&QuoteRequest { terms: Terms { gpu_rule: *gpu_rule, ..terms }, ..request });
                let is_open = order.group.resources().iter().any(|unit| unit.gpu.units > 0 && unit.gpu.is_wildcard());
                let own = if is_open && priced.usd_per_month.is_some() {
                    let supply = Supply::Given { targets: &priced.targets };
                    quote(&QuoteRequest { supply, ..request }).usd_per_month
                } else {
                    priced.usd_per_month
                };
                Priced { quote: priced, own }
            }
            Pricer::Plugin(plugin) => by_draft(&request, |draft| plugin.price(&Request { asked: request, draft })),
            Pricer::Scale(scales) => {
                let quote = by_scales(&request, scales);
                // Scales do not price cards, so the lease is worth what it pays.
                Priced { own: quote.usd_per_month, quote }
            }
            Pricer::Script(script) => {
                by_draft(&request, |draft| match script.ask(order, &draft.targets, terms.owner, &pricing.commit) {
                    Ok(answer) => plugin::decide(&request, draft, &answer),
                    Err(fault) => plugin::fault(draft, fault),
                })
            }
        }
    }
}

/// Prices the built-in quote, unless it is settled.
fn by_draft(request: &QuoteRequest<'_>, price: impl FnOnce(&Quote) -> Quote) -> Priced {
    match plugin::draft(request) {
        Draft::Settled(quote) => Priced { quote, own: None },
        // Without a rate for the denom, the value of the bid is unknown. The service does not bid in that case either.
        Draft::Open(draft) if draft.reason().is_some_and(|reason| reason.code == ReasonCode::RateUnavailable) => {
            Priced { quote: draft, own: None }
        }
        Draft::Open(draft) => Priced { quote: price(&draft), own: draft.usd_per_month },
    }
}

/// The quote by scales. Without a rate for the denom, the value of the bid is unknown, and there is no bid.
fn by_scales(request: &QuoteRequest<'_>, scales: &Scales) -> Quote {
    let quote = scale::quote(request, scales).quote;
    if quote.price().is_none() || quote.usd_per_month.is_some() {
        return quote;
    }
    let reason = match token(request) {
        Err(reason) => reason,
        Ok((denom, None, _)) => Reason::rate_unavailable(&denom),
        Ok((denom, Some(_), _)) => Reason::new(
            ReasonCode::ArithmeticOverflow,
            format!("the bid in `{denom}` is too large for an amount in dollars"),
        ),
    };
    Quote { decision: Decision::NoBid(reason), ..quote }
}
