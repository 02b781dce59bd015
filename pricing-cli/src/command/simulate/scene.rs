//! A scenario with what the command line changes in it.

use std::path::Path;

use pricing_sim::files::Files;
use pricing_sim::kept::{Loaded, Plan};
use pricing_sim::scenario::{self, ChangeError, Changes, ScenarioError};
use pricing_sim::stream::StreamError;
use pricing_sim::sweep::Sweep;
use toml::{Table, Value};

use crate::error::CliError;
use crate::load::{self, Document};

/// The most bytes that a scenario may have.
const MAX_SCENARIO_BYTES: usize = 4 << 20;

/// What is changed in a scenario.
#[derive(Debug, clap::Args)]
pub(crate) struct ChangeArgs {
    /// Sets a key of the scenario, such as `orders.limit=100` or `strategy.card.set.rates.cpu="2"`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The first seed, instead of the scenario's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many seeds, from the first on, instead of the scenario's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    seeds: Option<u32>,
}

/// What is run.
#[derive(Debug)]
pub(crate) struct Scene {
    /// What messages call where it came from.
    pub(crate) source: String,
    /// What reports call it.
    pub(crate) name: String,
    /// The scenario, as the command line changed it.
    pub(crate) table: Table,
    /// Its runs.
    pub(crate) sweep: Sweep,
    /// Its files.
    pub(crate) files: Files,
}

impl Scene {
    /// Reads a scenario.
    pub(crate) fn read(path: &Path, change: &ChangeArgs) -> Result<Self, CliError> {
        let document = Document::read(path, MAX_SCENARIO_BYTES)?;
        let mut table = scenario::parse(&document.text).map_err(|error| document.malformed(error))?;
        change.apply(&mut table)?;
        take_scales(&mut table)?;
        let sweep = Sweep::of(&table).map_err(|error| malformed(&load::name(path), error))?;
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("scenario");
        Ok(Self {
            source: load::name(path),
            name: scenario::name(&table, stem),
            table,
            sweep,
            files: Files::in_folder(path.parent().unwrap_or_else(|| Path::new(""))),
        })
    }

    /// Reads the scenario of a plan.
    pub(crate) fn planned(folder: &Path) -> Result<(Self, Loaded), CliError> {
        let loaded = Plan::read(folder).map_err(|error| CliError::unreadable(folder.display(), error))?;
        let scene = Self {
            source: folder.display().to_string(),
            name: loaded.plan.name.clone(),
            table: loaded.table.clone(),
            sweep: loaded.sweep.clone(),
            files: loaded.files.clone(),
        };
        Ok((scene, loaded))
    }
}

/// Writes the environment's scales into the scenario where a strategy takes them from there, so that the result depends on
/// the scenario alone, even when the simulation is resumed or spread over machines.
fn take_scales(table: &mut Table) -> Result<(), CliError> {
    let strategies = table.get_mut("strategy").and_then(Value::as_array_mut);
    for entry in strategies.into_iter().flatten().filter_map(Value::as_table_mut) {
        let is_scale = entry.get("scale").and_then(Value::as_bool).unwrap_or(false);
        let has_env = entry.get("env").and_then(Value::as_table).is_some_and(|env| !env.is_empty());
        if is_scale && !has_env {
            let variables = load::scale_variables()?.into_iter().map(|(name, text)| (name, Value::String(text)));
            entry.insert("env".to_owned(), Value::Table(variables.collect()));
        }
    }
    Ok(())
}

/// An error of a scenario, with its place in whatever file it is in.
pub(crate) fn malformed(source: &str, error: ScenarioError) -> CliError {
    match error {
        ScenarioError::Malformed { name, problem } => CliError::malformed(format!("{source}: {name}"), problem),
        ScenarioError::Stream(StreamError::Malformed { name, problem }) => {
            CliError::malformed(format!("{source}: `{name}`"), problem)
        }
        ScenarioError::Cell { cell, error } => malformed(&format!("{source}: in the cell {cell}"), *error),
        other => CliError::unreadable(source, other),
    }
}

impl ChangeArgs {
    fn apply(&self, table: &mut Table) -> Result<(), CliError> {
        let read = |change: &String| {
            let usage = || CliError::Usage(format!("--set takes KEY=VALUE, and `{change}` is none"));
            let (key, value) = split(change).ok_or_else(usage)?;
            Ok((key.to_owned(), read_value(value)))
        };
        let set = self.set.iter().map(read).collect::<Result<_, CliError>>()?;
        Changes { set, seed: self.seed, seeds: self.seeds }.apply(table).map_err(|error| match error {
            ChangeError::Usage(message) => CliError::Usage(message),
            ChangeError::Malformed(error) => CliError::malformed("scenario", error),
        })
    }
}

/// A key and a value at the first `=` that is not in quotes.
fn split(change: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (place, c) in change.char_indices() {
        match quote {
            Some(open) if open == c => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '=' => {
                let (key, value) = change.split_at_checked(place)?;
                return Some((key.trim(), value.get(1..)?)).filter(|(key, _)| !key.is_empty());
            }
            _ => {}
        }
    }
    None
}

/// A value as TOML, or as text where it is none.
fn read_value(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().filter(|table| table.len() == 1);
    parsed.and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_toml_or_else_text() {
        assert_eq!(read_value("3"), Value::Integer(3));
        assert_eq!(read_value("\"3\""), Value::String("3".to_owned()));
        assert_eq!(read_value("[1, 2]"), Value::Array(vec![1.into(), 2.into()]));
        assert_eq!(read_value("highest-wildcard"), Value::String("highest-wildcard".to_owned()));
        assert_eq!(read_value("1\nother = 2"), Value::String("1\nother = 2".to_owned()));
        assert_eq!(read_value(""), Value::String(String::new()));
    }

    #[test]
    fn a_change_is_split_at_the_first_equals_sign_that_is_not_in_quotes() {
        assert_eq!(split("a.b=c=d"), Some(("a.b", "c=d")));
        assert_eq!(split("a.\"x=y\" = 1"), Some(("a.\"x=y\"", " 1")));
        assert_eq!(split("a"), None);
        assert_eq!(split("=1"), None);
    }
}
