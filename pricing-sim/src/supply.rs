//! The cluster that orders arrive at.

mod describe;

use std::collections::BTreeSet;
use std::sync::Arc;

use pricing_core::gpu::GpuKind;
use pricing_core::input::InputError;
use pricing_core::inventory::validate::validate;
use pricing_core::inventory::{
    self, Capacity, CardId, Cluster, ClusterBuilder, DescribedCard, MAX_NODE_GPUS, Node, UNLIMITED,
};
use pricing_core::quantity::{Bytes, MilliCpu};
use pricing_core::text::excerpt;

use crate::files::Files;
use crate::scenario::InventoryEntry;
use crate::stream::StreamError;
use crate::stream::openb::{Models, NodeRow, rows};

pub use describe::describe;

/// The cluster that a scenario names.
///
/// # Errors
/// When the source cannot be read, or the scenario does not name exactly one.
pub fn cluster(entry: &InventoryEntry, models: &Models, files: &Files) -> Result<Cluster, StreamError> {
    let malformed = |name: &str| {
        let name = name.to_owned();
        move |problem| StreamError::Malformed { name, problem }
    };
    let cluster = match (&entry.file, &entry.openb, &entry.describe) {
        (Some(name), None, None) => {
            let snapshot = inventory::read::read(&files.text(name)?).map_err(malformed(name))?;
            validate(snapshot).cluster
        }
        (None, Some(name), None) => openb(&files.text(name)?, models).map_err(malformed(name))?,
        (None, None, Some(text)) => describe(text).map_err(malformed("inventory.describe"))?,
        _ => {
            let message = "[inventory] needs exactly one of `file`, `openb` and `describe`";
            return Err(StreamError::Scenario(message.to_owned()));
        }
    };
    let cluster = if entry.empty { cluster.emptied() } else { cluster };
    if cluster.is_usable() {
        return Ok(cluster);
    }
    Err(StreamError::Scenario("the inventory has no usable node; see `bidprice inventory check`".to_owned()))
}

/// The nodes of the openb trace. They get unlimited ephemeral storage, because the trace does not mention it.
fn openb(text: &str, models: &Models) -> Result<Cluster, InputError> {
    let mut builder = ClusterBuilder::default();
    let mut names = BTreeSet::new();
    for (row, line) in rows::<NodeRow>(text)? {
        if !names.insert(row.sn.clone()) {
            let message = format!("there are two nodes `{}`", excerpt(&row.sn));
            return Err(InputError::new(message).position(line, 1));
        }
        if row.gpu > MAX_NODE_GPUS {
            let message = format!("`{}` has {} GPUs; at most {MAX_NODE_GPUS} are believed", excerpt(&row.sn), row.gpu);
            return Err(InputError::new(message).position(line, 1));
        }
        let kind = match row.gpu {
            0 => None,
            _ => Some(models.kind(&row.model).map_err(|error| error.position(line, 1))?.clone()),
        };
        let memory = row.memory_mib.checked_mul(1 << 20).ok_or_else(|| {
            InputError::new(format_args!("`{}` has more memory than can be counted", excerpt(&row.sn)))
                .position(line, 1)
        })?;
        let size = NodeSize { cpu_milli: row.cpu_milli, memory, ephemeral: UNLIMITED };
        add_node(&mut builder, &row.sn, size, &[(row.gpu, kind)]);
    }
    Ok(with_storage(builder))
}

/// Adds unlimited storage of each class, and finishes the cluster.
fn with_storage(mut builder: ClusterBuilder) -> Cluster {
    for class in STORAGE_CLASSES {
        let capacity = Capacity { total: Bytes::new(UNLIMITED), available: Bytes::new(UNLIMITED) };
        builder.storage(inventory::StoragePool { class: class.to_owned(), capacity });
    }
    builder.build()
}

/// The storage classes of described nodes, and of traces that have none.
const STORAGE_CLASSES: [&str; 4] = ["beta1", "beta2", "beta3", "default"];

/// What a node has in addition to cards.
#[derive(Clone, Copy, Debug)]
struct NodeSize {
    cpu_milli: u64,
    memory: u64,
    ephemeral: u64,
}

/// Adds a node with nothing in use and all storage classes.
fn add_node(builder: &mut ClusterBuilder, name: &str, size: NodeSize, cards: &[(u64, Option<GpuKind>)]) {
    let mut ids: Vec<CardId> = Vec::new();
    for (count, kind) in cards {
        let Some(kind) = kind else { continue };
        let card = builder.card(DescribedCard {
            vendor: kind.vendor().to_owned(),
            name: kind.model().to_owned(),
            interface: kind.interface().unwrap_or("").to_owned(),
            memory_size: kind.ram().unwrap_or("").to_owned(),
        });
        ids.extend(std::iter::repeat_n(card, usize::try_from(*count).unwrap_or(0)));
    }
    let full = |total: u64| Capacity { total, available: total };
    let count = full(u64::try_from(ids.len()).unwrap_or(0));
    let milli = |total| Capacity { total: MilliCpu::new(total), available: MilliCpu::new(total) };
    let bytes = |total| Capacity { total: Bytes::new(total), available: Bytes::new(total) };
    builder.node(Node {
        name: Arc::from(name),
        cpu: milli(size.cpu_milli),
        memory: bytes(size.memory),
        ephemeral: bytes(size.ephemeral),
        gpus: count,
        cards: ids,
        storage_classes: STORAGE_CLASSES.map(str::to_owned).to_vec(),
        ..Node::default()
    });
}

#[cfg(test)]
mod tests;
