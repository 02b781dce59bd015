//! Which predictions are open, and when they are judged: a state machine that is handed the time.
//!
//! A prediction is judged once its pods have had [`WINDOW`] to start. Where outcomes are pulled, the time runs from the
//! lease, and predictions for bids without a lease are dropped. Then the first pull that began after that time decides,
//! since it knows every lease whose pods could have started until then. Otherwise the time runs from the bid, and nobody
//! knows which bids were won: each prediction for a bid that was held could explain what is seen.
//!
//! A judged prediction stays for as long as an open one could share a growth with it. So what is known of one does not
//! depend on which one is judged first.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use pricing_core::inventory::Cluster;

use super::UnknownReason;
use super::changes::{Change, Changes};
use super::explain::{AwaitedPods, Growth, explain};
use super::judge::{SeenNode, Sighting, judge, unknown};
use super::prediction::{PredictedOrder, Prediction};
use crate::bid_log::entry::PlacedPod;
use crate::inventory::Used;

/// How long pods may take to start.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// For how long a bid may wait for its lease. After that, no pull will tell of one.
pub(super) const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// How much earlier than a quote the lease of its bid may seem to begin: the times of blocks are computed from those of a
/// few, and clocks differ.
const BEFORE: Duration = Duration::from_secs(30);
/// For how long changes are kept although nothing is open: a prediction may arrive a moment after them.
const KEPT: Duration = Duration::from_secs(60);
/// The most predictions that are open.
const MAX_PREDICTIONS: usize = 2_000;
/// The most pods and nodes of all predictions.
pub(super) const MAX_SIZE: usize = 200_000;
/// The most pods and nodes of one prediction. A larger one is not watched, so that it does not push out many others.
pub(super) const MAX_ONE: usize = 50_000;

/// For which bids pods are awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwaitedBids {
    /// For those that the chain says were won.
    Won,
    /// For all.
    All,
}

/// What became of a bid, as a pull tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The lease began at this moment.
    Won(Instant),
    /// There will be no lease.
    NotWon,
}

/// A prediction that is watched.
#[derive(Clone, Debug)]
struct Watched {
    prediction: Prediction,
    /// Until when its pods are awaited. `None` while it is not known whether the bid was won.
    until: Option<Instant>,
    is_judged: bool,
}

/// The predictions that are watched, and the changes of the inventory.
#[derive(Clone, Debug)]
pub struct Watch {
    awaited: AwaitedBids,
    /// Sorted by when they were made.
    predictions: VecDeque<Watched>,
    size: usize,
    changes: Changes,
    /// When the last complete pull began.
    pulled: Option<Instant>,
}

impl Watch {
    /// Watches nothing yet.
    #[must_use]
    pub fn new(awaited: AwaitedBids) -> Self {
        Self { awaited, predictions: VecDeque::new(), size: 0, changes: Changes::default(), pulled: None }
    }

    /// The number of predictions that are not judged.
    #[must_use]
    pub fn open(&self) -> usize {
        self.predictions.iter().filter(|watched| !watched.is_judged).count()
    }

    /// Takes a snapshot of the inventory, without what is held. `is_first` says that it is the first one of its source.
    pub fn snapshot(&mut self, cluster: &Cluster, is_first: bool, now: Instant) {
        self.changes.add(cluster, is_first, now);
    }

    /// Adds a prediction, in place of an earlier one for the same bid. Returns the lines of those that there is no
    /// room for.
    #[must_use]
    pub fn predicted(&mut self, prediction: Prediction) -> Vec<PlacedPod> {
        if prediction.size() > MAX_ONE {
            return self.too_large(&prediction);
        }
        if !self.make_way(&prediction.order) {
            return Vec::new();
        }
        let until = match self.awaited {
            AwaitedBids::Won => None,
            AwaitedBids::All => Some(after_window(prediction.order.at)),
        };
        self.size = self.size.saturating_add(prediction.size());
        let at = prediction.order.at;
        let place = self.predictions.partition_point(|watched| watched.prediction.order.at <= at);
        self.predictions.insert(place, Watched { prediction, until, is_judged: false });
        let mut dropped = Vec::new();
        while self.predictions.len() > MAX_PREDICTIONS || self.size > MAX_SIZE {
            let Some(oldest) = self.remove(0) else { break };
            if !oldest.is_judged {
                dropped.extend(unknown(&oldest.prediction, UnknownReason::TooMany));
            }
        }
        dropped
    }

    /// Takes a prediction that is too large to be watched, in place of an earlier one for the same bid. Returns its lines.
    #[must_use]
    pub(super) fn too_large(&mut self, prediction: &Prediction) -> Vec<PlacedPod> {
        if self.make_way(&prediction.order) { unknown(prediction, UnknownReason::TooMany) } else { Vec::new() }
    }

    /// Removes an earlier prediction for the same bid. Returns false if that one stays, since its bid was won.
    fn make_way(&mut self, order: &PredictedOrder) -> bool {
        let is_same = |watched: &Watched| {
            let other = &watched.prediction.order;
            other.name == order.name && other.group.index == order.group.index && !watched.is_judged
        };
        let Some(place) = self.predictions.iter().position(is_same) else { return true };
        let is_won = self.awaited == AwaitedBids::Won
            && self.predictions.get(place).is_some_and(|watched| watched.until.is_some());
        if !is_won {
            self.remove(place);
        }
        !is_won
    }

