//! A cluster in words, such as `8 nodes x 8 h100/80Gi/sxm`.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{Capacity, CardId, Cluster, ClusterBuilder, DescribedCard, MAX_NODE_GPUS, Node, StoragePool, UNLIMITED};
use crate::gpu::{GpuKey, GpuKind};
use crate::input::InputError;
use crate::quantity::{Bytes, MilliCpu, written};
use crate::text::excerpt;

/// The most nodes in a description.
const MAX_NODES: u64 = 100_000;

/// The default CPU of a described node per card, in threads, and below its memory in GiB: typical for large GPU
/// servers.
const CPU_PER_CARD: u64 = 16;
const MEMORY_GIB_PER_CARD: u64 = 128;
/// The defaults of a described node without cards.
const CPU_ALONE: u64 = 64;
const MEMORY_GIB_ALONE: u64 = 256;

/// Parses a description such as `8 nodes x 8 h100/80Gi/sxm`, with `+` between several kinds of node.
///
/// Other resources follow after a comma: `4 nodes x 2 t4 x 1 a10, 32 cpu, 128Gi memory, 1Ti ephemeral`. By default a
/// node has 16 threads and 128 GiB of memory per card (64 threads and 256 GiB without cards), and unlimited storage. A
/// card without a vendor belongs to the usual vendor of its model. `x` can be written `×`, with or without spaces, and
/// may also be between the number of cards and their kind: `8 nodes×8x h100`.
///
/// # Errors
/// When the description cannot be parsed.
pub fn describe(text: &str) -> Result<Cluster, InputError> {
    let mut builder = ClusterBuilder::default();
    let mut nodes: u64 = 0;
    for part in text.split('+') {
        let described = Described::read(part).map_err(|problem| {
            let message = format!("`{}`: {problem}", excerpt(part.trim()));
            InputError::new(message).hint("write such as `8 nodes x 8 h100/80Gi/sxm, 128 cpu, 1Ti memory + 2 nodes`")
        })?;
        if nodes.saturating_add(described.count) > MAX_NODES {
            return Err(InputError::new(format_args!("more than {MAX_NODES} nodes are described")));
        }
        for _ in 0..described.count {
            nodes = nodes.saturating_add(1);
            add_node(&mut builder, &format!("node{nodes}"), described.size, &described.cards);
        }
    }
    Ok(with_storage(builder))
}

/// Adds unlimited storage of each class, and finishes the cluster.
#[must_use]
pub fn with_storage(mut builder: ClusterBuilder) -> Cluster {
    for class in STORAGE_CLASSES {
        let capacity = Capacity { total: Bytes::new(UNLIMITED), available: Bytes::new(UNLIMITED) };
        builder.storage(StoragePool { class: class.to_owned(), capacity });
    }
    builder.build()
}

/// The storage classes of described nodes, and of traces that have none.
const STORAGE_CLASSES: [&str; 4] = ["beta1", "beta2", "beta3", "default"];

/// What a node has in addition to cards.
#[derive(Clone, Copy, Debug)]
pub struct NodeSize {
    /// Thousandths of a thread.
    pub cpu_milli: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes of ephemeral storage.
    pub ephemeral: u64,
}

