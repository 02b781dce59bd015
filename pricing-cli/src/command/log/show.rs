//! `bidprice log show`: one decision, with everything that its line tells.

use std::str::FromStr;

use pricing_core::input::InputError;
use pricing_core::text::{Untrusted, excerpt, printable};
use pricing_engine::bid_log::entry::{
    Decision, Entry, InventoryEntry, KubernetesEntry, PluginEntry, Shadowed, Tuned, TunedGain,
};
use pricing_engine::bid_log::read::{Log, Place};
use pricing_engine::order_name::OrderName;

use super::decisions::Health;
use super::{LogArg, filter, open, outcome, placement};
use crate::amounts::unit_price;
use crate::answered::Answered;
use crate::args::{Output, OutputArgs};
use crate::colours::paint;
use crate::error::{CliError, Exit};
use crate::outcome_words::{self, pair_words};
use crate::wording::{count, number, wrap};
use crate::{load, output, quote_table, table};

/// The most other decisions on an order that are named.
const MAX_OTHERS: usize = 10;

const EXAMPLE: &str = "Examples:
  bidprice log show LOG 48127
  bidprice log show LOG akash1…/1234567/1/1";

/// Arguments of `bidprice log show`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(flatten)]
    log: LogArg,
    /// The decision's number, as `bidprice log list` shows it, or an order's name (`owner/dseq/gseq/oseq`), of which the
    /// newest decision is shown
    #[arg(value_name = "NUMBER|ORDER-ID")]
    wanted: Wanted,
    #[command(flatten)]
    output: OutputArgs,
}

/// Which decision.
#[derive(Clone, Debug)]
enum Wanted {
    Sequence(u64),
    Order(String),
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(sequence) = text.parse() {
            return Ok(Self::Sequence(sequence));
        }
        let parts: Vec<&str> = text.split('/').collect();
        let is_name = match parts.as_slice() {
            [owner, dseq, gseq, oseq] => {
                !owner.is_empty() && [dseq, gseq, oseq].iter().all(|n| n.parse::<u64>().is_ok())
            }
            _ => false,
        };
        if is_name {
            return Ok(Self::Order(text.to_owned()));
        }
        Err("expected a decision's number, or an order's name such as `akash1…/1234567/1/1`".to_owned())
    }
}

/// A line that was looked for.
struct Line {
    place: Place,
    text: Vec<u8>,
    entry: Entry,
}

/// What was found in a log.
#[derive(Default)]
struct Found {
    line: Option<Line>,
    /// The numbers of earlier decisions on the same order.
    earlier: Vec<u64>,
    /// What became of the bid on the order.
    outcome: Option<Line>,
    /// Where the pods of the order's bid started.
    placed: Vec<Line>,
}

/// Shows one decision. For an order, the log is read to its end, since its newest decision may be the last line.
pub(super) fn run(args: &Args) -> Result<Exit, CliError> {
    let log = open(&args.log.log)?;
    let mut health = Health::default();
    let Found { line, earlier, outcome, placed } = match &args.wanted {
        Wanted::Sequence(sequence) => numbered(lines(&log, &mut health), *sequence),
        Wanted::Order(name) => newest(lines(&log, &mut health), name),
    };
    // Of an order whose decisions were rotated away, the outcome may be left.
    let (line, outcome) = match line {
        Some(line) => (Some(line), outcome),
        None => (outcome, None),
    };
    let Some(line) = line else { return Err(absent(args, &health)) };
    match args.output.output {
        Output::Json => {
            let text = String::from_utf8(line.text);
            let text = text.map_err(|_| CliError::internal("a line that was read is not text"))?;
            output::print(&(text + "\n"))?;
        }
        Output::Table => {
            let outcome = outcome.as_ref().map(shown).transpose()?;
            let outcome = outcome.map(|outcome| format!("\n{outcome}")).unwrap_or_default();
            let placed = placement::all_shown(placed.iter().filter_map(|line| match &line.entry {
                Entry::Placed(placed) => Some((&line.place, &**placed)),
                _ => None,
            }));
            output::print(&(shown(&line)? + &outcome + &placed))?;
        }
    }
    if !earlier.is_empty() {
        let numbers: Vec<String> = earlier.iter().rev().take(MAX_OTHERS).map(ToString::to_string).collect();
        let more = if earlier.len() > MAX_OTHERS { ", and earlier ones" } else { "" };
        output::complain(&format!("note: other decisions on this order are {}{more}", numbers.join(", ")));
    }
    Ok(Exit::Success)
}

