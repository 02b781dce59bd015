//! The cluster that orders arrive at.

use std::sync::Arc;

use pricing_core::gpu::GpuKind;
use pricing_core::input::InputError;
use pricing_core::inventory::validate::validate;
use pricing_core::inventory::{
    self, Capacity, CardId, Cluster, ClusterBuilder, DescribedCard, MAX_NODE_GPUS, Node, UNLIMITED,
};
use pricing_core::quantity::{Bytes, MilliCpu, Quantity};

use crate::files::Files;
use crate::scenario::InventoryEntry;
use crate::stream::StreamError;
use crate::stream::cell::with_vendor;
use crate::stream::openb::{Models, NodeRow, read_kind, rows};

/// The most nodes that a description may have.
const MAX_NODES: u64 = 100_000;

/// What a described node has, for each card, where the description does not say: as large GPU servers have.
const CPU_PER_CARD: u64 = 16;
const MEMORY_GIB_PER_CARD: u64 = 128;
/// What a described node without cards has.
const CPU_ALONE: u64 = 64;
const MEMORY_GIB_ALONE: u64 = 256;

/// The cluster that a scenario names.
///
/// # Errors
/// When the source cannot be read, or none or several are named.
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

/// The nodes of the openb trace. They have as much ephemeral storage as anybody asks for: the trace does not say.
fn openb(text: &str, models: &Models) -> Result<Cluster, InputError> {
    let mut builder = ClusterBuilder::default();
    for (row, line) in rows::<NodeRow>(text)? {
        if row.gpu > MAX_NODE_GPUS {
            let message = format!("`{}` has {} GPUs; at most {MAX_NODE_GPUS} are believed", row.sn, row.gpu);
            return Err(InputError::new(message).position(line, 1));
        }
        let kind = match row.gpu {
            0 => None,
            _ => Some(models.kind(&row.model).map_err(|error| error.position(line, 1))?.clone()),
        };
        let memory = row.memory_mib.checked_mul(1 << 20).ok_or_else(|| {
            InputError::new(format_args!("`{}` has more memory than can be counted", row.sn)).position(line, 1)
        })?;
        let size = NodeSize { cpu_milli: row.cpu_milli, memory, ephemeral: UNLIMITED };
        add_node(&mut builder, &row.sn, size, &[(row.gpu, kind)]);
    }
    Ok(with_storage(builder))
}

/// The cluster, with as much storage of each class as anybody asks for.
fn with_storage(mut builder: ClusterBuilder) -> Cluster {
    for class in STORAGE_CLASSES {
        let capacity = Capacity { total: Bytes::new(UNLIMITED), available: Bytes::new(UNLIMITED) };
        builder.storage(inventory::StoragePool { class: class.to_owned(), capacity });
    }
    builder.build()
}

/// The storage classes of nodes that are described, or of a trace that knows none.
const STORAGE_CLASSES: [&str; 4] = ["beta1", "beta2", "beta3", "default"];

/// What a node has beside cards.
#[derive(Clone, Copy, Debug)]
struct NodeSize {
    cpu_milli: u64,
    memory: u64,
    ephemeral: u64,
}

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
    });
}

/// A cluster in words: `8 nodes x 8 h100/80Gi/sxm`, with `+` between several kinds of node.
///
/// After a comma, what a node has beside its cards: `4 nodes x 2 t4 x 1 a10, 32 cpu, 128Gi memory, 1Ti ephemeral`.
/// Without it a node has 16 threads and 128 GiB of memory for each card (64 threads and 256 GiB where it has none) and
/// as much storage as anybody asks for. A card without a vendor is nvidia's.
///
/// # Errors
/// When the words cannot be read.
pub fn describe(text: &str) -> Result<Cluster, InputError> {
    let mut builder = ClusterBuilder::default();
    let mut nodes: u64 = 0;
    for part in text.split('+') {
        let described = part_of(part.trim()).map_err(|problem| {
            let message = format!("`{}`: {problem}", pricing_core::text::excerpt(part.trim()));
            InputError::new(message).hint("write such as `8 nodes x 8 h100/80Gi/sxm, 128 cpu, 1Ti memory + 2 nodes`")
        })?;
        for _ in 0..described.count {
            nodes = nodes.saturating_add(1);
            if nodes > MAX_NODES {
                return Err(InputError::new(format_args!("more than {MAX_NODES} nodes are described")));
            }
            add_node(&mut builder, &format!("node{nodes}"), described.size, &described.cards);
        }
    }
    Ok(with_storage(builder))
}

/// Some nodes that are alike.
struct Described {
    count: u64,
    size: NodeSize,
    cards: Vec<(u64, Option<GpuKind>)>,
}

fn part_of(part: &str) -> Result<Described, String> {
    let mut fields = part.split(',').map(str::trim);
    let head = fields.next().unwrap_or("");
    let mut pieces = head.split(" x ").map(str::trim);
    let count = counted(pieces.next().unwrap_or(""), &["node", "nodes"])?;
    let mut cards = Vec::new();
    let mut total: u64 = 0;
    for piece in pieces {
        let (number, kind) = piece.split_once(' ').ok_or("expected a number of cards and their kind after ` x `")?;
        let number: u64 = number.parse().map_err(|_| format!("`{number}` is no number of cards"))?;
        total = total.saturating_add(number);
        cards.push((number, Some(read_kind(&with_vendor(kind.trim())).map_err(|error| error.message().to_owned())?)));
    }
    if total > MAX_NODE_GPUS {
        return Err(format!("a node has {total} cards; at most {MAX_NODE_GPUS} are believed"));
    }
    let alone = total == 0;
    let mut size = NodeSize {
        cpu_milli: if alone { CPU_ALONE } else { total.saturating_mul(CPU_PER_CARD) }.saturating_mul(1000),
        memory: if alone { MEMORY_GIB_ALONE } else { total.saturating_mul(MEMORY_GIB_PER_CARD) } << 30,
        ephemeral: UNLIMITED,
    };
    for field in fields {
        let (amount, what) = field.split_once(' ').ok_or_else(|| format!("`{field}` is no amount of something"))?;
        let quantity = Quantity::parse(amount).map_err(|error| error.to_string())?;
        let whole = |number: i128| u64::try_from(number).map_err(|_| format!("`{amount}` is out of range"));
        match what.trim() {
            "cpu" => size.cpu_milli = whole(quantity.floor_milli())?,
            "memory" => size.memory = whole(quantity.floor())?,
            "ephemeral" => size.ephemeral = whole(quantity.floor())?,
            other => return Err(format!("`{other}` is not `cpu`, `memory` or `ephemeral`")),
        }
    }
    Ok(Described { count, size, cards })
}

fn counted(text: &str, words: &[&str]) -> Result<u64, String> {
    let (number, word) = text.split_once(' ').ok_or_else(|| format!("`{text}` is no number of nodes"))?;
    if !words.contains(&word.trim()) {
        return Err(format!("expected `{}` after `{number}`", words.join("` or `")));
    }
    number.parse().map_err(|_| format!("`{number}` is no number of nodes"))
}
