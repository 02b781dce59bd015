//! Irredundant families of sets, by level-wise search.

use std::collections::BTreeSet;

use super::{Kinds, SetId};
use crate::reserve::ReserveError;
use crate::reserve::sound::Steps;

/// The most covers that are considered for one unit and model.
const MAX_COVERS: usize = 1024;

/// The irredundant families of at most `most` sets, by size: each set of a family has a kind that no other set of it
/// has.
///
/// Redundant families add nothing, since a smaller one has the same union. Every part of an irredundant family is
/// irredundant too, so extending the families of size n finds all of size n + 1 (level-wise search, as in the Apriori
/// algorithm). `complete` becomes false if there are more than [`MAX_COVERS`].
pub(super) fn covers(
    distinct: &[SetId],
    sets: &[Kinds<'_>],
    most: u32,
    complete: &mut bool,
    steps: &mut Steps<'_>,
) -> Result<Vec<Vec<SetId>>, ReserveError> {
    let mut found: Vec<Vec<usize>> = (0..distinct.len()).map(|place| vec![place]).collect();
    let mut start = 0;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if most == 0 {
        // Without replicas there is only the empty family.
        return Ok(vec![Vec::new()]);
    }
    let kinds = |place: usize| distinct.get(place).and_then(|set| sets.get(*set));
    while let Some(cover) = found.get(start).cloned() {
        start = start.saturating_add(1);
        let next = cover.last().map_or(0, |last| last.saturating_add(1));
        for more in next..distinct.len() {
            let mut wider = cover.clone();
            wider.push(more);
            // Each set is compared with each other.
            let size = wider.iter().filter_map(|place| kinds(*place)).map(BTreeSet::len).fold(1, usize::saturating_add);
            steps.take(size.saturating_mul(wider.len()))?;
            if wider.len() <= most && is_irredundant(&wider, kinds) {
                found.push(wider);
            }
            if found.len() >= MAX_COVERS {
                *complete = false;
                break;
            }
        }
        if found.len() >= MAX_COVERS {
            break;
        }
    }
    let ids = |cover: Vec<usize>| cover.into_iter().filter_map(|place| distinct.get(place)).copied().collect();
    Ok(found.into_iter().map(ids).collect())
}

/// Whether each set of a family has a kind that the others do not have.
fn is_irredundant<'s, 'a: 's>(cover: &[usize], kinds: impl Fn(usize) -> Option<&'s Kinds<'a>>) -> bool {
    cover.iter().all(|place| {
        let others = || cover.iter().filter(|other| *other != place).filter_map(|other| kinds(*other));
        kinds(*place).is_some_and(|set| set.iter().any(|kind| !others().any(|other| other.contains(kind))))
    })
}
