//! What a refused configuration changes, and the command that accepts it.

use std::fmt;

use pricing_core::rates::changes::{Change, Concern};

use crate::config::ConfigError;
use crate::digest::Digest;

/// The most changes that a message lists.
const LISTED: usize = 8;

/// One change of a new configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key of the rate card or of the configuration.
    pub key: String,
    /// The previous value.
    pub before: String,
    /// The new value.
    pub after: String,
    /// By how many percent an amount is lower, as text.
    pub percent_lower: Option<String>,
    /// Why it has to be accepted; `None` if it does not.
    pub concern: Option<&'static str>,
}

impl Difference {
    pub(super) fn new(key: &str, before: impl Into<String>, after: impl Into<String>, concern: &'static str) -> Self {
        let (before, after) = (before.into(), after.into());
        Self { key: key.to_owned(), before, after, percent_lower: None, concern: Some(concern) }
    }
}

impl From<Change> for Difference {
    fn from(change: Change) -> Self {
        Self {
            key: change.key,
            before: change.before,
            after: change.after,
            percent_lower: change.percent_lower.map(|percent| percent.to_string()),
            concern: change.concern.map(Concern::name),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, before, after, percent_lower, .. } = self;
        write!(f, "`{key}`: {before} -> {after}")?;
        match percent_lower {
            Some(percent) => write!(f, " ({percent} % lower)"),
            None => Ok(()),
        }
    }
}

/// A configuration that has to be accepted before it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The digest that accepts it.
    pub digest: Digest,
    /// Whether only the rates have to be accepted.
    pub is_rates_alone: bool,
    /// The command that accepts it.
    pub command: String,
    /// All of its changes. Those besides the rates, and a cut, come first.
    pub differences: Vec<Difference>,
    /// The digest that was given, if it was another one.
    pub given: Option<Digest>,
}

impl Refusal {
    /// Returns the changes that have to be accepted.
    pub fn concerns(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.concern.is_some())
    }

    /// Lists the changes that have to be accepted, as many as a message has room for.
    #[must_use]
    pub fn listed(&self) -> String {
        let listed: Vec<String> = self.concerns().take(LISTED).map(ToString::to_string).collect();
        let more = match self.concerns().count().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        listed.join("; ") + &more
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digest, is_rates_alone, command, given, .. } = self;
        if let Some(given) = given {
            write!(f, "nothing was taken: {given} is not in the files any more; ")?;
        }
        let what = if *is_rates_alone { "the rate card" } else { "the configuration" };
        let listed = self.listed();
        write!(f, "{what} {digest} has to be accepted first, since it changes {listed}. `{command}` accepts it")
    }
}

impl From<Refusal> for ConfigError {
    fn from(refusal: Refusal) -> Self {
        Self::Unaccepted(Box::new(refusal))
    }
}
