//! Whether units that may have different variants of a model can each have cards of their own: a small flow.

use crate::inventory::CardId;

use super::problem::Choice;
use super::usage::Given;

/// One side of the flow: a choice and the cards that it holds, by variant.
struct Holder<'p> {
    choice: &'p Choice,
    held: Vec<u64>,
}

/// The variants of one model on one node, and who holds how many of each.
struct Flow<'p> {
    /// Each variant with the cards of it that nobody holds.
    variants: Vec<(CardId, u64)>,
    holders: Vec<Holder<'p>>,
    /// How many pairs of holder and variant were looked at.
    work: usize,
}

/// How many described cards a choice can have beside what others are given, each with cards of its own.
///
/// `described` lists the node's cards of the choice's model. Beside the cards, the answer has the steps that it took.
pub(super) fn left_beside<'p>(
    choice: &'p Choice,
    others: impl Iterator<Item = &'p Given<'p>>,
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
    /// The holder of a choice; equal choices are one holder.
    fn holder(&mut self, choice: &'p Choice) -> usize {
        if let Some(known) = self.holders.iter().position(|holder| holder.choice == choice) {
            return known;
        }
        self.holders.push(Holder { choice, held: vec![0; self.variants.len()] });
        self.holders.len().saturating_sub(1)
    }

    /// Gives a holder as many cards as can be, up to `wanted`, and says how many.
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

    /// Gives a holder more cards: free ones, or ones that another holder can replace.
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
