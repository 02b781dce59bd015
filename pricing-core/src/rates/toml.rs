//! Rates and policy from TOML.
//!
//! Every key is optional and has a documented default. The entries of `[rates.storage]` and `[chain.denoms]` are added
//! to the defaults, or replace the one with the same name. Only `[rates.gpu]` has no defaults. Numbers are strings or
//! integers; floats are rejected, because they are not exact.
//!
//! A *file* without a single rate is rejected. It was emptied or truncated, and would price everything by the defaults.

mod address;
mod chain;
mod commit;
mod document;
mod policy;
mod provider;
mod rates;
#[cfg(test)]
mod tests;
mod unquoted;

use ::toml::de::DeTable;

use super::{Origin, Pricing};
use crate::input::InputError;
use chain::chain;
use commit::commit;
use document::{Entry, Section};
use policy::policy;
use provider::provider;
use rates::rates;

pub use unquoted::unquoted_key;

/// The maximum size of a rate card, in bytes.
pub const MAX_INPUT_BYTES: usize = 1 << 20;
/// The sections of a rate card.
pub const SECTIONS: [&str; 5] = ["rates", "policy", "chain", "commit", "provider"];

/// Reads a rate card file.
///
/// # Errors
/// The first of what [`inspect`] finds.
pub fn read(text: &str) -> Result<Pricing, InputError> {
    inspect(text).map_err(first)
}

/// Reads a rate card file, and finds everything that is wrong with it.
///
/// # Errors
/// When the text is not TOML, has no rate, or entries are unknown or malformed. Each error names the entry, its line and
/// column, and the nearest known key. There is at least one, and they are in the order of the file.
pub fn inspect(text: &str) -> Result<Pricing, Vec<InputError>> {
    let root = parse(text).map_err(|error| vec![error])?;
    let root = Section::root(&root, text);
    let pricing = sections(&root, &[])?;
    has_rate(&root).map_err(|error| vec![error])?;
    Ok(pricing)
}

/// Reads the sections of a rate card in some other text, such as a configuration. Without any, that is the default
/// card.
///
/// # Errors
/// When the text is not TOML, or an entry is unknown or malformed.
pub fn read_sections(text: &str) -> Result<Pricing, InputError> {
    inspect_beside(text, &[]).map_err(first)
}

/// The same for a text that also has other top-level sections, which are skipped. It finds everything that is wrong.
///
/// # Errors
/// When the text is not TOML, or entries are unknown or malformed, in the order of the text.
pub fn inspect_beside(text: &str, others: &[&str]) -> Result<Pricing, Vec<InputError>> {
    let root = parse(text).map_err(|error| vec![error])?;
    sections(&Section::root(&root, text), others)
}

/// The first of some errors, of which there is at least one.
fn first(problems: Vec<InputError>) -> InputError {
    debug_assert!(!problems.is_empty(), "a rate card is refused for something");
    problems.into_iter().next().unwrap_or_else(|| InputError::new("the rate card is refused for an unknown reason"))
}

/// Reads the `[provider]` section of a file into a rate card, where it replaces any other. The rest of the file is
/// skipped.
///
/// # Errors
/// When the text is not TOML, has no `[provider]`, or an entry of it is unknown or malformed.
pub fn read_provider(text: &str, pricing: &mut Pricing) -> Result<(), InputError> {
    let root = parse(text)?;
    let entries = Section::root(&root, text).entries();
    let Some(entry) = entries.iter().find(|entry| entry.key() == "provider") else {
        return Err(InputError::new("the section `[provider]` is missing")
            .hint("the file describes the provider in a `[provider]`"));
    };
    let mut problems = Vec::new();
    pricing.provider = Some(provider(&entry.section()?, pricing, &mut problems));
    if problems.is_empty() { Ok(()) } else { Err(first(problems)) }
}

fn parse(text: &str) -> Result<DeTable<'_>, InputError> {
    if text.len() > MAX_INPUT_BYTES {
        return Err(InputError::new(format_args!("the rate card has more than {MAX_INPUT_BYTES} bytes")));
    }
    document::parse(text)
}

/// Rejects a file that sets no rate at all.
fn has_rate(root: &Section<'_>) -> Result<(), InputError> {
    let entries = root.entries();
    let message = match entries.iter().find(|entry| entry.key() == "rates") {
        Some(rates) if says_anything(&rates.section()?)? => return Ok(()),
        Some(_) => "the rate card has no rate in its `[rates]`",
        None if entries.is_empty() => "the rate card is empty",
        None => "the rate card has no `[rates]`",
    };
    let hint = "was it cut? one that is meant to have the default rates names at least one of them in `[rates]`, such as \
                `cpu = \"1.60\"`";
    Err(InputError::new(message).hint(hint))
}

/// Whether a section, or one below it, has a value.
fn says_anything(section: &Section<'_>) -> Result<bool, InputError> {
    for entry in section.entries() {
        if !entry.is_section() || says_anything(&entry.section()?)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is wrong so far.
type Problems = Vec<InputError>;

/// Reads every entry of a section. One that is refused does not keep the others from being read.
fn each(
    section: &Section<'_>,
    problems: &mut Problems,
    mut read: impl FnMut(&Entry<'_>, &mut Problems) -> Result<(), InputError>,
) {
    for entry in section.entries() {
        if let Err(problem) = read(&entry, problems) {
            problems.push(problem);
        }
    }
}

fn sections(root: &Section<'_>, others: &[&str]) -> Result<Pricing, Problems> {
    let mut pricing = Pricing::default();
    let mut problems = Problems::new();
    let read = &mut pricing;
    // `[chain]` comes first, wherever it is in the file: parsing addresses needs the network's prefix.
    each(root, &mut problems, |entry, problems| {
        if entry.key() == "chain" {
            chain(&entry.section()?, read, problems)
        }
        Ok(())
    });
    each(root, &mut problems, |entry, problems| {
        match entry.key() {
            key if others.contains(&key) => {}
            "rates" => rates(&entry.section()?, read, problems),
            "policy" => policy(&entry.section()?, read, problems),
            "chain" => {}
            "commit" => commit(&entry.section()?, read, problems),
            "provider" => read.provider = Some(provider(&entry.section()?, read, problems)),
            _ => return Err(entry.unknown(&SECTIONS)),
        }
        Ok(())
    });
    problems.sort_by_key(|problem| (problem.line(), problem.column()));
    if problems.is_empty() { Ok(pricing) } else { Err(problems) }
}

fn from_file(entry: &Entry<'_>, pricing: &mut Pricing) {
    pricing.origins.set(entry.path(), Origin::File);
}
