//! What a pull writes, at first and later.

use std::time::Duration;

use pricing_market::chain::join::Unjoined;
use pricing_market::history::{History, PARQUET_FILE};
use testkit::chain::{Chain, FIRST_HEIGHT, Version, made_up};

use crate::scene::{assert_history, node, orders_text, pulled, settings, small_chain, wanted};

#[tokio::test]
async fn a_pull_has_everybodys_bids_on_the_orders_that_we_bid_on() {
    let chain = made_up(3, 60, 5);
    let node = node(&chain).await;
    node.behave().total = Some("7".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let (result, said) = pulled(folder.path(), &wanted(&chain), &settings(&[&node])).await;
    let pulled = result.unwrap();
    assert_history(folder.path(), &chain, 0, chain.height);
    let own = u64::try_from(chain.own_orders(0, chain.height).len()).unwrap();
    assert_eq!((pulled.asked, pulled.summary.orders, pulled.height), (own, own, chain.height));
    assert_eq!(pulled.requests, u64::try_from(node.requests().len()).unwrap());
    assert_eq!(pulled.summary.unjoined.get(&Unjoined::BidWithoutOrder), None);
    assert_eq!((&pulled.summary.contradictions, said), (&vec![], vec![]));
    assert!(folder.path().join(PARQUET_FILE).is_file());
}

#[tokio::test]
async fn a_node_of_the_older_version_is_asked_with_its_own_words() {
    let chain = small_chain();
    let node = node(&chain).await;
    node.behave().version = Version::V1Beta4;
    let folder = tempfile::tempdir().unwrap();
    pulled(folder.path(), &wanted(&chain), &settings(&[&node])).await.0.unwrap();
    assert_history(folder.path(), &chain, 0, chain.height);
    let newer = node.requests().iter().filter(|path| path.contains("v1beta5")).count();
    assert_eq!(newer, 1);
}

#[tokio::test]
async fn later_pulls_ask_again_for_what_was_open_and_for_what_is_new() {
    let chain = made_up(11, 40, 4);
    let node = node(&chain).await;
    let folder = tempfile::tempdir().unwrap();
    let (wanted, settings) = (wanted(&chain), settings(&[&node]));
    for percent in [30, 31, 60, 100] {
        let at = FIRST_HEIGHT + (chain.height - FIRST_HEIGHT) * percent / 100;
        node.behave().at = at;
        node.forget();
        pulled(folder.path(), &wanted, &settings).await.0.unwrap();
        assert_history(folder.path(), &chain, 0, at);
    }
    // Nothing changed since, and only what is still open is asked for.
    node.forget();
    let again = pulled(folder.path(), &wanted, &settings).await.0.unwrap();
    assert_history(folder.path(), &chain, 0, chain.height);
    assert_eq!(again.asked, 0);
    node.behave().at = chain.height + 1;
    node.behave().chain.height += 1;
    let open = chain.own_orders(0, chain.height).into_iter().filter(|order| !order.is_closed_at(chain.height)).count();
    let again = pulled(folder.path(), &wanted, &settings).await.0.unwrap();
    assert_eq!(again.asked, u64::try_from(open).unwrap());
    assert!(open > 0);
}

#[tokio::test]
async fn an_order_that_is_open_for_days_is_asked_for_until_it_ends() {
    let mut chain = small_chain();
    let provider = chain.provider.clone();
    let is_own = |order: &&mut testkit::chain::Order| {
        order.lease.is_some() && order.bids.iter().any(|bid| bid.provider == provider)
    };
    let order = chain.orders.iter_mut().find(is_own).unwrap();
    let lease = order.lease.as_mut().unwrap();
    lease.provider = provider.clone();
    lease.created_at = order.created_at + 90_000;
    lease.closed_on = Some(order.created_at + 120_000);
    order.closed_on = lease.closed_on;
    let created_at = order.created_at;
    chain.orders.retain(|order| order.created_at == created_at);
    chain.height = created_at + 130_000;
    let node = node(&chain).await;
    let folder = tempfile::tempdir().unwrap();
    for days in 0..10 {
        let at = created_at + 5 + days * 14_000;
        node.behave().at = at;
        pulled(folder.path(), &wanted(&chain), &settings(&[&node])).await.0.unwrap();
        assert_history(folder.path(), &chain, 0, at);
    }
}

#[tokio::test]
async fn since_leaves_out_orders_that_are_older() {
    let chain = made_up(5, 40, 3);
    let node = node(&chain).await;
    let folder = tempfile::tempdir().unwrap();
    let mut wanted = wanted(&chain);
    let days = 10;
    wanted.since = Some(Duration::from_secs(days * 86_400));
    pulled(folder.path(), &wanted, &settings(&[&node])).await.0.unwrap();
    let from =
        (FIRST_HEIGHT..).find(|height| Chain::millis(*height) >= Chain::millis(chain.height) - days * 86_400_000);
    assert_history(folder.path(), &chain, from.unwrap(), chain.height);
    assert!(History::read(folder.path()).unwrap().orders.len() < chain.orders.len() / 2);
    // Those that are older are pulled once they are wanted.
    wanted.since = None;
    pulled(folder.path(), &wanted, &settings(&[&node])).await.0.unwrap();
    assert_history(folder.path(), &chain, 0, chain.height);
}

#[tokio::test]
async fn without_old_blocks_times_follow_from_the_latest_one() {
    let mut chain = small_chain();
    chain.lowest_block = chain.height;
    let node = node(&chain).await;
    let folder = tempfile::tempdir().unwrap();
    let (result, said) = pulled(folder.path(), &wanted(&chain), &settings(&[&node])).await;
    assert!(!result.unwrap().summary.relative_times);
    assert!(said.iter().any(|said| said.contains("any more; times are computed from later blocks")), "{said:?}");
    let history = History::read(folder.path()).unwrap();
    let first = &history.orders[0];
    let before = Duration::from_millis((chain.height - first.height) * 2_629_757_000 / 429_909);
    let time = humantime::parse_rfc3339(&first.at).unwrap() + before;
    let latest = std::time::UNIX_EPOCH + Duration::from_millis(Chain::millis(chain.height));
    assert!(latest.duration_since(time).unwrap_or_else(|error| error.duration()) < Duration::from_secs(1));
}

#[tokio::test]
async fn an_order_that_was_reorganised_away_is_gone_until_it_comes_again() {
    let chain = small_chain();
    let own = chain.own_orders(0, chain.height);
    let open = own.iter().find(|order| order.lease.is_some()).unwrap();
    let (id, at) = (open.id(), open.created_at + 4);
    let node = node(&chain).await;
    let folder = tempfile::tempdir().unwrap();
    node.behave().at = at;
    pulled(folder.path(), &wanted(&chain), &settings(&[&node])).await.0.unwrap();
    assert!(orders_text(folder.path()).contains(&id));

    let mut without = chain.clone();
    without.orders.retain(|order| order.id() != id);
    node.behave().chain = without.clone();
    node.behave().at = at + 1;
    let gone = pulled(folder.path(), &wanted(&chain), &settings(&[&node])).await.0.unwrap().gone;
    assert_eq!(gone.iter().map(ToString::to_string).collect::<Vec<_>>(), std::slice::from_ref(&id));
    assert_history(folder.path(), &without, 0, at + 1);

    let mut later = chain.clone();
    for order in later.orders.iter_mut().filter(|order| order.id() == id) {
        order.created_at += 3;
        order.bids.iter_mut().for_each(|bid| bid.created_at += 3);
    }
    node.behave().chain = later.clone();
    node.behave().at = chain.height;
    pulled(folder.path(), &wanted(&chain), &settings(&[&node])).await.0.unwrap();
    assert_history(folder.path(), &later, 0, chain.height);
    assert_eq!(orders_text(folder.path()).matches(&id).count(), 1);
}
