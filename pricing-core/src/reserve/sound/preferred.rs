//! The search for a placement that follows a preference between card models.
//!
//! Units are decided one after the other, in the order in which they are placed: each gets the most preferred model with
//! which a placement of all units is found. `packing` is best fit, the rule of bin packing that keeps the remaining
//! space in few pieces (Johnson, "Near-optimal bin packing algorithms", 1973). A measure of fragmentation over the
//! orders that usually come would judge better ("Beware of Fragmentation", Weng and others, USENIX ATC 2023), but it
//! has to know those orders.

use crate::gpu::GpuKind;
use crate::reserve::{KindOrder, Preference, ReserveError};

use super::first_fit::{self, Attempt, PartialPlacement};
use super::index::{ChoiceIndex, UnitIndex};
use super::problem::{Choice, Problem, Steps};
use super::survey::UnitSurvey;
use super::{DEAD_ENDS, Solution, exact};

/// Finds a placement in which units have the models that are preferred. None if there is no placement at all.
pub(super) fn search(
    problem: &Problem<'_>,
    preference: Preference<'_>,
    steps: &mut Steps<'_>,
) -> Result<Option<Solution>, ReserveError> {
    let mut survey = UnitSurvey::survey(problem, steps)?;
    let mut nothing = PartialPlacement::new(problem);
    for unit in problem.units.indices() {
        let viable = survey.viable.get_mut(unit)?;
        *viable = nothing.by_preference(unit, viable, preference, steps)?;
    }
    match first_fit::attempt(problem, &survey.viable, preference, DEAD_ENDS, steps)? {
        Attempt::Placed(solution) => Ok(Some(solution)),
        Attempt::Stuck(_) => exact::search(problem, &survey, steps),
    }
}

impl PartialPlacement<'_> {
    /// A unit's viable choices, the most preferred one first. Equally preferred ones are in the order in which the
    /// daemon would find them.
    pub(super) fn by_preference(
        &mut self,
        unit: UnitIndex,
        viable: &[ChoiceIndex],
        preference: Preference<'_>,
        steps: &mut Steps<'_>,
    ) -> Result<Vec<ChoiceIndex>, ReserveError> {
        let found = self.by_first_node(unit, viable, steps)?;
        match preference {
            Preference::Cheapest(kinds) if found.len() > 1 => cheapest_first(self.problem, unit, &found, kinds, steps),
            Preference::Packing if found.len() > 1 => self.tightest_first(unit, &found, steps),
            Preference::Order | Preference::Cheapest(_) | Preference::Packing => Ok(found),
        }
    }

    /// The choices, by the number of cards that stay free on the unit's nodes. Choices with which the unit does not fit
    /// come last.
    fn tightest_first(
        &mut self,
        unit: UnitIndex,
        choices: &[ChoiceIndex],
        steps: &mut Steps<'_>,
    ) -> Result<Vec<ChoiceIndex>, ReserveError> {
        let mut ordered = Vec::with_capacity(choices.len());
        for choice in choices {
            ordered.push((self.left_free(unit, *choice, steps)?.unwrap_or(u64::MAX), *choice));
        }
        ordered.sort_by_key(|(left, _)| *left);
        Ok(ordered.into_iter().map(|(_, choice)| choice).collect())
    }

    /// How many cards would stay free on the nodes of a unit with a choice. None if it does not fit.
    fn left_free(
        &mut self,
        unit: UnitIndex,
        choice: ChoiceIndex,
        steps: &mut Steps<'_>,
    ) -> Result<Option<u64>, ReserveError> {
        if self.place(unit, choice, steps)?.is_some() {
            return Ok(None);
        }
        let mut left = 0_u64;
        for (group, _) in self.problem.groups_of(unit) {
            for (node, _) in self.solution.placed.get(group)? {
                left = left.saturating_add(self.problem.free_cards(*node, self.overlay.usage(*node)));
            }
        }
        self.undo(unit)?;
        Ok(Some(left))
    }
}

/// The choices in an order of kinds. A choice counts as the last of its kinds, which is what the unit may get.
fn cheapest_first(
    problem: &Problem<'_>,
    unit: UnitIndex,
    choices: &[ChoiceIndex],
    kinds: &dyn KindOrder,
    steps: &mut Steps<'_>,
) -> Result<Vec<ChoiceIndex>, ReserveError> {
    let mut ordered: Vec<(Option<&GpuKind>, ChoiceIndex)> = Vec::with_capacity(choices.len());
    for choice in choices {
        ordered.push((dearest(problem, problem.choice(unit, *choice)?, kinds, steps)?, *choice));
    }
    // A comparison looks two kinds up in the rate card.
    steps.take(ordered.len().saturating_mul(64))?;
    ordered.sort_by(|(one, _), (other, _)| match (one, other) {
        (Some(one), Some(other)) => kinds.compare(one, other),
        _ => one.is_none().cmp(&other.is_none()),
    });
    Ok(ordered.into_iter().map(|(_, choice)| choice).collect())
}

/// The kind of a choice that comes last in an order of kinds.
fn dearest<'p>(
    problem: &'p Problem<'_>,
    choice: &Choice,
    kinds: &dyn KindOrder,
    steps: &mut Steps<'_>,
) -> Result<Option<&'p GpuKind>, ReserveError> {
    let Some(model) = choice.model.and_then(|model| problem.cluster.index().models().get(model)) else {
        return Ok(None);
    };
    steps.take(model.cards.len().saturating_mul(16))?;
    let allowed = model.cards.iter().filter(|card| choice.allows(**card));
    let allowed = allowed.filter_map(|card| problem.cluster.card(*card)).map(|card| &card.kind);
    Ok(allowed.max_by(|one, other| kinds.compare(one, other)))
}
