//! `bidprice plugin check`: whether a plugin would be loaded, and if not, why.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use pricing_core::quote::wire::SCHEMA;
use pricing_host::inspect::{Inspection, inspect};
use pricing_host::{Called, Fault, PluginSettings, SizeClass};
use serde_json::{Value, json};

use super::facts::{self, Fact};
use super::subject::{Subject, host};
use super::words::{answer_json, fault_json, log_json};
use crate::args::{LimitArgs, Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::{output, plugin_table};

/// Arguments of `bidprice plugin check`.
///
/// The plugin is compiled anew, and called once with a small made-up order. Exit codes: 0 it would be loaded, 1 the file
/// cannot be read, 4 it would be refused, or the call failed.
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

/// What was found.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) subject: Subject,
    pub(crate) class: SizeClass,
    pub(crate) inspection: Option<Inspection>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) probe: Option<Called>,
    /// Where it failed, and why.
    pub(crate) refused: Option<(Stage, Fault)>,
    /// Whether the larger class would take the file.
    pub(crate) fits_engine_class: bool,
}

/// How far a plugin came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The file was looked at.
    Inspect,
    /// It was compiled and linked.
    Load,
    /// It was called.
    Probe,
}

impl Stage {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Load => "load",
            Self::Probe => "probe",
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let settings = args.limits.settings()?;
    let subject = Subject::read(&args.plugin)?;
    let report = check(subject, settings)?;
    match args.output.output {
        Output::Json => output::print_json(&report.to_json())?,
        Output::Table => output::print(&plugin_table::check(&report))?,
    }
    Ok(if report.refused.is_some() { Exit::Fault } else { Exit::Success })
}

fn check(subject: Subject, settings: PluginSettings) -> Result<Report, CliError> {
    let (class, limits) = (settings.class, settings.limits.clone());
    let started = Instant::now();
    let inspected = inspect(&subject.file, class);
    let inspecting = started.elapsed();
    let (inspection, mut refused) = match inspected {
        Ok(inspection) => (Some(inspection), None),
        Err(fault) => (None, Some((Stage::Inspect, fault))),
    };
    let mut compiling = None;
    let mut probe = None;
    if refused.is_none() {
        match timed_load(&subject, settings)? {
            (time, Ok(plugin)) => {
                compiling = Some(time.saturating_sub(inspecting));
                let called = plugin.probe_call();
                refused = called.result.as_ref().err().map(|fault| (Stage::Probe, fault.clone()));
                probe = Some(called);
            }
            (_, Err(fault)) => refused = Some((Stage::Load, fault)),
        }
    }
    let mut facts = facts::of_file(subject.file.len(), inspection.as_ref(), class, &limits);
    facts.extend(facts::of_compiling(compiling, class));
    facts.extend(facts::of_call(probe.as_ref().map(|probe| &probe.usage), &limits));
    let at_inspection = refused.as_ref().is_some_and(|(stage, _)| *stage == Stage::Inspect);
    let fits_engine_class =
        at_inspection && class == SizeClass::Standard && inspect(&subject.file, SizeClass::Engine).is_ok();
    Ok(Report { subject, class, inspection, facts, probe, refused, fits_engine_class })
}

/// Loads without a cache, so that compiling is seen.
fn timed_load(
    subject: &Subject,
    settings: PluginSettings,
) -> Result<(Duration, Result<pricing_host::Plugin, Fault>), CliError> {
    let host = host(None)?;
    let started = Instant::now();
    let loaded = subject.load(&host, settings);
    Ok((started.elapsed(), loaded))
}

impl Report {
    fn to_json(&self) -> Value {
        let found = self.inspection.as_ref();
        json!({
            "schema": SCHEMA,
            "accepted": self.refused.is_none(),
            "plugin": self.subject.to_json(),
            "size_class": self.class.name(),
            "kind": found.map(|found| found.kind.name()),
            "wit_version": found.and_then(|found| found.wit_version.as_deref()),
            "imports": found.map(|found| &found.imports),
            "exports": found.map(|found| &found.exports),
            "limits": self.facts.iter().map(Fact::to_json).collect::<Vec<_>>(),
            "probe": self.probe.as_ref().map(|probe| json!({
                "answer": probe.answer.as_ref().map(answer_json),
                "log": log_json(&probe.usage.log),
                "log_dropped": probe.usage.log.dropped,
            })),
            "stage": self.refused.as_ref().map(|(stage, _)| stage.name()),
            "fault": self.refused.as_ref().map(|(_, fault)| fault_json(fault)),
            "fits_engine_class": self.fits_engine_class,
        })
    }
}
