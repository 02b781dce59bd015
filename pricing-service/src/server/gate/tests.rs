use std::sync::mpsc;

use super::admission::LAG_LASTS;
use super::*;
use crate::config;

const MS: Duration = Duration::from_millis(1);

fn limits(concurrency: usize, queue: usize) -> config::Limits {
    config::Limits { concurrency: Some(concurrency), queue, ..config::Limits::default() }
}

fn admission(places: usize, queue: usize) -> Admission {
    Admission::new(Limits { places, queue, rate: None })
}

/// An order that takes so long is taken, begun and ended.
fn price(admission: &mut Admission, now: Instant, took: Duration) {
    let deadline = now + took * 100;
    let admitted = admission.admit(now, deadline).unwrap();
    admission.begin(now, deadline, admitted).unwrap();
    admission.end(took);
}

#[test]
fn one_more_than_the_queue_holds_is_refused() {
    let now = Instant::now();
    let mut admission = admission(2, 3);
    for _ in 0..5 {
        admission.admit(now, now + 1000 * MS).unwrap();
    }
    assert_eq!(admission.admit(now, now + 1000 * MS), Err(Refused::Full { waiting: 3 }));
    admission.leave();
    admission.leave();
    admission.leave();
    admission.admit(now, now + 1000 * MS).unwrap();
}

#[test]
fn what_would_come_too_late_is_refused_at_once() {
    let now = Instant::now();
    let mut admission = admission(1, 64);
    for _ in 0..50 {
        price(&mut admission, now, 100 * MS);
    }
    let first = admission.admit(now, now + 150 * MS).unwrap();
    admission.begin(now, now + 150 * MS, first).unwrap();
    // Until the place is free 100 ms, then 100 ms in it, and as much again in case it takes longer.
    let refused = admission.admit(now, now + 350 * MS);
    assert!(matches!(refused, Err(Refused::Late { left, .. }) if left == 350 * MS), "{refused:?}");
    assert!(matches!(admission.admit(now, now + 450 * MS), Ok(Admitted::Waits { .. })));
    assert!(matches!(admission.admit(now, now + 450 * MS), Err(Refused::Late { .. })));
}

#[test]
fn what_would_not_be_sent_in_time_is_refused_even_with_a_free_place() {
    let now = Instant::now();
    let mut admission = admission(1, 64);
    for _ in 0..50 {
        admission.lagged(now, 100 * MS);
    }
    assert!(matches!(admission.admit(now, now + 250 * MS), Err(Refused::Late { .. })));
    assert_eq!(admission.admit(now, now + 600 * MS), Ok(Admitted::AtOnce));
    admission.leave();
    // Nobody knows whether it is still so.
    let later = now + 2 * LAG_LASTS;
    assert_eq!(admission.admit(later, later + MS), Ok(Admitted::AtOnce));
}

#[test]
fn a_free_place_is_given_whatever_the_mean() {
    let now = Instant::now();
    let mut admission = admission(1, 64);
    price(&mut admission, now, 10_000 * MS);
    assert_eq!(admission.admit(now, now + MS), Ok(Admitted::AtOnce));
}

#[test]
fn what_waited_too_long_is_not_begun() {
    let now = Instant::now();
    let mut admission = admission(1, 64);
    for _ in 0..50 {
        price(&mut admission, now, 100 * MS);
    }
    let deadline = now + 500 * MS;
    let first = admission.admit(now, deadline).unwrap();
    let second = admission.admit(now, deadline).unwrap();
    admission.begin(now, deadline, first).unwrap();
    assert!(matches!(admission.begin(now + 450 * MS, deadline, second), Err(Refused::Late { .. })));
    assert_eq!((admission.busy, admission.waiting), (1, 0));
    let third = admission.admit(now, deadline).unwrap();
    assert_eq!(admission.begin(deadline, deadline, third), Err(Refused::Deadline));
    assert_eq!((admission.busy, admission.waiting), (1, 0));
}

#[test]
fn a_deadline_that_has_passed_takes_no_place() {
    let now = Instant::now();
    let mut admission = admission(1, 64);
    assert_eq!(admission.admit(now, now), Err(Refused::Deadline));
    assert_eq!(admission.waiting, 0);
}

