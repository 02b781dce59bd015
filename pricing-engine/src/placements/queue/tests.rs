use serde_json::json;

use super::*;

fn snapshot(is_first: bool) -> Event {
    let quantity = json!({"quantity": {"allocatable": {"string": "4"}, "allocated": {"string": "0"}}});
    let node = json!({"name": "a", "resources": {"cpu": quantity, "memory": quantity}});
    let snapshot = Arc::new(Snapshot::read(json!({"nodes": [node]}).to_string(), Vec::new()).unwrap());
    Event::Snapshot { snapshot, is_first, now: Instant::now() }
}

fn fill(queue: &Queue) {
    while queue.send(Event::Judge { now: Instant::now() }) {}
}

/// Whether the next snapshot is the first one of its source.
fn next_is_first(received: &Received) -> bool {
    loop {
        if let Event::Snapshot { is_first, .. } = received.next(Duration::ZERO).unwrap().unwrap() {
            return is_first;
        }
    }
}

#[test]
fn after_a_first_snapshot_without_room_the_next_one_is_the_first() {
    let (queue, received) = queue();
    fill(&queue);
    assert!(!queue.send(snapshot(true)));
    assert!(!queue.send(snapshot(false)), "there is still no room");
    while received.next(Duration::ZERO).unwrap().is_some() {}
    assert!(queue.send(snapshot(false)) && queue.send(snapshot(false)));
    assert_eq!([next_is_first(&received), next_is_first(&received)], [true, false]);
}

#[test]
fn a_full_queue_can_be_stopped() {
    let (queue, received) = queue();
    fill(&queue);
    let thread = std::thread::spawn(move || {
        while received.next(Duration::from_secs(60)).is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(20));
    });
    queue.stop(Duration::from_secs(60));
    thread.join().unwrap();
    // A thread that has ended is not waited for.
    queue.stop(Duration::from_secs(3600));
}

#[test]
fn the_queue_is_bounded_in_size() {
    use crate::bid_log::entry::Group;
    use crate::inventory::Used;
    use crate::order_name::OrderName;
    use crate::placements::{PredictedOrder, UnitRequest};

    let (queue, received) = queue();
    let large = || {
        let order = PredictedOrder {
            name: OrderName { owner: "akash1tenant".into(), dseq: 1, gseq: 1, oseq: 1 },
            group: Group { index: 0, name: "g".into() },
            decision: None,
            at: Instant::now(),
        };
        let replicas = u32::try_from(MAX_SIZE / 2 - 1).unwrap();
        let units = [UnitRequest { resource_id: 1, replicas, request: Used::NOTHING }];
        Event::TooLarge(Box::new(Prediction::without_nodes(order, &units, false)))
    };
    assert_eq!([queue.send(large()), queue.send(large()), queue.send(large())], [true, true, false]);
    assert!(queue.send(snapshot(false)), "what has no predictions has room");
    assert!(received.next(Duration::ZERO).unwrap().is_some());
    assert_eq!([queue.send(large()), queue.send(large())], [true, false]);
}
