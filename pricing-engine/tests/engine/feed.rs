//! Tests of the live feed against real sockets.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use pricing_engine::config::{self, FeedSource, Span};
use pricing_engine::feed::{Feed, Reading, update};

use crate::HANG;
use crate::feed_server::{Answer, Server};

const HOUR: Duration = Duration::from_secs(3600);

/// A configuration whose sources are only asked when a test requests it, and never time out.
fn config(servers: &[&Server]) -> config::Feed {
    let source = |server: &&Server| FeedSource::json(server.url(), "akt.usd");
    config::Feed {
        source: servers.iter().map(source).collect(),
        interval: Span::secs(24 * 3600),
        max_age: Span::secs(3600),
        timeout: Span::secs(3600),
        ..config::Feed::default()
    }
}

/// Returns a folder, a cache in it, and a configuration with that cache.
fn cached(servers: &[&Server]) -> (tempfile::TempDir, PathBuf, config::Feed) {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("feed.cache");
    let config = config::Feed { cache: Some(cache.clone()), ..config(servers) };
    (folder, cache, config)
}

/// Writes a cache file from outside.
fn plant(cache: &Path, value: &str, mode: u32, modified: SystemTime) {
    fs::write(cache, value).unwrap();
    fs::set_permissions(cache, fs::Permissions::from_mode(mode)).unwrap();
    fs::File::open(cache).unwrap().set_modified(modified).unwrap();
}

fn now(feed: &Feed) -> Reading {
    feed.reading(Instant::now())
}

/// Returns the value, or why there is none.
fn value(feed: &Feed) -> String {
    let reading = now(feed);
    match reading.usd_per_akt {
        Some(value) => value.to_string(),
        None => format!("none: {}", reading.problem.unwrap_or_default()),
    }
}

fn problem(feed: &Feed, source: usize) -> String {
    now(feed).sources.get(source).unwrap().problem.clone().unwrap_or_default()
}

/// Returns the problem of a single source with this answer, at a cold start.
async fn told(answer: Answer) -> String {
    told_within(answer, Span::secs(3600)).await
}

/// The same with this timeout.
async fn told_within(answer: Answer, timeout: Span) -> String {
    let server = Server::start(answer).await;
    let feed = Feed::start(&config::Feed { timeout, ..config(&[&server]) }).unwrap();
    feed.refresh().await;
    assert_eq!(now(&feed).usd_per_akt, None);
    problem(&feed, 0)
}

#[tokio::test]
async fn a_source_is_asked_at_once_and_in_the_background() {
    let server = Server::start(Answer::price("0.50")).await;
    let started = Instant::now();
    let feed = Feed::start(&config(&[&server])).unwrap();
    server.wait_for_requests(1).await;
    feed.refresh().await;
    assert_eq!(value(&feed), "0.5");
    let reading = now(&feed);
    assert_eq!(reading.problem, None);
    assert_eq!(reading.sources.first().unwrap().name, "127.0.0.1");
    assert!(reading.age.unwrap() <= started.elapsed());
    for request in server.requests() {
        let request = request.to_lowercase();
        assert!(request.contains("user-agent: bidprice/") && request.contains("accept: application/json"), "{request}");
        assert!(!request.contains("cookie"), "{request}");
    }
}

#[tokio::test]
async fn a_quote_reads_the_last_value_while_a_source_hangs() {
    let server = Server::start(Answer::price("0.50")).await;
    let feed = Feed::start(&config(&[&server])).unwrap();
    feed.refresh().await;
    server.set(Answer::Hang);
    let round = tokio::spawn({
        let feed = feed.clone();
        async move { feed.refresh().await }
    });
    server.wait_for_requests(3).await;
    assert_eq!(value(&feed), "0.5");
    assert!(!round.is_finished());
    // Stopping does not wait for the timeout of the source, which is an hour.
    tokio::time::timeout(HANG, feed.stop()).await.unwrap();
    tokio::time::timeout(HANG, round).await.unwrap().unwrap();
    assert_eq!(value(&feed), "0.5");
}

#[tokio::test]
async fn a_feed_that_is_down_keeps_the_last_value_until_its_age_and_then_has_none() {
    let server = Server::start(Answer::price("0.50")).await;
    let feed = Feed::start(&config(&[&server])).unwrap();
    feed.refresh().await;
    server.close().await;
    feed.refresh().await;
    assert_eq!(value(&feed), "0.5");
    assert!(problem(&feed, 0).starts_with("no connection: "), "{}", problem(&feed, 0));
    assert_eq!(now(&feed).problem.unwrap(), "no source has a usable answer");
    let later = Instant::now() + HOUR + Duration::from_secs(1);
    assert_eq!(feed.usd_per_akt(later), None);
    let told = feed.reading(later).problem.unwrap();
    assert!(told.starts_with("the last value is 36"), "{told}");
    assert!(feed.counters().sources.first().is_some_and(|source| source.failures == 1 && source.fetches >= 2));
}

