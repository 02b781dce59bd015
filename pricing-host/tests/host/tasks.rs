//! Quotes for daemons on an executor: its thread is never blocked, and what is dropped is dropped.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::arena::{PLENTY, settings};
use crate::common::{HANG, NEVER, order, outcome, wait_for};
use pricing_core::budget::SearchBudget;
use pricing_core::inventory::words;
use pricing_core::quote::ReasonCode;
use pricing_core::rates::{self, Pricing};
use pricing_core::reserve::{Prefer, Scheduler};
use pricing_host::compile::Compiler;
use pricing_host::metrics::{CallEvent, Counters, Metrics};
use pricing_host::{CallLimits, HostSettings, Plugin, PluginHost, QuoteJob, SharedSupply};
use testkit::generate::real_unit;
use testkit::guests::entry_points;
use testkit::orders;

/// Wakes the thread that polls.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls all tasks on this thread until they are done.
fn run_all(tasks: Vec<Pin<Box<dyn Future<Output = ()> + '_>>>) {
    let started = Instant::now();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut left: VecDeque<_> = tasks.into();
    while !left.is_empty() {
        assert!(started.elapsed() < HANG, "{} tasks are not done after {HANG:?}", left.len());
        left.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
        if !left.is_empty() {
            thread::park_timeout(Duration::from_millis(100));
        }
    }
}

/// Gives the others a turn.
async fn turn() {
    let mut waited = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn job() -> QuoteJob {
    QuoteJob {
        order: Arc::new(order()),
        pricing: Arc::new(Pricing::default()),
        supply: SharedSupply::Unknown,
        utilisation: None,
        owner: None,
        usd_per_akt: None,
        prefer: Prefer::default(),
    }
}

fn counted(concurrency: u32) -> (PluginHost, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    let settings = HostSettings { concurrency, ..HostSettings::new(Compiler::InProcess) };
    (PluginHost::with_metrics(settings, Arc::<Counters>::clone(&counters)), counters)
}

/// A plugin that spins until a deadline.
fn spinner(host: &PluginHost, deadline: Duration) -> Plugin {
    let limits = CallLimits { deadline, fuel: PLENTY, ..CallLimits::default() };
    host.load("spinner", &entry_points::spinner(), settings(limits)).unwrap()
}

fn good(host: &PluginHost) -> Plugin {
    let limits = CallLimits { deadline: NEVER, ..CallLimits::default() };
    host.load("good", &entry_points::good(), settings(limits)).unwrap()
}

/// Keeps whoever made a call until the door is opened, and counts the calls: a worker that is busy for as long as a
/// test wants.
#[derive(Default)]
struct Door {
    open: Mutex<bool>,
    opened: Condvar,
    counters: Counters,
}

impl Door {
    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

impl Metrics for Door {
    fn call(&self, event: &CallEvent<'_>) {
        self.counters.call(event);
        let open = self.open.lock().unwrap();
        let (open, _) = self.opened.wait_timeout_while(open, HANG, |open| !*open).unwrap();
        assert!(*open, "nobody opened the door: whoever was to do so waits for this call");
    }
}

fn behind_a_door(concurrency: u32) -> (PluginHost, Arc<Door>) {
    let door = Arc::new(Door::default());
    let settings = HostSettings { concurrency, ..HostSettings::new(Compiler::InProcess) };
    (PluginHost::with_metrics(settings, Arc::<Door>::clone(&door)), door)
}

#[test]
fn a_job_follows_its_preference() {
    let host = PluginHost::new(HostSettings::new(Compiler::InProcess));
    let good = good(&host);
    let unit = real_unit(1, 1, 1, &["vendor/nvidia/model/*"]);
    let order = orders::order_of(vec![orders::resource_unit(&unit, Vec::new(), orders::generous("uact"))]).unwrap();
    let cluster = words::describe("1 node x 1 h100/80Gi/pcie + 1 node x 1 t4/16Gi/pcie").unwrap();
    let pricing = rates::toml::read("[rates.gpu]\nh100 = 1900\nt4 = 80").unwrap();
    let scheduler = Scheduler::Sound;
    let supply = SharedSupply::Reserve { cluster: Arc::new(cluster), scheduler, budget: SearchBudget::default() };
    let job = |prefer| {
        let (order, pricing, supply) = (Arc::new(order.clone()), Arc::new(pricing.clone()), supply.clone());
        QuoteJob { order, pricing, supply, prefer, ..job() }
    };
    for (prefer, card) in [(Prefer::Order, "nvidia/h100/80Gi/pcie"), (Prefer::Cheapest, "nvidia/t4/16Gi/pcie")] {
        run_all(vec![Box::pin(async {
            let quote = good.quote_async(job(prefer)).await;
            let kinds: Vec<String> = quote.targets[0].kinds.iter().map(|kind| kind.kind.to_string()).collect();
            assert_eq!(kinds, [card], "{prefer:?}");
        })]);
    }
}

#[test]
fn a_call_that_takes_long_does_not_block_the_executor() {
    let (host, door) = behind_a_door(1);
    let good = good(&host);
    run_all(vec![
        Box::pin(async { assert_eq!(outcome(&good.quote_async(job()).await), "1.5 uact") }),
        Box::pin(async {
            for _ in 0..10 {
                turn().await;
            }
            door.open();
        }),
    ]);
    assert_eq!(door.counters.snapshot().calls, 1);
}

#[test]
fn many_tasks_are_all_answered() {
    let (host, counters) = counted(3);
    let (good, spinner) = (good(&host), spinner(&host, Duration::from_millis(5)));
    let task = |number: u32| {
        let (good, spinner) = (&good, &spinner);
        Box::pin(async move {
            if number.is_multiple_of(10) {
                let quote = spinner.quote_async(job()).await;
                assert_eq!(quote.reason().unwrap().code, ReasonCode::DeadlineExceeded);
            } else {
                assert_eq!(outcome(&good.quote_async(job()).await), "1.5 uact");
            }
        }) as Pin<Box<dyn Future<Output = ()> + '_>>
    };
    run_all((0..300).map(task).collect());
    assert_eq!(counters.snapshot().calls, 300);
}

#[test]
fn tasks_on_several_executors_are_all_answered() {
    let (host, _) = counted(2);
    let good = good(&host);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    run_all(vec![Box::pin(async { assert_eq!(outcome(&good.quote_async(job()).await), "1.5 uact") })]);
                }
            });
        }
    });
}

