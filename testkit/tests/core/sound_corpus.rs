//! Runs the sound scheduler on the reservation vectors, and compares it with the daemon's own answers.

use pricing_core::budget::Budget;
use pricing_core::reserve::{CommitLevels, Reservation, ReserveError, Scheduler, provider, sound};
use testkit::check::{check_realisable, check_reservation};
use testkit::corpus::reservation_vectors;

/// Returns nodes and attributes, which both schedulers determine.
fn decided(reservation: &Reservation) -> impl PartialEq + std::fmt::Debug {
    let target = |t: &pricing_core::reserve::Target| (t.nodes().collect::<Vec<_>>(), t.gpu_attribute.clone());
    reservation.targets.iter().map(target).collect::<Vec<_>>()
}

#[test]
fn answers_as_the_daemon_where_the_daemons_answer_can_be_made() {
    let vectors = reservation_vectors().unwrap_or_else(|problem| panic!("{problem}"));
    let (mut same, mut others, mut double_booked, mut found) = (0, Vec::new(), Vec::new(), Vec::new());
    for vector in &vectors {
        let id = vector.id;
        let units = CommitLevels::default().units(&vector.group, Scheduler::Sound);
        let ours = sound::reserve(&units, &vector.cluster, &Budget::default());
        if let Ok(ours) = &ours {
            check_reservation(ours, &units, &vector.cluster).unwrap_or_else(|problem| panic!("vector {id}: {problem}"));
        }
        let theirs = provider::reserve(&units, &vector.cluster, &Budget::default()).ok();
        let realisable = theirs.as_ref().map(|theirs| check_realisable(theirs, &units, &vector.cluster).is_ok());
        match (theirs, realisable, ours) {
            (Some(theirs), Some(true), Ok(ours)) if decided(&theirs) == decided(&ours) => same += 1,
            (Some(_), Some(true), Ok(_)) => others.push(id),
            (Some(_), Some(true), Err(error)) => panic!("vector {id}: {error}"),
            (Some(_), _, _) => double_booked.push(id),
            (None, _, Ok(_)) => found.push(id),
            (None, _, Err(ReserveError::InsufficientCapacity(_))) => {}
            (None, _, Err(error)) => panic!("vector {id}: {error}"),
        }
    }
    assert_eq!(same, 342);
    // The daemon skipped a node that would have fit, because it had narrowed the request to another node's card.
    assert_eq!(others, [562]);
    // The daemon gave cards twice, or not of the model that it wrote down.
    assert_eq!(double_booked, [5, 341, 446, 475, 558, 567, 573]);
    // The daemon does not find these placements.
    assert_eq!(found, [81, 110, 179]);
}
