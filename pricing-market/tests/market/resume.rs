//! A pull that was killed at any moment goes on, and its history is that of a pull that was not.
//!
//! The pull is dropped while a node has its request and has not answered. Between two requests it only computes and
//! writes whole files.

use std::path::Path;

use pricing_market::rest::PullError;
use testkit::chain_node::{ChainNode, Failure};

use crate::scene::{assert_history, node, orders_text, pulled, settings, small_chain, wanted};

/// Pulls until a request with this number, from 0, is on its way. Returns whether there was one.
async fn killed_at(node: &ChainNode, folder: &Path, number: usize) -> bool {
    let chain = node.behave().chain.clone();
    node.forget();
    node.behave().failures = [(number, Failure::Hang)].into();
    let (wanted, settings) = (wanted(&chain), settings(&[node]));
    tokio::select! {
        (result, _) = pulled(folder, &wanted, &settings) => {
            result.unwrap();
            false
        }
        () = node.wait_for(number) => true,
    }
}

#[tokio::test]
async fn a_pull_that_was_killed_at_any_request_goes_on() {
    let chain = small_chain();
    let whole = tempfile::tempdir().unwrap();
    let node = node(&chain).await;
    let requests = pulled(whole.path(), &wanted(&chain), &settings(&[&node])).await.0.unwrap().requests;
    for number in 0..usize::try_from(requests).unwrap() {
        let folder = tempfile::tempdir().unwrap();
        assert!(killed_at(&node, folder.path(), number).await);
        assert!(!killed_at(&node, folder.path(), usize::MAX).await);
        assert_eq!(orders_text(folder.path()), orders_text(whole.path()), "killed at request {number}");
    }
    assert!(requests > 20, "{requests}");
}

#[tokio::test]
async fn a_pull_that_is_killed_again_and_again_ends() {
    let chain = small_chain();
    let node = node(&chain).await;
    let folder = tempfile::tempdir().unwrap();
    let mut kills = 0;
    // The list of bids, and each batch of two deployments, take fewer requests than that.
    while killed_at(&node, folder.path(), 14).await {
        kills += 1;
        assert!(kills < 100);
    }
    assert_history(folder.path(), &chain, 0, chain.height);
    assert!(kills > 2, "{kills}");
}

#[tokio::test]
async fn a_pull_killed_on_the_way_to_a_later_height_goes_on() {
    let chain = small_chain();
    let node = node(&chain).await;
    let middle = chain.height - 200_000;
    for number in [0, 3, 8, 15, 25] {
        let folder = tempfile::tempdir().unwrap();
        node.behave().at = middle;
        assert!(!killed_at(&node, folder.path(), usize::MAX).await);
        node.behave().at = chain.height;
        killed_at(&node, folder.path(), number).await;
        assert!(!killed_at(&node, folder.path(), usize::MAX).await);
        assert_history(folder.path(), &chain, 0, chain.height);
    }
}

#[tokio::test]
async fn what_a_killed_writer_left_is_not_read() {
    let chain = small_chain();
    let node = node(&chain).await;
    let folder = tempfile::tempdir().unwrap();
    assert!(killed_at(&node, folder.path(), 9).await);
    std::fs::write(folder.path().join("records/.00000004.jsonl.7.part"), "{\"seen").unwrap();
    assert!(!killed_at(&node, folder.path(), usize::MAX).await);
    assert_history(folder.path(), &chain, 0, chain.height);
}

#[tokio::test]
async fn one_pull_at_a_time_and_one_provider_for_a_folder() {
    let chain = small_chain();
    let node = node(&chain).await;
    let folder = tempfile::tempdir().unwrap();
    node.behave().failures = [(2, Failure::Hang)].into();
    let (mut other, settings) = (wanted(&chain), settings(&[&node]));
    let wanted = wanted(&chain);
    let mut first = Box::pin(pulled(folder.path(), &wanted, &settings));
    tokio::select! {
        _ = &mut first => panic!("it should wait"),
        () = node.wait_for(2) => {}
    }
    let second = pulled(folder.path(), &wanted, &settings).await.0.unwrap_err();
    assert!(matches!(second, PullError::Locked(_)), "{second}");
    drop(first);
    other.provider = testkit::orders::address(&testkit::chain::account(1));
    let second = pulled(folder.path(), &other, &settings).await.0.unwrap_err().to_string();
    assert!(second.contains("the folder has the market of") && second.contains(&chain.provider), "{second}");
}

#[tokio::test]
async fn a_malformed_file_of_a_pull_is_named() {
    let chain = small_chain();
    let node = node(&chain).await;
    let folder = tempfile::tempdir().unwrap();
    pulled(folder.path(), &wanted(&chain), &settings(&[&node])).await.0.unwrap();
    std::fs::write(folder.path().join("pull.json"), "{\"schema\":1}").unwrap();
    let error = pulled(folder.path(), &wanted(&chain), &settings(&[&node])).await.0.unwrap_err().to_string();
    assert!(error.contains("pull.json: line 1") && error.contains("missing field"), "{error}");
    std::fs::remove_file(folder.path().join("pull.json")).unwrap();
    std::fs::write(folder.path().join("records/00000000.jsonl"), "{\"seen_at\":1}\n{\"bids\":[7]}\n").unwrap();
    let error = pulled(folder.path(), &wanted(&chain), &settings(&[&node])).await.0.unwrap_err().to_string();
    assert!(error.contains("00000000.jsonl: line 1") && error.contains("bids[0]"), "{error}");
}
