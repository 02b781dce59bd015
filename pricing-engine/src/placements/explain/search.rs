//! The search through all explanations: depth first, growth by growth.
//!
//! Three things keep it small. A growth is only left unexplained if the growths after it can use up the pods of each of its
//! ways, since no explanation leaves a growth that awaited pods could explain. Orders that request the same at the same
//! time can be exchanged, so a state that differs from an earlier one by such an exchange is not searched again. And the
//! search ends when explanations disagree on all pods of the prediction.

use std::collections::{BTreeMap, BTreeSet};

use super::{AwaitedPods, Growth, MAX_STEPS, Started, Steps, Way, could_be};
use crate::inventory::Used;

/// How many pods of each request an order has given to growths.
type Given = Vec<(Used, u32)>;

/// What the rest of the search depends on.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State<'s, 'a> {
    /// The number of growths that are decided.
    decided: usize,
    /// What each order has given, by its kind. Sorted, so that orders of a kind can be exchanged.
    given: Vec<(usize, Given)>,
    /// The ways of the unexplained growths.
    unexplained: BTreeSet<&'s Way>,
    /// Where the prediction's pods are, for the classes that explanations do not disagree on.
    started: BTreeMap<usize, Vec<&'a str>>,
}

/// A search through all explanations.
pub(super) struct Search<'s, 'a> {
    prediction: usize,
    pods: &'s [AwaitedPods],
    growths: &'s [(Growth<'a>, Vec<Way>)],
    /// The kind of each order: those of a kind request the same at the same time.
    kinds: BTreeMap<usize, usize>,
    /// For each growth, how many pods of each place it and the growths after it can use at most.
    usable: Vec<BTreeMap<usize, u32>>,
    /// For each growth, how many pods it and the growths after it can use at most, of all places together.
    usable_in_all: Vec<u32>,
    /// The pods that are not given to a growth.
    left: Vec<u32>,
    /// The way of each growth so far; `None` for one that awaited pods do not explain.
    given: Vec<Option<&'s Way>>,
    /// What all explanations so far agree on.
    found: Option<BTreeMap<usize, Started<'a>>>,
    searched: BTreeSet<State<'s, 'a>>,
    steps: Steps,
}

impl<'s, 'a> Search<'s, 'a> {
    pub(super) fn new(prediction: usize, pods: &'s [AwaitedPods], growths: &'s [(Growth<'a>, Vec<Way>)]) -> Self {
        Self {
            prediction,
            pods,
            growths,
            kinds: kinds(prediction, pods, growths),
            usable: usable(growths),
            usable_in_all: usable_in_all(growths),
            left: pods.iter().map(|pods| pods.count).collect(),
            given: Vec::new(),
            found: None,
            searched: BTreeSet::new(),
            steps: Steps(MAX_STEPS),
        }
    }

    /// What all explanations agree on. `None` if there are too many.
    pub(super) fn found(mut self) -> Option<BTreeMap<usize, Started<'a>>> {
        self.run()?;
        self.found
    }

    /// Goes through the explanations of the growths that are not decided. `None` if there are too many.
    fn run(&mut self) -> Option<()> {
        self.steps.take()?;
        let state = self.state();
        if self.is_decided() || !self.can_be_complete(&state.unexplained) || !self.searched.insert(state) {
            return Some(());
        }
        let Some((_, ways)) = self.growths.get(self.given.len()) else {
            self.add();
            return Some(());
        };
        for way in ways {
            if self.has(way) {
                self.give(way, u32::saturating_sub);
                self.given.push(Some(way));
                self.run()?;
                self.given.pop();
                self.give(way, u32::saturating_add);
            }
        }
        self.given.push(None);
        self.run()?;
        self.given.pop();
        Some(())
    }

    /// Whether explanations disagree on all pods of the prediction already.
    fn is_decided(&self) -> bool {
        self.found.as_ref().is_some_and(|found| found.values().all(Option::is_none))
    }

    fn has(&self, way: &Way) -> bool {
        way.iter().all(|(place, number)| self.left.get(*place).is_some_and(|left| left >= number))
    }

    fn give(&mut self, way: &'s Way, change: impl Fn(u32, u32) -> u32) {
        for (place, number) in way {
            if let Some(left) = self.left.get_mut(*place) {
                *left = change(*left, *number);
            }
        }
    }

    /// Whether the growths that are not decided can use up the pods of each of these ways. At the end of the search:
    /// whether awaited pods can explain none of them.
    fn can_be_complete(&self, unexplained: &BTreeSet<&Way>) -> bool {
        let usable = self.usable.get(self.given.len());
        let can_lack = |(place, number): &(usize, u32)| {
            let usable = usable.and_then(|usable| usable.get(place)).copied().unwrap_or_default();
            self.left.get(*place).is_none_or(|left| left.saturating_sub(usable) < *number)
        };
        unexplained.iter().all(|way| way.iter().any(can_lack)) && self.to_use_up(unexplained) <= self.usable_in_all()
    }

    /// How many pods have to be used up at least, so that none of these ways is left that takes pods of one place. Orders
    /// that request the same have one such way each.
    fn to_use_up(&self, unexplained: &BTreeSet<&Way>) -> u32 {
        let mut places: BTreeMap<usize, u32> = BTreeMap::new();
        for way in unexplained {
            let [(place, number)] = way.as_slice() else { continue };
            let left = self.left.get(*place).copied().unwrap_or_default();
            let excess = left.saturating_add(1).saturating_sub(*number);
            let most = places.entry(*place).or_default();
            *most = (*most).max(excess);
        }
        places.into_values().fold(0, u32::saturating_add)
    }

    fn usable_in_all(&self) -> u32 {
        self.usable_in_all.get(self.given.len()).copied().unwrap_or_default()
    }

    fn state(&self) -> State<'s, 'a> {
        let mut orders: BTreeMap<usize, Given> = BTreeMap::new();
        let touched: BTreeSet<usize> =
            self.given.iter().copied().flatten().flatten().map(|(place, _)| *place).collect();
        for place in touched {
            let Some((pods, left)) = self.pods.get(place).zip(self.left.get(place)) else { continue };
            orders.entry(pods.prediction).or_default().push((pods.request, pods.count.saturating_sub(*left)));
        }
        let kind = |order| self.kinds.get(&order).copied().unwrap_or_default();
        let mut given: Vec<(usize, Given)> = orders.into_iter().map(|(order, given)| (kind(order), given)).collect();
        given.iter_mut().for_each(|(_, given)| given.sort_unstable());
        given.sort_unstable();
        let unexplained = self.given.iter().zip(self.growths).filter(|(way, _)| way.is_none());
        let unexplained = unexplained.flat_map(|(_, (_, ways))| ways).collect();
        let mut started = self.started();
        if let Some(found) = &self.found {
            started.retain(|class, _| found.get(class).is_none_or(Option::is_some));
        }
        State { decided: self.given.len(), given, unexplained, started }
    }

    /// Where the prediction's pods started by the present explanation: sorted names, by class.
    fn started(&self) -> BTreeMap<usize, Vec<&'a str>> {
        let own = self.pods.iter().filter(|pods| pods.prediction == self.prediction);
        let mut started: BTreeMap<usize, Vec<&'a str>> = own.map(|pods| (pods.class, Vec::new())).collect();
        for (way, (growth, _)) in self.given.iter().zip(self.growths) {
            for (place, number) in way.iter().copied().flatten() {
                let Some(pods) = self.pods.get(*place).filter(|pods| pods.prediction == self.prediction) else {
                    continue;
                };
                if let Some(nodes) = started.get_mut(&pods.class) {
                    nodes.extend((0..*number).map(|_| growth.node));
                }
            }
        }
        started.values_mut().for_each(|nodes| nodes.sort_unstable());
        started
    }

