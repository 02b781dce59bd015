//! Load beyond the limits, and deadlines that cannot be met.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use crate::slow;

use std::fs;
use std::time::Duration;

use crate::common::{HANG, ORDER, Running, outcome, quote, request};
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::quote_stream_response::Outcome;
use pricing_proto::bidprice::v1::{QuoteRequest, StatusRequest};
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Request};

/// The price of a bid, or the code and message of a refusal.
type Answer = Result<String, (Code, String)>;

const MS: Duration = Duration::from_millis(1);

/// Starts a service whose plugin takes some time for each order.
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

/// Prices an order with this `grpc-timeout`. The client's own timer does not apply.
async fn ask_within(mut client: PricingClient<Channel>, time: impl AsRef<str>) -> Answer {
    let mut asked = Request::new(request(ORDER));
    asked.metadata_mut().insert("grpc-timeout", time.as_ref().parse().unwrap());
    match client.quote(asked).await {
        Ok(answer) => Ok(outcome(answer.into_inner().quotes.first().unwrap())),
        Err(status) => Err((status.code(), status.message().to_owned())),
    }
}

/// Prices an order with as much time as the service allows.
async fn ask(client: PricingClient<Channel>) -> Answer {
    ask_within(client, "1H").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_exceeds_the_queue_is_refused_and_the_rest_is_answered() {
    let running = slow("concurrency = 1\nqueue = 2", TENTH * 3).await;
    let client = running.client().await;
    let mut calls = JoinSet::new();
    for _ in 0..3 {
        calls.spawn(ask(client.clone()));
    }
    running.until_load(|load| load.taken == 3).await;
    for _ in 0..17 {
        calls.spawn(ask(client.clone()));
    }
    let answers = calls.join_all().await;
    let bids = answers.iter().filter(|answer| answer.as_deref() == Ok(slow::BID)).count();
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(bids >= 3, "{answers:?}");
    assert!(!refused.is_empty());
    for (code, message) in refused {
        assert_eq!(*code, Code::ResourceExhausted);
        assert_eq!(message, "2 orders wait already, which is `limits.queue`; try again later");
    }
    assert_eq!(ask(client).await, Ok(slow::BID.to_owned()));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_answered_in_time_is_refused_before_it_waits() {
    let running = slow("concurrency = 1\nqueue = 1000", TENTH * 5).await;
    let client = running.client().await;
    // This teaches the service how long an order takes.
    ask(client.clone()).await.unwrap();
    let is_refused = |answer: &Answer| matches!(answer, Err((Code::ResourceExhausted, text)) if text.contains("twice that must be left"));
    // Calls that are late, or that find a free slot, get other answers. On a busy machine that may be all of them.
    let until_refused = async {
        loop {
            let taken = running.load().taken;
            let first = tokio::spawn(ask(client.clone()));
            running.until_load(|load| load.taken > taken).await;
            // Each call allows the time of one order, although another is ahead of it. There are more calls than could
            // be priced in that time.
            let time = format!("{}u", running.load().mean.as_micros());
            let calls: JoinSet<_> = (0..100).map(|_| ask_within(client.clone(), time.clone())).collect();
            let answers = calls.join_all().await;
            assert_eq!(first.await.unwrap(), Ok(slow::BID.to_owned()));
            if answers.iter().any(is_refused) {
                break;
            }
        }
    };
    tokio::time::timeout(HANG, until_refused).await.unwrap();
    assert_eq!(ask(client).await, Ok(slow::BID.to_owned()));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_of_nothing_is_exceeded_at_once() {
    let running = slow("concurrency = 1", TENTH).await;
    let (code, message) = ask_within(running.client().await, "0m").await.unwrap_err();
    // Either the service or the client reports it first. The client reports `CANCELLED`.
    assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled), "{code:?} {message}");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_is_answered_while_the_plugin_still_works() {
    let running = slow("concurrency = 1", TENTH * 5).await;
    let answer = running.client().await.quote(with_timeout(50 * MS)).await;
    let code = answer.unwrap_err().code();
    assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled), "{code:?}");
    // The service itself still answers.
    running.client().await.status(StatusRequest {}).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_cancelled_free_their_place_in_the_queue() {
    let running = slow("concurrency = 1\nqueue = 4", TENTH * 3).await;
    let client = running.client().await;
    let first = tokio::spawn(ask(client.clone()));
    running.until_load(|load| load.taken == 1).await;
    for round in 1..=10 {
        let mut waiting = JoinSet::new();
        for _ in 0..4 {
            waiting.spawn(ask(client.clone()));
        }
        // All four have a slot, so those of the previous round are free again.
        running.until_load(|load| load.taken == 1 + 4 * round).await;
        waiting.shutdown().await;
        running.until_load(|load| load.waiting == 0).await;
    }
    assert_eq!(ask(client).await, Ok(slow::BID.to_owned()));
    assert_eq!(first.await.unwrap(), Ok(slow::BID.to_owned()));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_kept() {
    let running = Running::start("[limits]\nrate = 1\n").await;
    let client = running.client().await;
    let mut calls = JoinSet::new();
    // All of them arrive together: no machine takes a second for each.
    for _ in 0..100 {
        calls.spawn(ask(client.clone()));
    }
    let refused: Vec<_> = calls.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(!refused.is_empty());
    for (code, message) in refused {
        assert_eq!(code, Code::ResourceExhausted);
        assert_eq!(message, "more than 1 order a second is requested, which is `limits.rate`; try again later");
    }
    running.stop().await.unwrap();
}

/// Returns the order, identified by its number of threads.
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
    // Pricing an order takes much longer than sending another.
    let running = slow("concurrency = 1", TENTH / 2).await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let requests = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let mut client = running.client().await;
    let answers = tokio::spawn(async move { client.quote_stream(requests).await });
    // The request is large, so that the buffers in between hold only a few.
    let large = request(&format!("{ORDER}{}", " ".repeat(1 << 18)));
    for sent in 1..=60_u64 {
        tokio::time::timeout(HANG, sender.send(large.clone())).await.unwrap().unwrap();
        let taken = running.load().taken;
        assert!(sent < taken + 40, "{sent} sent, {taken} taken");
    }
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
    let running = slow("concurrency = 1\ndrain = \"10m\"", TENTH * 3).await;
    let mut client = running.client().await;
    let call = tokio::spawn(ask(client.clone()));
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    sender.send(request(ORDER)).await.unwrap();
    let stream = client.quote_stream(tokio_stream::wrappers::ReceiverStream::new(receiver)).await;
    let mut stream = stream.unwrap().into_inner();
    running.until_load(|load| load.taken == 2).await;
    let socket = running.socket();
    running.stop().await.unwrap();
    assert_eq!(call.await.unwrap(), Ok(slow::BID.to_owned()));
    // The stream's one request is answered. The status at its end says that requests may be unanswered.
    assert!(matches!(stream.message().await.unwrap().unwrap().outcome, Some(Outcome::Response(_))));
    assert_eq!(stream.message().await.unwrap_err().code(), Code::Unavailable);
    assert!(!socket.exists());
    assert!(quote(&mut client, ORDER).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_do_not_end_are_cut_off_after_the_drain() {
    let running = slow("concurrency = 1\ndrain = \"1ms\"", TENTH * 10).await;
    let call = tokio::spawn(ask(running.client().await));
    running.until_load(|load| load.taken == 1).await;
    running.stop().await.unwrap();
    let (code, _) = call.await.unwrap().unwrap_err();
    assert_ne!(code, Code::Ok);
}
