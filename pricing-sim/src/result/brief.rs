//! What comparisons of strategies need of their decisions, in little memory: millions of orders with several strategies
//! have to fit.

use std::collections::BTreeMap;
use std::sync::Arc;

use pricing_core::money::Usd;

use super::decision::{Decided, OrderOutcome};

/// The decisions of one strategy in brief, in the order of the stream.
#[derive(Clone, Debug, Default)]
pub struct Briefs {
    rows: Vec<Row>,
    gpus: Vec<Arc<str>>,
    gpu_places: BTreeMap<Arc<str>, u32>,
}

/// A decision, with places in lists instead of texts.
#[derive(Clone, Copy, Debug)]
struct Row {
    usd: Usd,
    revenue: Usd,
    gpu: u32,
    outcome: OrderOutcome,
    has_usd: bool,
}

/// A decision in brief.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brief<'a> {
    /// As [`Decided::outcome`].
    pub outcome: OrderOutcome,
    /// As [`Decided::usd_per_month`].
    pub usd_per_month: Option<Usd>,
    /// As [`Decided::gpu`].
    pub gpu: &'a str,
    /// As [`Decided::revenue`].
    pub revenue: Usd,
}

impl Briefs {
    /// No decisions yet, with room for some.
    #[must_use]
    pub fn with_capacity(orders: usize) -> Self {
        Self { rows: Vec::with_capacity(orders), ..Self::default() }
    }

    /// Adds a decision.
    pub fn push(&mut self, decided: &Decided) {
        let gpu = self.gpu_places.get(&decided.gpu).copied().unwrap_or_else(|| {
            let place = u32::try_from(self.gpus.len()).unwrap_or(u32::MAX);
            self.gpus.push(Arc::clone(&decided.gpu));
            self.gpu_places.insert(Arc::clone(&decided.gpu), place);
            place
        });
        self.rows.push(Row {
            usd: decided.usd_per_month.unwrap_or_default(),
            revenue: decided.revenue,
            gpu,
            outcome: decided.outcome,
            has_usd: decided.usd_per_month.is_some(),
        });
    }

    /// The decision on an order.
    #[must_use]
    pub fn get(&self, order: usize) -> Option<Brief<'_>> {
        self.rows.get(order).map(|row| self.brief(row))
    }

    /// All decisions.
    pub fn iter(&self) -> impl Iterator<Item = Brief<'_>> {
        self.rows.iter().map(|row| self.brief(row))
    }

    fn brief(&self, row: &Row) -> Brief<'_> {
        let gpu = usize::try_from(row.gpu).ok().and_then(|place| self.gpus.get(place));
        Brief {
            outcome: row.outcome,
            usd_per_month: row.has_usd.then_some(row.usd),
            gpu: gpu.map_or("", |gpu| gpu),
            revenue: row.revenue,
        }
    }
}
