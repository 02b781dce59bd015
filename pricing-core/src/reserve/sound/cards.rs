//! Whether units that accept different variants of one model can each have cards of their own.
//!
//! This is a bipartite b-matching between choices and card variants on one node: each choice needs a number of cards,
//! each variant has a number of cards, and a choice may only hold variants that it allows. It is solved as a maximum
//! flow with augmenting paths (Ford and Fulkerson). Adding up numbers is not enough: two units that accept `a100` with
//! 40 or 80 GiB may leave the wrong variant for a third one that only accepts 80 GiB.

use crate::inventory::CardId;

use super::problem::Choice;

/// Cards of one node that a choice has been given.
#[derive(Clone, Debug)]
pub(super) struct AllocatedOnNode<'p> {
    pub(super) choice: &'p Choice,
    pub(super) cards: u64,
}

/// One side of the matching: a choice, and how many cards of each variant it holds.
struct Holder<'p> {
    choice: &'p Choice,
    held: Vec<u64>,
}

/// The other side: the variants of one model on one node, and which choice holds how many of each.
struct Flow<'p> {
    /// Each variant, with the number of its cards that no choice holds.
    variants: Vec<(CardId, u64)>,
    holders: Vec<Holder<'p>>,
    /// How many pairs of holder and variant were visited. The caller takes it from the budget.
    work: usize,
}

/// How many described cards a choice can have in addition to what other choices are given, so that all have cards of
/// their own.
///
/// The others keep the number of their cards, but not which cards these are: an augmenting path may move a choice from
/// one variant to another. That is sound because nothing is handed out yet.
///
/// `described` lists the node's cards of the choice's model. The second number of the answer is the work that it took,
/// in steps.
pub(super) fn left_beside<'p>(
    choice: &'p Choice,
    others: impl Iterator<Item = &'p AllocatedOnNode<'p>>,
    described: impl Iterator<Item = CardId>,
) -> (u64, usize) {
    let mut flow = Flow { variants: Vec::new(), holders: Vec::new(), work: 0 };
    for card in described {
        match flow.variants.iter_mut().find(|(known, _)| *known == card) {
            Some((_, free)) => *free = free.saturating_add(1),
            None => flow.variants.push((card, 1)),
        }
    }
    for other in others {
        let holder = flow.holder(other.choice);
        flow.give(holder, other.cards);
    }
    let holder = flow.holder(choice);
    let left = flow.give(holder, u64::MAX);
    (left, flow.work)
}

impl<'p> Flow<'p> {
    /// The position of a choice's holder. Equal choices share one holder.
    fn holder(&mut self, choice: &'p Choice) -> usize {
        if let Some(known) = self.holders.iter().position(|holder| holder.choice == choice) {
            return known;
        }
        self.holders.push(Holder { choice, held: vec![0; self.variants.len()] });
        self.holders.len().saturating_sub(1)
    }

    /// Gives a holder as many cards as possible, up to `wanted`, and returns how many.
    fn give(&mut self, holder: usize, wanted: u64) -> u64 {
        let mut given: u64 = 0;
        while given < wanted {
            let mut seen = vec![false; self.holders.len()];
            let more = self.augment(holder, wanted.saturating_sub(given), &mut seen);
            if more == 0 {
                break;
            }
            given = given.saturating_add(more);
        }
        given
    }

    /// Finds one augmenting path from a holder: to free cards, or through another holder that can exchange its cards of
    /// a variant for others. Returns how many cards moved along it. `seen` marks the holders on the path, so that the
    /// recursion ends and is no deeper than the number of holders.
    fn augment(&mut self, holder: usize, wanted: u64, seen: &mut [bool]) -> u64 {
        match seen.get_mut(holder) {
            Some(seen) if !*seen => *seen = true,
            _ => return 0,
        }
        for variant in 0..self.variants.len() {
            self.work = self.work.saturating_add(1);
            if !self.may_hold(holder, variant) {
                continue;
            }
            let free = self.variants.get(variant).map_or(0, |(_, free)| *free).min(wanted);
            if free > 0 {
                if let Some((_, left)) = self.variants.get_mut(variant) {
                    *left = left.saturating_sub(free);
                }
                self.change(holder, variant, |held| held.saturating_add(free));
                return free;
            }
            self.work = self.work.saturating_add(self.holders.len());
            for other in 0..self.holders.len() {
                let movable = self.held(other, variant).min(wanted);
                let moved = if other == holder || movable == 0 { 0 } else { self.augment(other, movable, seen) };
                if moved > 0 {
                    self.change(other, variant, |held| held.saturating_sub(moved));
                    self.change(holder, variant, |held| held.saturating_add(moved));
                    return moved;
                }
            }
        }
        0
    }

    fn may_hold(&self, holder: usize, variant: usize) -> bool {
        let card = self.variants.get(variant).map(|(card, _)| *card);
        let choice = self.holders.get(holder).map(|holder| holder.choice);
        card.zip(choice).is_some_and(|(card, choice)| choice.allows(card))
    }

    fn held(&self, holder: usize, variant: usize) -> u64 {
        self.holders.get(holder).and_then(|holder| holder.held.get(variant)).copied().unwrap_or(0)
    }

    fn change(&mut self, holder: usize, variant: usize, to: impl Fn(u64) -> u64) {
        if let Some(held) = self.holders.get_mut(holder).and_then(|holder| holder.held.get_mut(variant)) {
            *held = to(*held);
        }
    }
}
