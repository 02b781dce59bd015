//! Keys of a rate card: where they are in its file, and what they are set to.

use pricing_core::input::InputError;
use pricing_core::money::{Usd, parse_decimal};
use pricing_core::rates::{GpuRate, Pricing};
use pricing_core::text::excerpt;
use pricing_sim::files::Files;
use pricing_sim::scenario::{RatesEntry, ScenarioError, StrategyEntry};
use rust_decimal::Decimal;
use toml::{Table, Value};

use crate::candidate::{Candidate, Variation};
use crate::evaluate::TuneError;

/// Keys of a strategy's rate card.
#[derive(Clone, Debug)]
pub struct Keys {
    entry: RatesEntry,
    paths: Vec<Vec<String>>,
    current: Candidate,
}

impl Keys {
    /// The keys of a strategy that are to be varied.
    ///
    /// # Errors
    /// When the rate card cannot be read, a key is there twice, or a key has no number in the rate card.
    pub fn new(variations: &[Variation], strategy: &StrategyEntry, files: &Files) -> Result<Self, TuneError> {
        let entry = RatesEntry { rates: strategy.rates.clone(), set: strategy.set.clone() };
        let pricing = pricing_sim::scenario::pricing(&entry, files)?;
        let text = entry.rates.as_deref().map(|name| files.text(name)).transpose().map_err(ScenarioError::from)?;
        let file: Table = text.unwrap_or_default().parse().unwrap_or_default();
        let mut paths: Vec<Vec<String>> = Vec::new();
        let mut current = Vec::new();
        for variation in variations {
            let found = resolved(&variation.key, &pricing, &[&entry.set, &file]);
            let (path, value) = found.or_else(|error| is_known(&variation.key, &entry, files).and(Err(error)))?;
            if paths.contains(&path) {
                return Err(TuneError::Meaning(format!("`{}` is varied twice", excerpt(&variation.key))));
            }
            paths.push(path);
            current.push(value.normalize());
        }
        Ok(Self { entry, paths, current: Candidate(current) })
    }

    /// The current values.
    #[must_use]
    pub fn current(&self) -> &Candidate {
        &self.current
    }

    /// Where the keys are in the rate card's file.
    #[must_use]
    pub fn paths(&self) -> &[Vec<String>] {
        &self.paths
    }

    /// The rate card's file, as the scenario names it.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.entry.rates.as_deref()
    }

    /// The values that the scenario sets in place of those of the rate card's file.
    #[must_use]
    pub fn set(&self) -> &Table {
        &self.entry.set
    }

    /// The last name of each key: `h100` of `rates.gpu.h100`.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let name = |path: &Vec<String>| path.last().map(|name| excerpt(name)).unwrap_or_default();
        self.paths.iter().map(name).collect()
    }

    /// The rates with the values of a candidate.
    ///
    /// # Errors
    /// When they are not a valid rate card.
    pub fn pricing(&self, candidate: &Candidate, files: &Files) -> Result<Pricing, TuneError> {
        let mut entry = self.entry.clone();
        for (path, value) in self.paths.iter().zip(&candidate.0) {
            // The current values stay as they were written, so that the baseline is the scenario's own strategy.
            insert(&mut entry.set, path, Value::String(value.to_string()));
        }
        Ok(pricing_sim::scenario::pricing(&entry, files)?)
    }
}

/// Checks that the reader of rate cards knows a key other than a GPU's. Its error says what may be meant.
fn is_known(key: &str, entry: &RatesEntry, files: &Files) -> Result<(), TuneError> {
    let Some(path) = names(key) else { return Ok(()) };
    if let [rates, gpu, ..] = path.as_slice()
        && (rates.as_str(), gpu.as_str()) == ("rates", "gpu")
    {
        return Ok(());
    }
    let mut entry = entry.clone();
    insert(&mut entry.set, &path, Value::String("1".to_owned()));
    pricing_sim::scenario::pricing(&entry, files)?;
    Ok(())
}

