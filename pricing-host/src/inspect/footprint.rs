//! The resources that a plugin takes from the pool at instantiation, computed in advance.

use serde::{Deserialize, Serialize};
use wasmparser::{MemoryType, TableType};

use crate::{Fault, LoadLimits};

use super::words::{count, size};

/// Bytes per page.
const PAGE: u64 = 64 << 10;

/// A memory of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemorySize {
    /// Bytes at the start of a call.
    pub minimum_bytes: u64,
    /// Its declared maximum in bytes, if any.
    pub maximum_bytes: Option<u64>,
}

impl From<MemoryType> for MemorySize {
    fn from(memory: MemoryType) -> Self {
        let bytes = |pages: u64| pages.saturating_mul(PAGE);
        Self { minimum_bytes: bytes(memory.initial), maximum_bytes: memory.maximum.map(bytes) }
    }
}

/// A table of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSize {
    /// Elements at the start of a call.
    pub minimum: u64,
    /// Its declared maximum number of elements, if any.
    pub maximum: Option<u64>,
}

impl From<TableType> for TableSize {
    fn from(table: TableType) -> Self {
        Self { minimum: table.initial, maximum: table.maximum }
    }
}

/// What one instantiation of a module or component takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Footprint {
    pub(super) instances: u32,
    /// Instances of components. They take nothing from the pool, but a compiler visits every one of them.
    pub(super) components: u32,
    pub(super) memories: Vec<MemorySize>,
    pub(super) tables: Vec<TableSize>,
}

impl Footprint {
    /// Adds another footprint. Each one was within the limits, so the sum cannot grow far beyond them before it is
    /// rejected.
    pub(super) fn add(&mut self, other: &Self, limits: &LoadLimits) -> Result<(), Fault> {
        self.instances = self.instances.saturating_add(other.instances);
        self.components = self.components.saturating_add(other.components);
        self.memories.extend_from_slice(&other.memories);
        self.tables.extend_from_slice(&other.tables);
        self.check(limits)
    }

    /// Whether a plugin with this footprint may be loaded.
    pub(super) fn check(&self, limits: &LoadLimits) -> Result<(), Fault> {
        at_most(self.instances, limits.instances, "core instance")?;
        at_most(self.components, limits.components, "component instance")?;
        at_most(length(&self.memories), limits.memories, "memory")?;
        at_most(length(&self.tables), limits.tables, "table")?;
        if let Some(memory) = self.memories.iter().find(|memory| memory.minimum_bytes > limits.memory_bytes) {
            return Err(Fault::rejected(format!(
                "the plugin starts with {} of memory, and a plugin of this size class may have {}: lower its initial \
                 memory and its static data",
                size(memory.minimum_bytes),
                size(limits.memory_bytes)
            )));
        }
        if let Some(table) = self.tables.iter().find(|table| table.minimum > u64::from(limits.table_elements)) {
            return Err(Fault::rejected(format!(
                "the plugin starts with a table of {}, and a plugin of this size class may have {}",
                count(table.minimum, "element"),
                limits.table_elements
            )));
        }
        Ok(())
    }
}

fn length<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

pub(super) fn at_most(number: u32, limit: u32, noun: &str) -> Result<(), Fault> {
    if number <= limit {
        return Ok(());
    }
    Err(Fault::rejected(format!(
        "the plugin has {}, and a plugin of this size class may have {limit}",
        // A count that was cut short is a lower bound.
        count(number, noun)
    )))
}
