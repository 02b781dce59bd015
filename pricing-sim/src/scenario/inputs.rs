//! The files that a scenario names.

use std::collections::BTreeMap;

use super::{
    CompetitorEntry, InventoryEntry, KubernetesEntry, MarketEntry, MaximumEntry, OrdersEntry, RatesEntry, Scenario,
    StrategyEntry,
};

/// The kind of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// A file.
    File,
    /// A folder of SDLs.
    Sdls,
    /// A bid log: a folder or a file.
    Log,
    /// A folder with a history.
    History,
}

/// Every file and folder that a scenario names.
///
/// Each struct is destructured completely, so that a new key does not compile until it is decided here whether it names
/// a file.
#[must_use]
pub fn inputs(scenario: &Scenario) -> BTreeMap<String, InputKind> {
    let mut named = BTreeMap::new();
    let names = &mut named;
    let Scenario {
        name: _,
        seed: _,
        usd_per_akt: _,
        scheduler: _,
        search_steps: _,
        orders,
        inventory,
        strategy,
        market,
        idle,
        openb: _,
        reserve: _,
        kubernetes: KubernetesEntry { predict: _, version: _, scheduler_config, pods_without_requests: _ },
        sweep: _,
    } = scenario;
    orders_names(orders, names);
    let InventoryEntry { file, openb, describe: _, empty: _ } = inventory;
    add(names, InputKind::File, [file, openb, scheduler_config]);
    for entry in strategy {
        let StrategyEntry {
            name: _,
            rates,
            set: _,
            gpu: _,
            plugin,
            fuel: _,
            engine: _,
            script,
            scale: _,
            env: _,
            timeout: _,
            request: _,
        } = entry;
        add(names, InputKind::File, [rates, plugin, script]);
    }
    if let Some(MarketEntry {
        enabled: _,
        rates,
        set: _,
        spread: _,
        factor: _,
        wildcard: _,
        competitor,
        observed: _,
        choice: _,
    }) = market
    {
        add(names, InputKind::File, [rates]);
        for CompetitorEntry { name: _, rates, set: _, spread: _, wildcard: _ } in competitor {
            add(names, InputKind::File, [rates]);
        }
    }
    if let Some(RatesEntry { rates, set: _ }) = idle {
        add(names, InputKind::File, [rates]);
    }
    named
}

/// The inputs of `[orders]`.
fn orders_names(orders: &OrdersEntry, names: &mut BTreeMap<String, InputKind>) {
    let OrdersEntry {
        jsonl,
        csv,
        parquet,
        bid_log,
        sdl_dir,
        openb,
        history,
        generate: _,
        arrivals: _,
        lifetime: _,
        maximum,
        replace_maximum: _,
        denom: _,
        owner: _,
        time_compression: _,
        gpu_share: _,
        resample: _,
        limit: _,
        begin: _,
        duration: _,
        warm_up: _,
    } = orders;
    add(names, InputKind::File, [jsonl, csv, parquet, openb]);
    add(names, InputKind::Sdls, [sdl_dir]);
    add(names, InputKind::Log, [bid_log]);
    add(names, InputKind::History, [history]);
    if let Some(MaximumEntry { rates: RatesEntry { rates, set: _ }, factor: _, spread: _, wildcard: _ }) = maximum {
        add(names, InputKind::File, [rates]);
    }
}

fn add<const N: usize>(names: &mut BTreeMap<String, InputKind>, kind: InputKind, named: [&Option<String>; N]) {
    for name in named.into_iter().flatten() {
        // A name that is used as a folder anywhere is recorded as a folder.
        let known = names.entry(name.clone()).or_insert(kind);
        if kind != InputKind::File {
            *known = kind;
        }
    }
}
