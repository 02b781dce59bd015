use std::sync::mpsc;

use super::admission::{Admission, LAG_LASTS, Turn};
use super::*;
use pricing_engine::config;

impl Gate {
    /// Runs work that costs nothing, for no caller in particular.
    async fn run_light<R: Send + 'static>(
        &self,
        limits: &config::Limits,
        deadline: Instant,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Refused> {
        self.run(limits, deadline, Charge::default(), move || (work(), 0)).await
    }
}

impl Admission {
    /// Returns the turn of a light order behind all that wait.
    fn behind_all(&self) -> Turn {
        Turn { lane: Lane::Light, behind: self.waiting(), paid: false }
    }

    fn light(&mut self, now: Instant, deadline: Instant) -> Result<Admitted, Refused> {
        self.room(Lane::Light)?;
        self.admit(now, deadline, self.behind_all())
    }
}

const MS: Duration = Duration::from_millis(1);

fn limits(concurrency: usize, queue: usize) -> config::Limits {
    config::Limits { concurrency: Some(concurrency), queue, ..config::Limits::default() }
}

fn admission(slots: usize, queue: usize) -> Admission {
    Admission::new(Limits { slots, queue, rate: None })
}

/// Admits, begins and ends an order that takes `took`.
fn price(admission: &mut Admission, now: Instant, took: Duration) {
    let deadline = now + took * 100;
    let admitted = admission.light(now, deadline).unwrap();
    admission.begin(now, deadline, admitted, Lane::Light).unwrap();
    admission.end(took, Lane::Light);
}

#[test]
fn one_more_than_the_queue_holds_is_refused() {
    let now = Instant::now();
    let mut admission = admission(2, 3);
    for _ in 0..5 {
        admission.light(now, now + 1000 * MS).unwrap();
    }
    assert_eq!(admission.light(now, now + 1000 * MS), Err(Refused::Full { waiting: 3 }));
    admission.leave(Lane::Light);
    admission.leave(Lane::Light);
    admission.leave(Lane::Light);
    admission.light(now, now + 1000 * MS).unwrap();
}

#[test]
fn what_would_come_too_late_is_refused_at_once() {
    let now = Instant::now();
    let mut admission = admission(1, 64);
    for _ in 0..50 {
        price(&mut admission, now, 100 * MS);
    }
    let first = admission.light(now, now + 150 * MS).unwrap();
    admission.begin(now, now + 150 * MS, first, Lane::Light).unwrap();
    // 100 ms until the slot is free, 100 ms in it, and twice that as a safety factor.
    let refused = admission.light(now, now + 350 * MS);
    assert!(matches!(refused, Err(Refused::Late { left, .. }) if left == 350 * MS), "{refused:?}");
    assert!(matches!(admission.light(now, now + 450 * MS), Ok(Admitted::Waits { .. })));
    assert!(matches!(admission.light(now, now + 450 * MS), Err(Refused::Late { .. })));
}

#[test]
fn what_would_not_be_sent_in_time_is_refused_even_with_a_free_place() {
    let now = Instant::now();
    let mut admission = admission(1, 64);
    for _ in 0..50 {
        admission.lagged(now, 100 * MS);
    }
    assert!(matches!(admission.light(now, now + 250 * MS), Err(Refused::Late { .. })));
    assert_eq!(admission.light(now, now + 600 * MS), Ok(Admitted::AtOnce));
    admission.leave(Lane::Light);
    // The lag is too old to be believed.
    let later = now + 2 * LAG_LASTS;
    assert_eq!(admission.light(later, later + MS), Ok(Admitted::AtOnce));
}

#[test]
fn a_free_place_is_given_whatever_the_mean() {
    let now = Instant::now();
    let mut admission = admission(1, 64);
    price(&mut admission, now, 10_000 * MS);
    assert_eq!(admission.light(now, now + MS), Ok(Admitted::AtOnce));
}

