//! Labels: few, short, and safe to show.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use pricing_core::gpu::GpuKind;
use pricing_core::order::Order;
use pricing_core::quote::{Quote, QuotedTarget};
use pricing_core::text::excerpt;

/// What stands for all values beyond the most that are told apart.
const OTHER: &str = "other";

/// A text of others as a label: short, and without characters that drive a terminal.
pub(super) fn clean(text: &str) -> String {
    excerpt(text)
}

/// The cards of an order as a label: `none` when it asks for none, the kind (as the contract writes kinds) when it is
/// certain and all of one kind, `mixed` when they are certain and of several, else `ambiguous`.
#[must_use]
pub fn gpu_label(order: &Order, quote: &Quote) -> String {
    if order.group.resources().iter().all(|unit| unit.gpu.units == 0) {
        return "none".to_owned();
    }
    let mut certain: Option<&GpuKind> = None;
    let mut mixed = false;
    let mut parts =
        quote.targets.iter().filter(|target| target.gpu_units > 0).flat_map(QuotedTarget::priced_among).peekable();
    if parts.peek().is_none() {
        return "ambiguous".to_owned();
    }
    for kinds in parts {
        let [kind] = *kinds.as_slice() else { return "ambiguous".to_owned() };
        if kind.model() == "*" {
            return "ambiguous".to_owned();
        }
        mixed |= certain.is_some_and(|other| other != kind);
        certain = Some(kind);
    }
    match certain {
        _ if mixed => "mixed".to_owned(),
        Some(kind) => clean(&kind.to_string()),
        None => "ambiguous".to_owned(),
    }
}

/// The values of a label that were seen. The first ones are kept; all later ones are one.
#[derive(Debug)]
pub(super) struct Bounded {
    most: usize,
    seen: Mutex<BTreeSet<String>>,
}

impl Bounded {
    pub(super) fn new(most: usize) -> Self {
        Self { most, seen: Mutex::default() }
    }

    /// The value that a label gets.
    pub(super) fn take(&self, value: String) -> String {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(&value) {
            return value;
        }
        if seen.len() >= self.most {
            return OTHER.to_owned();
        }
        seen.insert(value.clone());
        value
    }
}
