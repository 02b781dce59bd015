//! The fuzz targets: each takes a fuzzer's bytes, and panics if a property does not hold.

#![expect(clippy::panic, reason = "a fuzz target says so by panicking")]

#[cfg(feature = "market")]
pub mod market;
#[cfg(feature = "plugins")]
pub mod plugins;

use std::fs;
use std::path::Path;

use pricing_core::budget::{Budget, SearchBudget};
use pricing_core::inventory::{self, Cluster};
use pricing_core::money::UsdPerAkt;
use pricing_core::order::{self, group_spec, script_request};
use pricing_core::quantity::Quantity;
use pricing_core::quote::compat::{self, CompatAnswer, CompatRates};
use pricing_core::quote::{self, Decision, Quote, Supply, Terms};
use pricing_core::rates;
use pricing_core::reserve::kubernetes::{KubeScheduler, PodTemplate, configuration};
use pricing_core::reserve::{CommitLevels, Preference, Scheduler, alternatives, reserve};
use pricing_core::text::Untrusted;
use rust_decimal::Decimal;

use crate::check::check_reservation;
use crate::random::Random;
use crate::{generate, orders, placements};

/// A fuzz target.
pub type Target = fn(&[u8]);

/// All targets, by the name of their corpus.
pub const TARGETS: [(&str, Target); 9] = [
    ("sdl", sdl),
    ("group_spec", group_spec),
    ("script_request", script_request),
    ("inventory", inventory),
    ("scheduler_config", scheduler_config),
    ("quantity", quantity),
    ("rates_toml", rates_toml),
    ("rates_environment", rates_environment),
    ("reserve_quote", reserve_quote),
];

/// The targets that read answers of the chain: see `market`.
pub const MARKET_TARGETS: [&str; 1] = ["chain_answer"];

/// The targets that run plugins, which take longer to build: see `plugins`.
pub const PLUGIN_TARGETS: [&str; 5] = ["plugin_file", "plugin_inspect", "plugin_text", "plugin_answer", "plugin_order"];

/// The target that calls the C library: see `pricing-ffi/tests/ffi/sequence.rs`. It is not here, since whatever depends on
/// this crate would then depend on the engine.
pub const LIBRARY_TARGETS: [&str; 1] = ["abi"];

/// The budget of a search while fuzzing.
const BUDGET: SearchBudget = SearchBudget { steps: 200_000 };

/// Runs targets on all files of their corpora.
///
/// # Panics
/// When a property does not hold, or a corpus is empty.
pub fn replay(targets: &[(&str, Target)]) {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, target) in targets {
        let folder = must(name, fs::read_dir(corpora.join(name)));
        let mut files: Vec<_> = folder.map(|entry| must(name, entry).path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{name}");
        for file in files {
            target(&must(name, fs::read(file)));
        }
    }
}

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

fn must<T>(what: &str, result: Result<T, impl std::fmt::Display>) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// An SDL is either read completely, or rejected with a position. One that is read can be printed and read again.
pub fn sdl(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match order::sdl::read(text) {
        Ok(groups) => print_and_read(&groups),
        Err(error) => assert!(!error.message().is_empty()),
    }
    let _ = order::detect::read(text, None);
}

fn print_and_read(groups: &[order::GroupSpec]) {
    let printed = group_spec::to_json(groups).to_string();
    let read = must("a printed group was refused", group_spec::read(&printed));
    let again = group_spec::to_json(&read).to_string();
    assert_eq!(printed, again);
}

/// A group spec that is read can be printed and read again.
pub fn group_spec(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok(groups) = group_spec::read(text) {
        print_and_read(&groups);
    }
}

/// A script request that is read can be priced, both strictly and like the generic script, and written and read again.
pub fn script_request(data: &[u8]) {
    let Some(text) = text(data) else { return };
    compat_price(text);
    let Ok(order) = script_request::read(text) else { return };
    let written = script_request::to_json(&order);
    let read = must("a written request was refused", script_request::read(&written));
    assert_eq!((&read.max_price, read.price_precision), (&order.max_price, order.price_precision));
    assert_eq!(script_request::to_json(&read), written);
    let terms = Terms { usd_per_akt: UsdPerAkt::new(Decimal::new(5, 1)).ok(), ..Terms::default() };
    check_quote(&quote::quote(&quote::QuoteRequest::new(&order, &rates::Pricing::default(), Supply::Unknown, &terms)));
}

