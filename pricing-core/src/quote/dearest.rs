//! What an order would cost by the dearest card that it leaves open, to compare a quote with.

use super::{GpuRule, Quote, QuoteRequest, QuotedTarget, Terms, price_by};
use crate::money::Usd;
use crate::rates::AmbiguousGpu;

/// What the old rule would charge for an order a month: the dearest entry of the rate card for every request that leaves
/// the model open, and the dearest candidate for every other one whose card is not certain.
///
/// None if no request leaves the model open, since the old rule is about no other. None also if it has no answer.
#[must_use]
pub fn old_rule_usd(request: &QuoteRequest<'_>, quote: &Quote) -> Option<Usd> {
    let mut units = request.order.group.resources().iter();
    let is_open = units.any(|unit| unit.gpu.units > 0 && unit.gpu.is_wildcard());
    let applies = is_open && request.pricing.rates.gpu.dearest().is_some();
    applies.then(|| usd_by(request, quote, GpuRule::HighestWildcard)).flatten()
}

/// What an order would cost a month if the dearest candidate were charged wherever the card is not certain
/// ([`AmbiguousGpu::Highest`]). None if that is the policy, or every card is certain.
#[must_use]
pub fn highest_usd(request: &QuoteRequest<'_>, quote: &Quote) -> Option<Usd> {
    let is_policy = request.pricing.policy.ambiguous_gpu == AmbiguousGpu::Highest;
    let is_open = quote.targets.iter().any(|target| target.gpu_units > 0 && !target.is_certain());
    (is_open && !is_policy).then(|| usd_by(request, quote, GpuRule::RealCard)).flatten()
}

fn usd_by(request: &QuoteRequest<'_>, quote: &Quote, gpu_rule: GpuRule) -> Option<Usd> {
    let terms = Terms { gpu_rule, ..request.terms };
    let targets = if quote.targets.is_empty() {
        request.order.group.resources().iter().map(QuotedTarget::unknown).collect()
    } else {
        quote.targets.clone()
    };
    price_by(&QuoteRequest { terms, ..*request }, &targets, AmbiguousGpu::Highest).ok().map(|bill| bill.total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::words::describe;
    use crate::order::{OrderFormat, detect};
    use crate::quote::{Supply, quote};
    use crate::rates::toml;
    use crate::reserve::Scheduler;

    /// What a card costs by the policy, by the old rule and by the dearest candidate, without memory and CPU.
    fn usd(model: &str, policy: &str) -> [Option<String>; 3] {
        let text = format!(
            r#"{{"name": "g", "requirements": {{}}, "resources": [{{"resource": {{"id": 1, "cpu": {{"units": {{"val": "1000"}}}},
            "memory": {{"quantity": {{"val": "1073741824"}}}}, "gpu": {{"units": {{"val": "1"}}, "attributes":
            [{{"key": "vendor/nvidia/model/{model}", "value": "true"}}]}}, "storage": [], "endpoints": []}},
            "count": 1, "price": {{"denom": "uact", "amount": "1000000000"}}}}]}}"#
        );
        let order = detect::read(&text, Some(OrderFormat::GroupSpec)).unwrap().remove(0);
        let card =
            "[rates]\ncpu = 0\nmemory = 0\n[rates.gpu]\nh100 = 1900\n\"a100.40Gi\" = 600\n\"a100.80Gi\" = 1000\n";
        let pricing = toml::read(&format!("{card}[policy]\nambiguous_gpu = \"{policy}\"\n")).unwrap();
        let cluster = describe("1 node x 2 a100/40Gi/pcie + 1 node x 2 a100/80Gi/sxm").unwrap();
        let supply = Supply::Reserve { cluster: &cluster, scheduler: Scheduler::Sound };
        let terms = Terms::default();
        let request = QuoteRequest::new(&order, &pricing, supply, &terms);
        let quoted = quote(&request);
        let usd = [quoted.usd_per_month, old_rule_usd(&request, &quoted), highest_usd(&request, &quoted)];
        usd.map(|usd| usd.map(|usd| usd.to_string()))
    }

    fn some(texts: [&str; 3]) -> [Option<String>; 3] {
        texts.map(|text| (text != "-").then(|| text.to_owned()))
    }

    #[test]
    fn a_request_that_names_its_model_is_compared_with_its_dearest_card_and_not_with_the_dearest_of_the_table() {
        assert_eq!(usd("a100", "lowest"), some(["600", "-", "1000"]));
        assert_eq!(usd("a100", "expected"), some(["800", "-", "1000"]));
        assert_eq!(usd("a100", "highest"), some(["1000", "-", "-"]));
    }

    #[test]
    fn a_request_that_leaves_the_model_open_is_compared_with_the_dearest_of_the_table() {
        assert_eq!(usd("*", "lowest"), some(["600", "1900", "1000"]));
        assert_eq!(usd("*", "highest"), some(["1000", "1900", "-"]));
    }
}
