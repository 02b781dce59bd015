//! Sample decisions to record: orders of the corpus, with all kinds of inputs.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::manual_is_multiple_of,
    reason = "not every test uses all of it; a broken test must say so at once"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use pricing_core::budget::{Budget, SearchBudget};
use pricing_core::inventory::held_capacity::HeldCapacity;
use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::inventory::{read, validate};
use pricing_core::quote::{FallbackBy, GivenCards, GivenKind, GivenTarget};
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_engine::bid_log::{BidLog, Decided, Pending, Reading, Record};
use pricing_engine::config::{LoadedRates, LoadedScheduler};
use pricing_engine::decision::{self, LiveState, OrderRequest, Settings};
use pricing_engine::digest::Digest;
use pricing_engine::inventory::{Availability, Snapshot, SnapshotText};
use pricing_engine::metrics::Call;
use pricing_engine::order_name::OrderName;
use pricing_host::compile::Compiler;
use pricing_host::{HostSettings, Plugin, PluginHost, PluginSettings, SizeClass};
use serde_json::Value;

/// An order of one service without GPUs, in uact.
pub(crate) const PLAIN: &str = r#"{"resources":[{"memory":1073741824,"cpu":2000,"gpu":{"units":0},"storage":[{"class":"ephemeral","size":1073741824}],"count":1,"endpoint_quantity":1,"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"1000000.000000000000000000"},"price_precision":6}"#;

/// Closes a log, and waits until all of its lines are written, however long the disk takes.
pub(crate) fn closed(log: &BidLog) -> Reading {
    let start = Instant::now();
    while log.reading().waiting > 0 {
        assert!(start.elapsed() < Duration::from_secs(600), "{:?}", log.reading());
        std::thread::sleep(Duration::from_millis(5));
    }
    log.close()
}

/// Returns the same settings with other rates.
pub(crate) fn with_rates(settings: &Settings, rates: &str) -> Settings {
    Settings { rates: LoadedRates::read(rates.to_owned()).unwrap(), ..settings.clone() }
}