    /// Adds an explanation: where it disagrees with the earlier ones, nothing is known.
    fn add(&mut self) {
        let started = self.started();
        match &mut self.found {
            None => self.found = Some(started.into_iter().map(|(class, nodes)| (class, Some(nodes))).collect()),
            Some(found) => {
                for (known, new) in found.values_mut().zip(started.into_values()) {
                    if known.as_ref() != Some(&new) {
                        *known = None;
                    }
                }
            }
        }
    }
}

/// The kind of each order. The prediction itself is of a kind of its own.
fn kinds(prediction: usize, pods: &[AwaitedPods], growths: &[(Growth<'_>, Vec<Way>)]) -> BTreeMap<usize, usize> {
    /// An order's pods: what they request, how many there are, and the growths that they could be a part of.
    type Pods = BTreeSet<(Used, u32, Vec<bool>)>;
    let mut orders: BTreeMap<usize, Pods> = BTreeMap::new();
    for pods in pods {
        let could_be = growths.iter().map(|(growth, _)| could_be(growth, pods)).collect();
        orders.entry(pods.prediction).or_default().insert((pods.request, pods.count, could_be));
    }
    let mut numbers: BTreeMap<(bool, Pods), usize> = BTreeMap::new();
    let number = |(order, pods): (usize, Pods)| {
        let next = numbers.len();
        (order, *numbers.entry((order == prediction, pods)).or_insert(next))
    };
    orders.into_iter().map(number).collect()
}

/// For each growth, how many pods of each place it and the growths after it can use at most.
fn usable(growths: &[(Growth<'_>, Vec<Way>)]) -> Vec<BTreeMap<usize, u32>> {
    let mut sum: BTreeMap<usize, u32> = BTreeMap::new();
    let mut usable: Vec<BTreeMap<usize, u32>> = Vec::new();
    for (_, ways) in growths.iter().rev() {
        let mut most: BTreeMap<usize, u32> = BTreeMap::new();
        for (place, number) in ways.iter().flatten() {
            let most = most.entry(*place).or_default();
            *most = (*most).max(*number);
        }
        for (place, number) in most {
            let sum = sum.entry(place).or_default();
            *sum = sum.saturating_add(number);
        }
        usable.push(sum.clone());
    }
    usable.reverse();
    usable
}

/// For each growth, how many pods it and the growths after it can use at most.
fn usable_in_all(growths: &[(Growth<'_>, Vec<Way>)]) -> Vec<u32> {
    let pods = |way: &Way| way.iter().fold(0, |sum: u32, (_, number)| sum.saturating_add(*number));
    let mut sum: u32 = 0;
    let mut usable: Vec<u32> = Vec::new();
    for (_, ways) in growths.iter().rev() {
        sum = sum.saturating_add(ways.iter().map(pods).max().unwrap_or_default());
        usable.push(sum);
    }
    usable.reverse();
    usable
}
