//! What a quote depends on beside the order, the rate card and the inventory.

use rust_decimal::Decimal;

use super::reason::Reason;
use crate::budget::{Budget, Spent};
use crate::text::Untrusted;

/// Which card a request that leaves the model open is priced at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GpuRule {
    /// The card that is allocated.
    #[default]
    RealCard,
    /// The dearest entry of the rate card: the old rule, for comparison.
    HighestWildcard,
}

/// What a quote depends on beside the order, the rate card and the inventory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms<'a> {
    /// Who ordered.
    pub owner: Option<Untrusted<&'a str>>,
    /// What an AKT is worth, when a feed says so: above 0.
    pub usd_per_akt: Option<Decimal>,
    /// Which card a request that leaves the model open is priced at.
    pub gpu_rule: GpuRule,
    /// What may be spent on the request. Without one, each quote and each listing of alternatives has a default
    /// [`Budget`] of its own.
    pub budget: Option<&'a Budget<'a>>,
    /// Nobody reads why there is no capacity, so that no node is asked what it lacks: a simulation declines many orders.
    pub brief: bool,
}

impl<'a> Terms<'a> {
    /// Takes steps of the budget, where there is one.
    pub(super) fn take(&self, steps: usize) -> Result<(), Spent> {
        self.budget.map_or(Ok(()), |budget| budget.take(steps))
    }

    /// Looks whether anything may still be spent on the request: before something is begun that takes no steps, such as a
    /// plugin's call.
    ///
    /// # Errors
    /// The fault, when the budget is used up.
    pub fn check(&self) -> Result<(), Reason> {
        self.budget.map_or(Ok(()), |budget| budget.check().map_err(Reason::from))
    }

    /// Does work on a budget: the request's, or one of its own.
    pub(super) fn within_budget<R>(&self, work: impl FnOnce(&Terms<'_>, &Budget<'_>) -> R) -> R {
        match self.budget {
            Some(budget) => work(self, budget),
            None => {
                let budget = Budget::default();
                work(&Terms { budget: Some(&budget), ..*self }, &budget)
            }
        }
    }
}