#[test]
fn what_is_dropped_before_its_turn_is_never_made() {
    let (host, door) = behind_a_door(1);
    let good = good(&host);
    // One keeps the only worker busy; the others wait behind it and are dropped.
    let first = good.quote_async(job());
    wait_for("the first call", || door.counters.snapshot().calls == 1);
    let dropped: Vec<_> = (0..100).map(|_| good.quote_async(job())).collect();
    drop(dropped);
    drop(first);
    door.open();
    run_all(vec![Box::pin(async { assert_eq!(outcome(&good.quote_async(job()).await), "1.5 uact") })]);
    assert_eq!(door.counters.snapshot().calls, 2);
}

#[test]
fn a_quote_that_was_polled_may_be_dropped() {
    let (host, _) = counted(2);
    let (good, spinner) = (good(&host), spinner(&host, Duration::from_millis(20)));
    for _ in 0..20 {
        let mut future = pin!(spinner.quote_async(job()));
        let waker = Waker::noop();
        let _ = future.as_mut().poll(&mut Context::from_waker(waker));
    }
    run_all(vec![Box::pin(async { assert_eq!(outcome(&good.quote_async(job()).await), "1.5 uact") })]);
}

#[test]
fn quotes_outlive_the_handles_they_came_from() {
    let (host, _) = counted(2);
    let future = good(&host).quote_async(job());
    drop(host);
    run_all(vec![Box::pin(async move { assert_eq!(outcome(&future.await), "1.5 uact") })]);
}
