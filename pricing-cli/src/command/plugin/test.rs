//! `bidprice plugin test`: prices a folder of cases, and compares the decisions with the expected ones.

use std::fs;
use std::path::PathBuf;

use pricing_core::quote::ReasonCode;
use pricing_core::quote::wire::SCHEMA;
use pricing_host::Plugin;
use serde_json::{Value, json};

use super::case::{self, Case};
use super::diff::{Difference, differences};
use super::files;
use super::results::{Call, Outcome, Verdict};
use super::run::{call, refused};
use super::subject::{Subject, host};
use super::table;
use super::words::{fault_json, log_json};
use crate::args::{Output, OutputArgs, PluginArgs};
use crate::error::{CliError, Exit};
use crate::output;

/// Arguments of `bidprice plugin test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The plugin: a component, a WASI command, or either as text
    #[arg(value_name = "PLUGIN")]
    plugin: PathBuf,
    /// The folder with the cases
    #[arg(value_name = "CASES")]
    cases: PathBuf,
    /// Accept the plugin's current decisions as the expected ones
    #[arg(long)]
    bless: bool,
    #[command(flatten)]
    plugin_args: PluginArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let settings = args.plugin_args.limits.settings()?;
    let subject = Subject::read(&args.plugin)?;
    let cases = case::list(&args.cases)?;
    let plugin = match subject.load(&host(args.plugin_args.cache.folder())?, settings) {
        Ok(plugin) => plugin,
        Err(fault) => return refused(&subject, &fault, args.output.output),
    };
    let outcomes: Vec<Outcome> = cases.iter().map(|case| test(&plugin, case, args.bless)).collect();
    let failed = outcomes.iter().filter(|outcome| outcome.verdict.failed()).count();
    match args.output.output {
        Output::Json => output::print_json(&answer(&subject, &outcomes, failed))?,
        Output::Table => output::print(&table::test(&outcomes, failed))?,
    }
    if failed == 0 { Ok(Exit::Success) } else { Err(CliError::Answered(Exit::Input)) }
}

fn test(plugin: &Plugin, case: &Case, bless: bool) -> Outcome {
    let name = case.name.clone();
    match calls_of(plugin, case) {
        Err(error) => Outcome { name, verdict: Verdict::Failed(error.to_string()), calls: Vec::new() },
        Ok((calls, again)) => {
            let judged = unsteady(&calls, &again).map_or_else(|| judge(case, &calls, bless), Ok);
            let verdict = judged.unwrap_or_else(|error| Verdict::Failed(error.to_string()));
            Outcome { name, verdict, calls }
        }
    }
}

/// Prices a case twice, to detect answers that are not deterministic.
fn calls_of(plugin: &Plugin, case: &Case) -> Result<(Vec<Call>, Vec<Call>), CliError> {
    let scene = case.scene()?;
    let utilisation = scene.utilisation();
    let calls = || scene.orders.iter().map(|order| call(plugin, order, &scene, utilisation.as_ref(), None)).collect();
    Ok((calls(), calls()))
}

/// Returns why another run could have another result, if that is so.
fn unsteady(calls: &[Call], again: &[Call]) -> Option<Verdict> {
    let late = |call: &Call| call.fault().is_some_and(|fault| fault.code == ReasonCode::DeadlineExceeded);
    if let Some(late) = calls.iter().chain(again).find(|call| late(call)) {
        let message = late.fault().map(|fault| fault.message.clone()).unwrap_or_default();
        return Some(Verdict::Failed(format!("{message}; a case must end well within it on any machine")));
    }
    let differs = calls.iter().zip(again).find(|(call, again)| call.quote != again.quote)?;
    let fuel = |call: &Call| call.quote.plugin.as_ref().and_then(|plugin| plugin.fuel).unwrap_or_default();
    let (first, second) = (fuel(differs.0), fuel(differs.1));
    Some(Verdict::Failed(format!(
        "the plugin is not deterministic: two calls with the same order differ ({first} and {second} units of fuel)"
    )))
}

fn judge(case: &Case, calls: &[Call], bless: bool) -> Result<Verdict, CliError> {
    let got: Value = calls.iter().map(|call| case::decision(&call.quote)).collect();
    if bless {
        return accept(case, &got);
    }
    Ok(match case.expected()? {
        Some(expected) if expected == got => Verdict::Ok,
        Some(expected) => Verdict::Differs(differences(&expected, &got)),
        None => Verdict::Failed(format!("there is no `{}`; --bless writes it", case.expected_path().display())),
    })
}

/// Writes the decisions as the expected ones. A file with the same text is left alone.
fn accept(case: &Case, got: &Value) -> Result<Verdict, CliError> {
    let path = case.expected_path();
    let mut text = serde_json::to_string_pretty(got).map_err(|error| CliError::internal(error.to_string()))?;
    text.push('\n');
    // Only a plain file is read, so that a pipe does not block. A damaged file is overwritten.
    if path.is_file() && fs::read(&path).is_ok_and(|written| written == text.as_bytes()) {
        return Ok(Verdict::Ok);
    }
    files::write_whole(&path, text.as_bytes()).map_err(|error| files::unwritable(&path, &error))?;
    Ok(Verdict::Blessed)
}

fn answer(subject: &Subject, outcomes: &[Outcome], failed: usize) -> Value {
    let mut answer = json!({
        "schema": SCHEMA,
        "plugin": subject.to_json(),
        "cases": outcomes.iter().map(outcome_json).collect::<Vec<_>>(),
        "passed": outcomes.len().saturating_sub(failed),
        "failed": failed,
    });
    if let (true, Some(answer)) = (failed > 0, answer.as_object_mut()) {
        let message = format!("{failed} of {} cases failed", outcomes.len());
        let error = json!({
            "code": "cases-failed",
            "message": message,
            "path": null,
            "line": null,
            "column": null,
        });
        answer.insert("error".to_owned(), error);
    }
    answer
}

fn outcome_json(outcome: &Outcome) -> Value {
    let difference = |found: &Difference| json!({ "at": found.at, "expected": found.expected, "got": found.got });
    let (differences, message) = match &outcome.verdict {
        Verdict::Ok | Verdict::Blessed => (Vec::new(), None),
        Verdict::Differs(found) => (found.iter().map(difference).collect(), None),
        Verdict::Failed(message) => (Vec::new(), Some(message)),
    };
    let call = |call: &Call| {
        json!({
            "group": call.quote.group,
            "fuel": call.quote.plugin.as_ref().and_then(|plugin| plugin.fuel),
            "fault": call.fault().map(fault_json),
            "log": call.called.as_ref().map(|called| log_json(&called.usage.log)),
        })
    };
    json!({
        "name": outcome.name,
        "outcome": outcome.verdict.name(),
        "message": message,
        "differences": differences,
        "calls": outcome.calls.iter().map(call).collect::<Vec<_>>(),
    })
}