#[test]
fn a_rate_is_kept() {
    let now = Instant::now();
    let mut admission = Admission::new(Limits { places: 100, queue: 100, rate: Some(3) });
    let taken = (0..10).filter(|_| admission.admit(now, now + MS).is_ok()).count();
    assert_eq!(taken, 3);
    assert_eq!(admission.admit(now, now + MS), Err(Refused::Rate { rate: 3 }));
}

/// A deadline that no machine misses, however slow and busy.
fn some_day() -> Instant {
    Instant::now() + Duration::from_secs(24 * 3600)
}

/// Waits until something is so. What a thread counts, it counts a moment after its answer.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let hang = Instant::now() + Duration::from_secs(600);
    while !is_so() {
        assert!(Instant::now() < hang, "it was never so: {what}");
        tokio::time::sleep(MS).await;
    }
}

#[tokio::test]
async fn a_panic_is_that_call_s_alone() {
    let gate = Gate::new(&limits(1, 4));
    let panics = gate.run(&limits(1, 4), some_day(), || -> u32 { std::panic::panic_any("of the test") }).await;
    assert_eq!(panics, Err(Refused::Lost));
    assert_eq!(gate.run(&limits(1, 4), some_day(), || 7).await, Ok(7));
    until("nobody is busy", || gate.load().busy == 0).await;
    assert_eq!(gate.load().lost, 1);
}

#[tokio::test]
async fn what_waits_when_its_caller_goes_is_not_begun() {
    let limits = limits(1, 4);
    let gate = Arc::new(Gate::new(&limits));
    let (go, wait) = mpsc::channel::<()>();
    let (begun, was_begun) = oneshot::channel();
    let first = {
        let (gate, limits) = (Arc::clone(&gate), limits.clone());
        tokio::spawn(async move {
            let work = move || {
                begun.send(()).unwrap();
                wait.recv().unwrap();
            };
            gate.run(&limits, some_day(), work).await
        })
    };
    was_begun.await.unwrap();
    let (ran, was_run) = mpsc::channel::<()>();
    {
        let second = gate.run(&limits, some_day(), move || ran.send(()).unwrap());
        assert!(tokio::time::timeout(MS, second).await.is_err());
    }
    assert_eq!(gate.load().waiting, 0);
    go.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert!(was_run.recv().is_err());
    assert_eq!(gate.run(&limits, some_day(), || 7).await, Ok(7));
}

#[tokio::test]
async fn the_deadline_is_answered_while_the_thread_still_works() {
    let limits = limits(1, 4);
    let mut time = 20 * MS;
    // As much time as this machine needs to begin.
    let (gate, go) = loop {
        let gate = Gate::new(&limits);
        let (go, wait) = mpsc::channel::<()>();
        let (begun, was_begun) = mpsc::channel::<()>();
        let work = move || {
            let _ = begun.send(());
            wait.recv().unwrap_or_default();
        };
        assert_eq!(gate.run(&limits, Instant::now() + time, work).await, Err(Refused::Deadline));
        if was_begun.try_recv().is_ok() {
            break (gate, go);
        }
        time *= 4;
    };
    assert_eq!((gate.load().busy, gate.load().late), (1, 1));
    go.send(()).unwrap();
    assert_eq!(gate.run(&limits, some_day(), || 7).await, Ok(7));
}

#[tokio::test]
async fn fewer_places_are_kept_to_without_a_restart() {
    let gate = Gate::new(&limits(8, 8));
    let wide = limits(8, 8);
    let all = (0..8).map(|_| gate.run(&wide, some_day(), || std::thread::sleep(5 * MS)));
    let mut all: Vec<_> = all.map(Box::pin).collect();
    // Submits all of them.
    for one in &mut all {
        let _ = tokio::time::timeout(Duration::ZERO, one).await;
    }
    drop(all);
    for _ in 0..20 {
        gate.run(&limits(1, 8), some_day(), || ()).await.unwrap();
    }
    assert!(gate.shared.lock().threads <= 8);
    assert_eq!(gate.run(&limits(1, 8), some_day(), || 7).await, Ok(7));
}