/// A request for the fuzzed rates.
const REQUEST: &str = r#"{"resources":[{"memory":1073741824,"cpu":1000,"gpu":{"units":2,"attributes":{"vendor":{"nvidia":{"model":"a100"}}}},"storage":[{"class":"beta3","size":5368709120},{"class":"ram","size":1}],"count":3,"endpoint_quantity":2,"ip_lease_quantity":1}],"price":{"denom":"uakt","amount":"1000000.000000000000000000"},"price_precision":6}"#;

fn compat_price(text: &str) {
    const MAPPINGS: &str = "a100.80Gi.sxm=1300,a100=900,t4=80,mi100=word,*=60";
    let rates = CompatRates::from_environment(|name| name.ends_with("GPU_MAPPINGS").then(|| MAPPINGS.to_owned()));
    price_as_the_script(text, &rates);
}

/// The drop-in's answer is a price above 0, or a reason.
fn price_as_the_script(text: &str, rates: &CompatRates) {
    let Ok(mut request) = script_request::parse(text) else { return };
    let terms = compat::Terms { usd_per_akt: UsdPerAkt::new(Decimal::new(5, 1)).ok(), ..compat::Terms::default() };
    for _ in 0..2 {
        match compat::price(&request, rates, &terms) {
            CompatAnswer::Price(price) => assert!(price.decimals() <= 18 && price.units() > 0),
            CompatAnswer::Refused(refusal) => assert!(!refusal.to_string().is_empty()),
        }
        let levels = CommitLevels { cpu: Decimal::TWO, memory: Decimal::new(15, 1), ..CommitLevels::default() };
        if compat::restore(&mut request, &levels).is_err() {
            return;
        }
    }
}

/// An inventory that is read validates to a consistent cluster, on which orders are reserved and pods placed.
pub fn inventory(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(snapshot) = inventory::read::read(text) else { return };
    let cluster = inventory::validate::validate(snapshot).cluster;
    for node in cluster.nodes() {
        assert!(node.cpu.available <= node.cpu.total && node.memory.available <= node.memory.total);
        assert!(node.ephemeral.available <= node.ephemeral.total && node.gpus.available <= node.gpus.total);
        assert!(node.cards.len() <= 128);
    }
    let Some(order) = orders::three_services("uact") else { return };
    for scheduler in [Scheduler::Sound, Scheduler::Provider] {
        let levels = CommitLevels::default();
        if let Ok(reservation) = reserve(&order.group, &cluster, scheduler, &levels, &Budget::new(BUDGET)) {
            let units = levels.units(&order.group, scheduler);
            place(&PodTemplate::of_group(&order.group, &units, &reservation, &cluster), &cluster, data);
        }
    }
    // Pods without cards are placed on whatever there is, reserved or not.
    let units = CommitLevels::default().units(&order.group, Scheduler::Sound);
    let units = order.group.resources().iter().zip(&units);
    let pods: Vec<PodTemplate> = units.map(|(unit, asked)| PodTemplate::new(unit, asked, None, &cluster)).collect();
    place(&pods, &cluster, data);
}

/// The probabilities of a placement add up, whatever the scheduler's profile is, and a single pod is drawn by them.
fn place(pods: &[PodTemplate], cluster: &Cluster, data: &[u8]) {
    for kube in [KubeScheduler::default(), placements::scheduler(&mut Random::from_bytes(data))] {
        if let Ok(placements) = kube.place(pods, cluster, &Budget::new(BUDGET)) {
            must("a placement is wrong", placements::check_placements(&placements, pods, cluster));
        }
        for pod in pods {
            must("a draw is wrong", placements::check_draw(&kube, pod, cluster));
        }
    }
}

/// A scheduler's configuration is either read or refused with a message, and any profile that is read places pods.
pub fn scheduler_config(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match configuration::read(text) {
        Ok(read) => {
            assert!(read.warnings.iter().all(|warning| !warning.message().is_empty() && warning.line().is_some()));
            let kube = KubeScheduler { profile: read.profile, pods_without_requests: 3, ..KubeScheduler::default() };
            let cluster = generate::small_cluster(&mut Random::new(1), 6);
            let Some(order) = orders::three_services("uact") else { return };
            let units = CommitLevels::default().units(&order.group, Scheduler::Sound);
            let units = order.group.resources().iter().zip(&units);
            let pods: Vec<PodTemplate> =
                units.map(|(unit, asked)| PodTemplate::new(unit, asked, None, &cluster)).collect();
            if let Ok(placements) = kube.place(&pods, &cluster, &Budget::new(BUDGET)) {
                must("a placement is wrong", placements::check_placements(&placements, &pods, &cluster));
            }
        }
        Err(error) => assert!(!error.message().is_empty()),
    }
}

