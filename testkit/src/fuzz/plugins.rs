//! Targets that run plugins: whatever a plugin is or returns, a call ends in a quote or in a documented fault, and the
//! same call always ends in the same way.

mod cpu;
mod repeated;

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use pricing_core::budget::Budget;
use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::money::UsdPerAkt;
use pricing_core::order::{GroupSpec, Order, detect};
use pricing_core::quote::plugin::{Answer, Draft, draft, read_price};
use pricing_core::quote::{Quote, QuoteRequest, ReasonCode, Supply, Terms};
use pricing_core::rates::Pricing;
use pricing_core::reserve::Scheduler;
use pricing_core::text::Untrusted;
use pricing_host::compile::Compiler;
use pricing_host::inspect::inspect;
use pricing_host::{BreakerSettings, HostSettings, Plugin, PluginCall, PluginHost, PluginSettings, Request, SizeClass};
use rust_decimal::Decimal;

use super::{BUDGET, Target, check_quote, must, text};
use crate::guest::Guest;
use crate::random::Random;
use crate::{generate, orders};

/// All targets, by the name of their corpus.
pub const TARGETS: [(&str, Target); 5] = [
    ("plugin_file", plugin_file),
    ("plugin_inspect", plugin_inspect),
    ("plugin_text", plugin_text),
    ("plugin_answer", plugin_answer),
    ("plugin_order", plugin_order),
];

/// The maximum size of an answer while fuzzing, in bytes: what fits next to the order in the guest's memory.
const ANSWER_BYTES: usize = 8 << 10;

fn host() -> &'static PluginHost {
    static HOST: OnceLock<PluginHost> = OnceLock::new();
    HOST.get_or_init(|| PluginHost::new(HostSettings { concurrency: 1, ..HostSettings::new(Compiler::InProcess) }))
}

/// Little fuel, and so much time that only fuel ends a call.
fn settings(fuel: u64) -> PluginSettings {
    let breaker = BreakerSettings { faults: 0, rest: Duration::ZERO };
    let mut settings = PluginSettings { breaker, ..PluginSettings::default() };
    settings.limits.fuel = fuel;
    settings.limits.deadline = Duration::from_secs(3600);
    settings
}

/// The request to plugins that are not about orders.
struct Case {
    order: Order,
    pricing: Pricing,
    draft: Quote,
    terms: Terms<'static>,
}

impl Case {
    /// An order whose group has this name.
    fn new(name: &str) -> Option<Self> {
        let order = orders::three_services("uact")?;
        let group = &order.group;
        let group = GroupSpec::new(name.to_owned(), group.requirements().clone(), group.resources().to_vec()).ok()?;
        let order = Order { group, ..order };
        let pricing = Pricing::default();
        let terms =
            Terms { owner: Some(Untrusted::new(orders::OWNER)), usd_per_akt: Some(UsdPerAkt::ONE), ..Terms::default() };
        let draft = draft(&QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms)).quote().clone();
        Some(Self { order, pricing, draft, terms })
    }

    fn call(&self, plugin: &Plugin) -> PluginCall {
        let Self { order, pricing, draft, terms } = self;
        call(plugin, &Request { asked: QuoteRequest::new(order, pricing, Supply::Unknown, terms), draft })
    }
}

/// Calls twice: the same request must have the same result, including the fuel.
fn call(plugin: &Plugin, request: &Request<'_>) -> PluginCall {
    let called = plugin.call(request);
    check_called(&called);
    let again = plugin.call(request);
    let by_clock =
        |called: &PluginCall| called.result.as_ref().is_err_and(|fault| fault.code == ReasonCode::DeadlineExceeded);
    if !by_clock(&called) && !by_clock(&again) {
        assert_eq!((&called.result, called.usage.fuel), (&again.result, again.usage.fuel));
        assert_eq!(called.usage.log, again.usage.log);
    }
    called
}

/// Properties of every call.
fn check_called(called: &PluginCall) {
    match &called.result {
        Ok(quote) => {
            check_quote(quote);
            if let Some(price) = quote.price() {
                must("a bid is not a price", read_price(&price.amount().to_string()).map_err(|reason| reason.message));
            }
        }
        Err(fault) => {
            let known = [
                ReasonCode::DeadlineExceeded,
                ReasonCode::BudgetExhausted,
                ReasonCode::MemoryExceeded,
                ReasonCode::OutputExceeded,
                ReasonCode::StackExhausted,
                ReasonCode::InvalidOutput,
                ReasonCode::Trap,
            ];
            assert!(known.contains(&fault.code), "{fault:?}");
            assert!(!fault.message.is_empty() && !fault.message.contains('\u{1b}'), "{fault:?}");
        }
    }
}

/// Any bytes are either rejected as a plugin or can be called.
pub fn plugin_file(data: &[u8]) {
    let inspected = inspect(data, SizeClass::Standard);
    match host().load("fuzz", data, settings(100_000)) {
        Ok(plugin) => {
            assert!(inspected.is_ok());
            if let Some(case) = Case::new("group") {
                case.call(&plugin);
            }
        }
        Err(fault) => assert_eq!(fault.code, ReasonCode::LoadRejected, "{fault:?}"),
    }
}

/// Inspecting any bytes again gives the same result, for both size classes, and the result is safe to print.
pub fn plugin_inspect(data: &[u8]) {
    for class in [SizeClass::Standard, SizeClass::Engine] {
        let inspected = inspect(data, class);
        assert_eq!(inspected, inspect(data, class));
        if let Err(fault) = inspected {
            assert_eq!(fault.code, ReasonCode::LoadRejected, "{fault:?}");
            assert!(!fault.message.is_empty() && !fault.message.chars().any(char::is_control), "{fault:?}");
        }
    }
}

