//! The values of labels: bounded in number, short, and safe to print.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use pricing_core::gpu::GpuKind;
use pricing_core::order::Order;
use pricing_core::quote::{Quote, QuotedTarget};
use pricing_core::text::excerpt;

/// The value for all values beyond the bound.
const OTHER: &str = "other";

/// Returns the label of an order's cards: `none` if it wants no cards; the kind, such as `nvidia/t4/16Gi/pcie`, if all
/// cards are certain and of one kind; `mixed` if they are certain and of several kinds; otherwise `ambiguous`.
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
        Some(kind) => excerpt(&kind.to_string()),
        None => "ambiguous".to_owned(),
    }
}

/// The known values of a label. Once there are `most` of them, every new value becomes [`OTHER`], which bounds the
/// number of time series.
#[derive(Debug)]
pub(crate) struct Bounded {
    most: usize,
    seen: Mutex<BTreeSet<String>>,
}

impl Bounded {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, seen: Mutex::default() }
    }

    /// Returns the value to use.
    pub(crate) fn take(&self, value: String) -> String {
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
