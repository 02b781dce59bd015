//! Accepts or refuses a snapshot as a whole.
//!
//! The core validates node by node. A snapshot is refused when it cannot be read, when none of its nodes is usable, or
//! when more than half of its nodes are nonsense. Then its sender is at fault, and the last accepted snapshot is the
//! better guess for a while.

use std::sync::Arc;

use pricing_core::inventory::finding::Action;
use pricing_core::inventory::held_capacity::HeldCapacity;
use pricing_core::inventory::read::read;
use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::inventory::validate::{Validated, validate};
use pricing_core::text::{Untrusted, counted, plural};

use super::snapshot::{Snapshot, SnapshotText};
use crate::digest::Digest;

/// The most bytes of a snapshot, both of the message and of its text.
pub(super) const MAX_BYTES: usize = 64 << 20;

/// Why a snapshot is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is too large.
    #[error("it is too large: {0}")]
    TooLarge(String),
    /// It is not an inventory.
    #[error("it cannot be read: {0}")]
    Malformed(String),
    /// It has no node that could hold a pod.
    #[error("it has no usable node ({listed} {} listed){first}", plural(*.listed, "is", "are"))]
    NoUsableNode {
        /// Nodes that it lists.
        listed: usize,
        /// What is wrong with the first of them.
        first: String,
    },
    /// Most of its nodes make no sense.
    #[error("{ignored} of its {} {} invalid{first}", counted(*.listed, "node"), plural(*.ignored, "is", "are"))]
    MostlyNonsense {
        /// Nodes that validation ignored.
        ignored: usize,
        /// Nodes that it lists.
        listed: usize,
        /// What is wrong with the first of them.
        first: String,
    },
}

impl Refusal {
    /// Returns the reason as the metrics name it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too-large",
            Self::Malformed(_) => "malformed",
            Self::NoUsableNode { .. } => "no-usable-node",
            Self::MostlyNonsense { .. } => "mostly-nonsense",
        }
    }
}

/// A snapshot that passed these checks.
#[derive(Clone, Debug)]
pub(super) struct AcceptedSnapshot {
    /// The snapshot.
    pub(super) snapshot: Arc<Snapshot>,
    /// The number of its findings, and the first of them.
    pub(super) findings: usize,
    pub(super) first_finding: Option<String>,
}

/// The most characters of untrusted text that a message repeats.
const SHOWN_CHARACTERS: usize = 300;

/// Makes untrusted text short and safe enough for a message.
pub(super) fn shown(text: &str) -> String {
    format!("{:.SHOWN_CHARACTERS$}", Untrusted::new(text))
}

/// Reads a snapshot, and accepts or refuses it.
///
/// A snapshot of which more than half of the nodes are invalid says more about its source than about the cluster. The
/// last good snapshot is a better basis for bids until it is too old.
pub(super) fn accept(text: impl Into<Arc<str>>) -> Result<AcceptedSnapshot, Refusal> {
    let text = text.into();
    if text.len() > MAX_BYTES {
        return Err(Refusal::TooLarge(format!("{} bytes of text; at most {MAX_BYTES} are read", text.len())));
    }
    let snapshot = read(&text).map_err(|error| Refusal::Malformed(shown(&error.to_string())))?;
    let Validated { cluster, findings } = validate(snapshot);
    let ignored = findings.iter().filter(|finding| finding.action == Action::IgnoredNode).count();
    let listed = cluster.nodes().len().saturating_add(ignored);
    let telling = |action| findings.iter().find(|finding| finding.action == action);
    let first = telling(Action::IgnoredNode).or(findings.first());
    let first_text = || first.map_or_else(String::new, |finding| format!("; {}", shown(&finding.to_string())));
    if !cluster.is_usable() {
        return Err(Refusal::NoUsableNode { listed, first: first_text() });
    }
    if ignored.saturating_mul(2) > listed {
        return Err(Refusal::MostlyNonsense { ignored, listed, first: first_text() });
    }
    let first_finding = findings.first().map(|finding| shown(&finding.to_string()));
    let text = SnapshotText { digest: Digest::of(&*text), text };
    let cluster = Arc::new(cluster);
    let snapshot = Snapshot {
        utilisation: Arc::new(Utilisation::of(&cluster)),
        running: Arc::clone(&cluster),
        cluster,
        text: Arc::new(text),
        held: Vec::new(),
    };
    Ok(AcceptedSnapshot { snapshot: Arc::new(snapshot), findings: findings.len(), first_finding })
}

