//! `[rates]`: what resources cost.

use super::document::Section;
use super::{Problems, each, from_file, unquoted};
use crate::rates::{GpuRate, Pricing};

/// Reads `[rates]`. Every value that is set gets the file as its origin.
pub(super) fn rates(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) {
    each(section, problems, |entry, problems| {
        let card = &mut pricing.rates;
        match entry.key() {
            "cpu" => card.cpu = entry.usd()?,
            "memory" => card.memory = entry.usd()?,
            "endpoint" => card.endpoint = entry.usd()?,
            "ip" => card.ip = entry.usd()?,
            "interconnect" => card.interconnect = entry.usd()?,
            "confidential" => card.confidential = entry.usd()?,
            "storage" => {
                storage(&entry.section()?, pricing, problems);
                return Ok(());
            }
            "gpu" => {
                gpu(&entry.section()?, pricing, problems);
                return Ok(());
            }
            _ => {
                let known = ["cpu", "memory", "endpoint", "ip", "interconnect", "confidential", "storage", "gpu"];
                return Err(entry.unknown(&known));
            }
        }
        from_file(entry, pricing);
        Ok(())
    });
}

fn storage(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) {
    each(section, problems, |class, _| {
        pricing.rates.storage.insert(class.name("a storage class")?, class.usd()?);
        from_file(class, pricing);
        Ok(())
    });
}

fn gpu(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) {
    each(section, problems, |card, problems| {
        // A dotted key without quotes is a table.
        let unquoted = unquoted::of_table(card)?;
        if !unquoted.is_empty() {
            problems.extend(unquoted);
            return Ok(());
        }
        let rate = GpuRate::new(card.key(), card.usd()?).map_err(|error| card.error(error))?;
        pricing.rates.gpu.add(rate).map_err(|error| card.error(error))?;
        from_file(card, pricing);
        Ok(())
    });
}