/// The inspection of a text terminates, and so does that of its binary. The input is a text with repetitions, so that a
/// few bytes make a file that is long enough to distinguish quadratic from linear time: see [`repeated::text`].
pub fn plugin_text(data: &[u8]) {
    let Some(text) = text(data).map(repeated::text) else { return };
    let inspected = inspect(text.as_bytes(), SizeClass::Standard);
    if let Err(fault) = &inspected {
        assert!(!fault.message.is_empty() && !fault.message.chars().any(char::is_control), "{fault:?}");
    }
    // The binary may lack what the text was rejected for.
    if let Ok(binary) = wat::parse_str(&text) {
        let inspected_binary = inspect(&binary, SizeClass::Standard);
        assert!(inspected.is_err() || inspected_binary.is_ok(), "{inspected_binary:?}");
    }
}

/// Runs a target, and fails if it took too much processor time: slow is as bad as crashing. Not for tests, which must
/// not depend on the machine.
pub fn within_cpu(target: Target, data: &[u8]) {
    cpu::within(|| target(data));
}

/// A guest whose memory starts with bytes from the group's name, two letters each. Its answer is at the address at the
/// start of its memory.
const REPEATER: Guest<'_> = Guest {
    imports: "",
    fields: "",
    price: "(local $from i32) (local $end i32) (local $to i32)
        (local.set $from (i32.load (local.get 0)))
        (local.set $end (i32.add (local.get $from) (i32.load offset=4 (local.get 0))))
        (block $done (loop $next
          (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
          (i32.store8 (local.get $to) (i32.or
            (i32.shl (i32.sub (i32.load8_u (local.get $from)) (i32.const 97)) (i32.const 4))
            (i32.sub (i32.load8_u offset=1 (local.get $from)) (i32.const 97))))
          (local.set $from (i32.add (local.get $from) (i32.const 2)))
          (local.set $to (i32.add (local.get $to) (i32.const 1)))
          (br $next)))
        (i32.load (i32.const 0))",
    memory: "",
    realloc: "",
    post_return: "",
};

/// Whatever a guest's memory contains and wherever it claims its answer is: the answer is read correctly, or rejected.
pub fn plugin_answer(data: &[u8]) {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    let load = || must("the repeater", host().load("repeater", &REPEATER.component(), settings(1_000_000)));
    let plugin = PLUGIN.get_or_init(load);
    let data = data.get(..ANSWER_BYTES).unwrap_or(data);
    let letter = |nibble: u8| char::from(b'a'.saturating_add(nibble));
    let name: String = data.iter().flat_map(|byte| [letter(byte >> 4), letter(byte & 15)]).collect();
    let Some(case) = Case::new(&name) else { return };
    let called = case.call(plugin);
    if let Some(text) = written_price(data) {
        let wanted = std::str::from_utf8(text).ok().and_then(|text| read_price(text).ok());
        assert_eq!(called.answer, wanted.map(Answer::Price), "{called:?}");
    }
}

/// The text of an answer that is a price, if all of it is within these bytes.
fn written_price(data: &[u8]) -> Option<&[u8]> {
    let word = |at: usize| {
        let bytes = data.get(at..at.checked_add(4)?)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    let answer = word(0)?;
    if answer % 4 != 0 || *data.get(answer)? != 0 {
        return None;
    }
    let (text, length) = (word(answer.checked_add(4)?)?, word(answer.checked_add(8)?)?);
    data.get(text..text.checked_add(length)?)
}

/// The example plugins, which price every order.
fn examples() -> &'static [Plugin] {
    static PLUGINS: OnceLock<Vec<Plugin>> = OnceLock::new();
    PLUGINS.get_or_init(|| {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples-plugins/built");
        let load = |name: &str| {
            let file = must(name, std::fs::read(built.join(format!("{name}.wasm"))));
            must(name, host().load(name, &file, PluginSettings { ..settings(10_000_000) }))
        };
        ["owner-specials", "utilisation", "ratio-guard"].map(load).into()
    })
}

/// A good plugin prices or declines any order, without a fault.
pub fn plugin_order(data: &[u8]) {
    let random = &mut Random::from_bytes(data);
    let nodes = random.between(1, 6);
    let cluster = generate::small_cluster(random, nodes);
    let pricing = orders::pricing(random);
    let read = text(data).and_then(|text| detect::read(text, None).ok()).and_then(|orders| orders.into_iter().next());
    let Some(order) = read.or_else(|| orders::small_order(random)) else { return };
    let terms = Terms {
        owner: Some(Untrusted::new(orders::OWNER)),
        usd_per_akt: UsdPerAkt::new(Decimal::new(61, 2)).ok(),
        ..Terms::default()
    };
    let reserve = Supply::Reserve { cluster: &cluster, scheduler: Scheduler::Sound };
    let utilisation = Utilisation::of(&cluster);
    for (supply, utilisation) in [(Supply::Unknown, None), (reserve, Some(&utilisation))] {
        let budget = Budget::new(BUDGET);
        let bounded = Terms { budget: Some(&budget), ..terms };
        let asked = QuoteRequest { utilisation, ..QuoteRequest::new(&order, &pricing, supply, &terms) };
        let Draft::Open(draft) = draft(&QuoteRequest { terms: bounded, ..asked }) else { continue };
        let request = Request { asked, draft: &draft };
        for plugin in examples() {
            let called = call(plugin, &request);
            assert!(called.result.is_ok(), "{}: {:?}", plugin.name(), called.result);
        }
    }
}