#[tokio::test]
async fn a_feed_that_was_never_up_gives_no_value_and_says_why() {
    let server = Server::start(Answer::Status(503)).await;
    let feed = Feed::start(&config(&[&server])).unwrap();
    feed.refresh().await;
    assert_eq!(value(&feed), "none: no source has a usable answer");
    assert_eq!(problem(&feed, 0), "it answers 503 Service Unavailable");
}

#[tokio::test]
async fn a_lie_out_of_bounds_is_no_answer() {
    for lie in ["0", "-1", "1e9", "-0", "1000000.1", "1e-19", "\"0\""] {
        let told = told(Answer::price(lie)).await;
        assert!(told.contains("out of range; expected a number above 0 and at most 1000000"), "{lie}: {told}");
    }
}

#[tokio::test]
async fn what_is_no_number_is_no_answer() {
    for (lie, expected) in [
        ("null", "`null` where a number should be"),
        ("{}", "an object where a number should be"),
        ("true", "a truth value where a number should be"),
        ("\"NaN\"", "`NaN` is not a decimal number"),
        ("NaN", "is not JSON"),
        ("0.5}", "is not JSON"),
    ] {
        let told = told(Answer::price(lie)).await;
        assert!(told.contains(expected), "{lie}: {told}");
    }
}

#[tokio::test]
async fn html_is_no_answer_and_is_told_without_what_drives_a_terminal() {
    let told = told(Answer::Body("<html>\u{1b}[2J\r\n<script>0.5</script>".to_owned())).await;
    assert!(told.starts_with("the answer `<html>\u{fffd}[2J"), "{told}");
    assert!(!told.contains('\u{1b}'), "{told}");
}

#[tokio::test]
async fn ten_megabytes_are_not_read() {
    let body = format!("{{\"akt\":{{\"usd\":0.5}},\"x\":\"{}\"}}", "x".repeat(10 << 20));
    assert_eq!(told(Answer::Body(body)).await, "the answer has more than 65536 bytes");
    assert_eq!(told(Answer::Endless).await, "the answer has more than 65536 bytes");
}

