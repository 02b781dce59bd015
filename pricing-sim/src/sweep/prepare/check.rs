//! What contradicts itself in a scenario.

use pricing_core::address::Address;
use pricing_core::money::UsdPerAkt;
use pricing_core::quote::GpuRule;
use pricing_core::reserve::kubernetes::MAX_PODS_WITHOUT_REQUESTS;

use crate::scenario::{Scenario, ScenarioError};
use crate::strategy::Strategy;

/// Checks a scenario for contradictions before any of its files is read.
pub(in crate::sweep) fn check(scenario: &Scenario) -> Result<(), ScenarioError> {
    let wrong = |message: String| Err(ScenarioError::Meaning(message));
    if scenario.strategy.is_empty() {
        return wrong("the scenario has no strategy; add a [[strategy]]".to_owned());
    }
    if scenario.scheduler.is_some() && scenario.reserve.scheduler.is_some() {
        return wrong("the scheduler is named twice: leave out `scheduler`, or `reserve.scheduler`".to_owned());
    }
    if scenario.kubernetes.pods_without_requests > MAX_PODS_WITHOUT_REQUESTS {
        return wrong(format!("`kubernetes.pods_without_requests` is at most {MAX_PODS_WITHOUT_REQUESTS}"));
    }
    for (place, entry) in scenario.strategy.iter().enumerate() {
        if entry.name.is_empty() || scenario.strategy.iter().take(place).any(|other| other.name == entry.name) {
            return wrong(format!("each strategy needs its own name; there are two `{}`", entry.name));
        }
        let of_gpu = entry.gpu != GpuRule::RealCard;
        let pricers = [entry.plugin.is_some(), entry.script.is_some(), entry.scale, of_gpu];
        if pricers.into_iter().filter(|named| *named).count() > 1 {
            let message =
                format!("strategy `{}` names more than one of `plugin`, `script`, `scale` and `gpu`", entry.name);
            return wrong(message);
        }
        let of_script = entry.timeout.is_some() || entry.request.is_some() || (!entry.env.is_empty() && !entry.scale);
        if of_script && entry.script.is_none() {
            return wrong(format!("strategy `{}` has `env`, `timeout` or `request` and no `script`", entry.name));
        }
    }
    if let Some(Err(error)) = scenario.usd_per_akt.map(|usd| UsdPerAkt::new(usd.0)) {
        return wrong(format!("`usd_per_akt`: {error}"));
    }
    Ok(())
}

/// Rejects a default owner who is not an address: such an owner would get neither a discount nor a denial.
pub(super) fn check_owner(scenario: &Scenario, strategies: &[Strategy]) -> Result<(), ScenarioError> {
    let Some(owner) = &scenario.orders.owner else { return Ok(()) };
    for strategy in strategies {
        Address::parse(owner, &strategy.pricing.chain.address_prefix)
            .map_err(|error| ScenarioError::Meaning(format!("`orders.owner`: {error}")))?;
    }
    Ok(())
}
