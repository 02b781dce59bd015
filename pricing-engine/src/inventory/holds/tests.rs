use proptest::prelude::*;

use super::super::accepted::accept;
use super::*;

const LENGTH: Duration = Duration::from_secs(60);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Returns a snapshot of two nodes with 8 threads and 64 GiB each, of which `a` and `b` threads and GiB are in use.
fn in_use(a: u64, b: u64) -> Arc<Snapshot> {
    let node = |name: &str, used: u64| {
        format!(
            r#"{{"name":"{name}","resources":{{"cpu":{{"quantity":{{"allocatable":"8","allocated":"{used}"}}}},"memory":{{"quantity":{{"allocatable":"64Gi","allocated":"{used}Gi"}}}}}}}}"#
        )
    };
    accept(format!(r#"{{"nodes":[{},{}],"storage":[]}}"#, node("a", a), node("b", b))).unwrap().snapshot
}

fn order(dseq: u64) -> OrderName {
    OrderName { owner: "akash1tenant".into(), dseq, gseq: 1, oseq: 1 }
}

fn held(node: &str, threads: u64) -> HeldCapacity {
    HeldCapacity { node: node.to_owned(), cpu: threads * 1000, memory: threads << 30, ..HeldCapacity::default() }
}

struct Case {
    holds: Holds,
    start: Instant,
}

impl Case {
    fn new() -> Self {
        Self { holds: Holds::new(LENGTH), start: Instant::now() }
    }

    fn hold(&mut self, dseq: u64, held: Vec<HeldCapacity>, snapshot: &Snapshot, second: u64) {
        let now = self.start + seconds(second);
        self.holds.hold(order(dseq), held, Some(&snapshot.cluster), now);
    }

    fn free(&mut self, snapshot: &Arc<Snapshot>, except: Option<u64>) -> [u64; 2] {
        let except = except.map(order);
        let less = self.holds.less(snapshot, except.as_ref());
        [0, 1].map(|place| less.cluster.nodes()[place].cpu.available.get())
    }
}

#[test]
fn what_is_held_is_missing_until_it_is_released_and_then_all_is_as_it_was() {
    let (mut case, snapshot) = (Case::new(), in_use(0, 0));
    case.hold(1, vec![held("a", 2), held("b", 1)], &snapshot, 0);
    case.hold(2, vec![held("a", 3)], &snapshot, 0);
    assert_eq!(case.free(&snapshot, None), [3000, 7000]);
    assert_eq!(case.free(&snapshot, Some(1)), [5000, 8000]);
    assert_eq!(case.free(&snapshot, Some(9)), [3000, 7000]);
    assert!(case.holds.release(&order(1)));
    assert!(!case.holds.release(&order(1)));
    assert!(case.holds.release(&order(2)));
    assert!(Arc::ptr_eq(&case.holds.less(&snapshot, None), &snapshot));
    assert!(case.holds.by_end.is_empty());
}

#[test]
fn a_second_quote_of_an_order_replaces_its_hold() {
    let (mut case, snapshot) = (Case::new(), in_use(0, 0));
    case.hold(1, vec![held("a", 2)], &snapshot, 0);
    case.hold(1, vec![held("b", 1)], &snapshot, 30);
    assert_eq!(case.free(&snapshot, None), [8000, 7000]);
    case.holds.expire(case.start + seconds(89));
    assert_eq!(case.holds.orders(), 1);
    case.holds.expire(case.start + seconds(90));
    assert_eq!((case.holds.orders(), case.holds.counters.expired), (0, 1));
}

#[test]
fn holds_end_by_their_time() {
    let (mut case, snapshot) = (Case::new(), in_use(0, 0));
    for dseq in 0..100 {
        case.hold(dseq, vec![held("a", 1)], &snapshot, dseq);
    }
    case.holds.expire(case.start + seconds(109));
    assert_eq!(case.holds.orders(), 50);
    case.holds.expire(case.start + seconds(1000));
    assert_eq!((case.holds.orders(), case.holds.by_end.len(), case.holds.counters.expired), (0, 0, 100));
    assert_eq!(case.free(&snapshot, None), [8000, 8000]);
}

#[test]
fn the_oldest_goes_when_there_are_too_many() {
    let (mut case, snapshot) = (Case::new(), in_use(0, 0));
    for dseq in 0..10_010 {
        let now = case.start + Duration::from_millis(dseq);
        case.holds.hold(order(dseq), vec![held("a", 1)], Some(&snapshot.cluster), now);
    }
    assert_eq!((case.holds.orders(), case.holds.counters.dropped), (MAX_ORDERS, 10));
    assert!(!case.holds.release(&order(9)) && case.holds.release(&order(10)));
}

#[test]
fn a_shorter_time_cuts_short_what_is_held_and_none_ends_it() {
    let (mut case, snapshot) = (Case::new(), in_use(0, 0));
    case.hold(1, vec![held("a", 1)], &snapshot, 0);
    case.holds.set_length(seconds(10), case.start);
    case.holds.expire(case.start + seconds(10));
    assert_eq!(case.holds.orders(), 0);
    case.hold(2, vec![held("a", 1)], &snapshot, 10);
    case.holds.set_length(Duration::ZERO, case.start + seconds(11));
    case.holds.expire(case.start + seconds(11));
    case.hold(3, vec![held("a", 1)], &snapshot, 11);
    assert_eq!(case.holds.orders(), 0);
}

#[test]
fn an_order_that_the_inventory_shows_on_all_its_nodes_is_held_no_longer() {
    let (mut case, snapshot) = (Case::new(), in_use(1, 1));
    case.hold(1, vec![held("a", 2), held("b", 1)], &snapshot, 0);
    case.holds.observe(&in_use(3, 1).cluster);
    case.holds.observe(&in_use(2, 2).cluster);
    assert_eq!(case.holds.orders(), 1);
    case.holds.observe(&in_use(3, 2).cluster);
    assert_eq!((case.holds.orders(), case.holds.counters.seen), (0, 1));
}

#[test]
fn what_came_into_use_is_set_against_one_order_only() {
    let (mut case, snapshot) = (Case::new(), in_use(0, 0));
    case.hold(1, vec![held("a", 2)], &snapshot, 0);
    case.hold(2, vec![held("a", 2)], &snapshot, 1);
    case.holds.observe(&in_use(2, 0).cluster);
    assert!(!case.holds.release(&order(1)));
    for _ in 0..3 {
        case.holds.observe(&in_use(3, 0).cluster);
        assert_eq!(case.holds.orders(), 1);
    }
    case.holds.observe(&in_use(4, 0).cluster);
    assert_eq!((case.holds.orders(), case.holds.counters.seen), (0, 2));
}

#[test]
fn a_node_that_is_empty_for_a_moment_does_not_show_orders_when_it_is_back() {
    let (mut case, snapshot) = (Case::new(), in_use(4, 0));
    case.hold(1, vec![held("a", 2)], &snapshot, 0);
    for used in [0, 4, 0, 4] {
        case.holds.observe(&in_use(used, 0).cluster);
    }
    assert_eq!(case.holds.orders(), 1);
}

/// A naive model of holds: a list.
#[derive(Debug, Default)]
struct Model(BTreeMap<u64, (usize, u64, u64)>);

impl Model {
    fn free(&self, except: Option<u64>) -> [u64; 2] {
        let held = |place: usize| {
            let others = self.0.iter().filter(|(dseq, (at, ..))| Some(**dseq) != except && *at == place);
            others.map(|(_, (_, threads, _))| threads * 1000).sum::<u64>()
        };
        [0, 1].map(|place| 8000_u64.saturating_sub(held(place)))
    }
}

#[derive(Clone, Debug)]
enum Step {
    Hold { dseq: u64, place: usize, threads: u64 },
    Release(u64),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..6_u64, 0..2_usize, 1..5_u64).prop_map(|(dseq, place, threads)| Step::Hold { dseq, place, threads }),
        (0..6_u64).prop_map(Step::Release),
        (0..40_u64).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Holds match the naive model. Once all have ended, the snapshot is the very same allocation as before.
    #[test]
    fn holds_always_come_back(steps in steps()) {
        let (mut case, snapshot, mut model) = (Case::new(), in_use(0, 0), Model::default());
        let mut second = 0;
        for step in steps {
            match step {
                Step::Hold { dseq, place, threads } => {
                    case.hold(dseq, vec![held(["a", "b"][place], threads)], &snapshot, second);
                    model.0.insert(dseq, (place, threads, second + LENGTH.as_secs()));
                }
                Step::Release(dseq) => {
                    prop_assert_eq!(case.holds.release(&order(dseq)), model.0.remove(&dseq).is_some());
                }
                Step::Pass(seconds_more) => {
                    second += seconds_more;
                    case.holds.expire(case.start + seconds(second));
                    model.0.retain(|_, (.., end)| *end > second);
                }
            }
            prop_assert_eq!(case.holds.orders(), model.0.len());
            prop_assert_eq!(case.holds.by_end.len(), model.0.len());
            for except in [None, Some(0), Some(3)] {
                prop_assert_eq!(case.free(&snapshot, except), model.free(except));
            }
        }
        case.holds.expire(case.start + seconds(second + LENGTH.as_secs()));
        prop_assert!(Arc::ptr_eq(&case.holds.less(&snapshot, None), &snapshot));
    }
}
