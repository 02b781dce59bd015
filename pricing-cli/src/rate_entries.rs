//! The values of a rate card with their units and origins, for tables and JSON.

use pricing_core::address::Address;
use pricing_core::rates::origin::entry_key;
use pricing_core::rates::provider::shown;
use pricing_core::rates::{CoinValue, Origin, Pricing, UnlistedGpu};
use pricing_core::reserve::Overcommitted;

use crate::amounts;
use crate::args::level;
use crate::wording::cut;

/// What the key of a denom begins with if it needs quotes, as that of a hash does.
const DENOM_KEY: &str = "chain.denoms.\"";
/// How many characters of such a denom are shown.
const HASH_CHARS: usize = 16;

/// One value of a rate card.
pub(crate) struct Entry {
    /// Its key in a rate card file.
    pub(crate) key: String,
    /// Its value.
    pub(crate) value: String,
    /// What the value counts, for people.
    pub(crate) unit: &'static str,
}

impl Entry {
    /// The key, with a denom that is a hash cut short.
    pub(crate) fn short_key(&self) -> String {
        let denom = self.key.strip_prefix(DENOM_KEY).and_then(|key| key.strip_suffix('"'));
        denom.map_or_else(|| self.key.clone(), |denom| format!("{DENOM_KEY}{}\"", cut(denom, HASH_CHARS)))
    }

    /// The value as people read it: money with cents. What the card has in more decimals is shown as it is.
    pub(crate) fn value_for_people(&self) -> String {
        match self.unit.starts_with("USD ") {
            true => amounts::as_written(&self.value),
            false => self.value.clone(),
        }
    }
}

/// An origin as JSON names it, and the variable or option that it is.
pub(crate) fn origin_words(origin: &Origin) -> (&'static str, Option<&str>) {
    match origin {
        Origin::Default => ("default", None),
        Origin::File => ("file", None),
        Origin::Environment(variable) => ("environment", Some(variable)),
        Origin::Option(option) => ("option", Some(option)),
    }
}

/// An origin for people.
pub(crate) fn origin_text(origin: &Origin) -> String {
    match origin_words(origin) {
        (word, None) => word.to_owned(),
        (_, Some(source)) => source.to_owned(),
    }
}

/// Every value of a rate card, in the order of its documentation.
pub(crate) fn entries(pricing: &mut Pricing) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut add = |key: String, value: String, unit| entries.push(Entry { key, value, unit });
    let rates = &pricing.rates;
    add("rates.cpu".into(), rates.cpu.to_string(), "USD a thread and month");
    add("rates.memory".into(), rates.memory.to_string(), "USD a GiB and month");
    add("rates.endpoint".into(), rates.endpoint.to_string(), "USD an endpoint and month");
    add("rates.ip".into(), rates.ip.to_string(), "USD a leased IP and month");
    add("rates.interconnect".into(), rates.interconnect.to_string(), "USD an HCA and month");
    add("rates.confidential".into(), rates.confidential.to_string(), "USD a confidential replica and month");
    for (class, usd) in &rates.storage {
        add(entry_key("rates.storage", class), usd.to_string(), "USD a GiB and month");
    }
    for rate in rates.gpu.entries() {
        add(entry_key("rates.gpu", rate.key()), rate.usd().to_string(), "USD a card and month");
    }
    let policy = &pricing.policy;
    let (unlisted, unit) = match policy.unlisted_gpu {
        UnlistedGpu::Decline => ("decline".to_owned(), ""),
        UnlistedGpu::Price(usd) => (usd.to_string(), "USD a card and month"),
    };
    add("policy.unlisted_gpu".into(), unlisted, unit);
    add("policy.ambiguous_gpu".into(), policy.ambiguous_gpu.name().into(), "");
    add("policy.placement".into(), policy.placement.name().into(), "");
    add("policy.pending".into(), policy.pending.name().into(), "");
    add("policy.minimum_usd_per_month".into(), policy.minimum_usd_per_month.to_string(), "USD a month");
    add("policy.below_minimum".into(), policy.below_minimum.name().into(), "");
    let names = |list: &[Address]| list.iter().map(Address::as_str).collect::<Vec<_>>().join(" ");
    add("policy.owners.allow".into(), names(&policy.owners.allow), "owners; empty: everyone");
    add("policy.owners.deny".into(), names(&policy.owners.deny), "owners");
    for (owner, factor) in &policy.owners.discount {
        add(entry_key("policy.owners.discount", owner.as_str()), factor.to_string(), "of the price");
    }
    add("chain.blocks_per_month".into(), pricing.chain.blocks_per_month.to_string(), "blocks");
    add("chain.address_prefix".into(), pricing.chain.address_prefix.to_string(), "");
    for (denom, token) in &pricing.chain.denoms {
        let value = match &token.value {
            CoinValue::Fixed(usd) => format!("{usd} USD a coin of 10^{} units", token.exponent),
            CoinValue::Feed(feed) => format!("feed {feed}, a coin of 10^{} units", token.exponent),
        };
        // The coin's name is easier to read than its denom, which may be a hash.
        add(entry_key("chain.denoms", denom.as_str()), value, denom.coin().unwrap_or_default());
    }
    for resource in Overcommitted::ALL {
        let factor = *level(resource, &mut pricing.commit);
        add(format!("commit.{}", resource.name()), factor.to_string(), "overcommit factor");
    }
    if let Some(provider) = &pricing.provider {
        let attributes = provider.attributes.iter().map(|(key, value)| format!("{key}={value}"));
        add("provider.attributes".into(), attributes.collect::<Vec<_>>().join(" "), "");
        add("provider.audited_by".into(), names(&provider.audited_by), "auditors");
        let blocked = provider.blocked_hostnames.iter().map(ToString::to_string);
        add("provider.blocked_hostnames".into(), blocked.collect::<Vec<_>>().join(" "), "");
        let window = provider.reclamation_window.map_or_else(|| "none".to_owned(), shown);
        add("provider.reclamation_window".into(), window, "");
        add("provider.volumes".into(), provider.volumes.to_string(), "volumes a resource unit");
    }
    if let Some(platform) = pricing.commit.tee_platform {
        add("provider.tee_platform".into(), platform.name().to_owned(), "");
    }
    entries
}
