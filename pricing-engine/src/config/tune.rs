//! The section `[tune]`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use pricing_core::money::parse_decimal;
use pricing_core::text::excerpt;
use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Span;

/// The most keys that are varied at once.
pub(super) const MAX_KEYS: usize = 4;
/// The most decimals of a percentage.
const DECIMALS: u32 = 4;

/// Proposes rates that would have earned more, from a history of orders, once a day. It changes nothing unless `apply` says
/// so. Off without this section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tune {
    /// The scenario file. Its orders are those of a history, and its first strategy is the rate card in `rates.file`, without
    /// any change.
    pub scenario: PathBuf,
    /// The keys of the rate card that are varied, each with its floor and its ceiling: `"rates.gpu.h100" = "1300..2200"`. At
    /// most 4.
    pub vary: BTreeMap<String, Range>,
    /// What is raised: `revenue`, `profit` (revenue less `costs`), or `utilisation-at-least=60%` (revenue, among the rates
    /// that lease at least this share of the cards).
    #[serde(default)]
    pub objective: Objective,
    /// What leased resources cost you a month, as a rate card file; for the objective `profit`.
    pub costs: Option<PathBuf>,
    /// How far a rate may be changed in a day, such as `5%`; above `0%` and at most `50%`.
    pub max_step: Percentage,
    /// How often rates are proposed. However often that is, they are changed once a day at most.
    #[serde(default = "a_day")]
    pub interval: Span,
    /// How many resamples of the history are replayed.
    #[serde(default = "resamples")]
    pub resamples: u64,
    /// Whether the rate card file is changed where the decision is `change`.
    #[serde(default)]
    pub apply: bool,
}

fn a_day() -> Span {
    Span::secs(24 * 3600)
}

fn resamples() -> u64 {
    200
}

/// A floor and a ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The lowest value.
    pub low: Decimal,
    /// The highest value.
    pub high: Decimal,
}

impl Range {
    /// Parses `1300..2200`.
    ///
    /// # Errors
    /// When an end is missing, or is not a number, or they are not in order and above 0.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is not a floor and a ceiling; expected such as `1300..2200`", excerpt(text));
        let (low, high) = text.split_once("..").ok_or_else(wrong)?;
        let number = |text: &str| parse_decimal(text.trim()).map_err(|_| wrong());
        let (low, high) = (number(low)?, number(high)?);
        if low <= Decimal::ZERO || low >= high {
            return Err(format!("`{}`: the floor must be above 0 and below the ceiling", excerpt(text)));
        }
        Ok(Self { low, high })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.low, self.high)
    }
}

/// A percentage above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentage(Decimal);

impl Percentage {
    /// Parses `5%`, which may be at most `most`.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &str, most: u32) -> Result<Self, String> {
        let wrong = || {
            let text = excerpt(text);
            format!("`{text}` is not a percentage above `0%` and at most `{most}%`; expected such as `5%`")
        };
        let percent = text.strip_suffix('%').and_then(|number| parse_decimal(number).ok()).ok_or_else(wrong)?;
        let percent = percent.normalize();
        if percent <= Decimal::ZERO || percent > Decimal::from(most) || percent.scale() > DECIMALS {
            return Err(wrong());
        }
        Ok(Self(percent))
    }

    /// Returns the share: 0.05 for `5%`.
    #[must_use]
    pub fn share(self) -> Decimal {
        self.0.checked_div(Decimal::ONE_HUNDRED).unwrap_or_default()
    }
}

impl fmt::Display for Percentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// The largest step a day, in percent.
pub(super) const MOST_STEP: u32 = 50;

/// What is raised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// Revenue.
    #[default]
    Revenue,
    /// Revenue less what leased resources cost.
    Profit,
    /// Revenue, among the rates that lease at least this share of the cards.
    UtilisationAtLeast(Percentage),
}

const AT_LEAST: &str = "utilisation-at-least=";

impl Objective {
    /// Parses an objective, as `bidprice tune --objective` has it.
    ///
    /// # Errors
    /// When it is not known.
    pub fn parse(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix(AT_LEAST)) {
            ("revenue", _) => Ok(Self::Revenue),
            ("profit", _) => Ok(Self::Profit),
            (_, Some(share)) => Percentage::parse(share, 100).map(Self::UtilisationAtLeast),
            _ => Err(format!(
                "`{}` is not known here; expected `revenue`, `profit` or `{AT_LEAST}SHARE`, such as `{AT_LEAST}60%`",
                excerpt(text)
            )),
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revenue => f.write_str("revenue"),
            Self::Profit => f.write_str("profit"),
            Self::UtilisationAtLeast(share) => write!(f, "{AT_LEAST}{share}"),
        }
    }
}

/// Serialises a value as the text that it is parsed from.
macro_rules! as_text {
    ($type:ident, $parse:expr, $description:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                concat!("Tune", stringify!($type)).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $description })
            }
        }
    };
}

as_text!(Range, Range::parse, "A floor and a ceiling, such as `\"1300..2200\"`.");
as_text!(Percentage, |text: &str| Percentage::parse(text, MOST_STEP), "A percentage such as `\"5%\"`.");
as_text!(Objective, Objective::parse, "What is raised, such as `\"revenue\"`.");
