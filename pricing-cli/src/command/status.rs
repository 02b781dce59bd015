//! `bidprice status`: shows what a running service prices with, and its health.

mod tuned;

use std::time::Duration;

use pricing_core::quote::wire::SCHEMA;
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::{
    Change, FeedStatus, InventoryStatus, OutcomesStatus, PendingReload, PlacementStatus, PluginStatus, SchedulerStatus,
    StatusRequest, StatusResponse,
};
use serde_json::{Value, json};

use crate::amounts::unit_price;
use crate::args::{Output, OutputArgs, timeout};
use crate::connect::{ServiceArgs, within};
use crate::error::{CliError, Exit};
use crate::wording::count;
use crate::{output, table};

/// Arguments of `bidprice status`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    /// The most time for the service to answer
    #[arg(long, value_name = "DURATION", value_parser = timeout, default_value = "5s")]
    timeout: Duration,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let status = args.service.call(args.timeout, async |channel| {
        Ok(PricingClient::new(channel).status(within(args.timeout, StatusRequest {})).await?.into_inner())
    })?;
    match args.output.output {
        Output::Json => output::print_json(&json(&status))?,
        Output::Table => output::print(&shown(&status))?,
    }
    Ok(Exit::Success)
}

/// Returns seconds as decimal text, like all fractions in JSON.
fn seconds(age: Option<f64>) -> Option<String> {
    age.map(|age| format!("{age:.3}"))
}

/// Returns the status as JSON. The fields are named one by one, so that a change of the gRPC message does not change
/// it.
fn json(status: &StatusResponse) -> Value {
    json!({
        "schema": SCHEMA,
        "version": status.version,
        "uptime_seconds": status.uptime_seconds,
        "rates": {
            "digest": status.rates.as_ref().map(|rates| &rates.digest),
            "findings": status.rates.as_ref().map(|rates| &rates.findings),
        },
        "kubernetes": status.kubernetes.as_ref().map(scheduler),
        "plugin": status.plugin.as_ref().map(plugin),
        "inventory": status.inventory.as_ref().map(inventory),
        "feed": status.feed.as_ref().map(feed),
        "shadow": status.shadow.as_ref().map(|shadow| json!({
            "rates_digest": shadow.rates_digest, "plugin": shadow.plugin.as_ref().map(plugin),
            "compared": shadow.compared, "different": shadow.different,
        })),
        "bid_log": status.bid_log.as_ref().map(|log| json!({
            "path": log.path, "written": log.written, "waiting": log.waiting, "lost": log.lost, "problem": log.problem,
        })),
        "outcomes": status.outcomes.as_ref().map(outcomes),
        "placements": status.placements.as_ref().map(placements),
        "certificate": status.certificate.as_ref().map(|certificate| json!({
            "not_before": certificate.not_before, "not_after": certificate.not_after,
            "days_left": format!("{:.1}", certificate.days_left), "problem": certificate.problem,
        })),
        "reload": status.reload.as_ref().map(|reload| json!({
            "taken": reload.taken, "refused": reload.refused, "problem": reload.problem,
            "pending": reload.pending.as_ref().map(pending), "state_problem": reload.state_problem,
        })),
        "loading": status.loading.iter().map(|loading| json!({
            "file": loading.file, "seconds": seconds(Some(loading.seconds)),
        })).collect::<Vec<_>>(),
        "tune": status.tune.as_ref().map(tuned::json),
    })
}

fn pending(pending: &PendingReload) -> Value {
    let change = |change: &Change| {
        let Change { key, before, after, percent_lower, concern } = change;
        json!({
            "key": key, "before": before, "after": after, "percent_lower": percent_lower, "concern": concern,
        })
    };
    json!({
        "state": pending.state, "digest": pending.digest, "command": pending.command,
        "changes": pending.changes.iter().map(change).collect::<Vec<_>>(),
        "changes_left_out": pending.changes_left_out,
    })
}

fn scheduler(scheduler: &SchedulerStatus) -> Value {
    let SchedulerStatus { predict, version, strategy, pods_without_requests, file, digest, warnings } = scheduler;
    json!({
        "predict": predict, "version": version, "strategy": strategy, "pods_without_requests": pods_without_requests,
        "scheduler_config": file, "digest": digest, "warnings": warnings,
    })
}

