//! The states of orders, bids and leases, in the chain's words. States only move forward.

use serde::{Deserialize, Serialize};

/// What became of a bid. States only move forward, except that a bid becomes either `lost` or `active`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BidState {
    /// The tenant has not chosen yet.
    Open,
    /// The tenant chose another one.
    Lost,
    /// The tenant made a lease of it, which is open.
    Active,
    /// The lease ended, or the order did without one, or the provider took it back.
    Closed,
}

impl BidState {
    /// The chain's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Lost => "lost",
            Self::Active => "active",
            Self::Closed => "closed",
        }
    }
}

/// What became of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseState {
    /// It runs.
    Active,
    /// The provider has asked for its resources back.
    Reclaiming,
    /// The tenant's account ran dry.
    InsufficientFunds,
    /// It ended.
    Closed,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// It takes bids.
    Open,
    /// It has a lease.
    Active,
    /// It ended.
    Closed,
}

impl OrderState {
    /// The chain's word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Active => "active",
            Self::Closed => "closed",
        }
    }
}
