//! The cluster that orders arrive at.

use std::collections::BTreeSet;

use pricing_core::input::InputError;
use pricing_core::inventory::validate::validate;
use pricing_core::inventory::words::{NodeSize, add_node, with_storage};
use pricing_core::inventory::{self, Cluster, ClusterBuilder, MAX_NODE_GPUS, UNLIMITED};
use pricing_core::text::excerpt;

use crate::files::Files;
use crate::scenario::InventoryEntry;
use crate::stream::StreamError;
use crate::stream::openb::{Models, NodeRow, rows};

pub use pricing_core::inventory::words::describe;

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
            let message = format!("`{}` has {} GPUs; at most {MAX_NODE_GPUS} are accepted", excerpt(&row.sn), row.gpu);
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

#[cfg(test)]
mod tests;