#[test]
fn what_waited_too_long_is_not_begun() {
    let now = Instant::now();
    let mut admission = admission(1, 64);
    for _ in 0..50 {
        price(&mut admission, now, 100 * MS);
    }
    let deadline = now + 500 * MS;
    let first = admission.light(now, deadline).unwrap();
    let second = admission.light(now, deadline).unwrap();
    admission.begin(now, deadline, first, Lane::Light).unwrap();
    assert!(matches!(admission.begin(now + 450 * MS, deadline, second, Lane::Light), Err(Refused::Late { .. })));
    assert_eq!((admission.busy(), admission.waiting()), (1, 0));
    let third = admission.light(now, deadline).unwrap();
    assert_eq!(admission.begin(deadline, deadline, third, Lane::Light), Err(Refused::Deadline));
    assert_eq!((admission.busy(), admission.waiting()), (1, 0));
}

#[test]
fn a_deadline_that_has_passed_takes_no_place() {
    let now = Instant::now();
    let mut admission = admission(1, 64);
    assert_eq!(admission.light(now, now), Err(Refused::Deadline));
    assert_eq!(admission.waiting(), 0);
}

#[test]
fn a_rate_is_kept() {
    let now = Instant::now();
    let mut admission = Admission::new(Limits { slots: 100, queue: 100, rate: Some(3) });
    let taken = (0..10).filter(|_| admission.light(now, now + MS).is_ok()).count();
    assert_eq!(taken, 3);
    assert_eq!(admission.light(now, now + MS), Err(Refused::Rate { rate: 3 }));
}

/// Returns a deadline that no machine misses, however slow or busy it is.
fn some_day() -> Instant {
    Instant::now() + Duration::from_secs(24 * 3600)
}

/// Waits until `is_so` returns true. A thread counts an order a moment after it has sent the answer.
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
    let panics = gate.run_light(&limits(1, 4), some_day(), || -> u32 { std::panic::panic_any("of the test") }).await;
    assert_eq!(panics, Err(Refused::Lost));
    assert_eq!(gate.run_light(&limits(1, 4), some_day(), || 7).await, Ok(7));
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
            gate.run_light(&limits, some_day(), work).await
        })
    };
    was_begun.await.unwrap();
    let (ran, was_run) = mpsc::channel::<()>();
    {
        let second = gate.run_light(&limits, some_day(), move || ran.send(()).unwrap());
        assert!(tokio::time::timeout(MS, second).await.is_err());
    }
    assert_eq!(gate.load().waiting, 0);
    go.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert!(was_run.recv().is_err());
    assert_eq!(gate.run_light(&limits, some_day(), || 7).await, Ok(7));
}

#[tokio::test]
async fn the_deadline_is_answered_while_the_thread_still_works() {
    let limits = limits(1, 4);
    let mut time = 20 * MS;
    // Allows as much time as this machine needs to begin.
    let (gate, go) = loop {
        let gate = Gate::new(&limits);
        let (go, wait) = mpsc::channel::<()>();
        let (begun, was_begun) = mpsc::channel::<()>();
        let work = move || {
            let _ = begun.send(());
            wait.recv().unwrap_or_default();
        };
        assert_eq!(gate.run_light(&limits, Instant::now() + time, work).await, Err(Refused::Deadline));
        if was_begun.try_recv().is_ok() {
            break (gate, go);
        }
        time *= 4;
    };
    assert_eq!((gate.load().busy, gate.load().late), (1, 1));
    go.send(()).unwrap();
    assert_eq!(gate.run_light(&limits, some_day(), || 7).await, Ok(7));
}

#[tokio::test]
async fn fewer_places_are_kept_to_without_a_restart() {
    let gate = Gate::new(&limits(8, 8));
    let wide = limits(8, 8);
    let all = (0..8).map(|_| gate.run_light(&wide, some_day(), || std::thread::sleep(5 * MS)));
    let mut all: Vec<_> = all.map(Box::pin).collect();
    // Submits all of them.
    for one in &mut all {
        let _ = tokio::time::timeout(Duration::ZERO, one).await;
    }
    drop(all);
    for _ in 0..20 {
        gate.run_light(&limits(1, 8), some_day(), || ()).await.unwrap();
    }
    assert!(gate.shared.lock().threads <= 8);
    assert_eq!(gate.run_light(&limits(1, 8), some_day(), || 7).await, Ok(7));
}