/// The lines of a log that can be read.
fn lines(log: &Log, health: &mut Health) -> impl Iterator<Item = Line> {
    log.texts().filter_map(|(place, text)| {
        let read = text.and_then(|text| Entry::read(&text).map(|entry| (text, entry)));
        match read {
            Ok((text, entry)) => Some(Line { place, text, entry }),
            Err(damage) => {
                health.damage(&place, &damage);
                None
            }
        }
    })
}

/// The line with a number. The outcome of a decision may come at any time later, so that the log is read to its end. It
/// names the order, or the decision where that has no order id.
fn numbered(mut lines: impl Iterator<Item = Line>, sequence: u64) -> Found {
    let line = lines.find(|line| line.entry.sequence() == sequence);
    let order = match line.as_ref().map(|line| &line.entry) {
        Some(Entry::Decision(decision)) => decision.order_id.as_ref().map(OrderName::exact),
        _ => None,
    };
    let is_of = |entry: &Entry| match (entry, &order) {
        (Entry::Outcome(_), Some(order)) => is_outcome_of(entry, order),
        (Entry::Outcome(outcome), None) => outcome.decision == Some(sequence),
        _ => false,
    };
    let mut found = Found { line, ..Found::default() };
    for line in lines {
        match &line.entry {
            Entry::Placed(placed) if placed.decision == Some(sequence) => found.placed.push(line),
            entry if is_of(entry) => found.outcome = Some(line),
            _ => {}
        }
    }
    found
}

/// The newest decision on an order, the numbers of the others, and the newest outcome.
fn newest(lines: impl Iterator<Item = Line>, name: &str) -> Found {
    let mut found = Found::default();
    for line in lines {
        match &line.entry {
            Entry::Decision(decision) if decision.order_id.as_ref().is_some_and(|found| found.exact() == name) => {
                // Those are of the earlier decision.
                found.placed.clear();
                found.earlier.extend(found.line.replace(line).map(|line| line.entry.sequence()));
            }
            Entry::Placed(placed) if placed.order_id.exact() == name => found.placed.push(line),
            entry if is_outcome_of(entry, name) => found.outcome = Some(line),
            Entry::Decision(_)
            | Entry::Shadow(_)
            | Entry::Outcome(_)
            | Entry::Placed(_)
            | Entry::Tuned(_)
            | Entry::Other(_) => {}
        }
    }
    found
}

fn is_outcome_of(entry: &Entry, order: &str) -> bool {
    matches!(entry, Entry::Outcome(outcome) if outcome.order_id.exact() == order)
}

fn absent(args: &Args, health: &Health) -> CliError {
    let what = match &args.wanted {
        Wanted::Sequence(sequence) => format!("no line of the log has the number {sequence}"),
        Wanted::Order(name) => format!("the log has no decision on the order `{:.100}`", Untrusted::new(name)),
    };
    health.tell();
    let error = InputError::new(what).hint("`bidprice log list` lists the decisions of a log");
    CliError::Input {
        source: load::name(&args.log.log),
        code: "no-such-decision",
        error: Box::new(error),
        others: Vec::new(),
    }
}

fn shown(line: &Line) -> Result<String, CliError> {
    match &line.entry {
        Entry::Decision(decision) => decision_shown(&line.place, decision),
        Entry::Shadow(shadow) => Ok(shadow_shown(&line.place, shadow)),
        Entry::Outcome(outcome) => Ok(outcome::shown(&line.place, outcome)),
        Entry::Placed(placed) => Ok(placement::shown(&line.place, placed)),
        Entry::Tuned(tuned) => Ok(tuned_shown(&line.place, tuned)),
        Entry::Other(sequence) => {
            let message = format!("{}: line {sequence} is of a kind that this version does not know", line.place);
            Ok(printable(&message) + "\n")
        }
    }
}

fn decision_shown(place: &Place, decision: &Decision) -> Result<String, CliError> {
    let head = format!("Decision {} of {}, {place}", decision.sequence, excerpt(&decision.time));
    let damaged = |problem: String| {
        CliError::malformed(place, InputError::new(format!("{problem} (`--output json` prints the line as it is)")))
    };
    let answer = match (&decision.quote, &decision.screen) {
        (Some(quote), _) => {
            // Only an inventory tells which cards there are.
            let reserved = decision.already_reserved && decision.inventory.is_some();
            quote_table::quote(&Answered::recorded(quote.get(), reserved).map_err(damaged)?, None)
        }
        _ => {
            let outcome = decision.outcome().map_err(|error| damaged(error.to_string()))?;
            let words = outcome_words::outcome(&outcome);
            let words =
                outcome_words::decided(&outcome).map_or_else(|| words.clone(), |decided| paint(decided, &words));
            format!("{}: screened, {words}\n", decision.group.name)
        }
    };
    Ok(format!("{}\n\n{}\n{answer}", printable(&head), facts(decision)))
}

