//! What a new rate card changes, and which of it somebody has to accept first.
//!
//! A rate card is edited by hand, generated, copied and mounted. Each of these goes wrong now and then, and a card that
//! lost a part is still a card: with the defaults, without the deny list, with a tenth of the price. So a card is held
//! against the one that was accepted last, and what could cost money waits for somebody to say yes.
//!
//! # What is compared
//! What the two cards make of orders, not how they are written: an entry in another notation changes nothing, and one
//! under which every card costs the same as before changes nothing. GPU entries are compared by what each kind of card
//! costs under both cards, for every kind that any entry of either card can tell from the others. Each card is compared
//! with the one before it, so several small steps go as far as one large one that would wait.
//!
//! # What has to be accepted
//! Whatever `max_change` is:
//! - **`owners`:** the allow list becomes empty, which lets everybody in, or an owner is no longer on the deny list;
//! - **`minimum`:** there is none any more;
//! - **`entry-gone`:** a GPU entry is gone, and its cards cost something else or are not bid on; or a storage class, a
//!   denom or the price of unlisted cards is gone, so that what was bid on is not any more;
//! - **`cards-opened`:** `*`, `vendor/*` or `unlisted_gpu` prices cards that were declined. An entry that names its model
//!   only adds that model;
//! - **`policy`:** `ambiguous_gpu`, `placement` or `below_minimum` goes towards more bids or lower ones; `[provider]` is gone, so
//!   that orders are not held against it any more, or a hostname is not blocked any more;
//! - **`incomparable`:** a denom's worth is fixed where it came from a feed, or the other way round; or there are too many
//!   GPU entries to compare.
//!
//! More than `max_change` lower:
//! - **`lowered`:** a rate, what a kind of card costs, the minimum, an owner's discount factor, or what a dollar comes to in
//!   a denom (its worth, its exponent, blocks a month); or several of them together. In a rate card file, an amount whose
//!   key is gone, so that it falls to its default, is too low however little it falls: a cut file looks like that. Where `ambiguous_gpu` is
//!   `lowest` or `expected`, a new entry also lowers what an order pays that may come to that card;
//! - **`overcommitted`:** what is reserved for an order.
//!
//! Everything else is taken: whatever rises, new entries for named models, new classes and denoms, owners who are added
//! to an allow list or to the deny list, and bids that the card declines in so many words.

mod amounts;
mod chain;
mod found;
mod gpu;
mod policy;
mod provider;
#[cfg(test)]
mod tests;

use core::fmt;

use rust_decimal::Decimal;

pub use amounts::{MaxChange, MaxChangeError};

use super::{Chain, Owners, Policy, Pricing, Provider, RateCard};
use found::Found;

/// Why a change has to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// Owners are bid to who were not.
    Owners,
    /// There is no minimum any more.
    Minimum,
    /// An entry is gone.
    EntryGone,
    /// Cards that were declined are priced, whichever they are.
    CardsOpened,
    /// A choice goes towards more bids or lower ones.
    Policy,
    /// Nobody can say whether it is lower.
    Incomparable,
    /// An amount is lower than it may become by itself.
    Lowered,
    /// Less is reserved than may become by itself.
    Overcommitted,
}

impl Concern {
    /// Every concern.
    pub const ALL: [Self; 8] = [
        Self::Owners,
        Self::Minimum,
        Self::EntryGone,
        Self::CardsOpened,
        Self::Policy,
        Self::Incomparable,
        Self::Lowered,
        Self::Overcommitted,
    ];

    /// The concern as status and metrics name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Owners => "owners",
            Self::Minimum => "minimum",
            Self::EntryGone => "entry-gone",
            Self::CardsOpened => "cards-opened",
            Self::Policy => "policy",
            Self::Incomparable => "incomparable",
            Self::Lowered => "lowered",
            Self::Overcommitted => "overcommitted",
        }
    }
}

/// One thing that a new card changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key of the rate card, such as `rates.gpu.t4`, or what else it is.
    pub key: String,
    /// What was there.
    pub before: String,
    /// What is there now.
    pub after: String,
    /// How much lower the amount is, in percent, where it is.
    pub percent_lower: Option<Decimal>,
    /// Why it has to be accepted; none where it is taken.
    pub concern: Option<Concern>,
}

impl fmt::Display for Change {
    /// Writes `` `rates.cpu`: 5 -> 1.6 (68 % lower) ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, before, after, percent_lower, .. } = self;
        write!(f, "`{key}`: {before} -> {after}")?;
        match percent_lower {
            Some(percent) => write!(f, " ({percent} % lower)"),
            None => Ok(()),
        }
    }
}

/// What may be changed without being accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// How much lower an amount may become.
    pub max_change: MaxChange,
    /// Whether an amount may fall to its default by that much, since its key is gone. It may not in a file, which can
    /// have been cut.
    pub may_lose_keys: bool,
}

/// What a card changes of the one that was accepted last: first what has to be accepted, then the rest. Nothing where both make the same of every order.
#[must_use]
pub fn changes(before: &Pricing, after: &Pricing, limit: Limit) -> Vec<Change> {
    is_all_compared(after);
    let mut found = Found::new(before, after, limit);
    found.rates();
    gpu::compare(&mut found);
    policy::compare(&mut found);
    chain::compare(&mut found);
    found.commit();
    provider::compare(&mut found);
    found.together();
    found.into_changes()
}

/// Names everything that a card can say, so that what is added to it does not build before it is compared here.
fn is_all_compared(pricing: &Pricing) {
    let Pricing { rates, policy, chain, commit: _, provider, origins: _ } = pricing;
    if let Some(provider) = provider {
        let Provider { attributes: _, audited_by: _, blocked_hostnames: _, reclamation_window: _, volumes: _ } =
            provider;
    }
    let RateCard { cpu: _, memory: _, endpoint: _, ip: _, storage: _, gpu: _, interconnect: _, confidential: _ } =
        rates;
    let Policy { unlisted_gpu: _, ambiguous_gpu: _, placement: _, minimum_usd_per_month: _, below_minimum: _, owners } =
        policy;
    let Owners { allow: _, deny: _, discount: _ } = owners;
    let Chain { blocks_per_month: _, denoms: _, address_prefix: _ } = chain;
}

/// Whether a card's text is the beginning of another's, as a file is that was cut.
#[must_use]
pub fn is_cut(before: &str, after: &str) -> bool {
    let (before, after) = (before.trim_end(), after.trim_end());
    after.len() < before.len() && before.starts_with(after)
}