/// Returns a plugin host for replays.
pub(crate) fn host() -> PluginHost {
    PluginHost::new(HostSettings::new(Compiler::InProcess))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn vectors(path: &str) -> Vec<Value> {
    let text = fs::read_to_string(root().join(path)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn rates(gpu: &str) -> LoadedRates {
    LoadedRates::read(format!("[rates]\ncpu = \"1.60\"\n[rates.gpu]\n{gpu}\n\"*\" = \"120\"\n")).unwrap()
}

fn plugin(name: &str, fallback: Option<FallbackBy>) -> Plugin {
    let mut settings = PluginSettings { fallback, ..PluginSettings::new(SizeClass::Standard) };
    // The load of the machine must not decide the result.
    settings.limits.deadline = Duration::from_secs(24 * 3600);
    settings.breaker.faults = 0;
    host().open(&root().join(name), settings).unwrap()
}

fn settings(rates: LoadedRates, plugin: Option<Plugin>, scheduler: Scheduler) -> Settings {
    let (budget, kubernetes) = (SearchBudget { steps: 200_000 }, LoadedScheduler::default());
    Settings { rates, plugin, scheduler, prefer: Prefer::Order, budget, kubernetes, explore: None }
}

/// Returns an inventory with eight copies of the corpus's nodes.
pub(crate) fn large_inventory() -> String {
    let text = fs::read_to_string(root().join("corpus/inventory/mixed.json")).unwrap();
    let mut snapshot: Value = serde_json::from_str(&text).unwrap();
    let nodes = snapshot["nodes"].as_array().unwrap().clone();
    let copies = (0..8).flat_map(|copy| {
        nodes.iter().cloned().map(move |mut node| {
            node["name"] = format!("{}-{copy}", node["name"].as_str().unwrap()).into();
            node
        })
    });
    snapshot["nodes"] = copies.collect();
    snapshot.to_string()
}

/// Returns a snapshot as the live inventory would.
pub(crate) fn known(text: &str) -> Arc<Snapshot> {
    let cluster = Arc::new(validate::validate(read::read(text).unwrap()).cluster);
    Arc::new(Snapshot {
        utilisation: Arc::new(Utilisation::of(&cluster)),
        running: Arc::clone(&cluster),
        cluster,
        text: Arc::new(SnapshotText { text: text.into(), digest: Digest::of(text) }),
        held: Vec::new(),
    })
}

fn less(known: &Snapshot, held: Vec<HeldCapacity>) -> Arc<Snapshot> {
    let cluster = Arc::new(known.cluster.without(&held));
    Arc::new(Snapshot { cluster, held, ..known.clone() })
}

/// The inputs of a decision.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) request: OrderRequest,
    pub(crate) settings: Arc<Settings>,
    pub(crate) live: LiveState,
    pub(crate) screen: bool,
}

static PLAIN_SETTINGS: LazyLock<Arc<Settings>> =
    LazyLock::new(|| Arc::new(settings(rates("t4 = \"80\""), None, Scheduler::Sound)));

impl Sample {
    /// Returns an order without an inventory.
    pub(crate) fn plain(number: usize) -> Self {
        let mut request = OrderRequest::read(PLAIN).unwrap();
        request.name = Some(name(number));
        let live = LiveState { availability: Availability::NotConfigured, usd_per_akt: None };
        Self { request, settings: Arc::clone(&PLAIN_SETTINGS), live, screen: false }
    }

    /// Returns the same order on a snapshot that is unique to this number.
    pub(crate) fn with_new_snapshot(number: usize) -> Self {
        let text = fs::read_to_string(root().join("corpus/inventory/mixed.json")).unwrap();
        let known = known(&text.replace("t4-1", &format!("t4-1-{number}")));
        Self { live: LiveState { availability: Availability::Known(known), usd_per_akt: None }, ..Self::plain(number) }
    }

    /// Returns an order of three groups on a node with one free card. The first two want a card, the third does not.
    pub(crate) fn two_groups_for_one_card(scheduler: Scheduler) -> Self {
        let text = fs::read_to_string(root().join("corpus/inventory/mixed.json")).unwrap();
        let mut snapshot: Value = serde_json::from_str(&text).unwrap();
        snapshot["nodes"].as_array_mut().unwrap().truncate(1);
        snapshot["nodes"][0]["resources"]["gpu"]["quantity"]["allocated"]["string"] = "3".into();
        let group = |name: &str, gpus: u32| {
            let keys = [serde_json::json!({"key": "vendor/nvidia/model/t4", "value": "true"})];
            let keys = if gpus == 0 { &[][..] } else { &keys };
            serde_json::json!({"name": name, "resources": [{
                "resource": {
                    "id": 1,
                    "cpu": {"units": {"val": "1000"}},
                    "memory": {"quantity": {"val": "1073741824"}},
                    "gpu": {"units": {"val": gpus.to_string()}, "attributes": keys},
                },
                "count": 1,
                "price": {"denom": "uact", "amount": "1000000"},
            }]})
        };
        let groups = Value::from([group("first", 1), group("second", 1), group("third", 0)].to_vec());
        let mut request = OrderRequest::read(groups.to_string()).unwrap();
        request.name = Some(name(1));
        let live = LiveState { availability: Availability::Known(known(&snapshot.to_string())), usd_per_akt: None };
        let settings = Arc::new(Settings { scheduler, ..(**PLAIN_SETTINGS).clone() });
        Self { request, settings, live, screen: false }
    }

    /// Returns an order of two groups that want an A100 each. The larger node has one with 40 GiB, and the smaller one
    /// has one with 80 GiB.
    pub(crate) fn two_groups_for_two_kinds(policy: &str) -> Self {
        let node = |name: &str, threads: u32, ram: &str| {
            serde_json::json!({"name": name, "resources": {
                "cpu": {"quantity": {"allocatable": threads.to_string()}},
                "memory": {"quantity": {"allocatable": format!("{threads}Gi")}},
                "ephemeral_storage": {"allocatable": "100Gi"},
                "gpu": {"quantity": {"allocatable": "1"},
                    "info": [{"vendor": "nvidia", "name": "a100", "interface": "PCIe", "memory_size": ram}]}}})
        };
        let snapshot = serde_json::json!({"nodes": [node("larger", 64, "40Gi"), node("smaller", 16, "80Gi")]});
        let mut sample = Self::two_groups_for_one_card(Scheduler::Sound);
        let text = sample.request.text.replace("/model/t4", "/model/a100");
        sample.request = OrderRequest::read(text).unwrap();
        sample.request.name = Some(name(1));
        sample.live.availability = Availability::Known(known(&snapshot.to_string()));
        let card = format!("[rates.gpu]\n\"a100.40Gi\" = 600\n\"a100.80Gi\" = 1000\n[policy]\n{policy}\n");
        let rates = LoadedRates::read(card).unwrap();
        Self { settings: Arc::new(Settings { rates, ..(*sample.settings).clone() }), ..sample }
    }

    /// Returns the snapshot's digest.
    pub(crate) fn snapshot(&self) -> Option<Digest> {
        match &self.live.availability {
            Availability::Known(known) => Some(known.text.digest),
            _ => None,
        }
    }

    /// Returns the budget of the decision.
    pub(crate) fn budget(&self) -> Budget<'static> {
        Budget::new(self.settings.budget)
    }

    pub(crate) fn groups(&self) -> usize {
        self.request.orders.len()
    }

    /// Returns an order of many groups on a snapshot, with alternatives. Each group has three services that want any
    /// card.
    pub(crate) fn many_groups(groups: usize, steps: u64) -> Self {
        let unit = |id: usize| {
            serde_json::json!({
                "resource": {
                    "id": id,
                    "cpu": {"units": {"val": "100"}},
                    "memory": {"quantity": {"val": "1048576"}},
                    "gpu": {"units": {"val": "1"}, "attributes": [{"key": "vendor/nvidia/model/*", "value": "true"}]},
                },
                "count": 1,
                "price": {"denom": "uact", "amount": "1000000"},
            })
        };
        let group = |number: usize| serde_json::json!({"name": format!("group{number}"), "resources": (1..4).map(unit).collect::<Vec<_>>()});
        let text = Value::from((0..groups).map(group).collect::<Vec<_>>()).to_string();
        let mut request = OrderRequest::read(text).unwrap();
        (request.name, request.alternatives) = (Some(name(1)), true);
        let live = LiveState { availability: Availability::Known(known(&large_inventory())), usd_per_akt: None };
        let settings = Settings { budget: SearchBudget { steps }, ..(**PLAIN_SETTINGS).clone() };
        Self { request, settings: Arc::new(settings), live, screen: false }
    }

    /// Makes the decision, and records it.
    pub(crate) fn record(&self, log: &BidLog) -> Vec<Pending> {
        self.record_within(log, &self.budget())
    }

    /// Makes the decision within a budget, and records it.
    pub(crate) fn record_within(&self, log: &BidLog, budget: &Budget<'_>) -> Vec<Pending> {
        let Self { request, settings, live, screen } = self;
        let record = |group, call, decided| {
            log.record(&Record { call, request, group, settings, live, decided, took: Duration::from_micros(250) })
        };
        if *screen {
            let screened = decision::screen(settings, live.usd_per_akt, request, budget);
            let screened = screened.iter().enumerate();
            return screened.map(|(group, found)| record(group, Call::Screen, Decided::Screen(found))).collect();
        }
        let priced = decision::price(settings, live, request, budget);
        let priced = priced.iter().enumerate();
        priced.map(|(group, priced)| record(group, Call::Quote, Decided::Quote(priced))).collect()
    }
}

fn name(number: usize) -> OrderName {
    OrderName { owner: "akash1tenant".into(), dseq: u64::try_from(number).unwrap(), gseq: 1, oseq: 1 }
}

/// Returns orders of the corpus with a mix of all inputs.
pub(crate) fn corpus(number: usize) -> Vec<Sample> {
    let reservations = vectors("corpus/reservation/vectors.jsonl");
    let scripts = vectors("corpus/bid-script/vectors.jsonl");
    let mut sdls: Vec<PathBuf> = fs::read_dir(root().join("corpus/sdl")).unwrap().map(|f| f.unwrap().path()).collect();
    sdls.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    sdls.sort();
    let clusters: Vec<Arc<Snapshot>> =
        reservations.iter().step_by(40).map(|v| known(&v["cluster"].to_string())).collect();
    let cards = [rates("t4 = \"80\"\n\"a100.80Gi\" = \"1000\""), rates("a100 = \"900\"\nrtx4090 = \"500\"")];
    let guests = [
        None,
        None,
        Some(plugin("examples-plugins/built/owner-specials.wasm", None)),
        Some(plugin("examples-plugins/built/ratio-guard.wasm", Some(FallbackBy::Builtin))),
        Some(plugin("examples-plugins/built/utilisation.wasm", Some(FallbackBy::LastPlugin))),
    ];
    let all: Vec<Arc<Settings>> = (0..10)
        .map(|place| {
            let scheduler = if place % 3 == 2 { Scheduler::Provider } else { Scheduler::Sound };
            Arc::new(settings(cards[place % 2].clone(), guests[place % 5].clone(), scheduler))
        })
        .collect();
    let sample = |n: usize| {
        let request = match n % 4 {
            0 => OrderRequest::read(scripts[n % scripts.len()]["stdin"].as_str().unwrap()),
            1 => OrderRequest::read(fs::read_to_string(&sdls[n % sdls.len()]).unwrap()),
            _ => OrderRequest::read(reservations[(n * 40 + n / 60) % reservations.len()]["group"].to_string()),
        };
        let mut request = request.ok()?;
        request.name = (n % 3 > 0).then(|| name(n));
        request.owner = (n % 5 > 0).then(|| "akash1tenant".to_owned());
        request.already_reserved = n % 6 == 0;
        request.alternatives = n % 7 == 0;
        let settings = Arc::clone(&all[n % all.len()]);
        let known = &clusters[n % clusters.len()];
        let availability = match n % 11 {
            0 => Availability::NotConfigured,
            1 => Availability::Unusable("the last good snapshot is older than 10m".to_owned()),
            _ => Availability::Known(Arc::clone(known)),
        };
        let usd_per_akt = (n % 4 > 0).then(|| "0.50".parse().unwrap());
        let live = LiveState { availability, usd_per_akt };
        let mut sample = Sample { request, settings, live, screen: n % 13 == 0 };
        if n % 5 == 3 {
            sample.hold();
        }
        if n % 17 == 0 {
            sample = sample.targeted();
        }
        Some(sample)
    };
    (0..).filter_map(sample).take(number).collect()
}

impl Sample {
    /// Holds the capacity that the order itself would take.
    fn hold(&mut self) {
        let Availability::Known(known) = &self.live.availability else { return };
        let priced = decision::price(&self.settings, &self.live, &self.request, &self.budget());
        let held = self.request.orders.iter().zip(&priced).flat_map(|(order, priced)| {
            HeldCapacity::by(order, &self.settings.rates.pricing, self.settings.scheduler, &priced.quote.targets)
        });
        let held = HeldCapacity::merge(held);
        if !held.is_empty() {
            self.live.availability = Availability::Known(less(known, held));
        }
    }

    /// Sets the targets that the order would get, as a daemon does.
    fn targeted(self) -> Self {
        let priced = decision::price(&self.settings, &self.live, &self.request, &self.budget());
        let [priced] = priced.as_slice() else { return self };
        let kind = |kind: &pricing_core::gpu::GpuKind| GivenKind {
            vendor: kind.vendor().to_owned(),
            model: kind.model().to_owned(),
            ram: kind.ram().map(str::to_owned),
            interface: kind.interface().map(str::to_owned),
        };
        let targets = priced.quote.targets.iter().map(|target| GivenTarget {
            resource_id: target.resource_id,
            count: target.count,
            nodes: target.nodes.iter().map(ToString::to_string).collect(),
            gpu_units: target.gpu_units,
            cards: (target.cards.iter())
                .map(|cards| GivenCards {
                    node: cards.node.as_deref().map(str::to_owned),
                    kinds: cards.kinds.iter().map(kind).collect(),
                })
                .collect(),
        });
        match self.request.clone().with_targets(targets.collect()) {
            Ok(request) => Self { request, ..self },
            Err(_) => self,
        }
    }
}
