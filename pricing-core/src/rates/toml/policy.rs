//! `[policy]`: which price counts where the rate card leaves a choice, and for whom.

use rust_decimal::Decimal;

use super::address::{address, addresses};
use super::document::{Entry, Section};
use super::{Problems, each, from_file};
use crate::input::InputError;
use crate::rates::{AmbiguousGpu, BelowMinimum, Pending, Placement, Pricing, UnlistedGpu};

/// Reads `[policy]`.
pub(super) fn policy(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) {
    each(section, problems, |entry, problems| {
        let policy = &mut pricing.policy;
        match entry.key() {
            "unlisted_gpu" => policy.unlisted_gpu = unlisted_gpu(entry)?,
            "ambiguous_gpu" => {
                policy.ambiguous_gpu = entry.one_of(&AmbiguousGpu::words())?;
            }
            "placement" => {
                policy.placement = entry.one_of(&Placement::words())?;
            }
            "pending" => {
                policy.pending = entry.one_of(&Pending::words())?;
            }
            "minimum_usd_per_month" => policy.minimum_usd_per_month = entry.usd()?,
            "below_minimum" => {
                policy.below_minimum = entry.one_of(&BelowMinimum::words())?;
            }
            "owners" => {
                owners(&entry.section()?, pricing, problems);
                return Ok(());
            }
            _ => {
                let known = [
                    "unlisted_gpu",
                    "ambiguous_gpu",
                    "placement",
                    "pending",
                    "minimum_usd_per_month",
                    "below_minimum",
                    "owners",
                ];
                return Err(entry.unknown(&known));
            }
        }
        from_file(entry, pricing);
        Ok(())
    });
}

fn unlisted_gpu(entry: &Entry<'_>) -> Result<UnlistedGpu, InputError> {
    match entry.text() {
        Some("decline") => Ok(UnlistedGpu::Decline),
        Some(text) if !text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            let shown = crate::text::excerpt(text);
            Err(entry.error(format_args!("`{shown}` is neither `decline` nor a price in USD a month")))
        }
        _ => entry.usd().map(UnlistedGpu::Price),
    }
}

fn owners(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) {
    let prefix = pricing.chain.address_prefix.clone();
    each(section, problems, |entry, problems| {
        let owners = &mut pricing.policy.owners;
        match entry.key() {
            "allow" => owners.allow = addresses(entry, &prefix, &owners.deny, problems)?,
            "deny" => owners.deny = addresses(entry, &prefix, &owners.allow, problems)?,
            "discount" => {
                discounts(&entry.section()?, pricing, problems);
                return Ok(());
            }
            _ => return Err(entry.unknown(&["allow", "deny", "discount"])),
        }
        from_file(entry, pricing);
        Ok(())
    });
}

fn discounts(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) {
    let prefix = pricing.chain.address_prefix.clone();
    each(section, problems, |owner, _| {
        let address = address(owner.key(), &prefix, |error| owner.key_error(error))?;
        pricing.policy.owners.discount.insert(address, discount(owner)?);
        from_file(owner, pricing);
        Ok(())
    });
}

fn discount(owner: &Entry<'_>) -> Result<Decimal, InputError> {
    let factor = owner.decimal()?;
    if factor <= Decimal::ZERO || factor > Decimal::ONE {
        let message = format_args!("`{factor}` is out of range; a discount factor is above 0 and at most 1");
        return Err(owner.error(message).hint("`0.9` takes a tenth off"));
    }
    Ok(factor)
}
