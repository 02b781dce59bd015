//! More is asked than can be answered, or longer than may be waited.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use crate::slow;

use std::fs;
use std::time::{Duration, Instant};

use crate::common::{ORDER, Running, outcome, quote, request};
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::quote_stream_response::Outcome;
use pricing_proto::bidprice::v1::{QuoteRequest, StatusRequest};
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Request};

/// A bid, or the code and message of a refusal.
type Answer = Result<String, (Code, String)>;

const MS: Duration = Duration::from_millis(1);

/// A service whose plugin takes some time for each order.
async fn slow(limits: &str, counts: u32) -> Running {
    let plugin = slow::plugin(counts);
    let put = move |folder: &std::path::Path| fs::write(folder.join("slow.wasm"), plugin).unwrap();
    Running::start_beside(&slow::config(limits), put).await
}

/// About a tenth of a second.
const TENTH: u32 = 50_000_000;

fn with_timeout(time: Duration) -> Request<QuoteRequest> {
    let mut asked = Request::new(request(ORDER));
    asked.set_timeout(time);
    asked
}

/// Asks, whatever the client itself thinks of the time.
async fn ask(mut client: PricingClient<Channel>, time: &'static str) -> Answer {
    let mut asked = Request::new(request(ORDER));
    asked.metadata_mut().insert("grpc-timeout", time.parse().unwrap());
    match client.quote(asked).await {
        Ok(answer) => Ok(outcome(answer.into_inner().quotes.first().unwrap())),
        Err(status) => Err((status.code(), status.message().to_owned())),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_exceeds_the_queue_is_refused_and_the_rest_is_answered() {
    let running = slow("concurrency = 1\nqueue = 2\ndeadline = \"60s\"", TENTH).await;
    let client = running.client().await;
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        calls.spawn(ask(client.clone(), "60S"));
    }
    let answers = calls.join_all().await;
    let bids = answers.iter().filter(|answer| answer.as_deref() == Ok(slow::BID)).count();
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(bids >= 3, "{answers:?}");
    assert!(!refused.is_empty());
    for (code, message) in refused {
        assert_eq!(*code, Code::ResourceExhausted);
        assert_eq!(message, "2 orders wait already, which is `limits.queue`; ask again later");
    }
    assert_eq!(ask(client, "60S").await, Ok(slow::BID.to_owned()));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_answered_in_time_is_refused_before_it_waits() {
    let running = slow("concurrency = 1\nqueue = 1000\ndeadline = \"60s\"", TENTH).await;
    let client = running.client().await;
    // So that the service knows how long it takes.
    let start = Instant::now();
    for _ in 0..3 {
        ask(client.clone(), "60S").await.unwrap();
    }
    let each = start.elapsed() / 3;
    let time = format!("{}m", (each * 8).as_millis()).leak();
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        calls.spawn(ask(client.clone(), time));
    }
    let answers = calls.join_all().await;
    let count = |wanted: &dyn Fn(&Answer) -> bool| answers.iter().filter(|a| wanted(a)).count();
    let refused = count(&|answer| matches!(answer, Err((Code::ResourceExhausted, _))));
    let bids = count(&Result::is_ok);
    assert!(bids > 0 && refused > bids, "{answers:?}");
    assert!(
        count(&|a| matches!(a, Err((Code::ResourceExhausted, text)) if text.contains("until the order is priced"))) > 0
    );
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_of_nothing_is_exceeded_at_once() {
    let running = slow("concurrency = 1", TENTH).await;
    let (code, message) = ask(running.client().await, "0m").await.unwrap_err();
    // Whichever is first to say so: the service, or the client, which calls it cancelled.
    assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled), "{code:?} {message}");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_is_answered_while_the_plugin_still_works() {
    let running = slow("concurrency = 1", TENTH * 10).await;
    let answer = running.client().await.quote(with_timeout(50 * MS)).await;
    let code = answer.unwrap_err().code();
    assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled), "{code:?}");
    // The service itself is well.
    running.client().await.status(StatusRequest {}).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_cancelled_free_their_place_in_the_queue() {
    let running = slow("concurrency = 1\nqueue = 4\ndeadline = \"60s\"", TENTH * 3).await;
    let client = running.client().await;
    let first = tokio::spawn(ask(client.clone(), "60S"));
    tokio::time::sleep(30 * MS).await;
    for _ in 0..10 {
        let mut waiting = JoinSet::new();
        for _ in 0..4 {
            waiting.spawn(ask(client.clone(), "60S"));
        }
        tokio::time::sleep(10 * MS).await;
        waiting.shutdown().await;
    }
    tokio::time::sleep(50 * MS).await;
    assert_eq!(ask(client, "60S").await, Ok(slow::BID.to_owned()));
    assert_eq!(first.await.unwrap(), Ok(slow::BID.to_owned()));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_kept() {
    let running = Running::start("[limits]\nrate = 5").await;
    let client = running.client().await;
    let mut refused = 0;
    for _ in 0..12 {
        if let Err((code, message)) = ask(client.clone(), "60S").await {
            assert_eq!(code, Code::ResourceExhausted);
            assert_eq!(message, "more than 5 orders a second are asked, which is `limits.rate`; ask again later");
            refused += 1;
        }
    }
    assert!(refused > 0);
    running.stop().await.unwrap();
}

/// The order, named by how many threads it has.
fn numbered(cpu: u32) -> QuoteRequest {
    request(&ORDER.replace("2000", &format!("{}", cpu * 1000)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_answers_each_request_in_its_order_and_errors_among_them() {
    let running = Running::start(
        "[rates]\ncpu = \"429.909\"\nmemory = \"0\"\nendpoint = \"0\"\n[rates.storage]\nephemeral = \"0\"",
    )
    .await;
    let requests = (1..=100).map(|number| if number % 10 == 0 { request("nonsense") } else { numbered(number) });
    let requests = tokio_stream::iter(requests.collect::<Vec<_>>());
    let mut answers = running.client().await.quote_stream(requests).await.unwrap().into_inner();
    for number in 1..=100 {
        match answers.message().await.unwrap().unwrap().outcome.unwrap() {
            Outcome::Response(answer) => {
                assert_eq!(outcome(answer.quotes.first().unwrap()), format!("{number}000 uact"));
            }
            Outcome::Error(error) => assert_eq!((error.code, number % 10), (3, 0), "{}", error.message),
        }
    }
    assert!(answers.message().await.unwrap().is_none());
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_reads_no_more_than_it_can_answer() {
    // An order takes longer than the test.
    let running = slow("concurrency = 1\ndeadline = \"60s\"", TENTH * 50).await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let requests = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let mut client = running.client().await;
    let answers = tokio::spawn(async move { client.quote_stream(requests).await });
    // Large, so that the buffers on the way hold few of them.
    let large = request(&format!("{ORDER}{}", " ".repeat(1 << 20)));
    let mut sent = 0;
    while sent < 100 && tokio::time::timeout(1000 * MS, sender.send(large.clone())).await.is_ok_and(|s| s.is_ok()) {
        sent += 1;
    }
    assert!((1..50).contains(&sent), "{sent}");
    drop(answers.await.unwrap().unwrap());
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_ends_the_stream() {
    let running = Running::start("[limits]\nrequest_bytes = 10000").await;
    let requests = tokio_stream::iter([request(ORDER), request(&" ".repeat(20_000)), request(ORDER)]);
    let mut answers = running.client().await.quote_stream(requests).await.unwrap().into_inner();
    assert!(matches!(answers.message().await.unwrap().unwrap().outcome, Some(Outcome::Response(_))));
    let status = answers.message().await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
    assert!(status.message().contains("the limit is: 10000 bytes"), "{status}");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_flight_end_before_the_service_does() {
    let running = slow("concurrency = 1\ndeadline = \"60s\"", TENTH * 5).await;
    let mut client = running.client().await;
    let call = tokio::spawn(ask(client.clone(), "60S"));
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    sender.send(request(ORDER)).await.unwrap();
    let stream = client.quote_stream(tokio_stream::wrappers::ReceiverStream::new(receiver)).await;
    let mut stream = stream.unwrap().into_inner();
    tokio::time::sleep(300 * MS).await;
    let socket = running.socket();
    running.stop().await.unwrap();
    assert_eq!(call.await.unwrap(), Ok(slow::BID.to_owned()));
    // The stream's one request is answered, and its end says that there may have been more.
    assert!(matches!(stream.message().await.unwrap().unwrap().outcome, Some(Outcome::Response(_))));
    assert_eq!(stream.message().await.unwrap_err().code(), Code::Unavailable);
    assert!(!socket.exists());
    assert!(quote(&mut client, ORDER).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_do_not_end_are_cut_off_after_the_drain() {
    let running = slow("concurrency = 1\ndeadline = \"60s\"\ndrain = \"100ms\"", TENTH * 30).await;
    let call = tokio::spawn(ask(running.client().await, "60S"));
    tokio::time::sleep(200 * MS).await;
    running.stop().await.unwrap();
    let (code, _) = call.await.unwrap().unwrap_err();
    assert_ne!(code, Code::Ok);
}
