//! A host and an order for tests.
#![allow(dead_code, clippy::expect_used, reason = "not every test uses all of it; a broken test must say so at once")]

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use pricing_core::order::{Order, detect};
use pricing_core::quote::{Quote, QuoteRequest, Supply, Terms};
use pricing_core::rates::Pricing;
use pricing_host::compile::Compiler;
use pricing_host::{CallLimits, HostSettings, Plugin, PluginHost, PluginSettings};

/// A deadline that no machine misses, however slow and busy: for calls that something else is to end.
pub(crate) const NEVER: Duration = Duration::from_secs(24 * 3600);

/// A bound on waits for what is bound to happen. It only ends a test that hangs.
pub(crate) const HANG: Duration = Duration::from_secs(600);

/// An order of one service with a GPU-less unit, in uact.
pub(crate) const ORDER: &str = r#"{"resources":[{"memory":1073741824,"cpu":2000,"gpu":{"units":0},"storage":[{"class":"ephemeral","size":1073741824}],"count":1,"endpoint_quantity":1,"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"1000000.000000000000000000"},"price_precision":6}"#;

pub(crate) fn host() -> PluginHost {
    PluginHost::new(HostSettings::new(Compiler::InProcess))
}

pub(crate) fn load(file: &[u8]) -> Plugin {
    let limits = CallLimits { deadline: NEVER, ..CallLimits::default() };
    host().load("test", file, PluginSettings { limits, ..PluginSettings::default() }).expect("the plugin loads")
}

pub(crate) fn order() -> Order {
    detect::read(ORDER, None).expect("an order").remove(0)
}

/// This program again, for one test of a module. A child process must see to it that it does something: a name that no
/// test has is not a failure.
pub(crate) fn again_for(module: &str, test: &str) -> Command {
    let (_, module) = module.split_once("::").expect("a module within the program");
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", &format!("{module}::{test}"), "--test-threads", "1"]);
    command
}

/// Waits until something is so.
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < HANG, "it was never so: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Quotes the order with default rates and no inventory.
pub(crate) fn quote(plugin: &Plugin) -> Quote {
    plugin.quote(&QuoteRequest::new(&order(), &Pricing::default(), Supply::Unknown, &Terms::default()))
}

/// The quote's price, or its code and message.
pub(crate) fn outcome(quote: &Quote) -> String {
    match (quote.price(), quote.reason()) {
        (Some(price), _) => format!("{} {}", price.amount(), price.denom()),
        (None, Some(reason)) => reason.to_string(),
        (None, None) => unreachable!("a quote has a price or a reason"),
    }
}
