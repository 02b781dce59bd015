use std::collections::BTreeSet;
use std::sync::Arc;

use pricing_core::money::UsdPerAkt;
use pricing_core::order::detect;
use pricing_core::quote::{self, Supply, Terms};
use pricing_core::rates::Pricing;
use pricing_host::metrics::{CallEvent, Metrics as _, PluginEvent};
use pricing_market::outcome::BidResult;
use rust_decimal::Decimal;

use super::*;
use crate::outcomes::report::Leases;
use crate::outcomes::{self, Counts};
use crate::tune::{self, Gain, Proposal, ProposedRate, TuneDecision};

fn order(gpu: &str) -> Order {
    let text = format!(
        r#"{{"resources":[{{"memory":1073741824,"cpu":1000,"gpu":{gpu},"storage":[],"count":1,"endpoint_quantity":0,"ip_lease_quantity":0}}],"price":{{"denom":"uact","amount":"1000000"}}}}"#
    );
    detect::read(&text, None).unwrap().remove(0)
}

fn quoted(order: &Order) -> Quote {
    let pricing = pricing_core::rates::toml::read("[rates.gpu]\n\"*\" = 100").unwrap();
    quote::quote(&quote::QuoteRequest::new(order, &pricing, Supply::Unknown, &Terms::default()))
}

fn full() -> Readings {
    Readings {
        inflight: 3,
        intake: IntakeReading { connections: 2, streams_evicted: 7, ..IntakeReading::default() },
        certificate_days: Some(-1.5),
        feed: FeedReading {
            age: Some(Duration::from_millis(1500)),
            usd_per_akt: UsdPerAkt::new(Decimal::new(50, 2)).ok(),
            fetches: vec![("so\"u\\r\nce".into(), "taken".into(), 7)],
            refused: 1,
        },
        inventory: Some(InventoryReading {
            age: Some(Duration::from_secs(4)),
            state: "stale".into(),
            refused: vec![("empty".into(), 2)],
            ..InventoryReading::default()
        }),
        breakers: vec![("x".into(), "open")],
        shadow: vec![("nvidia/t4".into(), "higher".into(), 5)],
        outcomes: Some(outcomes()),
        reload: ReloadReading { settling: false, refused: true, changes: vec![("owners", 1), ("lowered", 0)] },
        tune: Some(tune()),
        ..Readings::default()
    }
}

fn tune() -> tune::Reading {
    let rate = ProposedRate {
        key: "rates.gpu.t4".to_owned(),
        path: Vec::new(),
        current: Decimal::new(110, 0),
        proposal: Decimal::new(100, 0),
    };
    let gain_usd = Gain { mean: "80.00".to_owned(), low: "40.00".to_owned(), high: "120.00".to_owned() };
    let proposal = Proposal {
        decision: TuneDecision::Change,
        rates: vec![rate],
        gain_usd,
        gain_percent: None,
        days: 31,
        orders: 214,
        newest_order: None,
        warnings: Vec::new(),
    };
    tune::Reading { proposal: Some(proposal), proposed: 2, changed: 1, ..tune::Reading::default() }
}

fn outcomes() -> outcomes::Reading {
    let bids = [
        (("nvidia/t4".to_owned(), "1", BidResult::Won), 3),
        (("nvidia/t4".to_owned(), "2-4", BidResult::Lost), 5),
        (("none".to_owned(), "0", BidResult::Open), 2),
    ];
    let counts = Counts {
        bids: bids.into(),
        leases: Leases {
            running: 2,
            usd_per_month: Decimal::new(12_050, 2),
            without_usd: 0,
            ended: [("lease_closed_owner".to_owned(), 1)].into(),
        },
    };
    outcomes::Reading {
        provider: "akash1p".to_owned(),
        folder: "history".into(),
        age: Some(Duration::from_secs(90)),
        complete: 4,
        failed: 1,
        problem: None,
        counts: Some(Arc::new(counts)),
    }
}

/// A plugin's call that crashed.
fn called(plugin: &str) -> CallEvent<'_> {
    CallEvent {
        plugin,
        digest: "",
        fault: Some(pricing_core::quote::ReasonCode::Trap),
        time: Duration::from_millis(1),
        queued: Duration::ZERO,
        fuel: None,
        memory_bytes: 0,
    }
}

#[test]
fn every_name_is_exported_and_no_other() {
    let metrics = Arc::new(Metrics::new());
    metrics.requested(Call::Quote, Duration::from_millis(2));
    metrics.screened(Call::Screen, Ok(()));
    let plugin = PluginMetrics::new(Arc::clone(&metrics), false);
    plugin.call(&called("pricer"));
    plugin.plugin("pricer", PluginEvent::Swapped { from: "a", to: "b" });
    let page = metrics.render(&full());
    let names = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(|line| {
        let (name, kind) = line.split_once(' ').unwrap();
        match kind {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.to_owned(),
        }
    });
    let names: Vec<String> = names.collect();
    let told: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(told.len(), names.len(), "a name is there twice");
    assert_eq!(told, NAMES.iter().copied().collect());
    assert!(page.ends_with("# EOF\n"));
}

