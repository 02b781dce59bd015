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
mod unquoted;

use ::toml::de::DeTable;
use rust_decimal::Decimal;

use super::provider::{BlockedHostname, reclamation_window};
use super::{AmbiguousGpu, BelowMinimum, CoinValue, GpuRate, Origin, Placement, Pricing, Provider, Token, UnlistedGpu};
use crate::address::{Address, AddressError, AddressPrefix};
use crate::input::InputError;
use crate::money::Denom;
use crate::reserve::{Overcommitted, TeePlatform};
use document::{Entry, Section};

pub use unquoted::unquoted_key;

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

/// Reads `[rates]`. Every value that is set gets the file as its origin.
fn rates(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) {
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

/// Reads `[policy]`.
fn policy(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) {
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
            "minimum_usd_per_month" => policy.minimum_usd_per_month = entry.usd()?,
            "below_minimum" => {
                policy.below_minimum = entry.one_of(&BelowMinimum::words())?;
            }
            "owners" => {
                owners(&entry.section()?, pricing, problems);
                return Ok(());
            }
            _ => {
                let known =
                    ["unlisted_gpu", "ambiguous_gpu", "placement", "minimum_usd_per_month", "below_minimum", "owners"];
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

/// The addresses of a list. An address that is in it twice, or also on the other list, is an error: one of the two is a
/// mistake.
fn addresses(
    entry: &Entry<'_>,
    prefix: &AddressPrefix,
    other: &[Address],
    problems: &mut Problems,
) -> Result<Vec<Address>, InputError> {
    let mut list: Vec<Address> = Vec::new();
    for item in entry.texts()? {
        match address(item.value(), prefix, |error| item.error(error)) {
            Err(problem) => problems.push(problem),
            Ok(address) if list.contains(&address) => {
                problems.push(item.error(format_args!("`{address}` is in this list twice")));
            }
            Ok(address) if other.contains(&address) => {
                problems.push(item.error(format_args!("`{address}` is on the allow list and on the deny list")));
            }
            Ok(address) => list.push(address),
        }
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

fn chain(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) {
    each(section, problems, |entry, problems| {
        match entry.key() {
            "blocks_per_month" => pricing.chain.blocks_per_month = entry.positive()?,
            "denoms" => {
                denoms(&entry.section()?, pricing, problems);
                return Ok(());
            }
            "address_prefix" => {
                let text = entry.text().ok_or_else(|| entry.error("expected a string, such as `akash`"))?;
                pricing.chain.address_prefix = AddressPrefix::new(text).map_err(|error| entry.error(error))?;
            }
            _ => return Err(entry.unknown(&["blocks_per_month", "denoms", "address_prefix"])),
        }
        from_file(entry, pricing);
        Ok(())
    });
}

fn denoms(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) {
    each(section, problems, |denom, _| {
        let token = token(denom)?;
        pricing.chain.denoms.insert(Denom::new(denom.name("a denom")?), token);
        from_file(denom, pricing);
        Ok(())
    });
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
fn provider(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) -> Provider {
    let mut provider = Provider::default();
    // Another description of the provider replaces all of an earlier one.
    pricing.commit.tee_platform = None;
    each(section, problems, |entry, problems| {
        match entry.key() {
            "attributes" => attributes(&entry.section()?, &mut provider, problems),
            "audited_by" => provider.audited_by = addresses(entry, &pricing.chain.address_prefix, &[], problems)?,
            "blocked_hostnames" => {
                for item in entry.texts()? {
                    match BlockedHostname::parse(item.value()) {
                        Ok(blocked) => provider.blocked_hostnames.push(blocked),
                        Err(error) => problems.push(item.error(error)),
                    }
                }
            }
            "reclamation_window" => {
                let text = entry.text().ok_or_else(|| entry.error("expected a string, such as `24h`"))?;
                provider.reclamation_window = Some(reclamation_window(text).map_err(|error| entry.error(error))?);
            }
            "volumes" => provider.volumes = entry.whole(MAX_VOLUMES)?,
            "tee_platform" => {
                pricing.commit.tee_platform = Some(entry.one_of(&TeePlatform::words())?);
            }
            _ => {
                let known =
                    ["attributes", "audited_by", "blocked_hostnames", "reclamation_window", "volumes", "tee_platform"];
                return Err(entry.unknown(&known));
            }
        }
        from_file(entry, pricing);
        Ok(())
    });
    provider
}

fn attributes(section: &Section<'_>, provider: &mut Provider, problems: &mut Problems) {
    each(section, problems, |attribute, _| {
        let value = attribute.text().ok_or_else(|| attribute.error("expected a string, such as `\"true\"`"))?;
        provider.attributes.insert(attribute.name("the key of an attribute")?, value.to_owned());
        Ok(())
    });
}

fn commit(section: &Section<'_>, pricing: &mut Pricing, problems: &mut Problems) {
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
