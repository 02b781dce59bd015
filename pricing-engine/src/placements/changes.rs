//! How the use of nodes changes from one snapshot to the next.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pricing_core::inventory::Cluster;

use super::prediction::{Kinds, kinds_of};
use crate::inventory::Used;

/// The most changes that are kept.
const MAX_CHANGES: usize = 10_000;
/// The most nodes whose use is kept although the last snapshot does not have them.
const MAX_MISSING: usize = 10_000;
/// How long the use of a missing node is kept. A node that comes back later is a new one.
const MISSING: Duration = Duration::from_secs(900);

/// A change of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// When it was seen.
    pub(super) at: Instant,
    /// The node.
    pub(super) node: Arc<str>,
    /// The node's kinds of card.
    pub(super) kinds: Kinds,
    /// What has changed.
    pub(super) what: What,
}

/// What has changed on a node. Where one resource has grown and another one has shrunk, several pods started and ended,
/// which tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// More is in use.
    Grew(Used),
    /// Less is in use.
    Shrank(Used),
    /// The node is new, and so much is in use.
    Came(Used),
}

/// A node's use when it was last seen.
#[derive(Clone, Copy, Debug)]
struct LastSeen {
    used: Used,
    missing_since: Option<Instant>,
}

/// The changes of all nodes since a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    nodes: BTreeMap<Arc<str>, LastSeen>,
    changes: VecDeque<Change>,
    /// Since when all changes are known. `None` before the first snapshot.
    complete_since: Option<Instant>,
}

impl Changes {
    /// Compares a snapshot with the one before. The first one of a source is compared with none: another source may
    /// count differently.
    pub(super) fn add(&mut self, cluster: &Cluster, is_first: bool, now: Instant) {
        if is_first || self.complete_since.is_none() {
            *self = Self { complete_since: Some(now), ..Self::default() };
            let seen = |used| LastSeen { used, missing_since: None };
            self.nodes = cluster.nodes().iter().map(|node| (Arc::clone(&node.name), seen(Used::of(node)))).collect();
            return;
        }
        for known in self.nodes.values_mut() {
            known.missing_since = known.missing_since.or(Some(now));
        }
        for node in cluster.nodes() {
            let used = Used::of(node);
            let seen = LastSeen { used, missing_since: None };
            let before = self.nodes.insert(Arc::clone(&node.name), seen);
            if let Some(what) = change(before.map(|before| before.used), used) {
                let (node, kinds) = (Arc::clone(&node.name), kinds_of(cluster, node));
                self.changes.push_back(Change { at: now, node, kinds, what });
            }
        }
        self.forget_missing(now);
        while self.changes.len() > MAX_CHANGES {
            let dropped = self.changes.pop_front().and_then(|oldest| oldest.at.checked_add(Duration::from_nanos(1)));
            self.complete_since = dropped.or(self.complete_since);
        }
    }

    fn forget_missing(&mut self, now: Instant) {
        let is_old = |since: Instant| now.saturating_duration_since(since) > MISSING;
        self.nodes.retain(|_, seen| !seen.missing_since.is_some_and(is_old));
        let mut missing = self.nodes.values().filter(|seen| seen.missing_since.is_some()).count();
        self.nodes.retain(|_, seen| {
            let goes = missing > MAX_MISSING && seen.missing_since.is_some();
            missing = missing.saturating_sub(usize::from(goes));
            !goes
        });
    }

    /// Forgets the changes before a moment.
    pub(super) fn forget_before(&mut self, moment: Instant) {
        while self.changes.front().is_some_and(|change| change.at < moment) {
            self.changes.pop_front();
        }
    }

    /// Whether all changes since a moment are known.
    pub(super) fn are_complete_since(&self, moment: Instant) -> bool {
        self.complete_since.is_some_and(|since| since <= moment)
    }

    /// What grew until a moment, without what shrank again by the same amounts until then: no pod of a lease that runs
    /// is there. The inventory of a provider's Status also has what the daemon has reserved: it shrinks again when the
    /// pod has started elsewhere, or the bid was lost.
    pub(super) fn growths_until(&self, moment: Instant) -> Vec<(&Change, Used)> {
        let mut growths: Vec<(&Change, Used)> = Vec::new();
        for change in self.until(moment) {
            match change.what {
                What::Grew(by) => growths.push((change, by)),
                What::Shrank(by) => {
                    let same = growths.iter().rposition(|(grown, grew)| grown.node == change.node && *grew == by);
                    if let Some(place) = same {
                        growths.remove(place);
                    }
                }
                What::Came(_) => {}
            }
        }
        growths
    }

    /// Whether a node came between two moments on which a pod may run that requests so much.
    pub(super) fn could_have_come(&self, request: Used, from: Instant, until: Instant) -> bool {
        let mut changes = self.until(until).filter(|change| change.at >= from);
        changes.any(|change| matches!(change.what, What::Came(used) if used.covers(request.visible_in(used))))
    }

    fn until(&self, moment: Instant) -> impl Iterator<Item = &Change> {
        self.changes.iter().take_while(move |change| change.at <= moment)
    }
}

fn change(before: Option<Used>, now: Used) -> Option<What> {
    let Some(before) = before else { return Some(What::Came(now)) };
    if before == now {
        return None;
    }
    now.checked_sub(before).map(What::Grew).or_else(|| before.checked_sub(now).map(What::Shrank))
}
