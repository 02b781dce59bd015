use super::super::accepted::accept;
use super::*;

const MAX_AGE: Duration = Duration::from_secs(600);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn snapshot(nodes: &[&str]) -> AcceptedSnapshot {
    let node = |name: &&str| {
        format!(
            r#"{{"name":"{name}","resources":{{"cpu":{{"quantity":{{"allocatable":"4"}}}},"memory":{{"quantity":{{"allocatable":"8Gi"}}}}}}}}"#
        )
    };
    let nodes: Vec<String> = nodes.iter().map(node).collect();
    accept(format!(r#"{{"nodes":[{}],"storage":[]}}"#, nodes.join(","))).unwrap()
}

fn empty() -> Refusal {
    accept("{}").unwrap_err()
}

fn current() -> (CurrentInventory, Instant) {
    (CurrentInventory::new("the provider https://host:8444", MAX_AGE), Instant::now())
}

fn names(current: &CurrentInventory, now: Instant) -> Result<Vec<String>, String> {
    let view = current.view();
    view.usable(now).map(|snapshot| snapshot.cluster.nodes().iter().map(|node| node.name.to_string()).collect())
}

#[test]
fn without_a_snapshot_nothing_is_priced_and_the_message_says_why() {
    let (mut current, start) = current();
    assert_eq!(names(&current, start).unwrap_err(), "the provider https://host:8444 has given no usable snapshot yet");
    current.lost("connection refused");
    let message = names(&current, start).unwrap_err();
    assert!(message.ends_with("no usable snapshot yet: connection refused"), "{message}");
    current.refuse(&empty());
    assert!(names(&current, start).unwrap_err().contains("no usable node"));
    assert_eq!(current.reading(start).state, State::Unusable);
}

#[test]
fn a_bad_snapshot_keeps_the_good_one_until_its_age() {
    let (mut current, start) = current();
    current.take(snapshot(&["a"]), Duration::ZERO, start);
    assert_eq!(current.reading(start).state, State::Fresh);
    for second in 1..=600 {
        assert_eq!(current.refuse(&empty()), second == 1);
        assert_eq!(names(&current, start + seconds(second)).unwrap(), ["a"]);
        assert_eq!(current.reading(start + seconds(second)).state, State::Stale);
    }
    let late = start + seconds(601);
    let message = names(&current, late).unwrap_err();
    assert!(
        message.contains("is 10m 1s old, and `inventory.max_age` is 10m; its last snapshot is not used"),
        "{message}"
    );
    assert_eq!(current.reading(late).counters.refused, BTreeMap::from([("no-usable-node", 600)]));
    current.take(snapshot(&["b"]), Duration::ZERO, late);
    assert_eq!(names(&current, late).unwrap(), ["b"]);
    assert_eq!(current.reading(late).problem, None);
}

#[test]
fn a_silent_source_ages() {
    let (mut current, start) = current();
    current.take(snapshot(&["a"]), seconds(100), start);
    assert_eq!(current.reading(start + seconds(500)).state, State::Fresh);
    assert_eq!(current.reading(start + seconds(500)).age, Some(seconds(600)));
    assert_eq!(current.reading(start + seconds(501)).state, State::Unusable);
    // A clock that went back does not make the snapshot younger than it was.
    assert_eq!(current.reading(start - seconds(1)).age, Some(seconds(100)));
}

#[test]
fn nodes_vanish_one_by_one_and_are_remembered_until_they_come_back() {
    let (mut current, start) = current();
    let at = |second| start + seconds(second);
    current.take(snapshot(&["a", "b", "c"]), Duration::ZERO, at(0));
    assert_eq!(current.take(snapshot(&["a", "c"]), Duration::ZERO, at(1)).vanished, ["b".into()]);
    assert_eq!(current.take(snapshot(&["c"]), Duration::ZERO, at(2)).vanished, ["a".into()]);
    assert_eq!(names(&current, at(2)).unwrap(), ["c"]);
    assert_eq!(current.reading(at(2)).missing_nodes, ["a", "b"]);
    current.take(snapshot(&["b", "c"]), Duration::ZERO, at(3));
    assert_eq!(current.reading(at(3)).missing_nodes, ["a"]);
    assert_eq!(current.reading(at(602)).missing_nodes, ["a"]);
    assert_eq!(current.reading(at(603)).missing_nodes, [""; 0]);
    assert_eq!(current.reading(at(3)).counters.vanished, 2);
}

#[test]
fn the_memory_of_missing_nodes_is_bounded() {
    let (mut current, start) = current();
    for second in 0..2000 {
        current.take(snapshot(&["a", &format!("node{second}")]), Duration::ZERO, start + seconds(second) / 100);
    }
    assert_eq!(current.missing.len(), MAX_MISSING);
    assert!(current.reading(start + seconds(20)).missing_nodes.contains(&"node1998".to_owned()));
}

#[test]
fn another_source_takes_over_with_its_first_good_snapshot() {
    let (mut current, start) = current();
    current.take(snapshot(&["a"]), Duration::ZERO, start);
    current.reconfigure("the operator", MAX_AGE, false, start);
    assert_eq!(names(&current, start + seconds(29)).unwrap(), ["a"]);
    assert_eq!(current.reading(start + seconds(29)).state, State::Stale);
    let message = names(&current, start + HANDOVER).unwrap_err();
    assert!(message.starts_with("the operator, which the configuration names now"), "{message}");
    let taken = current.take(snapshot(&["b"]), Duration::ZERO, start + seconds(60));
    assert!(taken.first && taken.vanished.is_empty());
    assert_eq!(names(&current, start + seconds(60)).unwrap(), ["b"]);
    assert_eq!(current.reading(start + seconds(60)).missing_nodes, [""; 0]);
}

#[test]
fn the_same_source_keeps_its_snapshot_under_other_settings() {
    let (mut current, start) = current();
    current.take(snapshot(&["a"]), Duration::ZERO, start);
    current.reconfigure("the provider https://host:8444", seconds(5), true, start + seconds(1));
    assert_eq!(current.reading(start + seconds(5)).state, State::Fresh);
    assert_eq!(current.reading(start + seconds(6)).state, State::Unusable);
}
