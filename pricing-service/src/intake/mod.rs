//! What is let in before it is read, over all services and connections: calls, streams, and bytes of requests.
//!
//! A call gets its place from its head alone. Calls that price one order have theirs from the [gate](super::gate), which
//! knows what is being priced and what waits; everything else has its place here. What is refused was not read, and gets
//! neither a task nor a buffer.

mod buffers;
mod streams;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::gate::{self, Gate, Payer, Refused};
use pricing_engine::config::Limits;

use buffers::Buffers;
pub(super) use buffers::Held;
use streams::Streams;
pub(super) use streams::{Seat, Work};

/// Calls open at once that price nothing and are answered at once: operators and probes are few.
const BRIEF: usize = 64;

/// How long a reload may take: there may be a large plugin to compile.
const RELOAD: Duration = Duration::from_secs(600);

/// How long a reflection stream may be silent. Tools ask and go.
const REFLECTION: Duration = Duration::from_secs(60);

/// What a call is to those who give it a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Prices one order.
    Priced,
    /// Is answered at once. So is what there is not.
    Brief,
    /// Reads the configuration again.
    Reload,
    /// A stream, which lasts for as long as its caller likes.
    Stream,
    /// A stream of a tool that looks around.
    Reflection,
}

impl Kind {
    /// The kind of the call of a path.
    pub(super) fn of(path: &str) -> Self {
        match path {
            "/bidprice.v1.Pricing/Quote"
            | "/bidprice.v1.Pricing/Screen"
            | "/akash.provider.v1.ProviderRPC/BidScreening" => Self::Priced,
            "/bidprice.v1.Pricing/QuoteStream" | "/grpc.health.v1.Health/Watch" => Self::Stream,
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
            | "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" => Self::Reflection,
            "/bidprice.v1.Pricing/Reload" => Self::Reload,
            _ => Self::Brief,
        }
    }

    /// Whether it lasts for as long as its caller likes.
    pub(super) fn lasts(self) -> bool {
        matches!(self, Self::Stream | Self::Reflection)
    }

    /// How long its answer may take at most. Of a stream, that is the time until it begins.
    pub(super) fn longest(self, limits: &Limits) -> Duration {
        if self == Self::Reload { RELOAD } else { limits.deadline.get() }
    }

    /// How long it may be silent.
    pub(super) fn silence(self) -> Option<Duration> {
        (self == Self::Reflection).then_some(REFLECTION)
    }
}

/// Gives calls their places.
#[derive(Debug, Default)]
pub(super) struct Intake {
    brief: Arc<AtomicUsize>,
    streams: Arc<Streams>,
    buffers: Arc<Buffers>,
    refused: AtomicU64,
}

/// How much was let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Streams that are open.
    pub(super) streams: usize,
    /// Streams that were refused.
    pub(super) streams_refused: u64,
    /// Idle streams that were ended to make room.
    pub(super) streams_evicted: u64,
    /// Bytes of requests beyond what every call may have.
    pub(super) bytes: usize,
    /// Requests for which there was no room.
    pub(super) bytes_refused: u64,
    /// Other calls that were refused.
    pub(super) refused: u64,
}

/// A call that was let in. Dropped, its place and its bytes are free again.
#[derive(Debug)]
pub(super) struct Pass {
    place: Place,
    bytes: Arc<Held>,
}

#[derive(Debug)]
enum Place {
    Priced(Arc<gate::Call>),
    Brief { _call: Counted },
    Stream(streams::Place),
}

impl Intake {
    /// Lets a call in, or refuses it, by its head alone.
    pub(super) fn admit(
        &self,
        gate: &Gate,
        limits: &Limits,
        kind: Kind,
        deadline: Instant,
        payer: Payer,
        connection: u64,
    ) -> Result<Pass, Refused> {
        let place = match kind {
            Kind::Priced => Place::Priced(Arc::new(gate.enter(limits, deadline, payer)?)),
            Kind::Brief | Kind::Reload => Place::Brief { _call: self.brief()? },
            Kind::Stream | Kind::Reflection => {
                Place::Stream(self.streams.place(connection, limits.streams, Instant::now())?)
            }
        };
        Ok(Pass { place, bytes: Arc::new(self.hold(limits)) })
    }

