//! The drop-in with a service, and with everything else that may listen in its place.

#[expect(unreachable_pub, reason = "tests of two packages use it")]
#[path = "../../../pricing-client/tests/client/fake/mod.rs"]
mod fake;

use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Duration;

use pricing_proto::bidprice::v1::order::Form;
use pricing_proto::bidprice::v1::{Decision, Quote, QuoteResponse};
use tonic::Status;

use fake::{Fake, bid, no_bid, one, peer, swallow};

use crate::{Answer, NO_GPU, NO_GPU_UACT, prices, refuses, request, run};

/// The deadline for a service that answers: the longest that can be set.
const PATIENT: &str = "60s";
/// The deadline for one that never answers.
const BRIEF: &str = "300ms";

/// Runs the drop-in with this socket.
fn ask_within(deadline: &str, socket: &Path, more: &[(&str, &str)]) -> Answer {
    let mut env = vec![("BIDPRICE_SOCKET", socket.to_str().unwrap()), ("BIDPRICE_DEADLINE", deadline)];
    env.extend(more);
    run(request("uact", NO_GPU).as_bytes(), &env)
}

fn ask(socket: &Path, more: &[(&str, &str)]) -> Answer {
    ask_within(PATIENT, socket, more)
}

const LOCAL: (&str, &str) = ("BIDPRICE_FALLBACK", "local");

/// Expects that no answer came: no bid, or with the fallback the price that is computed without a socket.
fn is_silence(name: &str, deadline: &str, socket: &Path) {
    for fallback in [&[][..], &[("BIDPRICE_FALLBACK", "none")]] {
        let answer = ask_within(deadline, socket, fallback);
        assert_eq!((answer.exit, answer.stdout.as_str()), (Some(1), ""), "{name}");
        assert!(answer.stderr.contains("so there is no bid"), "{name}: {}", answer.stderr);
    }
    let answer = ask_within(deadline, socket, &[LOCAL]);
    assert_eq!((answer.exit, answer.stdout.as_str()), (Some(0), NO_GPU_UACT), "{name}: {}", answer.stderr);
    assert!(answer.stderr.contains("; pricing without it"), "{name}: {}", answer.stderr);
}

/// Expects that the service decided: no bid, with or without the fallback.
fn is_no_bid(socket: &Path, reason: &str) {
    for fallback in [&[][..], &[LOCAL]] {
        let answer = ask(socket, fallback);
        assert_eq!((answer.exit, answer.stdout.as_str()), (Some(1), ""), "{reason}: {}", answer.stderr);
        assert!(answer.stderr.contains(reason), "`{}` lacks `{reason}`", answer.stderr);
    }
}

#[test]
fn the_services_price_is_printed_as_it_came() {
    for amount in ["1.5", "0.000000000000000001", "501.500000", "7"] {
        let fake = Fake::answers(move |_| Ok(bid("uact", amount)));
        let answer = ask(&fake.socket, &[("AKASH_OWNER", "akash1owner"), LOCAL]);
        assert_eq!((answer.exit, answer.stdout.as_str(), answer.stderr.as_str()), (Some(0), amount, ""));
        let (asked, timeout) = fake.asked.lock().unwrap()[0].clone();
        assert_eq!(asked.order.unwrap().form, Some(Form::Text(request("uact", NO_GPU))));
        assert_eq!((asked.owner.as_str(), asked.already_reserved), ("akash1owner", true));
        assert_eq!(timeout.as_deref(), Some("60000000u"));
    }
}

#[test]
fn the_legacy_form_is_asked_in_uakt() {
    let fake = Fake::answers(|_| Ok(bid("uakt", "12")));
    let patient = ("BIDPRICE_DEADLINE", PATIENT);
    let socket = fake.socket.to_str().unwrap();
    prices("[]", &[("BIDPRICE_SOCKET", socket), patient], "12");
    let fake = Fake::answers(|_| Ok(bid("uact", "12")));
    let socket = fake.socket.to_str().unwrap();
    refuses("[]", &[("BIDPRICE_SOCKET", socket), patient], "`uact`");
}

#[test]
fn a_decline_and_a_fault_are_no_bid_and_never_a_local_price() {
    let fake = Fake::answers(|_| Ok(no_bid(Decision::Decline, "price-above-max", "too dear")));
    is_no_bid(&fake.socket, "price-above-max: too dear");
    let fake = Fake::answers(|_| Ok(no_bid(Decision::Fault, "inventory-unusable", "it is\n12m old")));
    is_no_bid(&fake.socket, "inventory-unusable: it is 12m old");
    let fake = Fake::answers(|_| Err(Status::invalid_argument("at `cpu`: no")));
    is_no_bid(&fake.socket, "the order is refused: at `cpu`: no");
    let fake = Fake::answers(|_| Err(Status::internal("it broke")));
    is_no_bid(&fake.socket, "it broke");
}

