//! Rows of a record batch as orders.

use arrow_array::RecordBatch;
use pricing_sim::stream::Arrival;

pub(crate) struct Rows;

pub(crate) fn texts(_: &RecordBatch) -> Result<(), String> {
    Ok(())
}

impl Rows {
    pub(crate) fn new(_: &RecordBatch, (): &(), _: &str) -> Result<Self, String> {
        Ok(Self)
    }
    pub(crate) fn orders(&self, _: usize) -> Result<Vec<Arrival>, String> {
        Ok(Vec::new())
    }
}
