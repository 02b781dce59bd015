//! `bidprice plugin inspect`: lists everything that is known about a plugin's file without running it.

use std::path::PathBuf;

use pricing_core::quote::wire::SCHEMA;
use pricing_host::SizeClass;
use pricing_host::compile::Wanted;
use pricing_host::inspect::Inspection;
use serde_json::{Value, json};

use super::results::InspectReport;
use super::subject::Subject;
use super::table;
use super::words::fault_json;
use crate::args::{Output, OutputArgs, PluginClass};
use crate::error::{CliError, Exit};
use crate::{output, plugin};

/// Arguments of `bidprice plugin inspect`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The plugin: a component, a WASI command, or either as text
    #[arg(value_name = "PLUGIN")]
    plugin: PathBuf,
    /// The plugin's size class, which sets its limits
    #[arg(long, value_enum, value_name = "CLASS", default_value_t)]
    plugin_class: PluginClass,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let class = SizeClass::from(args.plugin_class);
    let subject = Subject::read(&args.plugin)?;
    let examined = plugin::compiler()?.examine(&subject.file, Wanted::inspection(class));
    let report = match examined.inspection() {
        Ok(inspection) => InspectReport { subject, class, inspection: Some(inspection.clone()), refused: None },
        Err(refusal) => {
            let inspection = examined.larger().cloned();
            InspectReport { subject, class, inspection, refused: Some(refusal.clone().into()) }
        }
    };
    match args.output.output {
        Output::Json => output::print_json(&report_json(&report))?,
        Output::Table => output::print(&table::inspect(&report))?,
    }
    Ok(if report.refused.is_some() { Exit::Fault } else { Exit::Success })
}

fn inspection_json(found: &Inspection) -> Value {
    let largest = found.largest_function.as_ref();
    let memories = found.memories.iter();
    let tables = found.tables.iter();
    json!({
        "kind": found.kind.name(),
        "text": found.text,
        "wasm_bytes": found.wasm_bytes,
        "wasm_digest": found.wasm_digest.to_string(),
        "wit_version": found.wit_version,
        "imports": found.imports,
        "exports": found.exports,
        "custom_sections": found.custom_sections,
        "has_names": found.has_names,
        "modules": found.modules,
        "functions": found.functions,
        "largest_function": largest.map(|f| json!({ "index": f.index, "name": f.name, "bytes": f.bytes })),
        "nesting": found.nesting,
        "instances": found.instances,
        "memories": memories
            .map(|m| json!({ "minimum_bytes": m.minimum_bytes, "maximum_bytes": m.maximum_bytes }))
            .collect::<Vec<_>>(),
        "tables": tables.map(|t| json!({ "minimum": t.minimum, "maximum": t.maximum })).collect::<Vec<_>>(),
        "initial_memory_bytes": found.minimum_memory_bytes(),
    })
}

fn report_json(report: &InspectReport) -> Value {
    let mut answer = json!({
        "schema": SCHEMA,
        "accepted": report.refused.is_none(),
        "plugin": report.subject.to_json(),
        "size_class": report.class.name(),
    });
    let found = report.inspection.as_ref().map(inspection_json);
    if let (Some(answer), Some(Value::Object(found))) = (answer.as_object_mut(), found) {
        answer.extend(found);
    }
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("fault".to_owned(), report.refused.as_ref().map_or(Value::Null, fault_json));
    }
    answer
}