/// The path of a key, and its value.
fn resolved(key: &str, pricing: &Pricing, tables: &[&Table]) -> Result<(Vec<String>, Decimal), TuneError> {
    let path = names(key).ok_or_else(|| meaning(key, "is not a dotted TOML key, such as `rates.gpu.h100`"))?;
    if let [rates, gpu, card] = path.as_slice()
        && (rates.as_str(), gpu.as_str()) == ("rates", "gpu")
    {
        let card = GpuRate::new(card, Usd::ZERO).map_err(|error| meaning(key, &InputError::new(error).to_string()))?;
        let entries = pricing.rates.gpu.entries();
        let known = entries.iter().find(|entry| entry.card() == card.card()).or_else(|| only_of_model(entries, &card));
        let known = known.ok_or_else(|| {
            let entries: Vec<&str> = entries.iter().map(GpuRate::key).collect();
            meaning(key, &format!("is not an entry of the rate card, which has `{}`", entries.join("`, `")))
        })?;
        return Ok((vec![rates.clone(), gpu.clone(), known.key().to_owned()], known.usd().decimal()));
    }
    let value = tables.iter().find_map(|table| number(table, &path));
    let value = value.ok_or_else(|| meaning(key, "has no number in the rate card; write it there first"))?;
    Ok((path, value))
}

/// The entry that a key without a vendor means: the only one for its model that has the same RAM and interface.
fn only_of_model<'a>(entries: &'a [GpuRate], key: &GpuRate) -> Option<&'a GpuRate> {
    let (card, model) = (key.card(), key.model().filter(|_| key.vendor().is_none())?);
    let is_meant = |entry: &&GpuRate| {
        let other = entry.card();
        entry.model() == Some(model) && (other.ram(), other.interface()) == (card.ram(), card.interface())
    };
    let mut meant = entries.iter().filter(is_meant);
    meant.next().filter(|_| meant.next().is_none())
}

fn meaning(key: &str, problem: &str) -> TuneError {
    TuneError::Meaning(format!("`{}` {problem}", excerpt(key)))
}

/// The names of a dotted TOML key. None if it is not one.
fn names(key: &str) -> Option<Vec<String>> {
    // One line, so that the text cannot bring tables or keys of its own.
    let table: Table = Some(key).filter(|key| !key.contains('\n')).and_then(|key| format!("{key} = 0").parse().ok())?;
    let mut names = Vec::new();
    let mut inner = &table;
    loop {
        let (name, value) = inner.iter().next().filter(|_| inner.len() == 1)?;
        names.push(name.clone());
        match value {
            Value::Table(deeper) => inner = deeper,
            Value::Integer(0) => return Some(names),
            _ => return None,
        }
    }
}

/// The number at a path.
fn number(table: &Table, path: &[String]) -> Option<Decimal> {
    let (first, rest) = path.split_first()?;
    match table.get(first)? {
        Value::Table(inner) => number(inner, rest),
        Value::String(text) if rest.is_empty() => parse_decimal(text).ok(),
        value @ (Value::Integer(_) | Value::Float(_)) if rest.is_empty() => parse_decimal(&value.to_string()).ok(),
        _ => None,
    }
}

fn insert(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            table.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            if !table.get(first).is_some_and(Value::is_table) {
                table.insert(first.clone(), Value::Table(Table::new()));
            }
            if let Some(inner) = table.get_mut(first).and_then(Value::as_table_mut) {
                insert(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_however_it_is_written() {
        assert_eq!(names("rates.gpu.\"nvidia/a100\"").unwrap(), ["rates", "gpu", "nvidia/a100"]);
        assert_eq!(names("rates.cpu").unwrap(), ["rates", "cpu"]);
        for wrong in ["", "a b", "a = 1\nb", "a.", "[a]\nb"] {
            assert_eq!(names(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn values_come_from_the_changes_before_the_file() {
        let pricing =
            pricing_core::rates::toml::read("[rates]\ncpu = \"1.6\"\n[rates.gpu]\n\"nvidia/h100\" = \"1900\"").unwrap();
        let file: Table = "[rates]\ncpu = \"1.6\"\nmemory = 0.8".parse().unwrap();
        let set: Table = "[rates]\ncpu = \"2\"".parse().unwrap();
        let of = |key: &str| {
            resolved(key, &pricing, &[&set, &file]).map(|(path, value)| (path.join("."), value.to_string()))
        };
        assert_eq!(of("rates.cpu").unwrap(), ("rates.cpu".to_owned(), "2".to_owned()));
        assert_eq!(of("rates.memory").unwrap().1, "0.8");
        assert_eq!(of("rates.gpu.'nvidia/H100'").unwrap(), ("rates.gpu.nvidia/h100".to_owned(), "1900".to_owned()));
        assert!(of("rates.gpu.t4").is_err() && of("rates.ip").is_err() && of("rates").is_err());
    }
}