/// A quantity that is read prints to itself.
pub fn quantity(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(quantity) = Quantity::parse(text) else { return };
    assert_eq!(must("a printed quantity was refused", Quantity::parse(&quantity.to_string())), quantity);
}

/// A rate card is either read completely or rejected, and prices each card or declines it.
pub fn rates_toml(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok(pricing) = rates::toml::read_sections(text) {
        price_something(&pricing);
        // Any rate card can be compared with another, and equals itself.
        let changes =
            |before: &rates::Pricing| rates::changes::changes(before, &pricing, rates::changes::Limit::default());
        assert_eq!(changes(&pricing), []);
        let _ = changes(&rates::Pricing::default());
        if let Ok(rates) = CompatRates::from_pricing(&pricing) {
            price_as_the_script(REQUEST, &rates);
        }
    }
}

/// The environment is either read completely or rejected. The lines of the input are the values of its variables, in
/// order.
pub fn rates_environment(data: &[u8]) {
    const VARIABLES: [&str; 9] = [
        "GPU_MAPPINGS",
        "CPU",
        "MEMORY",
        "HD_EPHEMERAL",
        "HD_PERS_HDD",
        "HD_PERS_SSD",
        "HD_PERS_NVME",
        "ENDPOINT",
        "IP",
    ];
    let Some(text) = text(data) else { return };
    let value = |name: &str| {
        let place = VARIABLES.iter().position(|variable| name.strip_prefix("PRICE_TARGET_") == Some(*variable))?;
        text.lines().nth(place).map(str::to_owned)
    };
    price_as_the_script(REQUEST, &CompatRates::from_environment(value));
    if let Ok(pricing) = rates::environment::read(value) {
        price_something(&pricing);
    }
}

fn price_something(pricing: &rates::Pricing) {
    let random = &mut Random::new(1);
    for _ in 0..4 {
        if let Some(order) = orders::small_order(random) {
            let terms = Terms { usd_per_akt: Some(UsdPerAkt::ONE), ..Terms::default() };
            check_quote(&quote::quote(&quote::QuoteRequest::new(&order, pricing, Supply::Unknown, &terms)));
        }
    }
}

/// Reservations can really be made, and quotes add up.
pub fn reserve_quote(data: &[u8]) {
    let random = &mut Random::from_bytes(data);
    let nodes = random.between(1, 6);
    let cluster = generate::small_cluster(random, nodes);
    let Some(order) = orders::small_order(random) else { return };
    let pricing = orders::pricing(random);
    let terms = Terms {
        owner: Some(Untrusted::new(orders::OWNER)),
        usd_per_akt: UsdPerAkt::new(Decimal::new(61, 2)).ok(),
        ..Terms::default()
    };
    for scheduler in [Scheduler::Sound, Scheduler::Provider] {
        let (supply, budget) = (Supply::Reserve { cluster: &cluster, scheduler }, Budget::new(BUDGET));
        check_quote(&quote::quote(&quote::QuoteRequest::new(
            &order,
            &pricing,
            supply,
            &Terms { budget: Some(&budget), ..terms },
        )));
    }
    let units = pricing.commit.units(&order.group, Scheduler::Sound);
    if let Ok(found) = alternatives::alternatives(&units, &cluster, Preference::Order, &Budget::new(BUDGET)) {
        for reservation in &found.reservations {
            must("an alternative cannot be made", check_reservation(reservation, &units, &cluster));
        }
    }
}

/// Properties of every quote.
fn check_quote(quote: &Quote) {
    let sum =
        quote.lines.iter().try_fold(pricing_core::money::Usd::ZERO, |sum, line| sum.checked_add(line.usd_per_month));
    if let Some(total) = quote.usd_per_month {
        assert_eq!(sum, Ok(total));
    }
    if let Decision::Bid(price) = &quote.decision {
        assert!(price.amount() > Decimal::ZERO);
        assert!(quote.max_price.as_ref().is_none_or(|max| price.amount() <= max.amount()));
    }
}
