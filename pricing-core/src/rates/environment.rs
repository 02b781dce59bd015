//! Rates from the bid price script's `PRICE_TARGET_*` environment, read strictly.
//!
//! A variable that is unset or empty has its default, as in the script. A malformed one is an error that names the
//! variable and the entry; the script would arrive at a price of 0.

#[cfg(test)]
mod tests;

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
        Some(name) => Err(variables::unknown(name, "this variable is no rate of the price script", PREFIX, &known)),
    }
}

/// Reads the variables through `variable`, which returns the value of one.
///
/// # Errors
/// When a rate or a GPU mapping is malformed, or two mappings are for the same card.
pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Pricing, InputError> {
    let set = |name: &str| variable(name).filter(|text| !text.is_empty());
    let mut pricing = Pricing::default();
    let card = &mut pricing.rates;
    let plain = [
        ("rates.cpu", &mut card.cpu),
        ("rates.memory", &mut card.memory),
        ("rates.endpoint", &mut card.endpoint),
        ("rates.ip", &mut card.ip),
    ];
    for (name, (key, rate)) in PLAIN.into_iter().zip(plain) {
        if let Some(text) = set(name) {
            *rate = usd(name, &text)?;
            pricing.origins.set(key, Origin::Environment(name.to_owned()));
        }
    }
    for (name, class) in STORAGE {
        if let Some(text) = set(name) {
            card.storage.insert(class.to_owned(), usd(name, &text)?);
            pricing.origins.set(entry_key("rates.storage", class), Origin::Environment(name.to_owned()));
        }
    }
    for entry in set(GPU_MAPPINGS).unwrap_or_default().split(',').filter(|entry| !entry.is_empty()) {
        let at = |error: InputError| error.at(format!("{GPU_MAPPINGS}: {}", excerpt(entry)));
        let Some((key, text)) = entry.split_once('=') else {
            let error = InputError::new("a GPU mapping needs a key and a rate").hint("such as `a100.80Gi=1000`");
            return Err(at(error));
        };
        let usd = Usd::parse(text).map_err(|error| at(InputError::new(error)))?;
        let rate = GpuRate::new(key, usd).map_err(|error| at(InputError::new(error)))?;
        card.gpu.add(rate).map_err(|error| at(InputError::new(error)))?;
        pricing.origins.set(entry_key("rates.gpu", key), Origin::Environment(GPU_MAPPINGS.to_owned()));
    }
    Ok(pricing)
}

fn usd(name: &str, text: &str) -> Result<Usd, InputError> {
    Usd::parse(text).map_err(|error| InputError::new(error).at(name))
}
