//! A host and an order for tests.
#![allow(dead_code, clippy::expect_used, reason = "not every test uses all of it; a broken test must say so at once")]

use pricing_core::order::{Order, detect};
use pricing_core::quote::{Quote, Supply, Terms};
use pricing_core::rates::Pricing;
use pricing_host::compile::Compiler;
use pricing_host::{HostSettings, Plugin, PluginHost, PluginSettings};

/// An order of one service with a GPU-less unit, in uact.
pub(crate) const ORDER: &str = r#"{"resources":[{"memory":1073741824,"cpu":2000,"gpu":{"units":0},"storage":[{"class":"ephemeral","size":1073741824}],"count":1,"endpoint_quantity":1,"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"1000000.000000000000000000"},"price_precision":6}"#;

pub(crate) fn host() -> PluginHost {
    PluginHost::new(HostSettings::new(Compiler::InProcess))
}

pub(crate) fn load(file: &[u8]) -> Plugin {
    host().load("test", file, PluginSettings::default()).expect("the plugin loads")
}

pub(crate) fn order() -> Order {
    detect::read(ORDER, None).expect("an order").remove(0)
}

/// Quotes the order with default rates and no inventory.
pub(crate) fn quote(plugin: &Plugin) -> Quote {
    plugin.quote(&order(), &Pricing::default(), Supply::Unknown, None, &Terms::default())
}

/// The quote's price, or its code and message.
pub(crate) fn outcome(quote: &Quote) -> String {
    match (quote.price(), quote.reason()) {
        (Some(price), _) => format!("{} {}", price.amount(), price.denom()),
        (None, Some(reason)) => reason.to_string(),
        (None, None) => unreachable!("a quote has a price or a reason"),
    }
}