/// What the decision depended on.
fn facts(decision: &Decision) -> String {
    let mut rows = table::table(&[], &[]);
    let mut add = |name: &str, value: String| {
        rows.add_row([name.to_owned(), value]);
    };
    let name = decision.order_id.as_ref().map(OrderName::exact);
    add("order", name.map_or_else(|| "-".to_owned(), |name| format!("{:.100}", Untrusted::new(name))));
    add("group", decision.group.name.to_string());
    add("owner", filter::owner(decision).map_or_else(|| "-".to_owned(), excerpt));
    add("call", excerpt(&decision.call));
    add("rates", decision.rates.to_string());
    add("plugin", decision.plugin.as_ref().map_or_else(|| "none".to_owned(), plugin));
    add("inventory", inventory(decision));
    if let Some(usd) = &decision.usd_per_akt {
        add("AKT", format!("{} USD", excerpt(&unit_price(usd))));
    }
    add("scheduler", excerpt(&decision.scheduler));
    if let Some(prefer) = &decision.prefer {
        add("prefer", excerpt(prefer));
    }
    if let Some(entry) = &decision.kubernetes {
        add("kubernetes", kubernetes(entry));
    }
    add("took", format!("{} µs", decision.took_us));
    table::wrapped(rows, &[1])
}

/// What predicted where the pods start. A decision that the default scheduler could not change has no entry.
fn kubernetes(entry: &KubernetesEntry) -> String {
    let KubernetesEntry { predict, version, scheduler_config, pods_without_requests } = entry;
    if !predict {
        return "nothing was predicted".to_owned();
    }
    let configured = scheduler_config
        .map_or_else(|| "no configuration of its own".to_owned(), |digest| format!("scheduler_config {digest}"));
    let pods = match pods_without_requests {
        0 => String::new(),
        pods => format!(", {} without requests on each node", count(u64::from(*pods), "pod")),
    };
    format!("version {}, {configured}{pods}", version.name())
}

fn plugin(plugin: &PluginEntry) -> String {
    format!("{} {}", excerpt(&plugin.name), excerpt(&plugin.digest))
}

fn inventory(decision: &Decision) -> String {
    let snapshot = match &decision.inventory {
        None => return "none".to_owned(),
        Some(InventoryEntry::Unusable(why)) => return format!("unusable: {:.200}", Untrusted::new(why)),
        Some(InventoryEntry::Snapshot(digest)) => digest,
    };
    match (decision.already_reserved, decision.held.len()) {
        (true, _) => format!("{snapshot}, already reserved"),
        (false, 0) => snapshot.to_string(),
        (false, held) => format!("{snapshot}, less what is held back on {}", count(number(held), "node")),
    }
}

fn shadow_shown(place: &Place, shadow: &Shadowed) -> String {
    let Shadowed { sequence, time, decision, answered, shadow: second, .. } = shadow;
    let of = decision.map_or_else(|| "a decision in no log".to_owned(), |number| format!("decision {number}"));
    let [answered, second] = pair_words(answered, second);
    let line =
        format!("{sequence} of {}, {place}: the shadow of {of}: answered {answered}, shadow {second}", excerpt(time));
    wrap(&printable(&line)) + "\n"
}

/// A change of the rate card by `[tune]`.
fn tuned_shown(place: &Place, tuned: &Tuned) -> String {
    let Tuned { sequence, time, stage, rates, changes, gain_percent, refused } = tuned;
    let what = if stage.as_deref() == Some("planned") { "is about to change" } else { "changed" };
    let head = format!("Line {sequence} of {}, {place}: `[tune]` {what} the rate card", excerpt(time));
    let mut rows = table::table(&["key", "before", "after"], &[1, 2]);
    for change in changes {
        rows.add_row([&change.key, &change.before, &change.after].map(|text| excerpt(text)));
    }
    let mut lines = Vec::new();
    if let Some(TunedGain { mean, low, high }) = gain_percent {
        let [mean, low, high] = [mean, low, high].map(|text| excerpt(text));
        lines.push(format!("The proposal earns {mean} % more ({low} to {high} %)."));
    }
    lines.extend(refused.as_ref().map(|why| format!("The changed card was refused: {:.300}.", Untrusted::new(why))));
    lines.push(format!("The rates {rates} were in use when this was written."));
    let lines: String = lines.iter().map(|line| wrap(&printable(line)) + "\n").collect();
    format!("{}\n\n{}\n{lines}", printable(&head), table::text(&rows))
}
