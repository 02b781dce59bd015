//! Prices recorded decisions again, and compares.

use pricing_core::quote::wire::QuoteJson;
use pricing_core::text::Untrusted;
use pricing_host::PluginHost;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entry::{Damage, Decision, Entry, SCHEMA};
use super::read::{Log, Place};
pub use super::rebuild::WhatIf;
use super::rebuild::{RebuildError, Rebuilder};
use super::record::Screening;
use crate::comparison::{Base, Difference, Outcome, Pair, Summary};
use crate::decision;
use crate::order_name::OrderName;

/// The most JSON paths of a difference.
const MAX_PATHS: usize = 20;

/// The parts of a recorded answer that are compared.
#[derive(Deserialize)]
struct Recorded {
    #[serde(flatten)]
    outcome: Outcome,
    reason: Option<ReasonOf>,
    plugin: Option<PluginOf>,
    explored: Option<Base>,
    alternatives_complete: Option<bool>,
}

#[derive(Deserialize)]
struct ReasonOf {
    code: String,
    message: String,
}

#[derive(Deserialize)]
struct PluginOf {
    fallback: Option<FallbackOf>,
}

#[derive(Deserialize)]
struct FallbackOf {
    fault: ReasonOf,
}

impl Recorded {
    fn read(text: &str) -> serde_json::Result<Self> {
        let mut recorded: Self = serde_json::from_str(text)?;
        let code = recorded.reason.as_ref().map(|reason| reason.code.clone());
        recorded.outcome = Outcome { code, ..recorded.outcome }.without_exploration(recorded.explored.take());
        Ok(recorded)
    }

    /// Returns why a replay may differ, if the answer depended on the clock.
    fn depends_on_time(&self, decision: &Decision) -> Option<&'static str> {
        if decision.out_of_time {
            return Some("the request's time was over");
        }
        let plugin = self.plugin.as_ref()?;
        let stood_in = plugin.fallback.as_ref().map(|fallback| &fallback.fault);
        for fault in self.reason.iter().chain(stood_in) {
            if fault.code == "deadline-exceeded" {
                return Some("the plugin overran its time");
            }
            if fault.message.starts_with("the plugin rests after") {
                return Some("the plugin rested after faults");
            }
        }
        let fallback = decision.plugin.as_ref().and_then(|plugin| plugin.fallback.as_deref());
        if fallback == Some("last-plugin") && self.outcome.is_fault() {
            return Some("the plugin that should have stood in may have overrun its time");
        }
        if self.alternatives_complete == Some(false) {
            return Some("the plugin may have overrun its time, or rested, on the alternatives");
        }
        None
    }
}

/// A decision that a replay answers differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The place of the line.
    #[serde(serialize_with = "place")]
    pub place: Place,
    /// Its sequence number.
    pub sequence: u64,
    /// The order's name.
    pub order_id: Option<String>,
    /// The group's name.
    pub group: Untrusted,
    /// How the answers differ.
    pub difference: Difference,
    /// The recorded answer.
    pub before: Outcome,
    /// The replayed answer.
    pub after: Outcome,
    /// The JSON paths at which the two differ.
    pub paths: Vec<String>,
    /// Why a difference was to be expected, if it was.
    pub because: Option<&'static str>,
}

/// A line that could not be replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The place of the line.
    #[serde(serialize_with = "place")]
    pub place: Place,
    /// Its sequence number, if it is known.
    pub sequence: Option<u64>,
    /// What is wrong.
    pub problem: String,
}

fn place<S: serde::Serializer>(place: &Place, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(place)
}

/// The result of a replay. The lists have the first entries only; the numbers count all of them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The schema version of this report.
    pub schema: u32,
    /// Quotes that were priced again.
    pub decisions: u64,
    /// Screenings that were replayed.
    pub screenings: u64,
    /// Answers that are the same, byte for byte; with a [`WhatIf`], those with the same price and decision.
    pub same: u64,
    /// Answers that differ.
    pub changed: u64,
    /// Answers that differ because they depended on the clock.
    pub not_repeatable: u64,
    /// Lines that could not be replayed.
    pub unchecked: u64,
    /// Lines without an end, as after a crash.
    pub cut: u64,
    /// Missing sequence numbers, between the first and the last.
    pub missing_sequences: u64,
    /// The answers that differ.
    pub changes: Vec<Change>,
    /// The answers that differ because they depended on the clock.
    pub time_dependent: Vec<Change>,
    /// The lines that could not be replayed.
    pub problems: Vec<Problem>,
    /// The changes of prices and decisions, if a [`WhatIf`] replaces inputs.
    #[serde(skip)]
    pub summary: Option<Summary>,
}

