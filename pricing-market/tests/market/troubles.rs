//! Nodes that fail, lie, lag, or are of another chain.

use std::collections::BTreeMap;

use pricing_market::rest::PullError;
use testkit::chain_node::{Behaviour, ChainNode, Failure};

use crate::scene::{assert_history, node, pulled, settings, small_chain, wanted};

/// The pull of a chain from nodes of which the first one is not good, and what the user was told.
async fn pulled_with(change: impl FnOnce(&mut Behaviour)) -> Vec<String> {
    let chain = small_chain();
    let mut behaviour = Behaviour::good(chain.clone());
    change(&mut behaviour);
    let (bad, good) = (ChainNode::start(behaviour).await, node(&chain).await);
    let folder = tempfile::tempdir().unwrap();
    let (result, said) = pulled(folder.path(), &wanted(&chain), &settings(&[&bad, &good])).await;
    result.unwrap();
    assert_history(folder.path(), &chain, 0, chain.height);
    said.iter().map(|said| without_port(said, &bad)).collect()
}

/// A message in which a node's address has no port, which differs from run to run.
fn without_port(said: &str, node: &ChainNode) -> String {
    said.replace(node.url().trim_start_matches("http://"), "NODE")
}

/// Why a pull from such a node alone ends.
async fn alone(change: impl FnOnce(&mut Behaviour)) -> String {
    let chain = small_chain();
    let mut behaviour = Behaviour::good(chain.clone());
    change(&mut behaviour);
    let bad = ChainNode::start(behaviour).await;
    let folder = tempfile::tempdir().unwrap();
    let error = pulled(folder.path(), &wanted(&chain), &settings(&[&bad])).await.0.unwrap_err().to_string();
    without_port(&error, &bad)
}

