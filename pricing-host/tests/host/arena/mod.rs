//! Runs attacks, one after another, on one host.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::sync::LazyLock;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use pricing_core::money::UsdPerAkt;
use pricing_core::order::Order;
use pricing_core::quote::plugin::{Draft, draft};
use pricing_core::quote::{Quote, QuoteRequest, Supply, Terms};
use pricing_core::rates::Pricing;
use pricing_core::text::Untrusted;
use pricing_host::compile::Compiler;
use pricing_host::{
    BreakerSettings, CallLimits, Fault, HostSettings, Plugin, PluginCall, PluginHost, PluginSettings, Request,
};
use testkit::guests::{Attack, Budget, Expected, entry_points};

use crate::common::{HANG, NEVER, order, outcome};

/// The deadline of attacks that the clock is to end.
const SHORT: Duration = Duration::from_millis(20);
/// Fuel for years.
pub(crate) const PLENTY: u64 = u64::MAX;

/// What an attack may use.
pub(crate) fn limits(budget: Budget) -> CallLimits {
    match budget {
        Budget::Fuel => CallLimits { deadline: NEVER, ..CallLimits::default() },
        Budget::Clock => CallLimits { deadline: SHORT, fuel: PLENTY, ..CallLimits::default() },
    }
}

/// Settings without a breaker: every call is to reach the plugin.
pub(crate) fn settings(limits: CallLimits) -> PluginSettings {
    let breaker = BreakerSettings { faults: 0, ..BreakerSettings::default() };
    PluginSettings { limits, breaker, ..PluginSettings::default() }
}

/// The order of the tests, by the default rates, and what the built-in pricer makes of it.
static ORDER: LazyLock<(Order, Pricing, Quote)> = LazyLock::new(|| {
    let (order, pricing) = (order(), Pricing::default());
    let Draft::Open(draft) = draft(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms())) else {
        panic!("the order is settled without a plugin")
    };
    (order, pricing, draft)
});

/// Who ordered, and what an AKT is worth.
fn terms() -> Terms<'static> {
    let owner = Some(Untrusted::new("akash1owner"));
    Terms { owner, usd_per_akt: Some(UsdPerAkt::ONE), ..Terms::default() }
}

/// Calls a plugin with the order of the tests.
pub(crate) fn call(plugin: &Plugin) -> PluginCall {
    let (order, pricing, draft) = &*ORDER;
    plugin.call(&Request { asked: QuoteRequest::new(order, pricing, Supply::Unknown, &terms()), draft })
}

/// The price or reason of a result.
pub(crate) fn told(result: &Result<Quote, Fault>) -> String {
    match result {
        Ok(quote) => outcome(quote),
        Err(fault) => fault.to_string(),
    }
}

/// Does something that may never end, and fails if it does not.
pub(crate) fn within_hang_guard<T: Send + 'static>(what: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = channel();
    let thread = thread::spawn(move || {
        // Whoever waited has given up if this fails.
        let _ = done.send(run());
    });
    match ended.recv_timeout(HANG) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("{what}: not over after {HANG:?}"),
        Err(RecvTimeoutError::Disconnected) => {
            let _ = thread.join();
            panic!("{what}: the host panicked")
        }
    }
}

/// A host with a good plugin, which is asked after every attack.
pub(crate) struct Arena {
    host: PluginHost,
    good: Plugin,
    fuel: Option<u64>,
}

impl Arena {
    pub(crate) fn new() -> Self {
        Self::of(HostSettings::new(Compiler::InProcess))
    }

    pub(crate) fn of(settings: HostSettings) -> Self {
        let host = PluginHost::new(settings);
        let good = host
            .load("good", &entry_points::good(), self::settings(limits(Budget::Fuel)))
            .expect("the good plugin loads");
        let fuel = call(&good).usage.fuel;
        Self { host, good, fuel }
    }

    /// Tries every attack and tells of all that did not end as they should.
    pub(crate) fn fight(&self, attacks: &[Attack]) {
        let failures: Vec<String> = attacks.iter().filter_map(|attack| self.duel(attack).err()).collect();
        assert!(failures.is_empty(), "{} of {} attacks:\n{}", failures.len(), attacks.len(), failures.join("\n"));
    }

    fn duel(&self, attack: &Attack) -> Result<(), String> {
        let failed = |what: String| Err(format!("- {}: {what}", attack.name));
        let (host, file, limits) = (self.host.clone(), attack.file.clone(), limits(attack.budget));
        let called = within_hang_guard(&attack.name, move || {
            host.load("attack", &file, settings(limits)).map(|plugin| call(&plugin))
        });
        let result = called.as_ref().map_err(Clone::clone).and_then(|called| called.result.clone());
        if !is_expected(&result, &attack.expected) {
            return failed(format!("expected {:?}, not {}", attack.expected, told(&result)));
        }
        if let Err(fault) = &result
            && !is_well_said(&fault.message)
        {
            return failed(format!("an odd message: {:?}", fault.message));
        }
        if let Ok(called) = &called {
            let cap = CallLimits::default().memory_bytes;
            if called.usage.memory_bytes > cap {
                return failed(format!("it had {} bytes of memory", called.usage.memory_bytes));
            }
        }
        self.healthy().map_err(|sick| format!("- after {}: {sick}", attack.name))
    }

    /// Whether the good plugin still answers as it did at first, with the same fuel.
    pub(crate) fn healthy(&self) -> Result<(), String> {
        let good = self.good.clone();
        let called = within_hang_guard("the good plugin", move || call(&good));
        let said = told(&called.result);
        if said != "1.5 uact" {
            return Err(format!("the good plugin said {said}"));
        }
        if called.usage.fuel != self.fuel {
            return Err(format!("the good plugin burned {:?}, first {:?}", called.usage.fuel, self.fuel));
        }
        Ok(())
    }

    pub(crate) fn host(&self) -> &PluginHost {
        &self.host
    }
}

fn is_expected(result: &Result<Quote, Fault>, expected: &Expected) -> bool {
    match (result, expected) {
        (Ok(quote), Expected::Bid(price)) => outcome(quote) == format!("{price} uact"),
        (Ok(quote), Expected::Code(code)) => quote.reason().is_some_and(|reason| reason.code == *code),
        (Err(fault), Expected::Code(code)) => fault.code == *code,
        (Err(_), Expected::Bid(_)) => false,
    }
}

/// Whether a message can be shown: some text, not long, nothing that drives a terminal.
pub(crate) fn is_well_said(message: &str) -> bool {
    !message.is_empty()
        && message.len() <= 4_096
        && !message.chars().any(|c| c.is_control() && !['\n', '\t'].contains(&c))
}

/// Everything of a call that must be the same wherever and whenever it is made.
pub(crate) fn fingerprint(called: &PluginCall) -> String {
    let usage = &called.usage;
    let log: Vec<String> = usage.log.lines.iter().map(ToString::to_string).collect();
    format!(
        "{} | {:?} | fuel {:?} | memory {} | log {log:?} and {} more",
        told(&called.result),
        called.answer,
        usage.fuel,
        usage.memory_bytes,
        usage.log.dropped
    )
}
