use std::collections::BTreeSet;

use super::*;
use crate::order::Order;
use crate::order::script_request;
use crate::quote::{Supply, Terms, quote};
use crate::rates::{Pricing, toml};
use crate::text::Untrusted;

const OWNER: &str = "akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63";

/// Two threads and one GiB: 4 USD a month, 9.304295 uact a block.
fn order(maximum: &str) -> Order {
    let text = format!(
        r#"{{"resources":[{{"memory":1073741824,"cpu":2000,"gpu":{{"units":0}},"storage":[],"count":1,"endpoint_quantity":0,"ip_lease_quantity":0}}],"price":{{"denom":"uact","amount":"{maximum}"}},"price_precision":6}}"#
    );
    script_request::read(&text).unwrap()
}

fn pricing(policy: &str) -> Pricing {
    toml::read(&format!("[rates]\ncpu = \"1.60\"\nmemory = \"0.80\"\n[policy]\n{policy}")).unwrap()
}

fn explored(order: &Order, pricing: &Pricing, draw: u64) -> (Quote, Quote) {
    let terms = Terms { owner: Some(Untrusted::new(OWNER)), ..Terms::default() };
    let request = QuoteRequest::new(order, pricing, Supply::Unknown, &terms);
    let base = quote(&request);
    let exploration = Exploration { spread: Spread::parse("3%").unwrap(), draw };
    (explore(&request, base.clone(), &exploration), base)
}

fn factors(quote: &Quote) -> Vec<String> {
    quote.explored.iter().flat_map(|explored| &explored.factors).map(ToString::to_string).collect()
}

fn sum(numbers: impl Iterator<Item = Decimal>) -> Decimal {
    numbers.fold(Decimal::ZERO, |sum, number| sum.checked_add(number).unwrap())
}

#[test]
fn a_spread_is_a_percentage_within_its_bounds() {
    for text in ["3%", "0.5%", "20%", "0.0001%"] {
        assert_eq!(Spread::parse(text).unwrap().to_string(), text);
    }
    for text in ["", "%", "3", "0%", "-1%", "20.0001%", "3 %", "0.00001%", "0,5%", "1e1%", "100%"] {
        assert!(Spread::parse(text).is_err(), "{text}");
    }
}

#[test]
fn every_draw_is_a_line_of_its_own_and_adds_up() {
    let (order, pricing) = (order("100"), pricing(""));
    let mut totals = BTreeSet::new();
    for draw in 0..10 {
        let (quote, base) = explored(&order, &pricing, draw);
        let how = quote.explored.clone().unwrap();
        assert_eq!(factors(&quote), ["0.97", "0.985", "1", "1.015", "1.03"]);
        assert_eq!(how.factor, how.factors[usize::try_from(draw % 5).unwrap()]);
        assert_eq!(how.propensity().to_string(), "0.2");
        assert_eq!(Some(&how.base_price), base.price());
        assert_eq!(Some(how.base_usd_per_month), base.usd_per_month);
        let total = quote.usd_per_month.unwrap();
        assert_eq!(total.decimal(), sum(quote.lines.iter().map(|line| line.usd_per_month.decimal())));
        let varied = quote.lines.iter().filter(|line| line.item == Item::Explore).count();
        assert_eq!(varied, usize::from(how.factor != Decimal::ONE));
        let offered = quote.offer_prices.iter().map(|offer| offer.cpu.checked_add(offer.memory).unwrap());
        assert_eq!(sum(offered), quote.price().unwrap().amount());
        // Every amount moves alike, whichever way the price does.
        let (of, from) = (quote.offer_prices[0].memory, base.offer_prices[0].memory);
        let ratio = of.checked_div(from).unwrap().round_dp_with_strategy(5, MidpointNearestEven).normalize();
        assert_eq!(ratio, how.factor);
        totals.insert(total);
    }
    assert_eq!(totals.len(), 5);
}

#[test]
fn only_prices_that_would_be_a_bid_are_drawn() {
    // The tenant's maximum is what the order costs: only prices up to it count.
    let (quote, _) = explored(&order("9.304295"), &pricing(""), 4);
    assert_eq!(factors(&quote), ["0.97", "0.985", "1"]);
    let how = quote.explored.as_ref().unwrap();
    assert_eq!((how.factor.to_string().as_str(), how.propensity().to_string().as_str()), ("0.985", "0.333333"));
    // The order costs the minimum, or is raised to it: only prices from it on count.
    let policies = ["minimum_usd_per_month = \"4\"", "minimum_usd_per_month = \"5\"\nbelow_minimum = \"raise\""];
    for policy in policies {
        let (quote, _) = explored(&order("100"), &pricing(policy), 0);
        assert_eq!(factors(&quote), ["1", "1.015", "1.03"], "{policy}");
    }
    // Both: nothing but the price itself.
    let (quote, base) = explored(&order("9.304295"), &pricing(policies[0]), 3);
    assert_eq!((factors(&quote), quote.price()), (vec!["1".to_owned()], base.price()));
}

#[test]
fn promises_declines_and_plugins_are_left_alone() {
    let discount = format!("[policy.owners.discount]\n\"{OWNER}\" = \"0.5\"");
    let (promised, base) = explored(&order("100"), &pricing(&discount), 0);
    assert!(base.price().is_some());
    assert_eq!(promised, base);
    let (declined, base) = explored(&order("1"), &pricing(""), 0);
    assert!(base.price().is_none());
    assert_eq!(declined, base);
    let (order, pricing) = (order("100"), pricing(""));
    let request = QuoteRequest::new(&order, &pricing, Supply::Unknown, &Terms::default());
    let used = super::super::PluginUse { name: "p".to_owned(), digest: String::new(), fuel: None, fallback: None };
    let by_plugin = Quote { plugin: Some(used), ..quote(&request) };
    let exploration = Exploration { spread: Spread::parse("3%").unwrap(), draw: 0 };
    assert_eq!(explore(&request, by_plugin.clone(), &exploration), by_plugin);
}