#[test]
fn an_answer_that_is_no_price_is_no_bid() {
    let quotes = || [bid("uact", "1").quotes, bid("uact", "2").quotes].concat();
    let two = || QuoteResponse { quotes: quotes(), ..QuoteResponse::default() };
    let cases: Vec<(QuoteResponse, &str)> = vec![
        (QuoteResponse::default(), "one quote"),
        (two(), "one quote"),
        (one(Quote::default()), "no decision"),
        (one(Quote { decision: 99, ..Quote::default() }), "no decision"),
        (one(Quote { decision: Decision::Bid.into(), ..Quote::default() }), "no price"),
        (bid("uakt", "1"), "`uakt`"),
        (bid("", "1"), "in ``"),
        (bid("uact", "0"), "not a price"),
        (bid("uact", "0.000"), "not a price"),
        (bid("uact", "-1"), "not a price"),
        (bid("uact", ""), "service's bid"),
        (bid("uact", "1e3"), "service's bid"),
        (bid("uact", " 1"), "service's bid"),
        (bid("uact", "1\n2"), "service's bid"),
        (bid("uact", "+1"), "service's bid"),
        (bid("uact", "NaN"), "service's bid"),
        (bid("uact", "1.0000000000000000000"), "not a price"),
        (bid("uact", &"9".repeat(400)), "service's bid"),
    ];
    for (answer, reason) in cases {
        let fake = Fake::answers(move |_| Ok(answer.clone()));
        is_no_bid(&fake.socket, reason);
    }
}

#[test]
fn whatever_is_no_service_does_as_the_fallback_says_and_never_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let abandoned = folder.path().join("abandoned");
    drop(std::os::unix::net::UnixListener::bind(&abandoned).unwrap());
    let datagrams = folder.path().join("datagrams");
    let _bound = std::os::unix::net::UnixDatagram::bind(&datagrams).unwrap();
    let absent = folder.path().join("absent");
    let long = folder.path().join("x".repeat(200));
    for path in [&absent, &abandoned, &file, &datagrams, &folder.path().to_owned(), &long] {
        is_silence(&path.display().to_string(), PATIENT, path);
    }
    let overloaded = Fake::answers(|_| Err(Status::resource_exhausted("64 orders wait")));
    is_silence("overloaded", PATIENT, &overloaded.socket);
    let stopping = Fake::answers(|_| Err(Status::unavailable("stopping")));
    is_silence("stopping", PATIENT, &stopping.socket);
    let other = Fake::answers(|_| Err(Status::unimplemented("")));
    is_silence("another service", PATIENT, &other.socket);
    let late = Fake::late(Duration::from_secs(3600));
    is_silence("late", BRIEF, &late.socket);
}

#[test]
fn a_peer_that_is_silent_drips_or_leaves_does_as_the_fallback_says_and_never_hangs() {
    let settings = *b"\0\0\0\x04\0\0\0\0\0";
    let peers = [
        ("silent", peer(|stream| swallow(&stream))),
        ("gone", peer(drop)),
        ("leaves halfway", peer(move |mut stream| stream.write_all(&settings[..5]).unwrap_or_default())),
        ("leaves after the greeting", peer(move |mut stream| stream.write_all(&settings).unwrap_or_default())),
        (
            "greets and is silent",
            peer(move |mut stream| {
                let _ = stream.write_all(&settings);
                swallow(&stream);
            }),
        ),
        ("noise", peer(|mut stream| while stream.write_all(&[0x5a; 4096]).is_ok() {})),
        ("pings without end", peer(move |mut stream| while stream.write_all(&[&settings[..]; 64].concat()).is_ok() {})),
        (
            "a byte a second",
            peer(move |mut stream| {
                for byte in settings {
                    let _ = stream.write_all(&[byte]);
                    thread::sleep(Duration::from_secs(1));
                }
            }),
        ),
    ];
    for (name, (_folder, socket)) in &peers {
        is_silence(name, BRIEF, socket);
    }
}

#[test]
fn overcommitted_amounts_are_restored_before_the_service_is_asked() {
    let fake = Fake::answers(|_| Ok(bid("uact", "1")));
    ask(&fake.socket, &[("BIDPRICE_COMMIT_CPU", "2")]);
    let (asked, _) = fake.asked.lock().unwrap()[0].clone();
    let Some(Form::Text(text)) = asked.order.unwrap().form else { unreachable!("the order is a text") };
    let sent: serde_json::Value = serde_json::from_str(&text).unwrap();
    let came: serde_json::Value = serde_json::from_str(&request("uact", NO_GPU)).unwrap();
    assert_eq!(sent["resources"][0]["cpu"], 2000);
    assert_eq!(sent["resources"][0]["memory"], came["resources"][0]["memory"]);
    assert_eq!(sent["price_precision"], came["price_precision"]);
}

#[test]
fn what_is_wrong_here_is_not_asked() {
    let fake = Fake::answers(|_| Ok(bid("uact", "1")));
    let socket = ("BIDPRICE_SOCKET", fake.socket.to_str().unwrap());
    refuses("{", &[socket], "EOF");
    refuses(&request("uact", NO_GPU), &[socket, ("WHITELIST_URL", "https://list.example")], "WHITELIST_URL");
    refuses(&request("uact", NO_GPU), &[socket, ("BIDPRICE_FALLBACK", "maybe")], "BIDPRICE_FALLBACK: ");
    for deadline in ["0s", "soon", "5", "61s", "-1s", "ms", "99999999999999999999s"] {
        refuses(&request("uact", NO_GPU), &[socket, ("BIDPRICE_DEADLINE", deadline)], "BIDPRICE_DEADLINE: ");
    }
    assert!(fake.asked.lock().unwrap().is_empty());
    // Without a socket no service is asked, but the other settings must still be valid.
    refuses(&request("uact", NO_GPU), &[("BIDPRICE_FALLBACK", "maybe")], "BIDPRICE_FALLBACK: ");
    prices(&request("uact", NO_GPU), &[LOCAL], NO_GPU_UACT);
}
