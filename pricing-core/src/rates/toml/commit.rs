//! `[commit]`: the levels of overcommit.

use super::document::{Entry, Section};
use super::{Problems, each, from_file};
use rust_decimal::Decimal;

use crate::input::InputError;
use crate::rates::Pricing;
use crate::reserve::Overcommitted;

/// Reads `[commit]`.
pub(super) fn commit(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) {
    each(section, problems, |entry, _| {
        let commit = &mut pricing.commit;
        match entry.key() {
            "cpu" => commit.cpu = factor(entry, Overcommitted::Cpu)?,
            "memory" => commit.memory = factor(entry, Overcommitted::Memory)?,
            "gpu" => commit.gpu = factor(entry, Overcommitted::Gpu)?,
            "storage" => commit.storage = factor(entry, Overcommitted::Storage)?,
            _ => return Err(entry.unknown(&["cpu", "memory", "gpu", "storage"])),
        }
        from_file(entry, pricing);
        Ok(())
    });
}

fn factor(entry: &Entry<'_>, of: Overcommitted) -> Result<Decimal, InputError> {
    of.factor(entry.number()?).map_err(|error| {
        let place = entry.error(&error);
        match error.hint() {
            Some(hint) => place.hint(hint),
            None => place,
        }
    })
}
