//! The client with services that answer, and with peers that do not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use pricing_client::messages::{
    Decision, Order, QuoteRequest, ReleaseRequest, ScreenRequest, order::Form, quote_stream_response::Outcome,
};
use pricing_client::{AddressError, CallError, Client, quote_once};
use tonic::{Code, Status};

use crate::fake::{Fake, bid, no_bid, peer, swallow};

/// The deadline for a service that answers.
const PATIENT: Duration = Duration::from_secs(3600);
/// The deadline for one that never answers.
const BRIEF: Duration = Duration::from_millis(300);

fn request() -> QuoteRequest {
    let order = Order { form: Some(Form::Text("{}".to_owned())) };
    QuoteRequest { order: Some(order), owner: "akash1owner".to_owned(), ..QuoteRequest::default() }
}

/// Returns the error of a quote. Both ways to ask must agree on whether the service answered.
async fn quote_fails(socket: &std::path::Path, deadline: Duration) -> CallError {
    let error = Client::unix(socket).with_deadline(deadline).quote(request()).await.unwrap_err();
    let once = quote_once(socket, deadline, request()).await.unwrap_err();
    assert_eq!(once.is_silence(), error.is_silence(), "{once:?} and {error:?}");
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_comes_back() {
    let fake = tokio::task::spawn_blocking(|| Fake::answers(|_| Ok(bid("uact", "1.5")))).await.unwrap();
    let client = Client::unix(&fake.socket).with_deadline(PATIENT);
    let answer = client.quote(request()).await.unwrap();
    assert_eq!(answer.quotes[0].price.as_ref().unwrap().amount, "1.5");
    client.screen(ScreenRequest::default()).await.unwrap();
    assert!(client.release(ReleaseRequest::default()).await.unwrap().released);
    assert_eq!(client.status().await.unwrap().version, "1.2.3");
    let refused = client.reload().await.unwrap_err();
    let expected = CallError::Failed { code: Code::FailedPrecondition, message: "rates.toml: no such file".to_owned() };
    assert_eq!(refused, expected);
    assert!(!refused.is_silence());
    let orders = ["a", "b", "c"].map(|owner| QuoteRequest { owner: owner.to_owned(), ..request() });
    let mut answers = client.quote_stream(tokio_stream::iter(orders)).await.unwrap();
    let mut groups = Vec::new();
    while let Some(answer) = answers.next().await.unwrap() {
        let Some(Outcome::Response(response)) = answer.outcome else { panic!("no answer") };
        groups.push(response.quotes[0].group.clone());
    }
    assert_eq!(groups, ["a", "b", "c"]);
    tokio::task::spawn_blocking(move || drop(fake)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deadline_is_sent_along_and_kept_here() {
    let mut deadline = BRIEF;
    // The deadline grows until both calls reach the service within it.
    let asked = loop {
        let fake = tokio::task::spawn_blocking(|| Fake::late(PATIENT)).await.unwrap();
        assert_eq!(quote_fails(&fake.socket, deadline).await, CallError::Deadline { after: deadline });
        let asked = fake.asked.lock().unwrap().clone();
        tokio::task::spawn_blocking(move || drop(fake)).await.unwrap();
        assert!(asked.len() <= 2, "nothing is tried twice");
        if asked.len() == 2 {
            break asked;
        }
        deadline *= 4;
    };
    for (_, sent) in asked {
        assert_eq!(sent, Some(format!("{}u", deadline.as_micros())));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_tell_silence_from_answers() {
    let cases: [(Status, bool, &str); 6] = [
        (Status::resource_exhausted("64 orders wait"), true, "the service is overloaded: 64 orders wait"),
        (Status::unavailable("it is stopping"), true, "the service cannot be reached: it is stopping"),
        (Status::deadline_exceeded(""), true, "the service did not answer within 3600s"),
        (Status::unimplemented(""), true, "the answer is not that of a bidprice service: "),
        (Status::invalid_argument("at `cpu`: no"), false, "the order is refused: at `cpu`: no"),
        (Status::internal("broken"), false, "the service answered Internal: broken"),
    ];
    for (status, silence, message) in cases {
        let fake = tokio::task::spawn_blocking(|| Fake::answers(move |_| Err(status.clone()))).await.unwrap();
        let error = quote_fails(&fake.socket, PATIENT).await;
        assert_eq!((error.to_string().as_str(), error.is_silence()), (message, silence));
        tokio::task::spawn_blocking(move || drop(fake)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_no_service_is_silence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let long = folder.path().join("x".repeat(300));
    for socket in [folder.path().join("absent"), file, long, folder.path().to_owned()] {
        let error = quote_fails(&socket, PATIENT).await;
        assert!(matches!(error, CallError::Unreachable { .. }), "{}: {error}", socket.display());
    }
    let peers = [
        ("silent", peer(|stream| swallow(&stream))),
        ("gone", peer(drop)),
        ("http", peer(|mut stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap_or_default())),
        ("noise", peer(|mut stream| while stream.write_all(&[0x5a; 4096]).is_ok() {})),
        (
            "drip",
            peer(|mut stream| {
                for byte in *b"\0\0\x06\x04\0\0\0\0\0\0\0\0\0\0\0" {
                    let _ = stream.write_all(&[byte]);
                    thread::sleep(Duration::from_secs(1));
                }
            }),
        ),
    ];
    for (name, (_folder, socket)) in &peers {
        let error = quote_fails(socket, BRIEF).await;
        assert!(error.is_silence(), "{name}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_no_message_is_garbled() {
    for body in [&b"\0\0\0\0\x02\xff\xff"[..], b"\0\0\0\0\x02\xff", b"\x07\0\0\0\x01\0", b"\0\xff\xff\xff\xff", b""] {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        let answer = move || async move { ([(CONTENT_TYPE, "application/grpc")], body) };
        let server = Router::new().route("/bidprice.v1.Pricing/Quote", post(answer));
        let serving = tokio::spawn(async move { axum::serve(listener, server).await });
        let error = quote_fails(&socket, PATIENT).await;
        assert!(matches!(error, CallError::Garbled { .. }), "{body:?}: {error:?}");
        serving.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_outlives_the_services_restart() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let client = Client::unix(&socket).with_deadline(PATIENT);
    assert!(client.quote(request()).await.unwrap_err().is_silence());
    for _ in 0..2 {
        let fake = tokio::task::spawn_blocking(|| Fake::answers(|_| Ok(no_bid(Decision::Fault, "trap", "x"))));
        let fake = fake.await.unwrap();
        let _ = std::fs::remove_file(&socket);
        std::os::unix::fs::symlink(&fake.socket, &socket).unwrap();
        let answered = client.quote(request()).await;
        // The broken connection may be noticed only by this call. Then the next call opens a new one.
        let answered = if answered.is_ok() { answered } else { client.quote(request()).await };
        assert_eq!(answered.unwrap().quotes[0].decision(), Decision::Fault);
        tokio::task::spawn_blocking(move || drop(fake)).await.unwrap();
    }
}

#[test]
fn addresses_are_looked_at_first() {
    let scheme = |address: &str| Client::tcp(address).unwrap_err();
    assert!(matches!(scheme("https://localhost:1"), AddressError::Scheme { .. }));
    assert!(matches!(scheme("localhost"), AddressError::Scheme { .. }));
    assert!(matches!(scheme("http://a b"), AddressError::Malformed { .. }));
}
