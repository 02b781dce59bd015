//! What a new rate card changes, and which of these changes somebody has to accept first.
//!
//! Rate cards are edited by hand, generated, copied and mounted, and each of these goes wrong now and then. A card that
//! lost a part is still a valid card: with the defaults, without the deny list, with a tenth of the price. So a new
//! card is compared with the one that was accepted last, and changes that could cost money wait until somebody accepts
//! them.
//!
//! # What is compared
//! The comparison is about what the two cards mean for orders, not about how they are written: an entry in another
//! notation changes nothing, and neither does one under which every card costs the same as before. GPU entries are
//! compared by what each kind of card costs under both cards, for every kind that any entry of either card can tell
//! from the others. Each card is compared with the one before it, so several small steps can add up to a change that
//! would have to wait if it were made at once.
//!
//! # What has to be accepted
//! Regardless of `max_change`:
//! - **`owners`:** the allow list becomes empty, which lets everybody in, or an owner is no longer on the deny list;
//! - **`minimum`:** there is no minimum any more;
//! - **`entry-gone`:** a GPU entry is gone, and its cards have another price or are declined; or a storage class, a
//!   denom or the price of unlisted cards is gone, so that orders are declined that used to get a bid;
//! - **`cards-opened`:** `*`, `vendor/*` or `unlisted_gpu` prices cards that were declined. An entry that names its
//!   model only adds that model, and is not a concern;
//! - **`policy`:** `ambiguous_gpu`, `placement` or `below_minimum` changes towards more or lower bids; `[provider]` is
//!   gone, so that orders are not compared with it any more; or a hostname is not blocked any more;
//! - **`incomparable`:** a denom's value is fixed where it came from a feed, or the other way round; or there are too
//!   many GPU entries to compare.
//!
//! If it is lower by more than `max_change`:
//! - **`lowered`:** a rate, the price of a kind of card, the minimum, an owner's discount factor, or the value of a
//!   dollar in a denom (its price, its exponent, the blocks per month); or several of them together. In a rate card
//!   file, an amount that falls to its default because its key is gone is a concern however little it falls, because
//!   truncated files look like that. If `ambiguous_gpu` is `lowest` or `expected`, a new entry also lowers the price of
//!   orders that could get its card;
//! - **`overcommitted`:** the amounts that are reserved for an order.
//!
//! Everything else is accepted: increases, new entries for named models, new classes and denoms, owners who are added
//! to an allow list or to the deny list, and orders that the card explicitly declines.

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
    /// Owners get bids who did not get any.
    Owners,
    /// There is no minimum any more.
    Minimum,
    /// An entry is gone.
    EntryGone,
    /// Cards that were declined are priced by a wildcard.
    CardsOpened,
    /// A policy changes towards more or lower bids.
    Policy,
    /// It cannot be told whether bids become lower.
    Incomparable,
    /// An amount is lowered by more than the limit.
    Lowered,
    /// Reserved amounts are lowered by more than the limit.
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
    /// The key in the rate card, such as `rates.gpu.t4`, or a description if there is no single key.
    pub key: String,
    /// The old value.
    pub before: String,
    /// The new value.
    pub after: String,
    /// How much lower the amount is, in percent, if it is.
    pub percent_lower: Option<Decimal>,
    /// Why it has to be accepted. None if it does not.
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

/// What may change without being accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// How much lower an amount may become.
    pub max_change: MaxChange,
    /// Whether an amount may also fall because its key is gone and the default applies. Not for a file, which may have
    /// been truncated.
    pub may_lose_keys: bool,
}

/// The changes from the card that was accepted last to a new one, with those that have to be accepted first. Empty if
/// both mean the same for every order.
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

/// Destructures everything that a card can contain, so that a new field does not compile until it is compared here.
fn is_all_compared(pricing: &Pricing) {
    let Pricing { rates, policy, chain, commit: _, provider, origins: _ } = pricing;
    if let Some(provider) = provider {
        let Provider { attributes: _, audited_by: _, blocked_hostnames: _, reclamation_window: _, volumes: _ } =
            provider;
    }
    let RateCard { cpu: _, memory: _, endpoint: _, ip: _, storage: _, gpu: _, interconnect: _, confidential: _ } =
        rates;
    let Policy {
        unlisted_gpu: _,
        ambiguous_gpu: _,
        placement: _,
        pending: _,
        minimum_usd_per_month: _,
        below_minimum: _,
        owners,
    } = policy;
    let Owners { allow: _, deny: _, discount: _ } = owners;
    let Chain { blocks_per_month: _, denoms: _, address_prefix: _ } = chain;
}

/// Whether a card's text is a proper prefix of another's, like a truncated file.
#[must_use]
pub fn is_cut(before: &str, after: &str) -> bool {
    let (before, after) = (before.trim_end(), after.trim_end());
    after.len() < before.len() && before.starts_with(after)
}
