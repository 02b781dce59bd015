//! Whether the live feed gives everything back. In a process of its own: descriptors are counted in all of it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test case must say so at once")]

#[expect(dead_code, reason = "the drills use the rest")]
#[path = "service/feed_server/mod.rs"]
mod feed_server;

use std::fs;
use std::time::Duration;

use pricing_service::config::{self, FeedSource, Span};
use pricing_service::feed::Feed;

use feed_server::{Answer, Server};

#[tokio::test]
async fn rounds_of_every_kind_leave_no_descriptor_and_no_task_behind() {
    let mut servers = vec![Server::start_tls(Answer::price("0.5")).await];
    for answer in [
        Answer::price("0.5"),
        Answer::Status(500),
        Answer::RedirectToItself,
        Answer::Drip,
        Answer::Endless,
        Answer::Halfway,
        Answer::Close,
        Answer::Garbage,
        Answer::NotText,
    ] {
        servers.push(Server::start(answer).await);
    }
    let source = |server: &Server| FeedSource { name: None, url: server.url(), path: "akt.usd".to_owned() };
    let folder = tempfile::tempdir().unwrap();
    let config = config::Feed {
        source: servers.iter().map(source).collect(),
        interval: Span::secs(3600),
        timeout: Span::millis(50),
        cache: Some(folder.path().join("feed.cache")),
        ..config::Feed::default()
    };
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = (descriptors(), tasks());
    let feed = Feed::start(&config).unwrap();
    for _ in 0..40 {
        feed.refresh().await;
        feed.reconfigure(&config).unwrap();
    }
    assert!(feed.counters().taken >= 1, "{:?}", feed.counters());
    feed.stop().await;
    drop(feed);
    // The servers notice a moment later that their peers are gone.
    for _ in 0..500 {
        if descriptors() <= before.0 && tasks() <= before.1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{before:?} descriptors and tasks before, {:?} after", (descriptors(), tasks()));
}
