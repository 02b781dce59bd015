//! `bidprice plugin check`: checks whether a plugin would be loaded.

use std::path::PathBuf;
use std::time::Instant;

use pricing_core::quote::wire::SCHEMA;
use pricing_host::compile::{Examination, Wanted};
use pricing_host::{Fault, Plugin, PluginSettings};
use serde_json::{Value, json};

use super::facts::{self, Fact};
use super::results::{CheckReport, Stage};
use super::subject::{Subject, host};
use super::table;
use super::words::{answer_json, fault_json, log_json};
use crate::args::{LimitArgs, Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::{output, plugin};

/// Arguments of `bidprice plugin check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The plugin: a component, a WASI command, or either as text
    #[arg(value_name = "PLUGIN")]
    plugin: PathBuf,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let settings = args.limits.settings()?;
    let subject = Subject::read(&args.plugin)?;
    let report = check(subject, settings)?;
    match args.output.output {
        Output::Json => output::print_json(&report_json(&report))?,
        Output::Table => output::print(&table::check(&report))?,
    }
    Ok(if report.refused.is_some() { Exit::Fault } else { Exit::Success })
}

/// Checks a plugin stage by stage, and stops at the first refusal.
///
/// The facts are collected as far as it got, so that a refusal is shown beside the amounts that explain it.
fn check(subject: Subject, settings: PluginSettings) -> Result<CheckReport, CliError> {
    let (class, limits) = (settings.class, settings.limits.clone());
    let started = Instant::now();
    let examined = plugin::compiler()?.examine(&subject.file, Wanted { larger: true, ..Wanted::artefact(class) });
    let mut refused = examined.inspection().err().map(|refusal| (Stage::Inspect, refusal.clone().into()));
    let mut compiling = None;
    let mut probe = None;
    if refused.is_none() {
        match load(&subject, &examined, settings)? {
            Ok(plugin) => {
                compiling = Some(started.elapsed());
                let called = plugin.probe_call();
                refused = called.result.as_ref().err().map(|fault| (Stage::Probe, fault.clone()));
                probe = Some(called);
            }
            Err(fault) => refused = Some((Stage::Load, fault)),
        }
    }
    let inspection = examined.inspection().ok().cloned();
    let mut facts = facts::of_file(subject.file.len(), inspection.as_ref(), class, &limits);
    facts.extend(facts::of_compiling(compiling, class));
    facts.extend(facts::of_call(probe.as_ref().map(|probe| &probe.usage), &limits));
    let fits_engine_class = examined.larger().is_some();
    Ok(CheckReport { subject, class, inspection, facts, probe, refused, fits_engine_class })
}

/// Loads the compiled plugin without a cache, so that the time to compile it is measured.
fn load(
    subject: &Subject,
    examined: &Examination,
    settings: PluginSettings,
) -> Result<Result<Plugin, Fault>, CliError> {
    Ok(host(None)?.load_examined(&subject.name, &subject.file, examined, settings))
}

fn report_json(report: &CheckReport) -> Value {
    let found = report.inspection.as_ref();
    json!({
        "schema": SCHEMA,
        "accepted": report.refused.is_none(),
        "plugin": report.subject.to_json(),
        "size_class": report.class.name(),
        "kind": found.map(|found| found.kind.name()),
        "wit_version": found.and_then(|found| found.wit_version.as_deref()),
        "imports": found.map(|found| &found.imports),
        "exports": found.map(|found| &found.exports),
        "limits": report.facts.iter().map(Fact::to_json).collect::<Vec<_>>(),
        "probe": report.probe.as_ref().map(|probe| json!({
            "answer": probe.answer.as_ref().map(answer_json),
            "log": log_json(&probe.usage.log),
            "log_dropped": probe.usage.log.dropped,
        })),
        "stage": report.refused.as_ref().map(|(stage, _)| stage.name()),
        "fault": report.refused.as_ref().map(|(_, fault)| fault_json(fault)),
        "fits_engine_class": report.fits_engine_class,
    })
}
