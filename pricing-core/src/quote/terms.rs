//! The terms of a quote: what it depends on in addition to the order, the rate card and the inventory.

use super::prediction::Predict;
use super::reason::Reason;
use crate::budget::{Budget, Spent};
use crate::inventory::Cluster;
use crate::keyword::keywords;
use crate::money::UsdPerAkt;
use crate::reserve::Prefer;
use crate::text::Untrusted;

keywords! {
    /// The card at which a request that leaves the model open is priced.
    #[derive(Default)]
    GpuRule {
        /// The card that is allocated.
        #[default]
        RealCard "real-card"
        /// The dearest entry of the rate card, as the generic bid price script does.
        HighestWildcard "highest-wildcard"
    }
}

/// What a quote depends on in addition to the order, the rate card and the inventory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms<'a> {
    /// The owner of the order.
    pub owner: Option<Untrusted<&'a str>>,
    /// The price of an AKT in USD, above 0, if a feed provides one.
    pub usd_per_akt: Option<UsdPerAkt>,
    /// How a request that leaves the model open is priced.
    pub gpu_rule: GpuRule,
    /// Which model a request gets that several models fit. Only the sound scheduler has a choice.
    pub prefer: Prefer,
    /// Which kube-scheduler is to start the pods, if that is to be predicted.
    pub predict: Predict<'a>,
    /// The cluster as Kubernetes sees it, if the order is reserved on the same one without what is held for other bids:
    /// held capacity has no pods yet, and most of it never will.
    pub running: Option<&'a Cluster>,
    /// The budget of the request. Without one, each quote and each list of alternatives has a default [`Budget`] of its
    /// own.
    pub budget: Option<&'a Budget<'a>>,
    /// Whether to leave out what each node lacks when there is no capacity. Nobody reads it in a simulation, which
    /// declines many orders.
    pub brief: bool,
}

impl<'a> Terms<'a> {
    /// Takes steps from the budget, if there is one.
    pub(super) fn take(&self, steps: usize) -> Result<(), Spent> {
        self.budget.map_or(Ok(()), |budget| budget.take(steps))
    }

    /// Checks that the budget is not used up, before something that takes no steps itself, such as the call of a
    /// plugin.
    ///
    /// # Errors
    /// The fault, if the budget is used up.
    pub fn check(&self) -> Result<(), Reason> {
        self.budget.map_or(Ok(()), |budget| budget.check().map_err(Reason::from))
    }

    /// Runs some work with a budget: the request's, or a new default one.
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
