//! `bidprice rates`: the effective rate card, where each value came from, what it says of a cluster's cards, and a new one.

mod init;

use std::path::PathBuf;

use clap::Subcommand;
use pricing_core::address::Address;
use pricing_core::quote::wire::SCHEMA;
use pricing_core::rates::check::{self, Finding};
use pricing_core::rates::origin::entry_key;
use pricing_core::rates::provider::shown;
use pricing_core::rates::{AmbiguousGpu, BelowMinimum, CoinValue, Origin, Placement, Pricing, UnlistedGpu, names};
use pricing_core::reserve::Overcommitted;
use serde_json::json;

use crate::args::{Output, OutputArgs, RatesArgs, level};
use crate::error::{CliError, Exit};
use crate::load::RatesText;
use crate::{load, output, table};

/// Arguments of `bidprice rates`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: RatesCommand,
}

#[derive(Debug, Subcommand)]
enum RatesCommand {
    /// Show the effective rate card, and where each value came from
    Show(ShowArgs),
    /// Hold the GPU entries of a rate card against the cards of a cluster
    Check(CheckArgs),
    /// Write a rate card: from the bid script's variables, from prices of the market, or with example prices
    Init(init::Args),
}

/// Arguments of `bidprice rates show`.
#[derive(Debug, clap::Args)]
struct ShowArgs {
    #[command(flatten)]
    rates: RatesArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `bidprice rates check`.
#[derive(Debug, clap::Args)]
struct CheckArgs {
    #[command(flatten)]
    rates: RatesArgs,
    /// A Cluster or provider Status, any dialect, or words such as `2 nodes x 8 h100`; `-` is stdin
    #[arg(long, value_name = "FILE|WORDS")]
    inventory: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// One value of a rate card.
pub(crate) struct Entry {
    /// Its key in a rate card file.
    pub(crate) key: String,
    /// Its value.
    pub(crate) value: String,
    /// What the value counts, for people.
    pub(crate) unit: &'static str,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    match &args.command {
        RatesCommand::Show(args) => show(args),
        RatesCommand::Check(args) => check(args),
        RatesCommand::Init(args) => init::run(args),
    }
}

/// Exits with 3 where there is something to look at, so that a script notices.
fn check(args: &CheckArgs) -> Result<Exit, CliError> {
    let pricing = load::pricing(&args.rates)?;
    let (cluster, _) = load::inventory(&args.inventory)?;
    let findings = check::check(&pricing, &cluster);
    match args.output.output {
        Output::Json => {
            let finding = |finding: &Finding| {
                let Finding { kind, problem, suggestion, .. } = finding;
                let kind = kind.as_ref().map(ToString::to_string);
                json!({ "entry": finding.entry_name(), "kind": kind, "problem": problem, "suggestion": suggestion })
            };
            let findings: Vec<_> = findings.iter().map(finding).collect();
            output::print_json(&json!({ "schema": SCHEMA, "findings": findings }))?;
        }
        Output::Table => output::print(&table::rate_findings(&findings))?,
    }
    Ok(if findings.is_empty() { Exit::Success } else { Exit::Decline })
}

fn show(args: &ShowArgs) -> Result<Exit, CliError> {
    let text = RatesText::of(&args.rates)?;
    let mut pricing = text.pricing()?;
    warn_of_names(text.name(), &pricing);
    let entries = entries(&mut pricing);
    match args.output.output {
        Output::Json => {
            let values: Vec<_> = entries
                .iter()
                .map(|entry| {
                    let origin = pricing.origins.get(&entry.key);
                    let (origin, source) = origin_words(origin);
                    json!({ "key": entry.key, "value": entry.value, "origin": origin, "source": source })
                })
                .collect();
            output::print_json(&json!({ "schema": SCHEMA, "rates": values }))?;
        }
        Output::Table => output::print(&table::rates(&entries, &pricing))?,
    }
    Ok(Exit::Success)
}

/// Warns of names that nobody knows, a line each on stderr.
fn warn_of_names(source: &str, pricing: &Pricing) {
    let findings = names::check(pricing, None);
    findings.iter().for_each(|finding| output::complain(&format!("warning: {source}: {finding}")));
}

/// An origin as JSON names it, and the variable or option that it is.
fn origin_words(origin: &Origin) -> (&'static str, Option<&str>) {
    match origin {
        Origin::Default => ("default", None),
        Origin::File => ("file", None),
        Origin::Environment(variable) => ("environment", Some(variable)),
        Origin::Option(option) => ("option", Some(option)),
    }
}

/// An origin for people.
pub(crate) fn origin_text(origin: &Origin) -> String {
    match origin_words(origin) {
        (word, None) => word.to_owned(),
        (_, Some(source)) => source.to_owned(),
    }
}

/// Every value of a rate card, in the order of its documentation.
fn entries(pricing: &mut Pricing) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut add = |key: String, value: String, unit| entries.push(Entry { key, value, unit });
    let rates = &pricing.rates;
    add("rates.cpu".into(), rates.cpu.to_string(), "USD a thread and month");
    add("rates.memory".into(), rates.memory.to_string(), "USD a GiB and month");
    add("rates.endpoint".into(), rates.endpoint.to_string(), "USD an endpoint and month");
    add("rates.ip".into(), rates.ip.to_string(), "USD a leased IP and month");
    add("rates.interconnect".into(), rates.interconnect.to_string(), "USD an HCA and month");
    add("rates.confidential".into(), rates.confidential.to_string(), "USD a confidential replica and month");
    for (class, usd) in &rates.storage {
        add(entry_key("rates.storage", class), usd.to_string(), "USD a GiB and month");
    }
    for rate in rates.gpu.entries() {
        add(entry_key("rates.gpu", rate.key()), rate.usd().to_string(), "USD a card and month");
    }
    let policy = &pricing.policy;
    let unlisted = match policy.unlisted_gpu {
        UnlistedGpu::Decline => "decline".to_owned(),
        UnlistedGpu::Price(usd) => usd.to_string(),
    };
    add("policy.unlisted_gpu".into(), unlisted, "");
    let ambiguous = match policy.ambiguous_gpu {
        AmbiguousGpu::Highest => "highest",
        AmbiguousGpu::Lowest => "lowest",
        AmbiguousGpu::Expected => "expected",
        AmbiguousGpu::Decline => "decline",
    };
    add("policy.ambiguous_gpu".into(), ambiguous.into(), "");
    let placement = match policy.placement {
        Placement::Kubernetes => "kubernetes",
        Placement::Pinned => "pinned",
    };
    add("policy.placement".into(), placement.into(), "");
    add("policy.minimum_usd_per_month".into(), policy.minimum_usd_per_month.to_string(), "USD a month");
    let below = match policy.below_minimum {
        BelowMinimum::Decline => "decline",
        BelowMinimum::Raise => "raise",
    };
    add("policy.below_minimum".into(), below.into(), "");
    let names = |list: &[Address]| list.iter().map(Address::as_str).collect::<Vec<_>>().join(" ");
    add("policy.owners.allow".into(), names(&policy.owners.allow), "owners; empty: everyone");
    add("policy.owners.deny".into(), names(&policy.owners.deny), "owners");
    for (owner, factor) in &policy.owners.discount {
        add(entry_key("policy.owners.discount", owner.as_str()), factor.to_string(), "of the price");
    }
    add("chain.blocks_per_month".into(), pricing.chain.blocks_per_month.to_string(), "blocks");
    add("chain.address_prefix".into(), pricing.chain.address_prefix.to_string(), "");
    for (denom, token) in &pricing.chain.denoms {
        let value = match &token.value {
            CoinValue::Fixed(usd) => format!("{usd} USD a coin of 10^{} units", token.exponent),
            CoinValue::Feed(feed) => format!("feed {feed}, a coin of 10^{} units", token.exponent),
        };
        add(entry_key("chain.denoms", denom.as_str()), value, "");
    }
    for resource in Overcommitted::ALL {
        let factor = *level(resource, &mut pricing.commit);
        add(format!("commit.{}", resource.name()), factor.to_string(), "overcommit factor");
    }
    if let Some(provider) = &pricing.provider {
        let attributes = provider.attributes.iter().map(|(key, value)| format!("{key}={value}"));
        add("provider.attributes".into(), attributes.collect::<Vec<_>>().join(" "), "");
        add("provider.audited_by".into(), names(&provider.audited_by), "auditors");
        let blocked = provider.blocked_hostnames.iter().map(ToString::to_string);
        add("provider.blocked_hostnames".into(), blocked.collect::<Vec<_>>().join(" "), "");
        let window = provider.reclamation_window.map_or_else(|| "none".to_owned(), shown);
        add("provider.reclamation_window".into(), window, "");
        add("provider.volumes".into(), provider.volumes.to_string(), "volumes a resource unit");
    }
    if let Some(platform) = pricing.commit.tee_platform {
        add("provider.tee_platform".into(), platform.name().to_owned(), "");
    }
    entries
}
