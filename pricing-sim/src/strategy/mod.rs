//! Strategies: who prices an order.

mod script;

use std::time::Duration;

use pricing_core::budget::{Budget, SearchBudget};
use pricing_core::inventory::ledger::Ledger;
use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::money::Usd;
use pricing_core::order::Order;
use pricing_core::quote::plugin::{self, Draft};
use pricing_core::quote::scale::{self, Scales};
use pricing_core::quote::{Decision, GpuRule, Quote, QuoteRequest, Reason, ReasonCode, Supply, Terms, quote, token};
use pricing_core::rates::Pricing;
use pricing_core::reserve::Scheduler;
use pricing_core::text::Untrusted;
use pricing_host::{BreakerSettings, CallLimits, Plugin, PluginSettings, Request, SizeClass};
use rust_decimal::Decimal;

pub use script::{DEFAULT_TIMEOUT as SCRIPT_TIMEOUT, Script, ScriptError, ScriptOrder, end_scripts};

/// The wall-clock limit of a plugin's call in a simulation: far beyond what its fuel lasts, so that fuel decides, which
/// is the same on every machine.
pub const PLUGIN_DEADLINE: Duration = Duration::from_secs(30);

/// How a plugin is run where its answers must be the same everywhere: its fuel ends it and no clock, and no order rests it.
#[must_use]
pub fn plugin_settings(class: SizeClass, fuel: Option<u64>) -> PluginSettings {
    let defaults = class.call_limits();
    let limits = CallLimits { deadline: PLUGIN_DEADLINE, fuel: fuel.unwrap_or(defaults.fuel), ..defaults };
    let breaker = BreakerSettings { faults: 0, ..BreakerSettings::default() };
    PluginSettings { limits, breaker, ..PluginSettings::new(class) }
}

/// Who prices, by which rates.
#[derive(Clone, Debug)]
pub struct Strategy {
    /// Its name in answers.
    pub name: String,
    /// Its rates and policy.
    pub pricing: Pricing,
    /// Who prices.
    pub pricer: Pricer,
}

/// Who prices an order.
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

/// What an order is priced with at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The order.
    pub order: &'a Order,
    /// Who ordered.
    pub owner: Option<Untrusted<&'a str>>,
    /// The cluster.
    pub ledger: &'a Ledger,
    /// Who places.
    pub scheduler: Scheduler,
    /// What may be spent on it.
    pub budget: SearchBudget,
    /// What an AKT is worth.
    pub usd_per_akt: Option<Decimal>,
}

/// What came of asking.
#[derive(Clone, Debug)]
pub struct Priced {
    /// The quote.
    pub quote: Quote,
    /// What the strategy's own rates make of the same placement by the card that it is given, where they price it. Where
    /// a card is not certain, this is by policy's choice.
    pub own: Option<Usd>,
}

impl Strategy {
    /// Places and prices an order.
    #[must_use]
    pub fn price(&self, ask: &Ask<'_>) -> Priced {
        let supply = Supply::Reserve { cluster: ask.ledger.cluster(), scheduler: ask.scheduler };
        // No clock: the same order must come to the same answer everywhere.
        let budget = Budget::new(ask.budget);
        let (owner, usd_per_akt) = (ask.owner, ask.usd_per_akt);
        let terms = Terms { owner, usd_per_akt, budget: Some(&budget), brief: true, ..Terms::default() };
        self.price_on(ask.order, supply, Some(ask.ledger.utilisation()), terms)
    }

    /// Prices an order on what is known of a cluster.
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
                // Scales know nothing of cards: what a lease pays is what it is worth to them.
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

/// What is made of the built-in quote, where there is anything to price.
fn by_draft(request: &QuoteRequest<'_>, price: impl FnOnce(&Quote) -> Quote) -> Priced {
    match plugin::draft(request) {
        Draft::Settled(quote) => Priced { quote, own: None },
        // Without a rate for the denom nobody can say what the bid is worth: the service does not bid then, either.
        Draft::Open(draft) if draft.reason().is_some_and(|reason| reason.code == ReasonCode::RateUnavailable) => {
            Priced { quote: draft, own: None }
        }
        Draft::Open(draft) => Priced { quote: price(&draft), own: draft.usd_per_month },
    }
}

/// The quote by scales. Without a rate for the denom nobody can say what the bid is worth: it is not made then, either.
fn by_scales(request: &QuoteRequest<'_>, scales: &Scales) -> Quote {
    let quote = scale::quote(request, scales).quote;
    if quote.price().is_none() || quote.usd_per_month.is_some() {
        return quote;
    }
    let reason = match token(request) {
        Err(reason) => reason,
        Ok((denom, None, _)) => {
            Reason::new(ReasonCode::RateUnavailable, format!("what `{denom}` is worth is not known"))
        }
        Ok((denom, Some(_), _)) => Reason::new(
            ReasonCode::ArithmeticOverflow,
            format!("the bid in `{denom}` is too large to be told in dollars"),
        ),
    };
    Quote { decision: Decision::NoBid(reason), ..quote }
}
