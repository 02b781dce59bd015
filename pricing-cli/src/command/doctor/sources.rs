//! What the service prices with: the inventory, the worth of an AKT, and the nodes of the chain.

use std::time::Duration;

use pricing_core::inventory::Cluster;
use pricing_core::inventory::utilisation::{GpuUsage, Utilisation};
use pricing_engine::config::{self, Loaded};
use pricing_engine::feed::Update;
use pricing_engine::inventory::{Availability, Reading};
use pricing_engine::outcomes::NodeReading;

use super::checkup::{Checkup, Group};
use super::configuration::Reported;
use super::live::Live;
use crate::amounts::unit_price;
use crate::wording::{count, number};

/// The most kinds of card that a sentence lists.
const MOST_KINDS: usize = 8;

/// Adds the checks of everything that the service prices with.
pub(super) fn check(loaded: &Loaded, live: &Live, reported: &Reported, checkup: &mut Checkup) {
    let config = &loaded.config;
    if let Some((reading, availability)) = &live.inventory {
        inventory(&config.inventory, reading, availability, checkup);
    }
    match &live.feed {
        None => {}
        Some(Ok(update)) => feed(&config.feed, update, checkup),
        Some(Err(why)) => {
            checkup.problem(
                Group::Feed,
                "`feed`",
                why.clone(),
                "mend this system's certificates or its network settings",
            );
        }
    }
    match &live.nodes {
        None if reported.is_clean(Group::Chain) && config.outcomes.is_none() => {
            checkup.ok(Group::Chain, "`outcomes`", "not configured: what became of the bids is not followed");
        }
        None => {}
        Some(Ok(answers)) => nodes(answers, checkup),
        Some(Err(why)) => {
            let remedy = "mend this system's certificates or its network settings";
            checkup.problem(Group::Chain, "`outcomes.rest`", why.clone(), remedy);
        }
    }
}

/// A duration for people, in whole seconds.
fn seconds(age: Duration) -> String {
    humantime::format_duration(Duration::from_secs(age.as_secs())).to_string()
}

fn inventory(config: &config::Inventory, reading: &Reading, availability: &Availability, checkup: &mut Checkup) {
    let key = match config {
        config::Inventory { file: Some(_), .. } => "`inventory.file`",
        config::Inventory { provider: Some(_), .. } => "`inventory.provider`",
        _ => "`inventory.operator`",
    };
    match availability {
        Availability::Known(snapshot) => {
            let age = reading.age.map(seconds).unwrap_or_default();
            let most = seconds(config.max_age.get());
            let holds = cluster_words(&snapshot.cluster);
            let found = format!("{}: {age} old, and {most} is the limit; {holds}", reading.source);
            checkup.ok(Group::Inventory, key, found);
        }
        Availability::Unusable(why) => {
            let remedy = if config.file.is_some() {
                "let what writes the file write it again, or raise `inventory.max_age`; until then there is no bid"
            } else {
                "check the address, the port and the certificate, and that the peer runs; until then there is no bid"
            };
            checkup.problem(Group::Inventory, key, why.clone(), remedy);
        }
        Availability::NotConfigured => {}
    }
    if reading.findings > 0 {
        let found = format!("the inventory has {}", count(reading.findings, "finding"));
        checkup.warn(Group::Inventory, key, found, "save it to a file, and see `bidprice inventory check FILE`");
    }
}

/// A cluster in a sentence.
fn cluster_words(cluster: &Cluster) -> String {
    let Utilisation { nodes, gpus, gpu_kinds, .. } = Utilisation::of(cluster);
    let free = gpus.total.saturating_sub(gpus.used);
    let kind = |usage: &GpuUsage| format!("{} {}", usage.total, usage.kind);
    let mut kinds: Vec<String> = gpu_kinds.iter().take(MOST_KINDS).map(kind).collect();
    if gpu_kinds.len() > MOST_KINDS {
        kinds.push(format!("{} more kinds", gpu_kinds.len().saturating_sub(MOST_KINDS)));
    }
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    format!("{}, {free} of {} free{kinds}", count(nodes, "node"), count(gpus.total, "card"))
}

fn feed(config: &config::Feed, update: &Update, checkup: &mut Checkup) {
    let answered = update.sources.iter().filter(|source| source.problem.is_none()).count();
    let asked = count(number(update.sources.len()), "source");
    match (update.usd_per_akt, update.last) {
        (Some(value), _) => {
            let value = unit_price(&value.to_string());
            let found = format!("an AKT is worth {value} USD now; {answered} of {asked} answered well");
            checkup.ok(Group::Feed, "`feed`", found);
        }
        (None, Some(last)) => {
            let (last, age) = (unit_price(&last.to_string()), update.last_age.map(seconds).unwrap_or_default());
            let why = update.problem.as_deref().unwrap_or_default();
            let most = seconds(config.max_age.get());
            let found = format!("{why}; the cache has {last} USD, {age} old, which is used until it is {most} old");
            checkup.warn(Group::Feed, "`feed`", found, "mend the sources before then, or add one");
        }
        (None, None) => {
            let why = update.problem.clone().unwrap_or_default();
            let remedy = "mend the sources, or add one that can be reached; until then orders in uakt get no bid";
            checkup.problem(Group::Feed, "`feed`", why, remedy);
        }
    }
    for source in &update.sources {
        if let Some(problem) = &source.problem {
            let remedy = "check the address, `path` and the network between";
            checkup.warn(Group::Feed, source.name.clone(), problem.clone(), remedy);
        }
    }
    if let (Some(problem), Some(cache)) = (&update.cache_problem, &config.cache) {
        let found = format!("{}: {problem}", cache.display());
        checkup.warn(Group::Feed, "`feed.cache`", found, "the service does not use it, and replaces it if it can");
    }
}

fn nodes(answers: &[NodeReading], checkup: &mut Checkup) {
    let reached = answers.iter().any(|node| node.height.is_ok());
    for NodeReading { host, height, .. } in answers {
        match height {
            Ok(height) => checkup.ok(Group::Chain, host.clone(), format!("it answers, at height {height}")),
            Err(why) if reached => {
                checkup.warn(Group::Chain, host.clone(), why.clone(), "the others are asked; mend or remove it");
            }
            Err(why) => {
                let remedy = "name a node that answers in `outcomes.rest`; until then nothing is learnt of the bids";
                checkup.problem(Group::Chain, host.clone(), why.clone(), remedy);
            }
        }
    }
}
