//! Rates and policy from TOML.
//!
//! Every key is optional and has a documented default. The entries of `[rates.storage]` and `[chain.denoms]` are added
//! to the defaults, or replace the one with the same name. Only `[rates.gpu]` has no defaults. Numbers are strings or
//! integers; floats are rejected, because they are not exact.
//!
//! A *file* without a single rate is rejected. It was emptied or truncated, and would price everything by the defaults.

mod document;
#[cfg(test)]
mod tests;

use ::toml::de::DeTable;
use rust_decimal::Decimal;

use super::provider::{BlockedHostname, reclamation_window};
use super::{AmbiguousGpu, BelowMinimum, CoinValue, GpuRate, Origin, Placement, Pricing, Provider, Token, UnlistedGpu};
use crate::address::{Address, AddressError, AddressPrefix};
use crate::input::InputError;
use crate::money::Denom;
use crate::reserve::{Overcommitted, TeePlatform};
use document::{Entry, Section};

/// The maximum size of a rate card, in bytes.
pub const MAX_INPUT_BYTES: usize = 1 << 20;
/// The maximum number of decimals of a coin.
const MAX_EXPONENT: u32 = 18;
/// The most volumes per resource unit that a provider may accept.
const MAX_VOLUMES: u32 = 1_000;
/// The sections of a rate card.
pub const SECTIONS: [&str; 5] = ["rates", "policy", "chain", "commit", "provider"];
/// The only feed so far.
const FEED: &str = "akt";

/// Reads a rate card file.
///
/// # Errors
/// When the text is not TOML, has no rate, or an entry is unknown or malformed. The error names the entry, its line and
/// column, and the nearest known key.
pub fn read(text: &str) -> Result<Pricing, InputError> {
    let root = parse(text)?;
    let root = Section::root(&root, text);
    let pricing = sections(&root, &[])?;
    has_rate(&root)?;
    Ok(pricing)
}

/// Reads the sections of a rate card in some other text, such as a configuration. Without any, that is the default
/// card.
///
/// # Errors
/// When the text is not TOML, or an entry is unknown or malformed.
pub fn read_sections(text: &str) -> Result<Pricing, InputError> {
    read_beside(text, &[])
}