impl Snapshot {
    /// Reads the snapshot of a recorded decision from its text, less the capacity that was held.
    ///
    /// # Errors
    /// When the text would be refused.
    pub fn read(text: impl Into<Arc<str>>, held: Vec<HeldCapacity>) -> Result<Self, Refusal> {
        let accepted = accept(text)?;
        Ok(accepted.snapshot.with(held))
    }

    /// Returns the same snapshot, less held capacity.
    pub(super) fn with(&self, held: Vec<HeldCapacity>) -> Self {
        let cluster = if held.is_empty() { Arc::clone(&self.cluster) } else { Arc::new(self.cluster.without(&held)) };
        Self { cluster, held, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, cpu: &str) -> String {
        format!(
            r#"{{"name":"{name}","resources":{{"cpu":{{"quantity":{{"allocatable":"{cpu}"}}}},"memory":{{"quantity":{{"allocatable":"8Gi"}}}}}}}}"#
        )
    }

    fn snapshot(nodes: &[String]) -> String {
        format!(r#"{{"nodes":[{}],"storage":[]}}"#, nodes.join(","))
    }

    fn code(text: &str) -> Result<usize, &'static str> {
        accept(text).map(|accepted| accepted.snapshot.cluster.nodes().len()).map_err(|refusal| refusal.code())
    }

    #[test]
    fn what_no_order_could_run_on_is_refused() {
        assert_eq!(code(r#"{"nodes":[],"storage":[]}"#), Err("no-usable-node"));
        assert_eq!(code("{}"), Err("no-usable-node"));
        assert_eq!(code(r#"{"cluster":{"inventory":{}}}"#), Err("no-usable-node"));
        assert_eq!(code(&snapshot(&[node("a", "0")])), Err("no-usable-node"));
        assert_eq!(code(&snapshot(&[node("a", "-5")])), Err("no-usable-node"));
        assert_eq!(code("<html>"), Err("malformed"));
        assert_eq!(code(""), Err("malformed"));
    }

    #[test]
    fn up_to_half_of_the_nodes_may_make_no_sense() {
        // -5 as an unsigned 64-bit number.
        let (good, bad) = (|name: &str| node(name, "4"), |name: &str| node(name, "18446744073709551611"));
        assert_eq!(code(&snapshot(&[good("a")])), Ok(1));
        assert_eq!(code(&snapshot(&[good("a"), bad("b")])), Ok(1));
        assert_eq!(code(&snapshot(&[good("a"), bad("b"), bad("c")])), Err("mostly-nonsense"));
        let refusal = accept(snapshot(&[good("a"), bad("b"), bad("c")])).unwrap_err().to_string();
        assert!(refusal.starts_with("2 of its 3 nodes are invalid; b: cpu:"), "{refusal}");
    }

    #[test]
    fn a_recorded_snapshot_is_read_again_as_it_was() {
        let text = snapshot(&[node("a", "4")]);
        let held = vec![HeldCapacity { node: "a".to_owned(), cpu: 1500, ..HeldCapacity::default() }];
        let read = Snapshot::read(text.as_str(), held.clone()).unwrap();
        assert_eq!(read.cluster.nodes()[0].cpu.available.get(), 2500);
        assert_eq!((read.held, read.text.digest), (held, Digest::of(&text)));
    }
}