/// Adds a node with nothing in use and all storage classes.
pub fn add_node(builder: &mut ClusterBuilder, name: &str, size: NodeSize, cards: &[(u64, Option<GpuKind>)]) {
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

/// A number of equal nodes.
struct Described {
    count: u64,
    size: NodeSize,
    cards: Vec<(u64, Option<GpuKind>)>,
}

impl Described {
    fn read(part: &str) -> Result<Self, String> {
        let part = part.replace('×', " x ");
        let mut fields = part.split(',').map(str::trim);
        let (count, rest) = nodes(fields.next().unwrap_or(""))?;
        let cards = cards(rest)?;
        let total = cards.iter().fold(0_u64, |sum, (number, _)| sum.saturating_add(*number));
        if total > MAX_NODE_GPUS {
            return Err(format!("a node has {total} cards; at most {MAX_NODE_GPUS} are accepted"));
        }
        let mut size = usual_size(total);
        let mut named = Vec::new();
        for field in fields {
            let what = read_field(field, &mut size)?;
            if named.contains(&what) {
                return Err(format!("`{what}` is there twice"));
            }
            named.push(what);
        }
        let cards = cards.into_iter().map(|(number, kind)| (number, Some(kind))).collect();
        Ok(Self { count, size, cards })
    }
}

fn usual_size(cards: u64) -> NodeSize {
    let (cpu, gib) = match cards {
        0 => (CPU_ALONE, MEMORY_GIB_ALONE),
        some => (some.saturating_mul(CPU_PER_CARD), some.saturating_mul(MEMORY_GIB_PER_CARD)),
    };
    NodeSize { cpu_milli: cpu.saturating_mul(1000), memory: gib.saturating_mul(1 << 30), ephemeral: UNLIMITED }
}

/// A number at the start, and the rest.
fn leading(text: &str) -> Option<(u64, &str)> {
    let text = text.trim_start();
    let (number, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    Some((number.parse().ok()?, rest))
}

/// A number of nodes, and the rest.
fn nodes(text: &str) -> Result<(u64, &str), String> {
    let expected = || "expected a number of nodes, such as `8 nodes`".to_owned();
    let (count, rest) = leading(text).ok_or_else(expected)?;
    let rest = rest.trim_start();
    let word = ["nodes", "node"].into_iter().find_map(|word| {
        let begins = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        begins.then(|| rest.get(word.len()..)).flatten()
    });
    word.map(|rest| (count, rest)).ok_or_else(expected)
}

/// Cards: each a number and a kind, after an `x`.
fn cards(text: &str) -> Result<Vec<(u64, GpuKind)>, String> {
    let expected = || "expected a number of cards and their kind after `x`, such as `x 8 h100/80Gi/sxm`".to_owned();
    let mut cards = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let after = rest.strip_prefix(['x', 'X']).ok_or_else(expected)?;
        let (number, after) = leading(after).ok_or_else(expected)?;
        let spaced = after.trim_start();
        // `8x h100`, `8 x h100` and `8xh100`. A model that starts with an `x` needs a space before it.
        let kind = match spaced.strip_prefix(['x', 'X']) {
            Some(kind) => kind.trim_start(),
            None if spaced.len() < after.len() => spaced,
            None => return Err(expected()),
        };
        let end = kind.find(char::is_whitespace).unwrap_or(kind.len());
        let (kind, next) = kind.split_at(end);
        cards.push((number, described_kind(kind)?));
        rest = next.trim();
    }
    Ok(cards)
}

/// A kind by its [`GpuKey`]: `h100/80Gi/sxm`.
fn described_kind(text: &str) -> Result<GpuKind, String> {
    let kind = GpuKey::parse(text).and_then(|key| key.kind_of_known_vendor()).map_err(|error| error.to_string())?;
    if kind.model().contains('*') {
        return Err(format!("`{}` is not a model: a node has cards of known ones", excerpt(text)));
    }
    Ok(kind)
}

/// Parses the amount of a resource, and returns which one it is.
fn read_field(field: &str, size: &mut NodeSize) -> Result<&'static str, String> {
    let (amount, what) = field
        .split_once(char::is_whitespace)
        .ok_or_else(|| format!("`{}` is not an amount of something, such as `128 cpu`", excerpt(field)))?;
    let told = |error: InputError| error.to_string();
    match what.trim() {
        "cpu" | "cpus" | "threads" => {
            size.cpu_milli = written::threads(amount).map_err(told)?.get();
            Ok("cpu")
        }
        "memory" | "ram" => {
            size.memory = written::bytes(amount).map_err(told)?.get();
            Ok("memory")
        }
        "ephemeral" => {
            size.ephemeral = written::bytes(amount).map_err(told)?.get();
            Ok("ephemeral")
        }
        other => Err(format!("`{}` is not `cpu`, `memory` or `ephemeral`", excerpt(other))),
    }
}
