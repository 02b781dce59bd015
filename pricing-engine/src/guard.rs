//! The guard: decides which new configurations are applied, and which an operator has to accept first.
//!
//! A rate card that was emptied, truncated or mistyped is often still valid, and a bid that it makes is a loss for as
//! long as the lease lasts. Every configuration that is loaded, at the start and by a reload, is therefore compared
//! with the one that was accepted last.
//!
//! # What is compared
//! The effective rates, policy, chain and overcommit, whether they come from the rate card file or from the
//! configuration ([`pricing_core::rates::changes`] has the rules). If both configurations fix the value of an AKT, it
//! takes the place of the feed's value for the denoms that use the feed. Besides these, of the configuration:
//! - **`plugin`:** the plugin was removed, so that the rate card prices;
//! - **`fallback`:** a failing plugin now has a fallback, or falls back to the rate card instead of the previous
//!   plugin;
//! - **`inventory`:** the inventory was removed, so that capacity is not checked;
//! - **`explore`:** prices are varied further down, since `explore.spread` is wider or new;
//! - **`tune`:** the service may change rates further by itself: `tune.apply` is new, or its floor, ceiling or step is wider;
//! - **`kubernetes`:** `[kubernetes]` or the scheduler's configuration changed, if either rate card prices or declines by
//!   where pods are predicted to start;
//! - **`cut`:** the rate card file is a prefix of the accepted one, and anything differs, even if it is a price that
//!   rises.
//!
//! # What happens
//! - If nothing has to be accepted, the configuration is applied, and the next one is compared with it.
//! - If something has to be accepted, a reload refuses the whole configuration, and the previous one stays in use. A
//!   *start* has no previous one: if only the rate card has to be accepted, it uses the card that was accepted last;
//!   otherwise it fails.
//! - A configuration that is accepted by its digest is applied. This is the digest of the rates, or of everything that
//!   is compared if more than the rates has to be accepted. Any other digest is refused, since the files have changed
//!   in the meantime, and nothing is applied. `SIGHUP` and the watch never accept anything.
//!
//! The limit for lowered amounts is `reload.max_change` of the new configuration. If that is the default, the key may
//! have been lost by mistake, so the stricter of it and the previous limit applies.
//!
//! # What is persisted
//! The accepted configuration is persisted in a file ([`file`]) in the bid log's folder, or at `reload.state`. If the
//! file does not exist, the start accepts what it finds. A file that is damaged, of another version or of another user
//! is an error: to treat it as absent would accept any configuration. A file that cannot be written costs no bids: the
//! problem is reported, and writing is tried again.

mod file;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use pricing_core::money::{Usd, UsdPerAkt};
use pricing_core::rates::changes::{self, Change, Concern, Limit};
use pricing_core::rates::{CoinValue, Pricing};
use serde::{Deserialize, Serialize};

use crate::config::{
    self, ConfigError, Fallback, Listen, Loaded, LoadedRates, LoadedScheduler, MaxChange, Number, Percentage, Spread,
    TuneRange,
};
use crate::digest::Digest;

pub use refusal::{Difference, Refusal};

pub(crate) use file::{AcceptedFile, path_of, read as read_accepted};

/// The concerns besides those about a rate card.
const CUT: &str = "cut";
const PLUGIN: &str = "plugin";
const FALLBACK: &str = "fallback";
const INVENTORY: &str = "inventory";
const EXPLORE: &str = "explore";
const TUNE: &str = "tune";
const KUBERNETES: &str = "kubernetes";

/// Returns every reason for which a change may have to be accepted, as the status and the metrics name them.
pub fn concerns() -> impl Iterator<Item = &'static str> {
    Concern::ALL.into_iter().map(Concern::name).chain([CUT, PLUGIN, FALLBACK, INVENTORY, EXPLORE, TUNE, KUBERNETES])
}

/// The compared parts of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The effective rates.
    pub rates: LoadedRates,
    /// The text of the rate card file, if there is one.
    pub(crate) card: Option<Arc<str>>,
    beside: OtherSettings,
}

/// The settings besides the rates that decide what is bid on, and at which price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OtherSettings {
    plugin: bool,
    fallback: Option<Fallback>,
    inventory: bool,
    usd_per_akt: Option<Number>,
    max_change: MaxChange,
    /// How far prices are varied. None if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spread: Option<Spread>,
    /// How far rates may change by themselves. None if they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tune: Option<TuneLimits>,
    /// What predicts where pods start.
    #[serde(default = "default_scheduler")]
    kubernetes: String,
}

/// The scheduler of files that were written before it was compared.
fn default_scheduler() -> String {
    LoadedScheduler::default().to_string()
}

/// How far rates may change by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct TuneLimits {
    max_step: Percentage,
    vary: BTreeMap<String, TuneRange>,
}