fn plugin(plugin: &PluginStatus) -> Value {
    let PluginStatus { name, digest, breaker, problem } = plugin;
    json!({ "name": name, "digest": digest, "breaker": breaker, "problem": problem })
}

fn inventory(inventory: &InventoryStatus) -> Value {
    json!({
        "source": inventory.source, "state": inventory.state, "age_seconds": seconds(inventory.age_seconds),
        "digest": inventory.digest, "nodes": inventory.nodes, "findings": inventory.findings,
        "missing_nodes": inventory.missing_nodes, "problem": inventory.problem, "held": inventory.held,
    })
}

fn outcomes(outcomes: &OutcomesStatus) -> Value {
    json!({
        "provider": outcomes.provider, "folder": outcomes.folder, "age_seconds": seconds(outcomes.age_seconds),
        "complete": outcomes.complete, "failed": outcomes.failed, "problem": outcomes.problem,
        "won": outcomes.won, "lost": outcomes.lost, "open": outcomes.open, "leases": outcomes.leases,
        "leases_without_usd": outcomes.leases_without_usd,
    })
}

fn placements(placements: &PlacementStatus) -> Value {
    let PlacementStatus { open, right, same_kind, wrong, unknown, recent, recent_right, problem } = placements;
    json!({
        "open": open, "right": right, "same_kind": same_kind, "wrong": wrong, "unknown": unknown,
        "recent": recent, "recent_right": recent_right, "problem": problem,
    })
}

fn feed(feed: &FeedStatus) -> Value {
    let sources = feed.sources.iter().map(|source| {
        json!({
            "name": source.name, "usd_per_akt": source.usd_per_akt, "age_seconds": seconds(source.age_seconds),
            "problem": source.problem,
        })
    });
    json!({
        "usd_per_akt": feed.usd_per_akt, "age_seconds": seconds(feed.age_seconds),
        "sources": sources.collect::<Vec<_>>(), "problem": feed.problem,
    })
}

/// Shows the status as a table, with a row for each part and its problems below it.
fn shown(status: &StatusResponse) -> String {
    let mut rows = table::table(&["part", "state", "detail"], &[]);
    let mut add = |part: &str, state: &str, detail: String| {
        rows.add_row([part, state, &detail]);
    };
    let ago = |age: Option<f64>| seconds(age).map_or_else(|| "no age".to_owned(), |age| format!("{age} s old"));
    add("service", "up", format!("version {}, {} s", status.version, status.uptime_seconds));
    if let Some(rates) = &status.rates {
        add("rates", "", rates.digest.clone());
        for finding in &rates.findings {
            add("", "finding", finding.clone());
        }
    }
    if let Some(scheduler) = &status.kubernetes {
        add_scheduler(&mut add, scheduler);
    }
    for (part, plugin) in [("plugin", &status.plugin), ("shadow plugin", &shadow_plugin(status))] {
        let Some(plugin) = plugin else { continue };
        add(part, &format!("breaker {}", plugin.breaker), format!("{} {}", plugin.name, plugin.digest));
        problem(&mut add, &plugin.problem);
    }
    for loading in &status.loading {
        add("plugin", "loading", format!("{}, for {:.1} s", loading.file, loading.seconds));
    }
    match &status.inventory {
        None => add("inventory", "none", "capacity is not checked".to_owned()),
        Some(i) => {
            let counts = format!(
                "{}, {} missing, {}, {} held",
                count(i.nodes, "node"),
                i.missing_nodes.len(),
                count(i.findings, "finding"),
                i.held
            );
            add("inventory", &i.state, format!("{}, {}, {counts}", i.source, ago(i.age_seconds)));
            problem(&mut add, &i.problem);
        }
    }
    if let Some(feed) = &status.feed {
        let usd = feed
            .usd_per_akt
            .as_ref()
            .map_or_else(|| "unknown".to_owned(), |usd| format!("{} USD/AKT", unit_price(usd)));
        add("feed", &usd, ago(feed.age_seconds));
        problem(&mut add, &feed.problem);
        for source in &feed.sources {
            add(
                "",
                &source.usd_per_akt.as_deref().map_or_else(|| "unknown".to_owned(), unit_price),
                format!("{}, {}", source.name, ago(source.age_seconds)),
            );
            problem(&mut add, &source.problem);
        }
    }
    if let Some(shadow) = &status.shadow {
        add(
            "shadow",
            &format!("{} different", shadow.different),
            format!("of {} compared, rates {}", shadow.compared, shadow.rates_digest),
        );
    }
    if let Some(log) = &status.bid_log {
        add(
            "bid log",
            &format!("{} lost", log.lost),
            format!("{} written, {} waiting, {}", log.written, log.waiting, log.path),
        );
        problem(&mut add, &log.problem);
    }
    if let Some(outcomes) = &status.outcomes {
        let OutcomesStatus { won, lost, open, leases, leases_without_usd, .. } = outcomes;
        let age = outcomes.age_seconds.map_or_else(|| "not pulled yet".to_owned(), |_| ago(outcomes.age_seconds));
        let without = match leases_without_usd {
            0 => String::new(),
            number => format!(" ({number} without a price in USD)"),
        };
        add("outcomes", &age, format!("{won} won, {lost} lost, {open} open, {}{without}", count(*leases, "lease")));
        problem(&mut add, &outcomes.problem);
    }
    if let Some(placements) = &status.placements {
        let PlacementStatus { open, right, same_kind, wrong, unknown, recent, recent_right, problem: why } = placements;
        let results = format!("{right} right, {same_kind} same kind, {wrong} wrong, {unknown} unknown, {open} open");
        add("placements", &format!("{recent_right} of {recent} right"), results);
        problem(&mut add, why);
    }
    if let Some(certificate) = &status.certificate {
        let days = format!("{:.1} days left", certificate.days_left);
        add("certificate", &days, format!("valid from {} to {}", certificate.not_before, certificate.not_after));
        problem(&mut add, &certificate.problem);
    }
    if let Some(reload) = &status.reload {
        add("reloads", &format!("{} refused", reload.refused), format!("{} taken", reload.taken));
        // The pending configuration says it in more detail.
        match &reload.pending {
            Some(pending) => add_pending(&mut add, pending),
            None => problem(&mut add, &reload.problem),
        }
        problem(&mut add, &reload.state_problem);
    }
    if let Some(tune) = &status.tune {
        tuned::add(&mut add, tune);
    }
    table::wrapped(rows, &[2])
}