/// The same for a text that also has other top-level sections, which are skipped.
///
/// # Errors
/// The same as [`read_sections`].
pub fn read_beside(text: &str, others: &[&str]) -> Result<Pricing, InputError> {
    let root = parse(text)?;
    sections(&Section::root(&root, text), others)
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
    pricing.provider = Some(provider(&entry.section()?, pricing)?);
    Ok(())
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

fn sections(root: &Section<'_>, others: &[&str]) -> Result<Pricing, InputError> {
    let mut pricing = Pricing::default();
    let entries = root.entries();
    // `[chain]` comes first, wherever it is in the file: parsing addresses needs the network's prefix.
    for entry in entries.iter().filter(|entry| entry.key() == "chain") {
        chain(&entry.section()?, &mut pricing)?;
    }
    for entry in entries {
        match entry.key() {
            key if others.contains(&key) => {}
            "rates" => rates(&entry.section()?, &mut pricing)?,
            "policy" => policy(&entry.section()?, &mut pricing)?,
            "chain" => {}
            "commit" => commit(&entry.section()?, &mut pricing)?,
            "provider" => pricing.provider = Some(provider(&entry.section()?, &mut pricing)?),
            _ => return Err(entry.unknown(&SECTIONS)),
        }
    }
    Ok(pricing)
}

fn from_file(entry: &Entry<'_>, pricing: &mut Pricing) {
    pricing.origins.set(entry.path(), Origin::File);
}

/// Reads `[rates]`. Every value that is set gets the file as its origin.
fn rates(section: &Section<'_>, pricing: &mut Pricing) -> Result<(), InputError> {
    for entry in section.entries() {
        let card = &mut pricing.rates;
        match entry.key() {
            "cpu" => card.cpu = entry.usd()?,
            "memory" => card.memory = entry.usd()?,
            "endpoint" => card.endpoint = entry.usd()?,
            "ip" => card.ip = entry.usd()?,
            "interconnect" => card.interconnect = entry.usd()?,
            "confidential" => card.confidential = entry.usd()?,
            "storage" => {
                for class in entry.section()?.entries() {
                    pricing.rates.storage.insert(class.name("a storage class")?, class.usd()?);
                    from_file(&class, pricing);
                }
                continue;
            }
            "gpu" => {
                for card in entry.section()?.entries() {
                    let rate = GpuRate::new(card.key(), card.usd()?).map_err(|error| card.error(error))?;
                    pricing.rates.gpu.add(rate).map_err(|error| card.error(error))?;
                    from_file(&card, pricing);
                }
                continue;
            }
            _ => {
                let known = ["cpu", "memory", "endpoint", "ip", "interconnect", "confidential", "storage", "gpu"];
                return Err(entry.unknown(&known));
            }
        }
        from_file(&entry, pricing);
    }
    Ok(())
}

/// Reads `[policy]`.
fn policy(section: &Section<'_>, pricing: &mut Pricing) -> Result<(), InputError> {
    for entry in section.entries() {
        let policy = &mut pricing.policy;
        match entry.key() {
            "unlisted_gpu" => policy.unlisted_gpu = unlisted_gpu(&entry)?,
            "ambiguous_gpu" => {
                policy.ambiguous_gpu = entry.one_of(&[
                    ("highest", AmbiguousGpu::Highest),
                    ("lowest", AmbiguousGpu::Lowest),
                    ("expected", AmbiguousGpu::Expected),
                    ("decline", AmbiguousGpu::Decline),
                ])?;
            }
            "placement" => {
                policy.placement =
                    entry.one_of(&[("kubernetes", Placement::Kubernetes), ("pinned", Placement::Pinned)])?;
            }
            "minimum_usd_per_month" => policy.minimum_usd_per_month = entry.usd()?,
            "below_minimum" => {
                policy.below_minimum =
                    entry.one_of(&[("decline", BelowMinimum::Decline), ("raise", BelowMinimum::Raise)])?;
            }
            "owners" => {
                owners(&entry.section()?, pricing)?;
                continue;
            }
            _ => {
                let known =
                    ["unlisted_gpu", "ambiguous_gpu", "placement", "minimum_usd_per_month", "below_minimum", "owners"];
                return Err(entry.unknown(&known));
            }
        }
        from_file(&entry, pricing);
    }
    Ok(())
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

fn owners(section: &Section<'_>, pricing: &mut Pricing) -> Result<(), InputError> {
    let prefix = pricing.chain.address_prefix.clone();
    for entry in section.entries() {
        let owners = &mut pricing.policy.owners;
        match entry.key() {
            "allow" => owners.allow = addresses(&entry, &prefix, &owners.deny)?,
            "deny" => owners.deny = addresses(&entry, &prefix, &owners.allow)?,
            "discount" => {
                for owner in entry.section()?.entries() {
                    let address = address(owner.key(), &prefix, |error| owner.key_error(error))?;
                    pricing.policy.owners.discount.insert(address, discount(&owner)?);
                    from_file(&owner, pricing);
                }
                continue;
            }
            _ => return Err(entry.unknown(&["allow", "deny", "discount"])),
        }
        from_file(&entry, pricing);
    }
    Ok(())
}

/// The addresses of a list. An address that is in it twice, or also on the other list, is an error: one of the two is a
/// mistake.
fn addresses(entry: &Entry<'_>, prefix: &AddressPrefix, other: &[Address]) -> Result<Vec<Address>, InputError> {
    let mut list: Vec<Address> = Vec::new();
    for item in entry.texts()? {
        let address = address(item.value(), prefix, |error| item.error(error))?;
        if list.contains(&address) {
            return Err(item.error(format_args!("`{address}` is in this list twice")));
        }
        if other.contains(&address) {
            return Err(item.error(format_args!("`{address}` is on the allow list and on the deny list")));
        }
        list.push(address);
    }
    Ok(list)
}

fn address(
    text: &str,
    prefix: &AddressPrefix,
    wrong: impl Fn(AddressError) -> InputError,
) -> Result<Address, InputError> {
    let start = text.trim().get(..prefix.as_str().len());
    let is_of_network = text.is_empty() || start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_str()));
    Address::parse(text, prefix).map_err(|error| match is_of_network {
        true => wrong(error),
        false => wrong(error).hint("another network's prefix is set by `address_prefix` of [chain], in this file"),
    })
}

fn discount(owner: &Entry<'_>) -> Result<Decimal, InputError> {
    let factor = owner.decimal()?;
    if factor <= Decimal::ZERO || factor > Decimal::ONE {
        let message = format_args!("`{factor}` is out of range; a discount factor is above 0 and at most 1");
        return Err(owner.error(message).hint("`0.9` takes a tenth off"));
    }
    Ok(factor)
}