impl Accepted {
    /// Extracts the parts of a configuration that are compared.
    #[must_use]
    pub fn of(loaded: &Loaded) -> Self {
        let config = &loaded.config;
        let inventory = &config.inventory;
        let beside = OtherSettings {
            plugin: config.plugin.is_some(),
            fallback: config.plugin.as_ref().and_then(|plugin| plugin.fallback),
            inventory: inventory.file.is_some() || inventory.provider.is_some() || inventory.operator.is_some(),
            usd_per_akt: config.feed.usd_per_akt,
            max_change: config.reload.max_change,
            spread: config.explore.as_ref().map(|explore| explore.spread),
            tune: config.tune.as_ref().filter(|tune| tune.apply).map(TuneLimits::of),
            kubernetes: loaded.scheduler.to_string(),
        };
        Self { rates: loaded.rates.clone(), card: loaded.card.clone(), beside }
    }

    /// Sets the value of an AKT to the feed's current one, unless the configuration fixes it.
    #[must_use]
    pub(crate) fn where_unfixed(mut self, usd_per_akt: Option<UsdPerAkt>) -> Self {
        self.beside.usd_per_akt = self.beside.usd_per_akt.or(usd_per_akt.map(|usd| Number::from(usd.get())));
        self
    }

    /// Returns these rates with the other settings of `other`.
    #[must_use]
    pub(crate) fn with_all_but_the_rates_of(self, other: &Self) -> Self {
        Self { beside: other.beside.clone(), ..self }
    }

    /// Returns whether these rates can be applied with the other settings of `other` without being accepted.
    #[must_use]
    pub(crate) fn admits_with_own_rates(&self, other: &Self) -> bool {
        self.admits(&self.clone().with_all_but_the_rates_of(other), &Listen::default()).is_ok()
    }

    /// Checks whether a new configuration can be applied without being accepted.
    ///
    /// # Errors
    /// The changes that have to be accepted first.
    pub fn admits(&self, new: &Self, listen: &Listen) -> Result<(), Refusal> {
        let (one, other) = (&self.beside, &new.beside);
        let mut max_change = other.max_change.get();
        if other.max_change == MaxChange::default() {
            max_change = max_change.stricter(one.max_change.get());
        }
        let found = self.compared(new, Limit { max_change, may_lose_keys: new.card.is_none() });
        let mut differences: Vec<Difference> = found.into_iter().map(Difference::from).collect();
        if !differences.is_empty() && self.is_cut_to(new) {
            differences.insert(0, cut(self, new));
        }
        let mut beside = beside(one, other);
        beside.extend(self.other_scheduler(new));
        // A fixed value of an AKT belongs to the configuration, although it affects the rates.
        let is_akt_changed = one.usd_per_akt.zip(other.usd_per_akt).is_some_and(|(one, other)| one != other);
        let is_rates_alone = beside.is_empty() && !is_akt_changed;
        differences.splice(0..0, beside);
        if differences.iter().all(|difference| difference.concern.is_none()) {
            return Ok(());
        }
        let digest = if is_rates_alone { new.rates.digest } else { new.digest() };
        Err(Refusal { digest, is_rates_alone, command: command(digest, listen), differences, given: None })
    }

    /// Compares the rates.
    fn compared(&self, new: &Self, limit: Limit) -> Vec<Change> {
        if self.rates.digest == new.rates.digest && self.beside.usd_per_akt == new.beside.usd_per_akt {
            return Vec::new();
        }
        match (self.beside.usd_per_akt, new.beside.usd_per_akt) {
            (Some(one), Some(other)) => {
                changes::changes(&fixed(&self.rates.pricing, one), &fixed(&new.rates.pricing, other), limit)
            }
            (None, _) | (_, None) => changes::changes(&self.rates.pricing, &new.rates.pricing, limit),
        }
    }

    /// Returns the change of what predicts where pods start, if one of the rate cards prices or declines by it.
    fn other_scheduler(&self, new: &Self) -> Option<Difference> {
        let is_needed = [self, new].iter().any(|accepted| accepted.rates.pricing.policy.needs_prediction());
        let (before, after) = (&self.beside.kubernetes, &new.beside.kubernetes);
        (is_needed && before != after).then(|| Difference::new("kubernetes", before, after, KUBERNETES))
    }

    fn is_cut_to(&self, new: &Self) -> bool {
        self.card.as_ref().zip(new.card.as_ref()).is_some_and(|(one, other)| changes::is_cut(one, other))
    }

    /// Returns the digest of everything that is compared.
    fn digest(&self) -> Digest {
        let OtherSettings { plugin, fallback, inventory, usd_per_akt, max_change, spread, tune, kubernetes } =
            &self.beside;
        let (rates, usd) = (self.rates.digest, usd_per_akt.map(Number::get));
        let (spread, tune) = (spread_text(*spread), limits_text(tune.as_ref()));
        let max_change = max_change.get();
        Digest::of(format!(
            "{rates} {plugin} {fallback:?} {inventory} {usd:?} {max_change} {spread} {tune} {kubernetes}"
        ))
    }
}

