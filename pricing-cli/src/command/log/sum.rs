//! `bidprice log sum`: counts the decisions in a log, and adds up its bids.

use std::collections::BTreeMap;

use pricing_core::money::Usd;
use pricing_core::quote::wire::SCHEMA;
use pricing_core::text::{excerpt, printable};
use serde_json::{Map, Value, json};

use super::Selection;
use super::decisions::{Found, Health};
use crate::amounts::cents;
use crate::args::{Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::wording::{count, unit};
use crate::{output, table};

/// How many names of a kind are told apart; the rest is `other`.
const MAX_NAMES: usize = 500;

const EXAMPLE: &str = "Example, what was decided since yesterday:
  bidprice log sum LOG --since 24h";

/// Arguments of `bidprice log sum`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    output: OutputArgs,
}

/// Counts by name.
#[derive(Debug, Default)]
struct Counts(BTreeMap<String, u64>);

/// The counts and the sum of a log's decisions.
#[derive(Debug, Default)]
struct Sum {
    decisions: u64,
    first: Option<String>,
    last: Option<String>,
    calls: Counts,
    outcomes: Counts,
    reasons: Counts,
    gpus: Counts,
    denoms: Counts,
    /// Of all bids of which it is known.
    usd_per_month: Usd,
    /// The other bids.
    without_usd: u64,
}

pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    let mut decisions = args.selection.decisions()?;
    let mut sum = Sum::default();
    decisions.by_ref().for_each(|found| sum.add(&found));
    match args.output.output {
        Output::Json => output::print_json(&sum.json(&decisions.health))?,
        Output::Table => output::print(&sum.shown(&decisions.health))?,
    }
    Ok(decisions.health.exit())
}

impl Counts {
    fn add(&mut self, name: &str) {
        let is_room = self.0.len() < MAX_NAMES || self.0.contains_key(name);
        let count = self.0.entry(if is_room { name } else { "other" }.to_owned()).or_default();
        *count = count.saturating_add(1);
    }
}

impl Sum {
    fn add(&mut self, Found { decision, outcome }: &Found) {
        self.decisions = self.decisions.saturating_add(1);
        self.first.get_or_insert_with(|| decision.time.clone());
        self.last = Some(decision.time.clone());
        self.calls.add(&decision.call);
        self.outcomes.add(outcome.decision.name());
        if let Some(code) = &outcome.code {
            self.reasons.add(code);
        }
        if decision.quote.is_some() {
            self.gpus.add(if decision.gpu.is_empty() { "unknown" } else { &decision.gpu });
            self.denoms.add(decision.denom().as_ref().map_or("unknown", |denom| denom.exact()));
        }
        let added = outcome.bid_usd().and_then(|usd| self.usd_per_month.checked_add(usd).ok());
        match added {
            Some(sum) => self.usd_per_month = sum,
            None if outcome.is_bid() => self.without_usd = self.without_usd.saturating_add(1),
            None => {}
        }
    }

    fn counts(&self) -> [(&'static str, &'static str, &Counts); 5] {
        [
            ("by_call", "call", &self.calls),
            ("by_decision", "decision", &self.outcomes),
            ("by_reason", "reason", &self.reasons),
            ("by_gpu", "cards", &self.gpus),
            ("by_denom", "denom", &self.denoms),
        ]
    }

    fn json(&self, health: &Health) -> Value {
        let mut answer = Map::new();
        let mut put = |name: &str, value: Value| answer.insert(name.to_owned(), value);
        put("schema", SCHEMA.into());
        put("decisions", self.decisions.into());
        put("first", self.first.clone().into());
        put("last", self.last.clone().into());
        for (name, _, counts) in self.counts() {
            put(name, json!(counts.0));
        }
        put("usd_per_month", self.usd_per_month.to_string().into());
        put("without_usd", self.without_usd.into());
        answer.extend(health.json().as_object().cloned().unwrap_or_default());
        Value::Object(answer)
    }

    fn shown(&self, health: &Health) -> String {
        let mut shown = match (&self.first, &self.last) {
            (Some(first), Some(last)) => {
                format!("{}, from {} to {}\n", count(self.decisions, "decision"), excerpt(first), excerpt(last))
            }
            _ => health.none_matches(),
        };
        if self.decisions > 0 {
            shown.push_str(&format!("\n{}\n{}", self.table(), self.usd()));
        }
        let words: String = health.words().iter().map(|words| printable(words) + "\n").collect();
        if words.is_empty() { shown } else { format!("{shown}\n{words}") }
    }

    fn table(&self) -> String {
        let mut rows = table::table(&["by", "", "decisions"], &[2]);
        for (_, title, counts) in self.counts() {
            for (place, (name, count)) in counts.0.iter().enumerate() {
                let name = if title == "denom" { unit(name) } else { excerpt(name) };
                rows.add_row([if place == 0 { title } else { "" }, &name, &count.to_string()]);
            }
        }
        table::text(&rows)
    }

    fn usd(&self) -> String {
        let without = match self.without_usd {
            0 => String::new(),
            some => format!(", not counting {some} without an amount in USD"),
        };
        format!("The bids add up to {} USD a month{without}.\n", cents(self.usd_per_month))
    }
}
