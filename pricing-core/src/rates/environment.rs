//! Rates from the bid price script's `PRICE_TARGET_*` environment, read strictly.
//!
//! A variable that is unset or empty has its default, as in the script. A malformed one is an error that names the
//! variable and the entry; the script would arrive at a price of 0.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::origin::entry_key;
use super::{GpuRate, Origin, Pricing};
use crate::input::InputError;
use crate::money::Usd;
use crate::text::excerpt;
use crate::variables;

/// The variable with the GPU mappings.
const GPU_MAPPINGS: &str = "PRICE_TARGET_GPU_MAPPINGS";
/// The variables for the storage classes.
const STORAGE: [(&str, &str); 4] = [
    ("PRICE_TARGET_HD_EPHEMERAL", "ephemeral"),
    ("PRICE_TARGET_HD_PERS_HDD", "beta1"),
    ("PRICE_TARGET_HD_PERS_SSD", "beta2"),
    ("PRICE_TARGET_HD_PERS_NVME", "beta3"),
];

/// The prefix of the variables' names.
const PREFIX: &str = "PRICE_TARGET_";
/// The variables for everything else.
const PLAIN: [&str; 4] = ["PRICE_TARGET_CPU", "PRICE_TARGET_MEMORY", "PRICE_TARGET_ENDPOINT", "PRICE_TARGET_IP"];

/// Rejects a variable that has the prefix of the rates but is not one of them.
///
/// # Errors
/// When there is such a variable. The error suggests the nearest known name.
pub fn check_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), InputError> {
    let known: Vec<&str> = PLAIN.into_iter().chain(STORAGE.map(|(name, _)| name)).chain([GPU_MAPPINGS]).collect();
    let unknown = names.into_iter().find(|name| name.starts_with(PREFIX) && !known.contains(name));
    match unknown {
        None => Ok(()),
        Some(name) => Err(variables::unknown(name, "this variable is not a rate of the price script", PREFIX, &known)),
    }
}

/// Reads the variables through `variable`, which returns the value of one.
///
/// # Errors
/// The first of what [`inspect`] finds.
pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Pricing, InputError> {
    inspect(variable).map_err(|problems| {
        let none = || InputError::new("the variables are refused for an unknown reason");
        problems.into_iter().next().unwrap_or_else(none)
    })
}

/// Reads the variables, and finds everything that is wrong with them.
///
/// # Errors
/// When rates or GPU mappings are malformed, or two mappings are for the same card. There is at least one error.
pub fn inspect(variable: impl Fn(&str) -> Option<String>) -> Result<Pricing, Vec<InputError>> {
    let set = |name: &str| variable(name).filter(|text| !text.is_empty());
    let mut pricing = Pricing::default();
    let mut problems = Vec::new();
    let card = &mut pricing.rates;
    let plain = [
        ("rates.cpu", &mut card.cpu),
        ("rates.memory", &mut card.memory),
        ("rates.endpoint", &mut card.endpoint),
        ("rates.ip", &mut card.ip),
    ];
    for (name, (key, rate)) in PLAIN.into_iter().zip(plain) {
        match set(name).map(|text| usd(name, &text)) {
            None => continue,
            Some(Ok(usd)) => *rate = usd,
            Some(Err(problem)) => problems.push(problem),
        }
        pricing.origins.set(key, Origin::Environment(name.to_owned()));
    }
    for (name, class) in STORAGE {
        match set(name).map(|text| usd(name, &text)) {
            None => continue,
            Some(Ok(usd)) => {
                card.storage.insert(class.to_owned(), usd);
            }
            Some(Err(problem)) => problems.push(problem),
        }
        pricing.origins.set(entry_key("rates.storage", class), Origin::Environment(name.to_owned()));
    }
    for entry in set(GPU_MAPPINGS).unwrap_or_default().split(',').filter(|entry| !entry.is_empty()) {
        if let Err(problem) = mapping(entry, &mut pricing) {
            problems.push(problem.at(format!("{GPU_MAPPINGS}: {}", excerpt(entry))));
        }
    }
    if problems.is_empty() { Ok(pricing) } else { Err(problems) }
}

/// Reads one GPU mapping.
fn mapping(entry: &str, pricing: &mut Pricing) -> Result<(), InputError> {
    let Some((key, text)) = entry.split_once('=') else {
        return Err(InputError::new("a GPU mapping needs a key and a rate").hint("such as `a100.80Gi=1000`"));
    };
    let usd = Usd::parse(text).map_err(InputError::new)?;
    let rate = GpuRate::new(key, usd).map_err(InputError::new)?;
    pricing.rates.gpu.add(rate).map_err(InputError::new)?;
    pricing.origins.set(entry_key("rates.gpu", key), Origin::Environment(GPU_MAPPINGS.to_owned()));
    Ok(())
}

fn usd(name: &str, text: &str) -> Result<Usd, InputError> {
    Usd::parse(text).map_err(|error| InputError::new(error).at(name))
}

/// Reads the lines of an environment file, `NAME=VALUE`: those that are the rates' variables. `export` may come before
/// a name, quotes may be around a value, and lines that begin with `#` are comments.
///
/// # Errors
/// When a line is something else, a variable of the rates is not known or stands twice, or there is none.
pub fn file(text: &str) -> Result<BTreeMap<String, String>, InputError> {
    let mut variables = BTreeMap::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |message: String| InputError::new(message).position(number, 1);
        let assignment = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let Some((name, value)) = assignment.split_once('=').filter(|(name, _)| is_name(name)) else {
            let error = wrong(format!("`{}` is not a variable", excerpt(line)));
            return Err(error.hint("expected `NAME=VALUE`, such as `PRICE_TARGET_CPU=1.60`"));
        };
        if !name.starts_with(PREFIX) {
            continue;
        }
        check_names([name]).map_err(|error| error.position(number, 1))?;
        if variables.insert(name.to_owned(), unquoted(value.trim()).to_owned()).is_some() {
            return Err(wrong("this variable stands twice".to_owned()).at(name).hint("keep one of the two lines"));
        }
    }
    if variables.is_empty() {
        let error = InputError::new(format_args!("there is no variable that begins with `{PREFIX}`"));
        return Err(error.hint("expected lines such as `PRICE_TARGET_CPU=1.60`"));
    }
    Ok(variables)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A value without the quotes around it.
fn unquoted(value: &str) -> &str {
    let inside = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}