/// Returns work that reports when it begins and waits until it may end, with the other ends of both channels.
fn held_up() -> (impl FnOnce() + Send + 'static, oneshot::Receiver<()>, mpsc::Sender<()>) {
    let (begun, was_begun) = oneshot::channel();
    let (go, wait) = mpsc::channel::<()>();
    let work = move || {
        let _ = begun.send(());
        // A dropped sender lets it end, too.
        let _ = wait.recv();
    };
    (work, was_begun, go)
}

/// Returns the charge for a small request of a caller.
fn small(caller: i32) -> Charge {
    Charge::of(Payer::Process(caller), 1_000, 10, false, 1_000_000)
}

/// Returns the charge for a request that occupies a thread for long.
fn large(caller: i32) -> Charge {
    Charge::of(Payer::Process(caller), 1_000_000, 100, true, 1_000_000)
}

/// Submits work without waiting for it.
fn submit<R: Send + 'static>(
    gate: &Arc<Gate>,
    limits: &config::Limits,
    charge: Charge,
    work: impl FnOnce() -> (R, u64) + Send + 'static,
) -> tokio::task::JoinHandle<Result<R, Refused>> {
    let (gate, limits) = (Arc::clone(gate), limits.clone());
    tokio::spawn(async move { gate.run(&limits, some_day(), charge, work).await })
}

/// Waits until `number` orders wait.
async fn until_waiting(gate: &Gate, number: usize) {
    let start = Instant::now();
    while gate.load().waiting != number {
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", gate.load());
        tokio::time::sleep(MS).await;
    }
}

#[tokio::test]
async fn large_requests_leave_a_thread_to_the_others_and_take_turns() {
    let limits = limits(2, 16);
    let gate = Arc::new(Gate::new(&limits));
    let (work, begun, go) = held_up();
    let first = submit(&gate, &limits, large(1), || (work(), 0));
    begun.await.unwrap();
    let (second_work, mut second_begun, second_go) = held_up();
    let second = submit(&gate, &limits, large(2), || (second_work(), 0));
    until_waiting(&gate, 1).await;
    // There is a free thread, but not for another large request.
    for _ in 0..20 {
        assert_eq!(gate.run(&limits, some_day(), small(3), || (7, 0)).await, Ok(7));
    }
    assert!(second_begun.try_recv().is_err());
    drop(go);
    first.await.unwrap().unwrap();
    second_begun.await.unwrap();
    drop(second_go);
    second.await.unwrap().unwrap();
}

#[tokio::test]
async fn who_sends_few_goes_before_what_another_has_piled_up() {
    let limits = limits(1, 64);
    let gate = Arc::new(Gate::new(&limits));
    let (work, begun, go) = held_up();
    let first = submit(&gate, &limits, small(1), || (work(), 0));
    begun.await.unwrap();
    let (told, order) = mpsc::channel();
    let mut all = Vec::new();
    for (waiting, caller) in [1, 1, 1, 1, 1, 1, 2, 2].into_iter().enumerate() {
        let told = told.clone();
        all.push(submit(&gate, &limits, small(caller), move || (told.send(caller).unwrap(), 0)));
        until_waiting(&gate, waiting + 1).await;
    }
    drop(go);
    first.await.unwrap().unwrap();
    for one in all {
        one.await.unwrap().unwrap();
    }
    assert_eq!(order.try_iter().collect::<Vec<i32>>(), [2, 1, 2, 1, 1, 1, 1, 1]);
}

#[tokio::test]
async fn who_took_more_than_was_thought_waits_for_it_the_next_time() {
    let limits = limits(1, 64);
    let gate = Arc::new(Gate::new(&limits));
    let (work, begun, go) = held_up();
    // It looks small, and takes as many steps as a thousand of the others.
    let first = submit(&gate, &limits, small(1), || (work(), 100_000_000));
    begun.await.unwrap();
    let (hold, hold_begun, hold_go) = held_up();
    let held = submit(&gate, &limits, small(3), || (hold(), 0));
    until_waiting(&gate, 1).await;
    drop(go);
    first.await.unwrap().unwrap();
    hold_begun.await.unwrap();
    let (told, order) = mpsc::channel();
    let mut all = Vec::new();
    for (waiting, caller) in [1, 2, 2, 2].into_iter().enumerate() {
        let told = told.clone();
        all.push(submit(&gate, &limits, small(caller), move || (told.send(caller).unwrap(), 0)));
        until_waiting(&gate, waiting + 1).await;
    }
    drop(hold_go);
    held.await.unwrap().unwrap();
    for one in all {
        one.await.unwrap().unwrap();
    }
    assert_eq!(order.try_iter().collect::<Vec<i32>>(), [2, 2, 2, 1]);
}