fn chain(section: &Section<'_>, pricing: &mut Pricing) -> Result<(), InputError> {
    for entry in section.entries() {
        match entry.key() {
            "blocks_per_month" => {
                pricing.chain.blocks_per_month = entry.positive()?;
                from_file(&entry, pricing);
            }
            "denoms" => {
                for denom in entry.section()?.entries() {
                    let token = token(&denom)?;
                    pricing.chain.denoms.insert(Denom::new(denom.name("a denom")?), token);
                    from_file(&denom, pricing);
                }
            }
            "address_prefix" => {
                let text = entry.text().ok_or_else(|| entry.error("expected a string, such as `akash`"))?;
                pricing.chain.address_prefix = AddressPrefix::new(text).map_err(|error| entry.error(error))?;
                from_file(&entry, pricing);
            }
            _ => return Err(entry.unknown(&["blocks_per_month", "denoms", "address_prefix"])),
        }
    }
    Ok(())
}

/// Reads one entry of `[chain.denoms]`. Its value must be either fixed or from a feed, and the exponent has no default,
/// because a wrong one is off by powers of ten.
fn token(denom: &Entry<'_>) -> Result<Token, InputError> {
    let (mut usd, mut feed, mut exponent) = (None, None, None);
    for entry in denom.section()?.entries() {
        match entry.key() {
            "usd" => {
                let value = entry.usd()?;
                if value.is_zero() {
                    return Err(entry.error("a coin that is worth nothing cannot be bid in"));
                }
                usd = Some(CoinValue::Fixed(value));
            }
            "feed" => feed = Some(CoinValue::Feed(entry.one_of(&[(FEED, FEED.to_owned())])?)),
            "exponent" => exponent = Some(entry.whole(MAX_EXPONENT)?),
            _ => return Err(entry.unknown(&["usd", "feed", "exponent"])),
        }
    }
    let value = match (usd, feed) {
        (Some(value), None) | (None, Some(value)) => value,
        (None, None) => return Err(denom.error("a denom needs its worth: either `usd` or `feed`")),
        (Some(_), Some(_)) => return Err(denom.error("`usd` and `feed` exclude each other")),
    };
    let exponent = exponent.ok_or_else(|| {
        let hint = "6 where a coin is a million units, as with `uakt`";
        denom.error("a denom needs its `exponent`").hint(hint)
    })?;
    Ok(Token { value, exponent })
}

/// Reads `[provider]`. The platform for confidential compute belongs to the commit levels, although it is set here.
fn provider(section: &Section<'_>, pricing: &mut Pricing) -> Result<Provider, InputError> {
    let mut provider = Provider::default();
    // Another description of the provider replaces all of an earlier one.
    pricing.commit.tee_platform = None;
    for entry in section.entries() {
        match entry.key() {
            "attributes" => {
                for attribute in entry.section()?.entries() {
                    let value =
                        attribute.text().ok_or_else(|| attribute.error("expected a string, such as `\"true\"`"))?;
                    provider.attributes.insert(attribute.name("the key of an attribute")?, value.to_owned());
                }
            }
            "audited_by" => provider.audited_by = addresses(&entry, &pricing.chain.address_prefix, &[])?,
            "blocked_hostnames" => {
                for item in entry.texts()? {
                    let blocked = BlockedHostname::parse(item.value()).map_err(|error| item.error(error))?;
                    provider.blocked_hostnames.push(blocked);
                }
            }
            "reclamation_window" => {
                let text = entry.text().ok_or_else(|| entry.error("expected a string, such as `24h`"))?;
                provider.reclamation_window = Some(reclamation_window(text).map_err(|error| entry.error(error))?);
            }
            "volumes" => provider.volumes = entry.whole(MAX_VOLUMES)?,
            "tee_platform" => {
                let platforms = TeePlatform::ALL.map(|platform| (platform.name(), platform));
                pricing.commit.tee_platform = Some(entry.one_of(&platforms)?);
            }
            _ => {
                let known =
                    ["attributes", "audited_by", "blocked_hostnames", "reclamation_window", "volumes", "tee_platform"];
                return Err(entry.unknown(&known));
            }
        }
        from_file(&entry, pricing);
    }
    Ok(provider)
}

fn commit(section: &Section<'_>, pricing: &mut Pricing) -> Result<(), InputError> {
    for entry in section.entries() {
        let commit = &mut pricing.commit;
        match entry.key() {
            "cpu" => commit.cpu = factor(&entry, Overcommitted::Cpu)?,
            "memory" => commit.memory = factor(&entry, Overcommitted::Memory)?,
            "gpu" => commit.gpu = factor(&entry, Overcommitted::Gpu)?,
            "storage" => commit.storage = factor(&entry, Overcommitted::Storage)?,
            _ => return Err(entry.unknown(&["cpu", "memory", "gpu", "storage"])),
        }
        from_file(&entry, pricing);
    }
    Ok(())
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