    fn brief(&self) -> Result<Counted, Refused> {
        let call = Counted::new(&self.brief);
        if self.brief.load(Ordering::Relaxed) > BRIEF {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Refused::Calls { calls: BRIEF });
        }
        Ok(call)
    }

    /// Room for the bytes of a request; none is taken yet.
    pub(super) fn hold(&self, limits: &Limits) -> Held {
        Held::new(&self.buffers, limits.buffered_bytes)
    }

    /// How much was let in.
    pub(super) fn count(&self) -> Count {
        let streams = self.streams.count();
        let (bytes, bytes_refused) = self.buffers.count();
        Count {
            streams: streams.open,
            streams_refused: streams.refused,
            streams_evicted: streams.evicted,
            bytes,
            bytes_refused,
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

impl Pass {
    /// The bytes of its request.
    pub(super) fn bytes(&self) -> &Arc<Held> {
        &self.bytes
    }

    /// What is known of it, where it is a stream.
    pub(super) fn seat(&self) -> Option<&Arc<Seat>> {
        match &self.place {
            Place::Stream(place) => Some(place.seat()),
            Place::Priced(_) | Place::Brief { .. } => None,
        }
    }

    /// Its place, where it prices one order.
    pub(super) fn call(&self) -> Option<&Arc<gate::Call>> {
        match &self.place {
            Place::Priced(call) => Some(call),
            Place::Stream(_) | Place::Brief { .. } => None,
        }
    }
}

/// One of a number of things.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(number: &Arc<AtomicUsize>) -> Self {
        number.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(number))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pricing_proto::akash::provider::v1::provider_rpc_server;
    use pricing_proto::bidprice::v1::pricing_server;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn calls_that_price_nothing_are_bounded_and_others_go_on() {
        let (intake, limits) = (Intake::default(), Limits::default());
        let gate = Gate::new(&limits);
        let admit = |kind| intake.admit(&gate, &limits, kind, soon(), Payer::default(), 0);
        let mut passes: Vec<Pass> = (0..BRIEF).map(|_| admit(Kind::Brief).unwrap()).collect();
        assert_eq!(admit(Kind::Reload).unwrap_err(), Refused::Calls { calls: BRIEF });
        admit(Kind::Priced).unwrap();
        admit(Kind::Stream).unwrap();
        passes.pop();
        admit(Kind::Brief).unwrap();
        drop(passes);
        assert_eq!(intake.count(), Count { refused: 1, ..Count::default() });
    }

    #[test]
    fn the_paths_are_those_of_the_services() {
        let pricing = |name: &str| Kind::of(&format!("/{}/{name}", pricing_server::SERVICE_NAME));
        assert_eq!(pricing("Quote"), Kind::Priced);
        assert_eq!(pricing("Screen"), Kind::Priced);
        assert_eq!(pricing("QuoteStream"), Kind::Stream);
        assert_eq!(pricing("Status"), Kind::Brief);
        assert_eq!(pricing("Reload"), Kind::Reload);
        let provider = |name: &str| Kind::of(&format!("/{}/{name}", provider_rpc_server::SERVICE_NAME));
        assert_eq!(provider("BidScreening"), Kind::Priced);
        let health = tonic_health::pb::health_server::SERVICE_NAME;
        assert_eq!(Kind::of(&format!("/{health}/Watch")), Kind::Stream);
        assert_eq!(Kind::of(&format!("/{health}/Check")), Kind::Brief);
        for reflection in [
            tonic_reflection::pb::v1::server_reflection_server::SERVICE_NAME,
            tonic_reflection::pb::v1alpha::server_reflection_server::SERVICE_NAME,
        ] {
            assert_eq!(Kind::of(&format!("/{reflection}/ServerReflectionInfo")), Kind::Reflection);
        }
    }
}