#[test]
fn readings_are_told_as_they_are() {
    let page = Metrics::new().render(&full());
    for line in [
        "bidprice_inflight 3",
        "bidprice_connections 2",
        r#"bidprice_evicted_total{kind="stream"} 7"#,
        "bidprice_certificate_days_left -1.5",
        "bidprice_feed_age_seconds 1.5",
        "bidprice_feed_usd_per_akt 0.5",
        "bidprice_feed_refused_total 1",
        r#"bidprice_inventory_state{state="fresh"} 0"#,
        r#"bidprice_inventory_state{state="stale"} 1"#,
        r#"bidprice_inventory_refused_total{reason="empty"} 2"#,
        r#"bidprice_plugin_breaker{plugin="x",state="open"} 1"#,
        r#"bidprice_plugin_breaker{plugin="x",state="closed"} 0"#,
        r#"bidprice_shadow_total{gpu="nvidia/t4",outcome="higher"} 5"#,
        r#"bidprice_refused_total{reason="rate"} 0"#,
        r#"bidprice_reloads_total{outcome="refused"} 0"#,
        r#"bidprice_reload_pending{state="refused"} 1"#,
        r#"bidprice_reload_pending{state="settling"} 0"#,
        r#"bidprice_reload_pending_changes{concern="owners"} 1"#,
        r#"bidprice_reload_pending_changes{concern="lowered"} 0"#,
        "bidprice_outcomes_pull_age_seconds 90.0",
        r#"bidprice_outcomes_pulls_total{outcome="failed"} 1"#,
        r#"bidprice_tune_decision{decision="change"} 1"#,
        r#"bidprice_tune_rate{key="rates.gpu.t4",value="proposal"} 100.0"#,
        r#"bidprice_tune_gain_usd{value="low"} 40.0"#,
        "bidprice_tune_changes_total 1",
        r#"bidprice_outcomes_bids_total{gpu="nvidia/t4",cards="1",result="won"} 3"#,
        r#"bidprice_outcomes_bids_total{gpu="nvidia/t4",cards="2-4",result="lost"} 5"#,
        "bidprice_outcomes_open_bids 2",
        "bidprice_outcomes_leases 2",
        "bidprice_outcomes_usd_per_month 120.5",
        "bidprice_outcomes_leases_without_usd 0",
        r#"bidprice_outcomes_leases_ended_total{reason="lease_closed_owner"} 1"#,
        concat!("bidprice_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
    }
}

#[test]
fn what_is_not_known_is_absent_and_not_nought() {
    let page = Metrics::new().render(&Readings::default());
    for name in [
        "bidprice_feed_age_seconds ",
        "bidprice_feed_usd_per_akt ",
        "bidprice_inventory_age_seconds ",
        "bidprice_certificate_days_left ",
        "bidprice_outcomes_bids",
        "bidprice_outcomes_leases",
    ] {
        assert!(!page.lines().any(|line| line.starts_with(name)), "{name} is there");
    }
}

#[test]
fn a_sum_of_a_part_of_the_leases_is_absent() {
    let mut reading = outcomes();
    let mut counts = Counts::clone(reading.counts.as_deref().unwrap());
    counts.leases.without_usd = 1;
    reading.counts = Some(Arc::new(counts));
    let page = Metrics::new().render(&Readings { outcomes: Some(reading), ..Readings::default() });
    assert!(page.contains("\nbidprice_outcomes_leases_without_usd 1\n"), "{page}");
    assert!(!page.contains("bidprice_outcomes_usd_per_month"), "{page}");
}

#[test]
fn hostile_texts_stay_within_their_label() {
    let metrics = Arc::new(Metrics::new());
    let evil = "x\"} 1\nbidprice_fake 1\n\u{1b}[2J\\";
    PluginMetrics::new(Arc::clone(&metrics), false).call(&called(evil));
    PluginMetrics::new(Arc::clone(&metrics), true).call(&called(evil));
    PluginMetrics::new(Arc::clone(&metrics), true).plugin(evil, PluginEvent::SwapRefused { message: "no" });
    let page = metrics.render(&full());
    assert!(!page.contains('\u{1b}'));
    assert!(page.lines().all(|line| line.starts_with("bidprice_") || line.starts_with("# ")), "{page}");
    assert!(!page.contains("\nbidprice_fake"), "{page}");
    assert!(page.contains(r#"bidprice_plugin_calls_total{plugin="x\"} 1"#), "{page}");
    assert!(page.contains(r#"bidprice_plugin_faults_total{plugin="shadow/x\"} 1"#), "{page}");
}

#[test]
fn cards_are_told_apart_when_they_are_certain() {
    let label = |gpu: &str| {
        let order = order(gpu);
        gpu_label(&order, &quoted(&order))
    };
    assert_eq!(label(r#"{"units":0}"#), "none");
    let named = r#"{"units":1,"attributes":{"vendor":{"nvidia":{"model":"a100","ram":"80Gi","interface":"sxm"}}}}"#;
    assert_eq!(label(named), "nvidia/a100/80Gi/sxm");
    assert_eq!(label(r#"{"units":1,"attributes":{"vendor":{"nvidia":{"model":"*"}}}}"#), "ambiguous");
    let order = order(named);
    let pricing = Pricing::default();
    let declined = quote::quote(&quote::QuoteRequest::new(
        &order,
        &pricing,
        Supply::Unknown,
        &Terms { owner: None, ..Terms::default() },
    ));
    let metrics = Metrics::new();
    metrics.decided(Call::Quote, &order, &declined);
    metrics.decided(Call::Quote, &order, &quoted(&order));
    let page = metrics.render(&Readings::default());
    let bid = r#"bidprice_decisions_total{call="quote",decision="bid",code="",gpu="nvidia/a100/80Gi/sxm"} 1"#;
    assert!(page.contains(bid), "{page}");
    assert!(page.contains(r#"decision="decline",code="unlisted-gpu""#), "{page}");
}

#[test]
fn labels_are_bounded() {
    let bounded = labels::Bounded::new(2);
    let takes = |value: &str| bounded.take(value.to_owned());
    assert_eq!([takes("a"), takes("b"), takes("c"), takes("a")], ["a", "b", "other", "a"]);
}