#[tokio::test]
async fn failures_of_every_kind_lose_nothing_and_count_nothing_twice() {
    let kinds = [
        Failure::Status(429, Some(1)),
        Failure::Status(429, None),
        Failure::Status(503, None),
        Failure::Status(500, Some(86_400)),
        Failure::Cut,
        Failure::Short,
        Failure::Close,
        Failure::Body("<html>busy</html>".to_owned()),
        Failure::Body(r#"{"code":13,"message":"internal","details":[]}"#.to_owned()),
        Failure::Body(r#"{"pagination":{"next_key":null,"total":"0"}} {"bids":[]}"#.to_owned()),
        Failure::OfHeight(1),
    ];
    let chain = small_chain();
    let node = node(&chain).await;
    // Every second request fails. Three in a row would still be fewer than the attempts.
    let failures = kinds.iter().cycle().take(600).cloned().enumerate();
    node.behave().failures = failures.map(|(number, kind)| (2 * number, kind)).collect();
    let folder = tempfile::tempdir().unwrap();
    let (result, said) = pulled(folder.path(), &wanted(&chain), &settings(&[&node])).await;
    result.unwrap();
    assert_history(folder.path(), &chain, 0, chain.height);
    for part in ["asked too often (429)", "503", "500", "broke off", "malformed", "internal", "for height 1"] {
        assert!(said.iter().any(|said| said.contains(part)), "{part}: {said:#?}");
    }
}

#[tokio::test]
async fn a_node_that_never_answers_ends_the_pull_after_some_attempts() {
    let fails = |failure: Failure| {
        move |node: &mut Behaviour| {
            node.failures = (0..1_000).map(|number| (number, failure.clone())).collect::<BTreeMap<_, _>>();
        }
    };
    let said = alone(fails(Failure::Status(503, None))).await;
    assert_eq!(said, "no node has answered `blocks/latest`: NODE: it answers 503 Service Unavailable");
    let said = alone(fails(Failure::Status(403, None))).await;
    assert_eq!(said, "every node refuses `blocks/latest`: NODE: it answers 403 Forbidden");
}

#[tokio::test]
async fn a_list_without_an_end_is_left_for_that_of_another_node() {
    let said = pulled_with(|node| node.repeats_key = true).await;
    assert_eq!(said, ["NODE is not asked any more: the key of its next page repeats"]);
    assert!(alone(|node| node.repeats_key = true).await.contains("the key of its next page repeats"));
    let said = alone(|node| {
        node.never_ends = true;
        node.chain.orders.clear();
    });
    assert!(said.await.contains("its list has no end"));
}

#[tokio::test]
async fn a_node_that_does_not_filter_is_not_believed() {
    let said = pulled_with(|node| node.ignores_filters = true).await;
    assert_eq!(said, [""; 0]);
    assert!(alone(|node| node.ignores_filters = true).await.contains("it does not filter its list"));
}

#[tokio::test]
async fn a_node_that_lags_or_is_of_another_chain_is_put_aside() {
    let chain = small_chain();
    let good = node(&chain).await;
    let folder = tempfile::tempdir().unwrap();
    pulled(folder.path(), &wanted(&chain), &settings(&[&good])).await.0.unwrap();

    let mut lagging = Behaviour::good(chain.clone());
    lagging.at = chain.height - 1;
    let lagging = ChainNode::start(lagging).await;
    pulled(folder.path(), &wanted(&chain), &settings(&[&lagging, &good])).await.0.unwrap();
    assert_history(folder.path(), &chain, 0, chain.height);
    let lists = |node: &ChainNode| node.requests().iter().filter(|path| path.contains("list")).count();
    assert_eq!(lists(&lagging), 0);
    let error = pulled(folder.path(), &wanted(&chain), &settings(&[&lagging])).await.0.unwrap_err();
    assert!(matches!(error, PullError::Unanswered { .. }));
    assert!(error.to_string().contains(&format!("height {} was seen", chain.height)), "{error}");

    let mut other = Behaviour::good(chain.clone());
    other.chain.height += 10;
    other.at += 10;
    other.other_chain = true;
    let other = ChainNode::start(other).await;
    let (result, said) = pulled(folder.path(), &wanted(&chain), &settings(&[&other, &good])).await;
    result.unwrap();
    assert!(said[0].contains(&format!("its block {} is another one", chain.height)), "{said:?}");
    assert_eq!(lists(&other), 0);

    // No chain has that many blocks in two months.
    let ahead = r#"{"block":{"header":{"height":"9000000000","time":"2027-01-01T00:00:00Z"}}}"#.to_owned();
    let mut liar = Behaviour::good(chain.clone());
    liar.failures = [(0, Failure::Body(ahead))].into();
    let liar = ChainNode::start(liar).await;
    let (result, said) = pulled(folder.path(), &wanted(&chain), &settings(&[&liar, &good])).await;
    result.unwrap();
    assert!(said[0].contains("the time of its block 9000000000 does not fit"), "{said:?}");
}

#[tokio::test]
async fn a_list_begins_again_where_a_node_does_not_know_the_key() {
    let said = pulled_with(|node| node.failures = [(5, Failure::Close)].into()).await;
    assert_eq!(said, [""; 0]);
    assert!(alone(|node| node.refuses_keys = true).await.contains("every node refuses `bids/list"));
}

#[tokio::test]
async fn where_two_lists_disagree_the_order_is_left_for_the_next_pull() {
    let chain = small_chain();
    let good = node(&chain).await;
    let folder = tempfile::tempdir().unwrap();
    let paths = {
        let other = tempfile::tempdir().unwrap();
        pulled(other.path(), &wanted(&chain), &settings(&[&good])).await.0.unwrap();
        good.requests()
    };
    let asked = paths.iter().position(|path| path.contains("bids/list?filters.owner")).unwrap();
    good.forget();
    let empty = r#"{"bids":[],"pagination":{"next_key":null,"total":"0"}}"#;
    good.behave().failures = [(asked, Failure::Body(empty.to_owned()))].into();
    let first = pulled(folder.path(), &wanted(&chain), &settings(&[&good])).await.0.unwrap();
    assert_eq!(first.inconsistent.len(), 1);
    good.behave().failures.clear();
    let second = pulled(folder.path(), &wanted(&chain), &settings(&[&good])).await.0.unwrap();
    assert_eq!((second.inconsistent.len(), second.asked), (0, 1));
    assert_history(folder.path(), &chain, 0, chain.height);
}
