//! Orders for named cards that only the `*` of a rate card could price.

use std::collections::BTreeMap;

use pricing_core::order::Order;
use serde::{Deserialize, Serialize};

use crate::market::asked_cards;

/// The most different requests that are counted one by one.
const MAX_REQUESTS: usize = 16;

/// How many orders only an entry that names no model could price, and what they ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Starred {
    /// The number of orders.
    pub orders: u64,
    /// Their number by the cards that they ask for: the first 16 different requests.
    pub by_cards: BTreeMap<String, u64>,
}

impl Starred {
    /// Counts an order.
    pub fn add(&mut self, order: &Order) {
        self.orders = self.orders.saturating_add(1);
        let cards = asked_cards(order);
        if self.by_cards.len() < MAX_REQUESTS || self.by_cards.contains_key(&cards) {
            let count = self.by_cards.entry(cards).or_default();
            *count = count.saturating_add(1);
        }
    }
}