/// Shows what predicts where pods start.
fn add_scheduler(add: &mut impl FnMut(&str, &str, String), scheduler: &SchedulerStatus) {
    let SchedulerStatus { predict, version, strategy, pods_without_requests, file, digest, warnings } = scheduler;
    let pods = match pods_without_requests {
        0 => String::new(),
        pods => format!(", {} without requests on each node", count(*pods, "pod")),
    };
    let configured = match (file, digest) {
        (Some(file), Some(digest)) => format!(", {file} {digest}"),
        _ => ", no configuration of its own".to_owned(),
    };
    let detail = format!("version {version}, {strategy}{pods}{configured}");
    add("kubernetes", if *predict { "predicted" } else { "not predicted" }, detail);
    for warning in warnings {
        add("", "warning", warning.clone());
    }
}

/// Shows a pending configuration: what needs to be accepted, and how.
fn add_pending(add: &mut impl FnMut(&str, &str, String), pending: &PendingReload) {
    if pending.command.is_empty() {
        return add("", &pending.state, "the files change and have not stayed as they are".to_owned());
    }
    add("", &pending.state, pending.digest.clone());
    for change in &pending.changes {
        let Change { key, before, after, percent_lower, concern } = change;
        let lower = percent_lower.as_ref().map(|percent| format!(" ({percent} % lower)")).unwrap_or_default();
        let state = if concern.is_some() { "to accept" } else { "changes" };
        add("", state, format!("{key}: {before} -> {after}{lower}"));
    }
    if pending.changes_left_out > 0 {
        add("", "", format!("and {} more", pending.changes_left_out));
    }
    add("", "accept by", pending.command.clone());
}

fn shadow_plugin(status: &StatusResponse) -> Option<PluginStatus> {
    status.shadow.as_ref().and_then(|shadow| shadow.plugin.clone())
}

fn problem(add: &mut impl FnMut(&str, &str, String), problem: &Option<String>) {
    if let Some(problem) = problem {
        add("", "PROBLEM", problem.clone());
    }
}