#[tokio::test]
async fn a_slow_drip_is_given_up_after_the_timeout_as_a_whole() {
    for drip in [Answer::Drip, Answer::DripHead] {
        assert_eq!(told_within(drip, Span::millis(500)).await, "no answer within 500ms");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_halfway_is_no_answer() {
    let halfway = told(Answer::Halfway).await;
    assert!(halfway.starts_with("the answer broke off: "), "{halfway}");
    let at_once = told(Answer::Close).await;
    assert!(at_once.starts_with("the answer broke off: "), "{at_once}");
    let garbage = told(Answer::Garbage).await;
    assert!(garbage.starts_with("the answer broke off: "), "{garbage}");
    assert_eq!(told(Answer::NotText).await, "the answer is not UTF-8 text");
}

#[tokio::test]
async fn a_redirect_loop_over_plain_http_is_not_followed_once() {
    let server = Server::start(Answer::RedirectToItself).await;
    let feed = Feed::start(&config(&[&server])).unwrap();
    feed.refresh().await;
    assert!(problem(&feed, 0).starts_with("it redirects, which is followed from `https`"), "{}", problem(&feed, 0));
    // One request in the first round, and one in the requested round.
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_refused() {
    let server = Server::start_tls(Answer::price("0.5")).await;
    let feed = Feed::start(&config(&[&server])).unwrap();
    feed.refresh().await;
    let told = problem(&feed, 0);
    assert!(told.contains("certificate"), "{told}");
    assert_eq!(now(&feed).usd_per_akt, None);
}

#[tokio::test]
async fn sources_that_disagree_keep_the_last_good_value_until_its_age() {
    let (a, b) = (Server::start(Answer::price("0.50")).await, Server::start(Answer::price("0.52")).await);
    let feed = Feed::start(&config(&[&a, &b])).unwrap();
    feed.refresh().await;
    assert_eq!(value(&feed), "0.51");
    b.set(Answer::price("5.2"));
    feed.refresh().await;
    assert_eq!(value(&feed), "0.51");
    let told = now(&feed).problem.unwrap();
    assert_eq!(told, "the sources disagree by more than 20 %: `127.0.0.1` says 0.5, `127.0.0.1 2` says 5.2");
    assert_eq!(feed.usd_per_akt(Instant::now() + HOUR + Duration::from_secs(1)), None);
    assert_eq!(feed.counters().disagreements, 1);
}

#[tokio::test]
async fn sources_that_disagree_from_the_start_give_no_value() {
    let (a, b) = (Server::start(Answer::price("0.50")).await, Server::start(Answer::price("5")).await);
    let feed = Feed::start(&config(&[&a, &b])).unwrap();
    feed.refresh().await;
    assert!(value(&feed).starts_with("none: the sources disagree"), "{}", value(&feed));
}

#[tokio::test]
async fn one_liar_of_three_is_named_and_changes_nothing() {
    let (a, b) = (Server::start(Answer::price("0.50")).await, Server::start(Answer::price("0.52")).await);
    let liar = Server::start(Answer::price("999999")).await;
    let feed = Feed::start(&config(&[&a, &liar, &b])).unwrap();
    feed.refresh().await;
    assert_eq!(value(&feed), "0.52");
    assert_eq!(problem(&feed, 1), "it says 999999, and the median of 3 sources is 0.52");
    assert_eq!((problem(&feed, 0), problem(&feed, 2)), (String::new(), String::new()));
}

#[tokio::test]
async fn a_jump_by_ten_times_is_refused_until_a_second_source_confirms_it() {
    let (a, b) = (Server::start(Answer::price("0.50")).await, Server::start(Answer::price("0.50")).await);
    let feed = Feed::start(&config(&[&a, &b])).unwrap();
    feed.refresh().await;
    a.set(Answer::price("5.0"));
    b.set(Answer::Status(429));
    for refused in 1..=4 {
        feed.refresh().await;
        assert_eq!(value(&feed), "0.5");
        assert_eq!(feed.counters().refused_jumps, refused);
    }
    let told = now(&feed).problem.unwrap();
    assert!(
        told.starts_with("5 is more than 20 % away from the last value 0.5, and only `127.0.0.1` says so"),
        "{told}"
    );
    b.set(Answer::price("5.2"));
    feed.refresh().await;
    assert_eq!(value(&feed), "5.1");
    assert_eq!(now(&feed).problem, None);
}

#[tokio::test]
async fn a_single_source_never_confirms_its_own_jump_not_even_when_the_last_value_is_too_old() {
    let server = Server::start(Answer::price("0.50")).await;
    let brief = config::Feed { max_age: Span::millis(1), ..config(&[&server]) };
    let feed = Feed::start(&brief).unwrap();
    feed.refresh().await;
    server.set(Answer::price("5"));
    tokio::time::sleep(Duration::from_millis(2)).await;
    for _ in 0..4 {
        feed.refresh().await;
    }
    assert!(value(&feed).starts_with("none: the last value is"), "{}", value(&feed));
    assert!(value(&feed).contains("no other source is configured"), "{}", value(&feed));
    let second = Server::start(Answer::price("5")).await;
    feed.reconfigure(&config(&[&server, &second])).unwrap();
    feed.refresh().await;
    assert_eq!(value(&feed), "5");
}

#[tokio::test]
async fn other_sources_keep_the_last_value_and_a_bad_configuration_changes_nothing() {
    let server = Server::start(Answer::price("0.50")).await;
    let feed = Feed::start(&config(&[&server])).unwrap();
    feed.refresh().await;
    let down = Server::start(Answer::Status(500)).await;
    feed.reconfigure(&config(&[&down])).unwrap();
    feed.refresh().await;
    assert_eq!(value(&feed), "0.5");
    assert_eq!(now(&feed).sources.len(), 1);
    let error = feed.reconfigure(&config::Feed { interval: Span::secs(0), ..config(&[&server]) }).unwrap_err();
    assert_eq!(error.to_string(), "feed.interval: it must be at least 1s");
    feed.refresh().await;
    assert_eq!(problem(&feed, 0), "it answers 500 Internal Server Error");
}

#[tokio::test]
async fn a_fixed_value_never_ages_and_nobody_is_asked() {
    let server = Server::start(Answer::price("0.70")).await;
    let fixed = config::parse("[feed]\nusd_per_akt = \"0.50\"").unwrap().feed;
    let feed = Feed::start(&fixed).unwrap();
    feed.refresh().await;
    let much_later = Instant::now() + 1000 * HOUR;
    assert_eq!(feed.usd_per_akt(much_later).unwrap().to_string(), "0.5");
    let reading = feed.reading(much_later);
    assert_eq!((reading.age, reading.problem, reading.sources.len()), (None, None, 0));
    // A change from the fixed value to a fetched one is not a jump, nor is the reverse.
    feed.reconfigure(&config(&[&server])).unwrap();
    feed.refresh().await;
    assert_eq!(value(&feed), "0.7");
    feed.reconfigure(&fixed).unwrap();
    assert_eq!(value(&feed), "0.5");
}

#[tokio::test]
async fn a_restart_goes_on_with_the_value_in_the_cache() {
    let server = Server::start(Answer::price("0.50")).await;
    let (folder, cache, config) = cached(&[&server]);
    let feed = Feed::start(&config).unwrap();
    feed.refresh().await;
    feed.stop().await;
    assert_eq!(fs::read_to_string(&cache).unwrap(), "0.5\n");
    assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    server.set(Answer::price("5"));
    let restarted = Feed::start(&config).unwrap();
    // No source has been asked yet, since the task has not run.
    assert_eq!(value(&restarted), "0.5");
    // A jump is measured from the cached value.
    restarted.refresh().await;
    assert_eq!(value(&restarted), "0.5");
    assert!(restarted.counters().refused_jumps >= 1);
}

#[tokio::test]
async fn the_cache_grows_no_younger_while_nothing_is_taken() {
    let server = Server::start(Answer::Status(500)).await;
    let (_folder, cache, config) = cached(&[&server]);
    let written = SystemTime::now() - Duration::from_secs(3000);
    plant(&cache, "0.5", 0o600, written);
    let feed = Feed::start(&config).unwrap();
    feed.refresh().await;
    server.set(Answer::price("5"));
    feed.refresh().await;
    assert_eq!(value(&feed), "0.5");
    assert!(now(&feed).age.unwrap() >= Duration::from_secs(3000));
    feed.stop().await;
    assert_eq!(fs::metadata(&cache).unwrap().modified().unwrap(), written);
}

#[tokio::test]
async fn a_cache_from_the_future_too_old_or_open_to_others_is_not_used_and_is_told() {
    let server = Server::start(Answer::Status(500)).await;
    let clock = SystemTime::now();
    for (mode, modified, expected) in [
        (0o600, clock + 3 * HOUR, "s in the future"),
        (0o600, clock - 2 * HOUR, "s old, and 3600 s is the limit"),
        (0o664, clock, "others than its owner may write it"),
        (0o666, clock, "others than its owner may write it"),
    ] {
        let (_folder, cache, config) = cached(&[&server]);
        plant(&cache, "0.5", mode, modified);
        let feed = Feed::start(&config).unwrap();
        feed.refresh().await;
        let told = value(&feed);
        assert!(told.starts_with("none: ") && told.contains(expected), "{told}");
    }
}

#[tokio::test]
async fn a_cache_that_is_a_link_or_holds_nonsense_is_not_used_and_is_replaced_by_what_is_fetched() {
    let server = Server::start(Answer::price("0.5")).await;
    for content in ["0", "-1", "1e9", "1000001", "<html>", ""] {
        let (_folder, cache, config) = cached(&[&server]);
        plant(&cache, content, 0o600, SystemTime::now());
        let feed = Feed::start(&config).unwrap();
        assert!(value(&feed).contains("it does not contain a number above 0"), "{}", value(&feed));
        feed.refresh().await;
        assert_eq!(value(&feed), "0.5");
        assert_eq!(now(&feed).problem, None);
        assert_eq!(fs::read_to_string(&cache).unwrap(), "0.5\n");
    }
    let (folder, cache, config) = cached(&[&server]);
    let target = folder.path().join("target");
    plant(&target, "0.9", 0o600, SystemTime::now());
    std::os::unix::fs::symlink(&target, &cache).unwrap();
    let feed = Feed::start(&config).unwrap();
    feed.refresh().await;
    assert_eq!(value(&feed), "0.5");
    assert!(fs::symlink_metadata(&cache).unwrap().is_file());
    assert_eq!(fs::read_to_string(&target).unwrap(), "0.9");
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_told_and_costs_no_value() {
    let server = Server::start(Answer::price("0.5")).await;
    let (folder, _, config) = cached(&[&server]);
    let config = config::Feed { cache: Some(folder.path().join("absent").join("feed.cache")), ..config };
    let feed = Feed::start(&config).unwrap();
    feed.refresh().await;
    assert_eq!(value(&feed), "0.5");
    let told = now(&feed).problem.unwrap();
    assert!(told.contains("feed.cache cannot be written: "), "{told}");
    assert!(feed.counters().cache_failures >= 1);
}

#[tokio::test]
async fn a_feed_that_nobody_holds_any_more_asks_nobody_and_leaves_no_task_behind() {
    let server = Server::start(Answer::Hang).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let feed = Feed::start(&config(&[&server])).unwrap();
    let clone = feed.clone();
    server.wait_for_requests(1).await;
    drop(feed);
    assert!(tasks() > before);
    drop(clone);
    // The server's task for the connection ends with it.
    let start = Instant::now();
    while tasks() > before {
        assert!(start.elapsed() < HANG, "{} tasks, and {before} before", tasks());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_update_takes_a_value_by_the_same_rules_and_writes_it() {
    let server = Server::start(Answer::price("0.5")).await;
    let (_folder, cache, config) = cached(&[&server]);
    let taken = update(&config).await.unwrap();
    assert_eq!((taken.usd_per_akt.unwrap().to_string(), taken.last), ("0.5".to_owned(), None));
    let written = fs::metadata(&cache).unwrap().modified().unwrap();
    server.set(Answer::price("5"));
    let refused = update(&config).await.unwrap();
    assert_eq!(refused.usd_per_akt, None);
    assert!(refused.problem.unwrap().starts_with("5 is more than 20 % away from the last value 0.5"));
    assert_eq!(fs::read_to_string(&cache).unwrap(), "0.5\n");
    assert_eq!(fs::metadata(&cache).unwrap().modified().unwrap(), written);
}

/// Returns the oracle's answer, with a price of this age.
fn oracle(twap: &str, is_healthy: bool, seconds_ago: u64) -> Answer {
    let time = humantime::format_rfc3339_nanos(SystemTime::now() - Duration::from_secs(seconds_ago));
    Answer::Body(format!(
        r#"{{"aggregated_price":{{"denom":"akt","twap":"{twap}","median_price":"0.9","min_price":"0.9","max_price":"0.9",
        "timestamp":"{time}","num_sources":1,"deviation_bps":"0"}},"price_health":{{"denom":"akt","is_healthy":{is_healthy},
        "has_min_sources":{is_healthy},"deviation_ok":true,"total_sources":1,"total_healthy_sources":1,
        "failure_reason":["not enough sources"]}}}}"#
    ))
}

/// Returns a configuration whose only source is an oracle.
fn of_oracle(server: &Server) -> config::Feed {
    let address = server.url().replace("/price", "");
    config::Feed { source: vec![FeedSource::oracle(address)], ..config(&[]) }
}

#[tokio::test]
async fn the_chains_own_price_is_asked_of_a_nodes_rest_api() {
    let server = Server::start(oracle("0.512345678901234567", true, 6)).await;
    let feed = Feed::start(&of_oracle(&server)).unwrap();
    feed.refresh().await;
    assert_eq!(value(&feed), "0.512345678901234567");
    let asked = server.requests();
    assert!(
        asked.iter().all(|head| head.starts_with("GET /akash/oracle/v2/aggregated_price/akt HTTP/1.1")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn an_unhealthy_price_and_an_old_one_are_no_answer_and_say_so() {
    let server = Server::start(oracle("0.5", false, 6)).await;
    let feed = Feed::start(&of_oracle(&server)).unwrap();
    feed.refresh().await;
    assert_eq!(value(&feed), "none: no source has a usable answer");
    assert_eq!(problem(&feed, 0), "the chain says that its price is not healthy: not enough sources");
    server.set(oracle("0.5", true, 24 * 3600));
    feed.refresh().await;
    let told = problem(&feed, 0);
    assert!(told.starts_with("the chain's price is 1day ") && told.ends_with(" old, and 10m is the limit"), "{told}");
    server.set(Answer::Body(r#"{"code":12,"message":"Not Implemented","details":[]}"#.to_owned()));
    feed.refresh().await;
    assert!(problem(&feed, 0).contains("is not the oracle's"), "{}", problem(&feed, 0));
    server.set(oracle("0.5", true, 6));
    feed.refresh().await;
    assert_eq!(value(&feed), "0.5");
    // The last healthy value stays until it is too old, as with any source.
    server.set(oracle("0.6", false, 6));
    feed.refresh().await;
    assert_eq!(value(&feed), "0.5");
}

#[tokio::test]
async fn the_chains_price_is_one_voice_among_the_sources() {
    let (chain, other, third) = (
        Server::start(oracle("0.50", true, 6)).await,
        Server::start(Answer::price("0.52")).await,
        Server::start(Answer::price("5.1")).await,
    );
    let mut config = config(&[&other, &third]);
    config.source.insert(0, FeedSource::oracle(chain.url().replace("/price", "")));
    let feed = Feed::start(&config).unwrap();
    feed.refresh().await;
    assert_eq!(value(&feed), "0.52", "the median of three");
}
