//! The keys of `[market]`: the competition.

use serde::Deserialize;

use super::orders::Wildcard;
use crate::number::Number;

/// The competition: one price of the market, named competitors, or the bids of a history, or several of these.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct MarketEntry {
    /// Whether there is competition at all. An axis of a sweep can turn it off.
    pub enabled: bool,
    /// The rate card by which the market bids.
    pub rates: Option<String>,
    /// Changes to the rate card, with its own sections and keys.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::scenario::schema::table"))]
    pub set: toml::Table,
    /// The sigma of a log-normal factor with median 1, from 0 to 5; 0 by default.
    pub spread: Option<Number>,
    /// What the prices of all competitors are multiplied by; 1 by default.
    pub factor: Option<Number>,
    /// The card by which the market bids on a request that leaves the model open.
    pub wildcard: Wildcard,
    /// Competitors with rate cards of their own.
    pub competitor: Vec<CompetitorEntry>,
    /// Whether the bids of others on the orders of `orders.history` compete.
    pub observed: bool,
    /// Which bid a tenant takes, for `observed` only.
    pub choice: ChoiceName,
}

impl Default for MarketEntry {
    fn default() -> Self {
        Self {
            enabled: true,
            rates: None,
            set: toml::Table::new(),
            spread: None,
            factor: None,
            wildcard: Wildcard::default(),
            competitor: Vec::new(),
            observed: false,
            choice: ChoiceName::default(),
        }
    }
}

/// Which bid a tenant takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(serde::Serialize, schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ChoiceName {
    /// The cheapest one; ours at the same price. An order of which no bid became a lease cannot be won.
    #[default]
    Cheapest,
    /// Drawn by a model of the choice, which is fitted to the history: a conditional logit.
    Fitted,
}

/// A competitor.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CompetitorEntry {
    /// The name.
    pub name: String,
    /// The rate card file; without one the default card.
    #[serde(default)]
    pub rates: Option<String>,
    /// Changes to the rate card, with its own sections and keys.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::scenario::schema::table"))]
    pub set: toml::Table,
    /// The sigma of a log-normal factor with median 1, from 0 to 5; 0 by default.
    #[serde(default)]
    pub spread: Option<Number>,
    /// The card by which the competitor bids on a request that leaves the model open.
    #[serde(default)]
    pub wildcard: Wildcard,
}
