//! Follows a peer's stream of snapshots.
//!
//! A healthy peer sends its state when the stream is opened, and again whenever something changes. In between it may be
//! silent for long. A stream that has been silent for `silence` is therefore reopened: a healthy peer sends its state
//! again, so that the snapshot is fresh. A peer that hangs sends nothing, and the snapshot grows old.

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
    /// The stream was silent for too long. This is not an error.
    Silent,
    /// The peer is not reachable.
    Lost(String),
    /// The peer sent a message that is too large.
    TooLarge(String),
    /// The peer does not implement the method, with its message.
    Unimplemented(String),
}

/// Follows a peer.
#[derive(Debug)]
pub(super) struct Follower {
    peer: Peer,
    silence: Duration,
    pace: Pace,
    sink: SnapshotSink,
    /// When the current series of accepted snapshots began.
    good_since: Option<Instant>,
    /// The next snapshot is not read before this moment.
    due: Instant,
}

impl Follower {
    pub(super) fn new(peer: Peer, silence: Duration, pace: Pace, sink: SnapshotSink) -> Self {
        Self { peer, silence, pace, sink, good_since: None, due: Instant::now() }
    }

    /// Follows the peer until the future is dropped.
    pub(super) async fn follow(mut self) {
        let Pace { backoff, backoff_most, healthy, .. } = self.pace;
        let mut backoff = Backoff::new(backoff, backoff_most, healthy);
        loop {
            self.good_since = None;
            let end = self.session().await;
            match end {
                // A stream that was only silent is reopened without a wait.
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

    /// Makes one connection, and follows it until it ends. A provider without `StreamStatus` is polled over the same
    /// connection.
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

    /// Opens the stream, and hands over its snapshots until it ends. Opening includes the first message: a peer that
    /// accepts the call and sends nothing is not healthy.
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

    /// Returns the last message that arrives before the next snapshot is due, and how the stream ended if it did.
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

    /// Reports a snapshot, whose age is 0. A refused one ends the series of accepted ones, so that the next wait does
    /// not start from the first bound.
    async fn hand_over(&mut self, dialect: Dialect, message: Bytes) {
        let snapshot = self.sink.accept(move || dialect.text(message)).await;
        let good = self.sink.take(snapshot, Duration::ZERO);
        let now = Instant::now();
        self.due = now.checked_add(self.pace.gap).unwrap_or(now);
        self.good_since = if good { self.good_since.or(Some(now)) } else { None };
    }

    /// Polls a provider that has no stream.
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

/// Converts the status of a stream that ended.
fn ended(status: &Status) -> End {
    let text = chain(status);
    match status.code() {
        Code::Unimplemented => End::Unimplemented(text),
        // This status comes from the decoder on this side, which limits the size of a message.
        Code::OutOfRange | Code::ResourceExhausted if status.message().contains("too large") => {
            End::TooLarge(status.message().to_owned())
        }
        _ => End::Lost(text),
    }
}

/// Returns a random number.
fn random() -> u64 {
    let mut bytes = [0; 8];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::NONBLOCK);
    // Without random numbers the waits are as long as possible.
    filled.map_or(999_999_999, |_| u64::from_le_bytes(bytes))
}
