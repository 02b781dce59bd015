//! Follows a peer's stream of snapshots.
//!
//! A healthy peer sends its state at once when the stream is opened, and again when something changes; in between it
//! may be silent for long. A stream that is silent for `silence` is therefore opened anew: a healthy peer shows that
//! nothing changed, and the snapshot is fresh again; of a frozen one the snapshot grows old.

use std::time::{Duration, Instant};

use prost::bytes::Bytes;
use tokio::time::{sleep, timeout, timeout_at};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

use super::super::accepted::{MAX_BYTES, Refusal};
use super::super::backoff::Backoff;
use super::super::plan::{Pace, Peer, Service};
use super::super::wire::{Dialect, Raw};
use super::SnapshotSink;
use super::connect::chain;

const STREAM_CLUSTER: &str = "/akash.inventory.v1.ClusterRPC/StreamCluster";
const STREAM_STATUS: &str = "/akash.provider.v1.ProviderRPC/StreamStatus";
const GET_STATUS: &str = "/akash.provider.v1.ProviderRPC/GetStatus";

/// Why a session ended.
#[derive(Debug)]
enum End {
    /// The stream was silent; nothing is wrong.
    Silent,
    /// The peer is not heard.
    Lost(String),
    /// The peer sent what is too large to be read.
    TooLarge(String),
    /// The peer has no such method, in its words.
    Unimplemented(String),
}

/// Follows a peer.
#[derive(Debug)]
pub(super) struct Follower {
    peer: Peer,
    silence: Duration,
    pace: Pace,
    sink: SnapshotSink,
    /// Since when this session is good.
    good_since: Option<Instant>,
    /// Before this no other snapshot is looked at.
    due: Instant,
}

impl Follower {
    pub(super) fn new(peer: Peer, silence: Duration, pace: Pace, sink: SnapshotSink) -> Self {
        Self { peer, silence, pace, sink, good_since: None, due: Instant::now() }
    }

    /// Follows the peer until this is dropped.
    pub(super) async fn follow(mut self) {
        let Pace { backoff, backoff_most, healthy, .. } = self.pace;
        let mut backoff = Backoff::new(backoff, backoff_most, healthy);
        loop {
            self.good_since = None;
            let end = self.session().await;
            match end {
                // What was silent until now may be opened at once.
                End::Silent => continue,
                End::Lost(why) => self.sink.lost(&why),
                End::TooLarge(what) => {
                    self.sink.take(Err(Refusal::TooLarge(what)), Duration::ZERO);
                }
                End::Unimplemented(what) => self.sink.lost(&format!("{what}; is this the right port?")),
            }
            let was_good = self.good_since.map(|since| since.elapsed());
            sleep(backoff.wait(was_good, random())).await;
        }
    }

    /// One connection and what comes over it.
    async fn session(&mut self) -> End {
        let channel = match self.peer.connect(self.pace.connect).await {
            Ok(channel) => channel,
            Err(why) => return End::Lost(why),
        };
        let mut client = Grpc::new(channel).max_decoding_message_size(MAX_BYTES);
        let (path, dialect) = match self.peer.service {
            Service::Operator => (STREAM_CLUSTER, Dialect::Cluster),
            Service::Provider => (STREAM_STATUS, Dialect::Status),
        };
        match self.stream(&mut client, path, dialect).await {
            End::Unimplemented(_) if self.peer.service == Service::Provider => self.poll(&mut client).await,
            end => end,
        }
    }

    async fn stream(&mut self, client: &mut Grpc<Channel>, path: &'static str, dialect: Dialect) -> End {
        let first = self.pace.first;
        let open = async {
            ready(client).await?;
            let opened = client.server_streaming(Request::new(()), PathAndQuery::from_static(path), Raw).await;
            let mut stream = opened.map_err(|status| ended(&status))?.into_inner();
            let message = stream.message().await.map_err(|status| ended(&status))?;
            Ok((stream, message))
        };
        let (mut stream, mut next) = match timeout(first, open).await {
            Err(_) => {
                return End::Lost(format!("it sent nothing within {}", humantime::format_duration(first)));
            }
            Ok(Err(end)) => return end,
            Ok(Ok(opened)) => opened,
        };
        self.sink.opened();
        loop {
            let Some(message) = next else { return End::Lost("it ended the stream".to_owned()) };
            let (message, end) = self.latest(&mut stream, message).await;
            self.hand_over(dialect, message).await;
            if let Some(end) = end {
                return end;
            }
            next = match timeout(self.silence, stream.message()).await {
                Err(_) => return End::Silent,
                Ok(Err(status)) => return ended(&status),
                Ok(Ok(message)) => message,
            };
        }
    }

    /// The last message that comes before another one is due, and how the stream ended if it did.
    async fn latest(&self, stream: &mut Streaming<Bytes>, mut message: Bytes) -> (Bytes, Option<End>) {
        while let Ok(next) = timeout_at(self.due.into(), stream.message()).await {
            match next {
                Ok(Some(newer)) => message = newer,
                Ok(None) => return (message, Some(End::Lost("it ended the stream".to_owned()))),
                Err(status) => return (message, Some(ended(&status))),
            }
        }
        (message, None)
    }

    async fn hand_over(&mut self, dialect: Dialect, message: Bytes) {
        let snapshot = self.sink.accept(move || dialect.text(message)).await;
        let good = self.sink.take(snapshot, Duration::ZERO);
        let now = Instant::now();
        self.due = now.checked_add(self.pace.gap).unwrap_or(now);
        self.good_since = if good { self.good_since.or(Some(now)) } else { None };
    }

    /// Asks again and again a provider that has no stream.
    async fn poll(&mut self, client: &mut Grpc<Channel>) -> End {
        let first = self.pace.first;
        let mut opened = false;
        loop {
            let request = async {
                ready(client).await?;
                let answer = client.unary(Request::new(()), PathAndQuery::from_static(GET_STATUS), Raw).await;
                answer.map_err(|status| ended(&status))
            };
            let message = match timeout(first, request).await {
                Err(_) => return End::Lost(format!("no status within {}", humantime::format_duration(first))),
                Ok(Err(end)) => return end,
                Ok(Ok(answer)) => answer.into_inner(),
            };
            if !opened {
                self.sink.opened();
                opened = true;
            }
            self.hand_over(Dialect::Status, message).await;
            sleep(self.pace.poll.min(self.silence)).await;
        }
    }
}

async fn ready(client: &mut Grpc<Channel>) -> Result<(), End> {
    client.ready().await.map_err(|error| End::Lost(chain(&error)))
}

/// What a status says of a stream that ended.
fn ended(status: &Status) -> End {
    let text = chain(status);
    match status.code() {
        Code::Unimplemented => End::Unimplemented(text),
        // Made on this side, by the limit on messages.
        Code::OutOfRange | Code::ResourceExhausted if status.message().contains("too large") => {
            End::TooLarge(status.message().to_owned())
        }
        _ => End::Lost(text),
    }
}

/// Any number.
fn random() -> u64 {
    let mut bytes = [0; 8];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::NONBLOCK);
    // Without random numbers the waits are as long as they can be.
    filled.map_or(999_999_999, |_| u64::from_le_bytes(bytes))
}
