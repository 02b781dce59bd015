//! A test case: a file with the inputs of a price, and a file beside it with the expected decisions.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pricing_core::budget::SearchBudget;
use pricing_core::input::InputError;
use pricing_core::money::UsdPerAkt;
use pricing_core::order::OrderFormat;
use pricing_core::quote::Quote;
use pricing_core::quote::wire::QuoteJson;
use pricing_core::reserve::{Prefer, Scheduler};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

use crate::error::CliError;
use crate::kubernetes::KubernetesText;
use crate::load::{self, Document, RatesText};
use crate::scene::{Inputs, Scene};

/// The extension of a case.
const CASE: &str = "toml";
/// The extension of the expected decisions.
const EXPECTED: &str = "expected.json";
/// The tables of a rate card.
const RATE_CARD: [&str; 5] = ["rates", "policy", "chain", "commit", "provider"];
/// The most cases in a folder.
const MAX_CASES: usize = 10_000;
/// The most bytes of a case.
const MAX_CASE_BYTES: usize = 1 << 20;
/// The most bytes of the expected decisions.
const MAX_EXPECTED_BYTES: usize = 64 << 20;

/// The keys of a case. Paths are relative to the case's folder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    order: PathBuf,
    format: Option<OrderFormat>,
    inventory: Option<PathBuf>,
    rates: Option<PathBuf>,
    owner: Option<String>,
    usd_per_akt: Option<DecimalText>,
    scheduler: Option<Scheduler>,
    prefer: Option<Prefer>,
    already_reserved: Option<bool>,
}

/// A decimal in quotes, or an integer. A float would not be exact.
#[derive(Debug)]
struct DecimalText(String);

impl<'de> Deserialize<'de> for DecimalText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = DecimalText;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a decimal in quotes, or an integer")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<DecimalText, E> {
                text.parse::<UsdPerAkt>().map_err(E::custom)?;
                Ok(DecimalText(text.to_owned()))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<DecimalText, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The file of a case.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    path: PathBuf,
}

/// Lists the cases of a folder, sorted by name.
pub(crate) fn list(folder: &Path) -> Result<Vec<Case>, CliError> {
    let unreadable = |error: io::Error| CliError::unreadable(load::name(folder), error);
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == CASE) && !is_rate_card(&path) {
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if cases.len() == MAX_CASES {
                let error = InputError::new(format!("there are more than {MAX_CASES} cases in this folder"));
                return Err(CliError::malformed(load::name(folder), error.hint("test them folder by folder")));
            }
            cases.push(Case { name, path });
        }
    }
    if cases.is_empty() {
        let error = InputError::new("there is no case in this folder").hint("a case is a file `NAME.toml`");
        return Err(CliError::malformed(load::name(folder), error));
    }
    cases.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(cases)
}

/// Returns whether a file is a rate card, which may be in the same folder. An unreadable file is a case, and will fail.
fn is_rate_card(path: &Path) -> bool {
    let Ok(document) = plain(path, |path| Document::read(path, MAX_CASE_BYTES)) else { return false };
    let Ok(table) = toml::from_str::<toml::Table>(&document.text) else { return false };
    !table.is_empty() && table.iter().all(|(key, value)| RATE_CARD.contains(&key.as_str()) && value.is_table())
}

impl Case {
    /// Reads the case, and all files that it names.
    pub(crate) fn scene(&self) -> Result<Scene, CliError> {
        let case = plain(&self.path, |path| Document::read(path, MAX_CASE_BYTES))?;
        let keys: CaseFile = toml::from_str(&case.text).map_err(|error| {
            let message = error.message().lines().next().unwrap_or_default().to_owned();
            let place = error.span().and_then(|span| case.text.get(..span.start));
            let error = InputError::new(message);
            case.malformed(match place {
                None => error,
                Some(before) => {
                    let line_start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
                    let column = before.get(line_start..).map_or(0, |line| line.chars().count());
                    error.position(before.matches('\n').count().saturating_add(1), column.saturating_add(1))
                }
            })
        })?;
        let beside = |path: &PathBuf| self.path.with_file_name(path);
        let inputs = Inputs {
            order: plain(&beside(&keys.order), Document::order)?,
            format: keys.format,
            inventory: keys.inventory.as_ref().map(|path| plain(&beside(path), Document::inventory)).transpose()?,
            rates: match &keys.rates {
                Some(path) => RatesText::File(plain(&beside(path), Document::rates)?),
                // The documented defaults, so that a test does not depend on the environment.
                None => RatesText::Environment(Default::default()),
            },
            provider: None,
            owner: keys.owner,
            usd_per_akt: keys.usd_per_akt.map(|text| text.0),
            scheduler: keys.scheduler.unwrap_or_default(),
            prefer: keys.prefer.unwrap_or_default(),
            already_reserved: keys.already_reserved.unwrap_or_default(),
            commit: Vec::new(),
            tee_platform: None,
            search_steps: SearchBudget::default().steps,
            kubernetes: KubernetesText::default(),
        };
        Scene::read(&inputs)
    }

    /// Returns the path of the expected decisions.
    pub(crate) fn expected_path(&self) -> PathBuf {
        self.path.with_extension(EXPECTED)
    }

    /// Returns the expected decisions, or `None` if there is no file.
    pub(crate) fn expected(&self) -> Result<Option<Value>, CliError> {
        let path = self.expected_path();
        if !path.exists() {
            return Ok(None);
        }
        let document = plain(&path, |path| Document::read(path, MAX_EXPECTED_BYTES))?;
        serde_json::from_str(&document.text).map(Some).map_err(|error| {
            let full = error.to_string();
            let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
            document.malformed(InputError::new(message).position(error.line().max(1), error.column().max(1)))
        })
    }
}

/// Reads a plain file. This is checked first, so that the error does not suggest standard input for a file that is not
/// named on the command line.
fn plain<T>(path: &Path, read: impl FnOnce(&Path) -> Result<T, CliError>) -> Result<T, CliError> {
    pricing_files::open(path).map_err(|error| CliError::unreadable(load::name(path), error))?;
    read(path)
}

/// Returns the parts of a quote that a case records: the decision, but not the plugin's digest or its fuel.
pub(crate) fn decision(quote: &Quote) -> Value {
    let full = serde_json::to_value(QuoteJson::new(quote, None)).unwrap_or_default();
    let field = |name: &str| full.get(name).cloned().unwrap_or_default();
    let lines = full.get("lines").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let line = |line: &Value| {
        let field = |name: &str| line.get(name).cloned().unwrap_or_default();
        json!({
            "resource_id": field("resource_id"),
            "item": field("item"),
            "kind": field("kind"),
            "usd_per_month": field("usd_per_month"),
        })
    };
    json!({
        "group": field("group"),
        "decision": field("decision"),
        "reason": field("reason"),
        "price": field("price"),
        "usd_per_month": field("usd_per_month"),
        "lines": lines.iter().map(line).collect::<Vec<_>>(),
    })
}