    /// Takes what a complete pull that began at a moment tells of bids, by the names of their orders. Returns the lines
    /// of those that seem to have been priced after their lease began.
    #[must_use]
    pub fn pulled(&mut self, began: Instant, fates: &BTreeMap<String, Fate>) -> Vec<PlacedPod> {
        self.pulled = self.pulled.max(Some(began));
        let mut lines = Vec::new();
        let mut place = 0;
        while let Some(watched) = self.predictions.get_mut(place) {
            let order = &watched.prediction.order;
            let fate = fates.get(&order.name.exact()).filter(|_| watched.until.is_none());
            let is_over = match fate {
                None => false,
                Some(Fate::NotWon) => true,
                Some(Fate::Won(at)) => {
                    watched.until = Some(after_window((*at).max(order.at)));
                    let is_late = at.checked_add(BEFORE).is_some_and(|at| at < order.at);
                    if is_late {
                        // An order that is quoted again after its lease began has its pods already. Or this machine's
                        // clock is ahead, and then the lease began later than it seems.
                        lines.extend(unknown(&watched.prediction, UnknownReason::AfterLease));
                    }
                    is_late
                }
            };
            if is_over {
                self.remove(place);
            } else {
                place = place.saturating_add(1);
            }
        }
        lines
    }

    /// Judges the predictions whose time is over. Returns a line for each of their pods.
    #[must_use]
    pub fn due(&mut self, now: Instant) -> Vec<PlacedPod> {
        let known_until = match self.awaited {
            AwaitedBids::Won => self.pulled,
            AwaitedBids::All => Some(now),
        };
        let is_due = |watched: &Watched| {
            !watched.is_judged && watched.until.zip(known_until).is_some_and(|(until, known)| until <= known)
        };
        let due: Vec<usize> = self
            .predictions
            .iter()
            .enumerate()
            .filter(|(_, watched)| is_due(watched))
            .map(|(place, _)| place)
            .collect();
        let lines = due.iter().filter_map(|place| self.judged(*place)).flatten().collect();
        for place in due {
            if let Some(watched) = self.predictions.get_mut(place) {
                watched.is_judged = true;
            }
        }
        self.forget(now);
        lines
    }

    fn judged(&self, place: usize) -> Option<Vec<PlacedPod>> {
        let Watched { prediction, until, .. } = self.predictions.get(place)?;
        let (from, until) = (prediction.order.at, (*until)?);
        if !self.changes.are_complete_since(from) {
            return Some(unknown(prediction, UnknownReason::LostTrack));
        }
        let grown = self.changes.growths_until(until);
        let growths: Vec<Growth<'_>> =
            grown.iter().map(|(change, by)| Growth { at: change.at, node: &change.node, by: *by }).collect();
        let started = explain(place, &self.awaited_pods(), &growths);
        let sighting = |(class, (request, _)): (usize, (Used, _))| {
            if self.changes.could_have_come(request, from, until) {
                return Sighting::Unknown(UnknownReason::Ambiguous);
            }
            match started.as_ref().map(|started| started.get(&class)) {
                Some(Some(Some(nodes))) => Sighting::On(nodes.iter().map(|node| seen(node, &grown)).collect()),
                // Pods that request nothing leave no trace.
                Some(None) => Sighting::On(Vec::new()),
                Some(Some(None)) | None => Sighting::Unknown(UnknownReason::Ambiguous),
            }
        };
        let sightings: Vec<Sighting> = prediction.classes().into_iter().enumerate().map(sighting).collect();
        Some(judge(prediction, &sightings))
    }

    /// The pods of all predictions whose bids were won, as far as is known.
    fn awaited_pods(&self) -> Vec<AwaitedPods> {
        let mut awaited = Vec::new();
        for (place, watched) in self.predictions.iter().enumerate() {
            let Some(until) = watched.until else { continue };
            let from = watched.prediction.order.at;
            for (class, (request, pods)) in watched.prediction.classes().into_iter().enumerate() {
                let count = u32::try_from(pods.len()).unwrap_or(u32::MAX);
                if request.cpu > 0 || request.memory > 0 {
                    awaited.push(AwaitedPods { prediction: place, class, request, count, from, until });
                }
            }
        }
        awaited
    }

    /// Forgets bids that will not be won, and what no open prediction needs.
    fn forget(&mut self, now: Instant) {
        let is_hopeless = |watched: &Watched| {
            watched.until.is_none() && now.saturating_duration_since(watched.prediction.order.at) > PATIENCE
        };
        let open = self.predictions.iter().filter(|watched| !watched.is_judged && !is_hopeless(watched));
        let first = open.map(|watched| watched.prediction.order.at).min();
        let is_needed = |watched: &Watched| {
            let overlaps = watched.until.zip(first).is_some_and(|(until, first)| until >= first);
            if watched.is_judged { overlaps } else { !is_hopeless(watched) }
        };
        self.predictions.retain(is_needed);
        self.size = self.predictions.iter().fold(0, |sum, watched| sum.saturating_add(watched.prediction.size()));
        let recent = now.checked_sub(KEPT).unwrap_or(now);
        self.changes.forget_before(first.map_or(recent, |first| first.min(recent)));
    }

    fn remove(&mut self, place: usize) -> Option<Watched> {
        let removed = self.predictions.remove(place)?;
        self.size = self.size.saturating_sub(removed.prediction.size());
        Some(removed)
    }
}

fn after_window(moment: Instant) -> Instant {
    moment.checked_add(WINDOW).unwrap_or(moment)
}

/// A node where a pod started, with its kinds of card.
fn seen(node: &str, grown: &[(&Change, Used)]) -> SeenNode {
    let kinds = grown.iter().rev().find(|(change, _)| *change.node == *node).map(|(change, _)| change.kinds.clone());
    SeenNode { name: node.to_owned(), kinds: kinds.unwrap_or_default() }
}
