//! Listings of alternatives are bounded in time, and leave a plugin alone that rests.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use pricing_core::order::{Order, detect};
use pricing_core::quote::{Alternatives, FallbackBy, QuoteRequest, Reason, ReasonCode, Supply, Terms};
use pricing_core::rates::{self, Pricing};
use pricing_host::compile::Compiler;
use pricing_host::metrics::Counters;
use pricing_host::{BreakerSettings, CallLimits, HostSettings, Plugin, PluginHost, PluginSettings};
use testkit::guests::{answers, entry_points};

use crate::common::NEVER;

/// One unit with a card of any model.
const ORDER: &str = r#"{"name":"g","resources":[{"resource":{"id":1,"cpu":{"units":{"val":"1000"}},
    "memory":{"quantity":{"val":"1073741824"}},"gpu":{"units":{"val":"1"},"attributes":[
    {"key":"vendor/nvidia/model/*","value":"true"}]}},"count":1,"price":{"denom":"uact","amount":"1000000"}}]}"#;
/// Cards that the rate card lists.
const CARDS: usize = 40;

fn order() -> Order {
    detect::read(ORDER, None).unwrap().remove(0)
}

fn pricing() -> Pricing {
    let mut text = "[rates.gpu]\n".to_owned();
    for card in 1..=CARDS {
        writeln!(text, "\"m{card}\" = \"{card}\"").unwrap();
    }
    rates::toml::read(&text).unwrap()
}

fn listed(plugin: &Plugin) -> Result<Alternatives, Reason> {
    plugin.alternatives(&QuoteRequest::new(&order(), &pricing(), Supply::Unknown, &Terms::default()))
}

/// A plugin whose breaker opens at so many faults, and what counts its calls.
fn plugin(file: &[u8], deadline: Duration, faults: u32, fallback: Option<FallbackBy>) -> (Plugin, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    let host = PluginHost::with_metrics(HostSettings::new(Compiler::InProcess), Arc::<Counters>::clone(&counters));
    let limits = CallLimits { deadline, fuel: u64::MAX >> 1, ..CallLimits::default() };
    let breaker = BreakerSettings { faults, rest: NEVER };
    let settings = PluginSettings { limits, fallback, breaker, ..PluginSettings::default() };
    (host.load("listing", file, settings).expect("the plugin loads"), counters)
}

#[test]
fn a_listing_by_a_good_plugin_is_complete() {
    let (plugin, _) = plugin(&answers::changing(&[]), NEVER, 0, None);
    let found = listed(&plugin).unwrap();
    assert_eq!((found.list.len(), found.complete), (CARDS, true));
}

#[test]
fn a_listing_ends_after_ten_deadlines() {
    let file = entry_points::spinner();
    let (plugin, _) = plugin(&file, Duration::from_millis(20), 0, Some(FallbackBy::Builtin));
    let found = listed(&plugin).unwrap();
    // Each call takes its whole deadline or longer, and none begins after ten of them.
    assert!((1..=11).contains(&found.list.len()), "{}", found.list.len());
    assert!(!found.complete);
}

#[test]
fn a_plugin_that_rests_is_not_asked_for_alternatives() {
    let crash = &entry_points::crashes()[4].file;
    let (failing, counters) = plugin(crash, NEVER, 2, Some(FallbackBy::Builtin));
    let found = listed(&failing).unwrap();
    assert_eq!(counters.snapshot().breaker_opened, 1);
    // The built-in price stands in, for the faults and for the calls that were not made, which the clock decided.
    assert_eq!((found.list.len(), found.complete), (CARDS, false));

    let (failing, counters) = plugin(crash, NEVER, 2, None);
    for _ in 0..2 {
        assert_eq!(listed(&failing).unwrap_err().code, ReasonCode::Trap);
    }
    assert_eq!(counters.snapshot().breaker_opened, 1);
    let refused = listed(&failing).unwrap_err();
    assert!(refused.message.starts_with("the plugin rests after 2 faults in a row"), "{}", refused.message);
}