#[tokio::test]
async fn a_full_queue_makes_room_for_who_has_less_in_it() {
    let limits = limits(1, 3);
    let gate = Arc::new(Gate::new(&limits));
    let (work, begun, go) = held_up();
    let first = submit(&gate, &limits, small(1), || (work(), 0));
    begun.await.unwrap();
    let mut all = Vec::new();
    for waiting in 0..3 {
        all.push(submit(&gate, &limits, small(1), || (1, 0)));
        until_waiting(&gate, waiting + 1).await;
    }
    let full = Refused::Full { waiting: 3 };
    assert_eq!(gate.run(&limits, some_day(), small(1), || (1, 0)).await, Err(full));
    assert_eq!(gate.enter(&limits, some_day(), Payer::Process(1)).unwrap_err(), full);
    gate.enter(&limits, some_day(), Payer::Process(2)).unwrap();
    let other = submit(&gate, &limits, small(2), || (2, 0));
    // The last order of the caller with the most waiting.
    assert_eq!(all.pop().unwrap().await.unwrap(), Err(full));
    assert_eq!(gate.load().waiting, 3);
    drop(go);
    first.await.unwrap().unwrap();
    assert_eq!(other.await.unwrap(), Ok(2));
    for one in all {
        assert_eq!(one.await.unwrap(), Ok(1));
    }
    assert_eq!((gate.load().overloaded, gate.load().waiting), (3, 0));
}

#[tokio::test]
async fn large_requests_have_a_part_of_the_queue() {
    let limits = limits(1, 16);
    let gate = Arc::new(Gate::new(&limits));
    let (work, begun, go) = held_up();
    let first = submit(&gate, &limits, large(1), || (work(), 0));
    begun.await.unwrap();
    let waiting = [submit(&gate, &limits, large(1), || ((), 0)), submit(&gate, &limits, large(2), || ((), 0))];
    until_waiting(&gate, 2).await;
    let refused = gate.run(&limits, some_day(), large(3), || ((), 0)).await;
    assert_eq!(refused, Err(Refused::Heavy { waiting: 2 }));
    // The rest of the queue is for light requests.
    let other = submit(&gate, &limits, small(3), || (7, 0));
    until_waiting(&gate, 3).await;
    drop(go);
    first.await.unwrap().unwrap();
    for one in waiting {
        one.await.unwrap().unwrap();
    }
    assert_eq!(other.await.unwrap(), Ok(7));
}

#[test]
fn large_requests_do_not_make_the_others_look_late() {
    let now = Instant::now();
    let mut admission = admission(2, 64);
    let turn = Turn { lane: Lane::Heavy, behind: 0, paid: false };
    for _ in 0..50 {
        let admitted = admission.admit(now, now + 100_000 * MS, turn).unwrap();
        admission.begin(now, now + 100_000 * MS, admitted, Lane::Heavy).unwrap();
        admission.end(1_000 * MS, Lane::Heavy);
        price(&mut admission, now, MS);
    }
    // One order of each lane is being priced, and one of each would wait.
    let deadline = now + 100_000 * MS;
    for lane in [Lane::Heavy, Lane::Light] {
        let admitted = admission.admit(now, deadline, Turn { lane, behind: 0, paid: false }).unwrap();
        admission.begin(now, deadline, admitted, lane).unwrap();
    }
    let soon = now + 100 * MS;
    assert!(admission.check(now, soon, Turn { lane: Lane::Light, behind: 3, paid: false }).is_ok());
    assert!(matches!(admission.check(now, soon, turn), Err(Refused::Late { .. })));
}