/// Returns a rate card whose denoms have a fixed value in place of the feed's.
fn fixed(pricing: &Pricing, usd_per_akt: Number) -> Pricing {
    let mut pricing = pricing.clone();
    for token in pricing.chain.denoms.values_mut() {
        if matches!(token.value, CoinValue::Feed(_)) {
            token.value = CoinValue::Fixed(Usd::from_decimal(usd_per_akt.get()));
        }
    }
    pricing
}

fn cut(before: &Accepted, after: &Accepted) -> Difference {
    let bytes = |card: &Option<Arc<str>>| format!("{} bytes", card.as_ref().map_or(0, |card| card.len()));
    Difference::new("rates.file", bytes(&before.card), format!("the first {} of them", bytes(&after.card)), CUT)
}

/// Returns the changes besides the rates that have to be accepted.
fn beside(before: &OtherSettings, after: &OtherSettings) -> Vec<Difference> {
    let mut found = Vec::new();
    if before.plugin && !after.plugin {
        found.push(Difference::new("plugin", "it prices", "none; the rate card prices", PLUGIN));
    }
    let name = |fallback| match fallback {
        None => "none",
        Some(Fallback::Builtin) => "builtin",
        Some(Fallback::LastPlugin) => "last-plugin",
    };
    let is_laxer = match (before.fallback, after.fallback) {
        (None, Some(_)) | (Some(Fallback::LastPlugin), Some(Fallback::Builtin)) => true,
        (_, None) | (Some(Fallback::Builtin), Some(_)) | (Some(Fallback::LastPlugin), Some(Fallback::LastPlugin)) => {
            false
        }
    };
    if before.plugin && after.plugin && is_laxer {
        found.push(Difference::new("plugin.fallback", name(before.fallback), name(after.fallback), FALLBACK));
    }
    if before.inventory && !after.inventory {
        found.push(Difference::new("inventory", "it is asked", "none; capacity is not asked", INVENTORY));
    }
    let share = |spread: Option<Spread>| spread.map(|spread| spread.get().share()).unwrap_or_default();
    if share(after.spread) > share(before.spread) {
        let (before, after) = (spread_text(before.spread), spread_text(after.spread));
        found.push(Difference::new("explore.spread", before, after, EXPLORE));
    }
    if let Some(tune) = after.tune.as_ref().filter(|tune| !tune.is_within(before.tune.as_ref())) {
        found.push(Difference::new("tune", limits_text(before.tune.as_ref()), limits_text(Some(tune)), TUNE));
    }
    found
}

impl TuneLimits {
    fn of(tune: &config::Tune) -> Self {
        Self { max_step: tune.max_step, vary: tune.vary.clone() }
    }

    /// Returns whether these limits allow nothing that `other` does not.
    fn is_within(&self, other: Option<&Self>) -> bool {
        let Some(other) = other else { return false };
        let is_in = |(key, range): (&String, &TuneRange)| {
            other.vary.get(key).is_some_and(|other| range.low >= other.low && range.high <= other.high)
        };
        self.max_step.share() <= other.max_step.share() && self.vary.iter().all(is_in)
    }
}

fn spread_text(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "none".to_owned(), |spread| spread.get().to_string())
}

fn limits_text(limits: Option<&TuneLimits>) -> String {
    let Some(TuneLimits { max_step, vary }) = limits else { return "`apply` is off".to_owned() };
    let ranges: Vec<String> = vary.iter().map(|(key, range)| format!("{key} {range}")).collect();
    format!("`apply` is on, {max_step} a day, {}", ranges.join(", "))
}

/// Returns the command that accepts a configuration.
fn command(digest: Digest, listen: &Listen) -> String {
    let is_default = listen.socket == Listen::default().socket || listen.socket.as_os_str().is_empty();
    let socket = if is_default { String::new() } else { format!(" --socket {}", shell(&listen.socket)) };
    format!("bidprice reload{socket} --accept {digest}")
}

/// Quotes a path for a shell.
fn shell(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    let is_plain = path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'));
    if is_plain { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// Decides whether a configuration is applied. `accepted` is the digest that an operator has given, if any.
///
/// # Errors
/// When it has to be accepted first, or when `accepted` is another digest.
pub(crate) fn judge(
    before: &Accepted,
    after: &Accepted,
    accepted: Option<Digest>,
    listen: &Listen,
) -> Result<(), ConfigError> {
    match (before.admits(after, listen), accepted) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(given)) if [after.rates.digest, after.digest()].contains(&given) => Ok(()),
        (Ok(()), Some(given)) => {
            let now = after.rates.digest;
            let message =
                format!("nothing was taken: {given} is not in the files, but {now}, which need not be accepted");
            Err(ConfigError::unusable("accept", message))
        }
        (Err(refusal), Some(given)) if given == refusal.digest => {
            tracing::warn!(digest = %given, changes = refusal.listed(), "what would have been refused was accepted");
            Ok(())
        }
        (Err(refusal), given) => Err(Refusal { given, ..refusal }.into()),
    }
}