/// Prices a log's decisions again, and compares the answers.
///
/// Each list of the report has at most `limit` entries.
#[must_use]
pub fn replay(log: &Log, host: PluginHost, what_if: &WhatIf, limit: usize) -> Report {
    let mut replayer = Replayer {
        rebuilder: Rebuilder::new(log.objects().clone(), host),
        what_if,
        limit,
        next: None,
        report: Report { schema: SCHEMA, summary: what_if.any().then(Summary::default), ..Report::default() },
    };
    for (place, line) in log.lines() {
        replayer.line(place, line);
    }
    replayer.report
}

struct Replayer<'a> {
    rebuilder: Rebuilder,
    what_if: &'a WhatIf,
    limit: usize,
    /// The expected sequence number of the next line.
    next: Option<u64>,
    report: Report,
}

/// The recorded and the replayed answer.
struct Answers {
    before: Recorded,
    after: Outcome,
    /// `None` if they are the same bytes.
    paths: Option<Vec<String>>,
}

impl Replayer<'_> {
    /// Counts a line, and replays it if it is a decision. A gap in the sequence numbers is counted as missing lines.
    ///
    /// Every line ends up in exactly one count, so that a report cannot say that all decisions are the same although
    /// some were never compared.
    fn line(&mut self, place: Place, line: Result<Entry, Damage>) {
        let entry = match line {
            Ok(entry) => entry,
            Err(Damage::Cut) => {
                count(&mut self.report.cut);
                return self.problem(place, None, Damage::Cut.to_string());
            }
            Err(damage) => {
                count(&mut self.report.unchecked);
                return self.problem(place, None, damage.to_string());
            }
        };
        let sequence = entry.sequence();
        let missing = self.next.map_or(0, |next| sequence.saturating_sub(next));
        self.report.missing_sequences = self.report.missing_sequences.saturating_add(missing);
        self.next = Some(sequence.saturating_add(1));
        let Entry::Decision(decision) = entry else { return };
        match self.answers(&decision) {
            Ok(answers) => self.answered(place, &decision, answers),
            Err(error) => {
                count(&mut self.report.unchecked);
                self.problem(place, Some(sequence), error.to_string());
            }
        }
    }

    fn problem(&mut self, place: Place, sequence: Option<u64>, problem: String) {
        if self.report.problems.len() < self.limit {
            self.report.problems.push(Problem { place, sequence, problem });
        }
    }

    /// Replays a decision. A screening is compared by its reason, a quote by its whole JSON.
    ///
    /// The decision is made by the same functions as a live call. What is compared is the written answer, so that a
    /// change of any field is found, also of one that this version reads differently.
    fn answers(&mut self, decision: &Decision) -> Result<Answers, RebuildError> {
        let rebuilt = self.rebuilder.rebuild(decision, self.what_if)?;
        let lost = |what, problem: &str| RebuildError::Unreadable { what, problem: problem.to_owned() };
        let unwritable = |error: serde_json::Error| lost("answer", &error.to_string());
        if let Some(recorded) = &decision.screen {
            let (settings, usd_per_akt) = (&rebuilt.settings, rebuilt.live.usd_per_akt);
            let screened = decision::screen(settings, usd_per_akt, &rebuilt.request, &rebuilt.budget());
            let screened = screened.into_iter().next().ok_or_else(|| lost("order", "it has no group"))?;
            let reason = screened.outcome.err();
            let now = reason.as_ref().map_or(Ok(()), Err);
            let now = serde_json::to_string(&Screening::of(now)).map_err(unwritable)?;
            let before: Option<ReasonOf> = screen_reason(recorded.get()).map_err(unwritable)?;
            return Ok(Answers {
                before: Recorded {
                    outcome: Outcome::of_screening(before.map(|reason| reason.code)),
                    reason: None,
                    plugin: None,
                    explored: None,
                    alternatives_complete: None,
                },
                after: Outcome::of_screening(reason.map(|reason| reason.code.name().to_owned())),
                paths: differences(recorded.get(), &now),
            });
        }
        let recorded = decision.quote.as_ref().ok_or_else(|| lost("quote", "the line has none"))?.get();
        let priced = decision::price(&rebuilt.settings, &rebuilt.live, &rebuilt.request, &rebuilt.budget());
        let priced = priced.first().ok_or_else(|| lost("order", "it has no group"))?;
        let now = QuoteJson::new(&priced.quote, priced.alternatives.as_ref());
        let now = serde_json::to_string(&now).map_err(unwritable)?;
        let before = Recorded::read(recorded).map_err(|error| lost("quote", &error.to_string()))?;
        Ok(Answers { before, after: Outcome::of(&priced.quote), paths: differences(recorded, &now) })
    }

    /// Counts the answers, and lists them if they differ. A difference that the clock explains is listed apart.
    fn answered(&mut self, place: Place, decision: &Decision, answers: Answers) {
        let Answers { before, after, paths } = answers;
        let screening = decision.screen.is_some();
        count(if screening { &mut self.report.screenings } else { &mut self.report.decisions });
        let time = before.depends_on_time(decision);
        let before = before.outcome;
        let order_id = decision.order_id.as_ref().map(OrderName::exact);
        if let Some(summary) = self.report.summary.as_mut().filter(|_| !screening) {
            let gpu = if decision.gpu.is_empty() { "unknown" } else { &decision.gpu };
            summary.add(gpu, &before, &after, |usd| Pair {
                sequence: Some(decision.sequence),
                order_id: order_id.clone(),
                group: decision.group.name.clone(),
                gpu: gpu.to_owned(),
                before: before.clone(),
                after: after.clone(),
                usd,
            });
        }
        let difference = Difference::between(&before, &after);
        // With a `WhatIf`, only the price and the decision are compared.
        let same = if self.what_if.any() { difference == Difference::Same } else { paths.is_none() };
        if same {
            return count(&mut self.report.same);
        }
        let time = time.filter(|_| !self.what_if.any());
        let (number, list) = match time {
            Some(_) => (&mut self.report.not_repeatable, &mut self.report.time_dependent),
            None => (&mut self.report.changed, &mut self.report.changes),
        };
        count(number);
        if list.len() < self.limit {
            list.push(Change {
                place,
                sequence: decision.sequence,
                order_id,
                group: decision.group.name.clone(),
                difference,
                before,
                after,
                paths: paths.unwrap_or_default(),
                because: time,
            });
        }
    }
}

fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

fn screen_reason(recorded: &str) -> serde_json::Result<Option<ReasonOf>> {
    #[derive(Deserialize)]
    struct ScreenedGroup {
        reason: Option<ReasonOf>,
    }
    serde_json::from_str::<ScreenedGroup>(recorded).map(|screened| screened.reason)
}

/// Returns the paths at which two JSON texts differ; `None` if they are the same bytes.
fn differences(before: &str, after: &str) -> Option<Vec<String>> {
    if before == after {
        return None;
    }
    let mut paths = Vec::new();
    if let (Ok(before), Ok(after)) = (serde_json::from_str(before), serde_json::from_str(after)) {
        differ("", &before, &after, &mut paths);
    }
    if paths.is_empty() {
        // Only the order of the fields or the white space differs.
        paths.push("(how it is written)".to_owned());
    }
    Some(paths)
}

fn differ(path: &str, before: &Value, after: &Value, paths: &mut Vec<String>) {
    if before == after || paths.len() >= MAX_PATHS {
        return;
    }
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let added = after.keys().filter(|key| !before.contains_key(*key));
            for key in before.keys().chain(added) {
                let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let (before, after) = (before.get(key), after.get(key));
                differ(&at, before.unwrap_or(&Value::Null), after.unwrap_or(&Value::Null), paths);
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (place, (before, after)) in before.iter().zip(after).enumerate() {
                differ(&format!("{path}[{place}]"), before, after, paths);
            }
        }
        _ => paths.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_by_their_paths() {
        let before = r#"{"a":1,"lines":[{"usd":"1"},{"usd":"2"}],"gone":true}"#;
        let after = r#"{"a":1,"lines":[{"usd":"1"},{"usd":"3"}],"new":[]}"#;
        assert_eq!(differences(before, before), None);
        let expected = ["lines[1].usd", "gone", "new"].map(str::to_owned).to_vec();
        assert_eq!(differences(before, after), Some(expected));
        assert_eq!(differences("{}", "{ }"), Some(vec!["(how it is written)".to_owned()]));
    }
}
