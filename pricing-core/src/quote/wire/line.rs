//! A line of a quote as JSON.

use serde::Serialize;

use crate::quote::card_price::Weight;
use crate::quote::lines::Line;

#[derive(Debug, Serialize)]
pub(super) struct LineJson<'a> {
    resource_id: u32,
    item: &'static str,
    kind: Option<&'a str>,
    quantity: String,
    unit: Option<&'static str>,
    usd_per_unit_month: String,
    rate: &'a str,
    usd_per_month: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    weights: Vec<WeightJson<'a>>,
}

/// One term of the weighted mean of a line.
#[derive(Debug, Serialize)]
pub(super) struct WeightJson<'a> {
    kind: &'a str,
    weight: &'a str,
    rate: &'a str,
    usd_per_unit_month: String,
}

impl<'a> WeightJson<'a> {
    pub(super) fn new(weight: &'a Weight) -> Self {
        Self {
            kind: &weight.kind,
            weight: &weight.part,
            rate: &weight.rate,
            usd_per_unit_month: weight.usd_per_unit_month.to_string(),
        }
    }
}

impl<'a> LineJson<'a> {
    pub(super) fn new(line: &'a Line) -> Self {
        Self {
            resource_id: line.resource_id,
            item: line.item.name(),
            kind: line.kind.as_deref(),
            quantity: line.quantity.to_string(),
            unit: line.item.unit(),
            usd_per_unit_month: line.usd_per_unit_month.to_string(),
            rate: &line.rate,
            usd_per_month: line.usd_per_month.to_string(),
            weights: line.weights.iter().map(WeightJson::new).collect(),
        }
    }
}
