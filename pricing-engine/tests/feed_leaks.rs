//! Tests that the live feed leaks neither descriptors nor tasks. It is a separate program, since it counts the
//! descriptors of the whole process.

#[expect(dead_code, reason = "the drills use the rest")]
#[path = "engine/feed_server/mod.rs"]
mod feed_server;

use std::fs;
use std::time::{Duration, Instant};

use pricing_engine::config::{self, FeedSource, Span};
use pricing_engine::feed::Feed;

use feed_server::{Answer, HANG, Server};

/// The number of rounds in which every source ends by itself, and of those with a timeout.
const ROUNDS: (u32, u32) = (30, 10);

#[tokio::test]
async fn rounds_of_every_kind_leave_no_descriptor_and_no_task_behind() {
    let mut servers = vec![Server::start_tls(Answer::price("0.5")).await];
    for answer in [
        Answer::price("0.5"),
        Answer::Status(500),
        Answer::RedirectToItself,
        Answer::Endless,
        Answer::Halfway,
        Answer::Close,
        Answer::Garbage,
        Answer::NotText,
    ] {
        servers.push(Server::start(answer).await);
    }
    let slow = [Server::start(Answer::Drip).await, Server::start(Answer::Hang).await];
    let source = |server: &Server| FeedSource::json(server.url(), "akt.usd");
    let folder = tempfile::tempdir().unwrap();
    let patient = config::Feed {
        source: servers.iter().map(source).collect(),
        interval: Span::secs(24 * 3600),
        timeout: Span::secs(3600),
        cache: Some(folder.path().join("feed.cache")),
        ..config::Feed::default()
    };
    let all = servers.iter().chain(&slow).map(source).collect();
    let brief = config::Feed { source: all, timeout: Span::millis(50), ..patient.clone() };
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = (descriptors(), tasks());
    let feed = Feed::start(&patient).unwrap();
    for (config, rounds) in [(&patient, ROUNDS.0), (&brief, ROUNDS.1)] {
        for _ in 0..rounds {
            feed.reconfigure(config).unwrap();
            feed.refresh().await;
        }
    }
    assert!(feed.counters().taken >= u64::from(ROUNDS.0), "{:?}", feed.counters());
    feed.stop().await;
    drop(feed);
    // The servers take a moment to notice that their clients are gone.
    let start = Instant::now();
    while descriptors() > before.0 || tasks() > before.1 {
        let now = (descriptors(), tasks());
        assert!(start.elapsed() < HANG, "{before:?} descriptors and tasks before, {now:?} after");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
