//! What was simulated, under which assumptions, and how to reproduce it.

use maud::{Markup, html};
use pricing_core::quote::GpuRule;
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_core::text::plural;

use super::ReportContext;
use super::label;
use super::number::{self, whole};
use super::parts::{clean, table, text};
use super::view::Cell;
use crate::number::Number;
use crate::scenario::{self, GpuShare, OrdersEntry, PodPlacement, Scenario, StrategyEntry};
use crate::summary::{AxisValue, Summary};

/// The most competitors that are named.
const NAMED: usize = 4;

/// What was simulated.
pub(super) fn section(summary: &Summary, cells: &[Cell<'_>], scenario: Option<&Scenario>) -> Markup {
    html! {
        section class="setting" {
            h2 { "What was simulated" }
            dl class="facts" {
                dt { "Orders" }
                dd { (orders(summary, cells)) @if let Some(source) = scenario.and_then(|it| source(&it.orders)) { ", " (clean(&source)) } }
                dt { "Window" }
                dd { (window(summary)) }
                dt { "Inventory" }
                dd { (inventory(cells)) @if let Some(source) = scenario.and_then(supply) { ", " (clean(&source)) } }
                @if let Some(scenario) = scenario {
                    dt { "Competition" }
                    dd { (clean(&competition(scenario))) }
                    dt { "Tenants' maxima" }
                    dd { (clean(&maxima(&scenario.orders))) }
                    @if let Some(warm_up) = scenario.orders.warm_up {
                        dt { "Warm-up" }
                        dd { (humantime::format_duration(warm_up)) ", of which nothing counts" }
                    }
                }
                dt { (if summary.seeds.len() == 1 { "Seed" } else { "Seeds" }) }
                dd { (seeds(&summary.seeds)) }
                dt { "Runs" }
                dd { (runs(summary, cells)) }
                @for axis in &summary.axes {
                    dt { "Axis " (clean(&label::axis(&axis.key))) }
                    dd { @if label::axis(&axis.key) != axis.key { (clean(&axis.key)) ": " } (clean(&axis.values.iter().map(AxisValue::to_string).collect::<Vec<_>>().join(", "))) }
                }
            }
            @if let Some(scenario) = scenario { (strategies(scenario)) } @else { (strategy_names(cells)) }
        }
    }
}

fn orders(summary: &Summary, cells: &[Cell<'_>]) -> String {
    let counts = cells.iter().filter_map(|cell| cell.strategies.first()).map(|it| it.figures.orders);
    let (Some(least), Some(most)) = (counts.clone().min(), counts.max()) else { return "none".to_owned() };
    let range = if least == most { whole(most) } else { format!("{} to {}", whole(least), whole(most)) };
    let of = match (summary.axes.is_empty(), summary.seeds.len()) {
        (true, 1) => "",
        (true, _) => " over all seeds",
        (false, 1) => " in each cell",
        (false, _) => " in each cell over all seeds",
    };
    format!("{range}{of}")
}

fn source(orders: &OrdersEntry) -> Option<String> {
    let files = [
        ("JSON lines", &orders.jsonl),
        ("CSV", &orders.csv),
        ("Parquet", &orders.parquet),
        ("the bid log", &orders.bid_log),
        ("the SDLs in", &orders.sdl_dir),
        ("the openb trace", &orders.openb),
    ];
    let named = files.into_iter().find_map(|(what, file)| Some(format!("{what} {}", file.as_ref()?)));
    named.or_else(|| orders.generate.is_some().then(|| "made up by the scenario's generator".to_owned()))
}

fn supply(scenario: &Scenario) -> Option<String> {
    let inventory = &scenario.inventory;
    let named = [&inventory.file, &inventory.openb, &inventory.describe].into_iter().flatten().next()?;
    let empty = if inventory.empty { ", beginning empty" } else { "" };
    Some(format!("from {named}{empty}"))
}

/// Who else bids, and by what.
fn competition(scenario: &Scenario) -> String {
    let Some(market) = scenario.market.as_ref().filter(|market| market.enabled) else {
        return "nobody else bids".to_owned();
    };
    let rates = |rates: &Option<String>| rates.clone().unwrap_or_else(|| "the documented default".to_owned());
    let spread = |spread: Option<Number>| spread.map_or_else(String::new, |sigma| format!(", spread {}", sigma.0));
    let mut bidders = Vec::new();
    if market.rates.is_some() || !market.set.is_empty() {
        bidders.push(format!("the market by {}{}", rates(&market.rates), spread(market.spread)));
    }
    for it in market.competitor.iter().take(NAMED) {
        bidders.push(format!("“{}” by {}{}", it.name, rates(&it.rates), spread(it.spread)));
    }
    let more = market.competitor.len().saturating_sub(NAMED);
    if more > 0 {
        bidders.push(format!("{} more", whole(more)));
    }
    let factor = market.factor.map_or_else(String::new, |factor| format!("; all prices times {}", factor.0));
    format!("{}{factor}", bidders.join("; "))
}

/// The most that tenants pay.
fn maxima(orders: &OrdersEntry) -> String {
    let Some(maximum) = &orders.maximum else { return "as the orders say; others have none".to_owned() };
    let rates = maximum.rates.rates.clone().unwrap_or_else(|| "the documented default".to_owned());
    let factor = maximum.factor.map_or_else(String::new, |factor| format!(" times {}", factor.0));
    let spread = maximum.spread.map_or_else(String::new, |sigma| format!(", spread {}", sigma.0));
    let whose = if orders.replace_maximum { "for all orders" } else { "where the orders do not say" };
    format!("{rates}{factor}{spread}, {whose}")
}

fn window(summary: &Summary) -> String {
    summary.window.map_or_else(
        || "not the same in all runs".to_owned(),
        |window| {
            let length = window.end_s.0.saturating_sub(window.start_s.0);
            format!(
                "{}, from second {} to {} of the stream",
                number::time(length),
                grouped(window.start_s.0),
                grouped(window.end_s.0)
            )
        },
    )
}

fn grouped(millis: u64) -> String {
    if millis.is_multiple_of(1000) { whole(millis / 1000) } else { crate::summary::Seconds(millis).to_string() }
}

fn inventory(cells: &[Cell<'_>]) -> String {
    let all = cells.iter().filter_map(|cell| cell.strategies.first()).map(|it| it.figures.gpu_utilisation.as_slice());
    let mut all = all.map(|kinds| kinds.iter().map(|kind| (kind.kind.as_str(), kind.cards)).collect::<Vec<_>>());
    let Some(first) = all.next() else { return "none".to_owned() };
    if all.any(|other| other != first) {
        return "not the same in all cells".to_owned();
    }
    let cards = first.iter().fold(0_u64, |sum, (_, cards)| sum.saturating_add(*cards));
    if cards == 0 {
        return "no cards".to_owned();
    }
    let kinds: Vec<String> = first.iter().map(|(kind, cards)| format!("{} {kind}", whole(cards))).collect();
    format!("{} {}: {}", whole(cards), plural(cards, "card", "cards"), kinds.join(", "))
}

/// Formats seeds, with consecutive ones as ranges.
fn seeds(seeds: &[u64]) -> String {
    let follow = seeds.iter().zip(seeds.iter().skip(1)).all(|(one, next)| one.checked_add(1) == Some(*next));
    match (seeds.first(), seeds.last()) {
        (Some(first), Some(last)) if follow && seeds.len() > 3 => format!("{first} to {last}"),
        _ => seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn runs(summary: &Summary, cells: &[Cell<'_>]) -> String {
    let parts = match (cells.len(), summary.seeds.len()) {
        (cells, seeds) if cells > 1 && seeds > 1 => {
            format!(": {} cells with {} seeds each", whole(cells), whole(seeds))
        }
        (cells, _) if cells > 1 => format!(": {} cells", whole(cells)),
        (_, seeds) if seeds > 1 => ", one for each seed".to_owned(),
        _ => String::new(),
    };
    format!("{}{parts}", whole(summary.runs))
}

fn strategies(scenario: &Scenario) -> Markup {
    let row = |it: &StrategyEntry| {
        vec![
            it.name.clone(),
            pricer(it),
            it.rates.clone().unwrap_or_else(|| "the documented default".to_owned()),
            changed(it),
        ]
    };
    let rows: Vec<_> = scenario.strategy.iter().map(row).collect();
    let columns = [text("Strategy"), text("Who prices"), text("Rate card"), text("Changed in it")];
    table("Strategies", &columns, &rows)
}

fn strategy_names(cells: &[Cell<'_>]) -> Markup {
    let names = cells.iter().take(1).flat_map(|cell| cell.strategies);
    html! { p { "Strategies: " (clean(&names.map(|it| it.name.clone()).collect::<Vec<_>>().join(", "))) } }
}

fn pricer(it: &StrategyEntry) -> String {
    if it.scale {
        return "the daemon's scale pricing".to_owned();
    }
    match (&it.plugin, &it.script, it.gpu) {
        (Some(plugin), ..) => format!("plugin {plugin}"),
        (_, Some(script), _) => format!("script {script}"),
        (.., GpuRule::RealCard) => "rate card, by the card that is handed out".to_owned(),
        (.., GpuRule::HighestWildcard) => "rate card, open requests by its dearest card".to_owned(),
    }
}

fn changed(it: &StrategyEntry) -> String {
    if it.set.is_empty() {
        return number::NONE.to_owned();
    }
    toml::to_string(&it.set).map_or_else(|_| "something".to_owned(), |text| text.trim().replace('\n', "; "))
}

/// The assumptions of the run.
pub(super) fn assumptions(summary: &Summary, scenario: Option<&Scenario>, by_clock: u64) -> Markup {
    html! {
        section {
            h2 { "Assumptions" }
            ul class="plain" {
                li { "A month has " (whole(crate::time::SECONDS_PER_MONTH)) " seconds. A lease pays its price a month times its seconds in the window; what it would pay after the window is not counted." }
                li { "A won order takes its resources at once and holds them until its lease ends or the window does. At one moment, leases end before orders arrive." }
                li { "All strategies see the same orders with the same random numbers. Tenants do not react to prices other than by their maximum and by other bids." }
                @if summary.seeds.len() > 1 {
                    li { "Intervals are those of Student's t at 95% over " (summary.seeds.len()) " seeds: they hold what chance in the scenario does, not whether the scenario is like the world. An interval may reach beyond what a figure can be, such as below 0." }
                } @else {
                    li { "There is one seed, and therefore no interval." }
                }
                @if let Some(scenario) = scenario { (of_scenario(scenario)) }
                @if by_clock > 0 {
                    li { strong { "The wall clock decided " (whole(by_clock)) " quotes" } " (time limits of plugins or scripts): they may be others on another machine." }
                }
            }
        }
    }
}

/// The assumptions that follow from what the scenario leaves out.
fn of_scenario(scenario: &Scenario) -> Markup {
    let orders = &scenario.orders;
    html! {
        @if scenario.market.as_ref().is_none_or(|market| !market.enabled) {
            li { "Nobody else bids: an order is won if there is room for it and its price is within the tenant's maximum." }
        }
        @if orders.maximum.is_none() {
            li { "Orders that name no maximum have none: price alone never loses them." }
        }
        @if orders.lifetime.is_none() {
            li { "Where the source does not say how long a lease lasts, it lasts to the end of the window." }
        }
        @if orders.openb.is_some() {
            li {
                @match orders.gpu_share {
                    GpuShare::Up => "A share of a card takes a whole card.",
                    GpuShare::Nearest => "Half a card and more takes a card, less takes none.",
                    GpuShare::Skip => "Orders for shares of a card are left out.",
                }
            }
        }
        @if let Some(by) = &orders.time_compression { li { "Times of the source are divided by " (by.0) "." } }
        @if scenario.idle.is_none() { li { "Idle capacity is valued at the first strategy's rates, as they are without any axis." } }
        li {
            @match scenario.scheduler() {
                Scheduler::Sound => "Resources are reserved by the sound scheduler, which remembers which cards are taken.",
                Scheduler::Provider | Scheduler::Kubernetes => "Resources are reserved as the provider's own algorithm does it.",
            }
        }
        @match scenario.reserve.prefer {
            Prefer::Order => {}
            Prefer::Cheapest => li { "Where several card models fit, an order gets the one with the lowest rate." }
            Prefer::Packing => li { "Where several card models fit, an order gets the one that leaves the fewest cards free beside it." }
        }
        li {
            @match scenario.reserve.placement {
                PodPlacement::Kubernetes => "Pods start where kube-scheduler places them.",
                PodPlacement::Reserved => "Pods start on the nodes that were reserved.",
            }
        }
    }
}

/// How to reproduce the report.
pub(super) fn reproduce(context: &ReportContext<'_>) -> Markup {
    html! {
        section {
            h2 { "Do it again" }
            p { "The same scenario, the same files and the same version give the same report, byte for byte, on any machine and any number of threads." }
            pre { code { (clean(context.command)) } }
            p { "Version: " (clean(context.version)) }
            details class="printed" {
                summary { "The scenario" }
                pre { code { (clean(context.scenario)) } }
            }
        }
    }
}

/// Parses a scenario. None if the text is not one.
pub(super) fn read(text: &str) -> Option<Scenario> {
    scenario::of_table(scenario::parse(text).ok()?).ok()
}
