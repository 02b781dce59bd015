//! Admits calls before their requests are read, across all services and connections. It bounds calls, streams, and the
//! bytes of requests.
//!
//! [`Intake::admit`] needs only the head of a call. It returns a [`Pass`], which holds the call's slot and counts the
//! bytes of its request until it is dropped. A refused call gets neither a task nor a buffer, and its request is not
//! read.
//!
//! | kind of call | its slot |
//! |---|---|
//! | prices one order | from the [gate](super::gate), which knows what is being priced and what waits |
//! | stream | one of `limits.streams`; an idle stream may be evicted for it |
//! | anything else | one of [`BRIEF`] |

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

/// The most open calls that neither price nor stream. Operators and probes are few.
const BRIEF: usize = 64;

/// How long a reload may take. It may have to compile a large plugin.
const RELOAD: Duration = Duration::from_secs(600);

/// How long a reflection stream may be silent. Tools ask, and then leave.
const REFLECTION: Duration = Duration::from_secs(60);

/// The kind of a call, which decides how it is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Prices one order.
    Priced,
    /// Is answered at once. Unknown calls are, too.
    Brief,
    /// Reloads the configuration.
    Reload,
    /// A stream, which lasts for as long as its caller wants.
    Stream,
    /// A reflection stream, which a tool uses to discover the services.
    Reflection,
}

impl Kind {
    /// Returns the kind of the call with this path.
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

    /// Returns whether the call lasts for as long as its caller wants.
    pub(super) fn lasts(self) -> bool {
        matches!(self, Self::Stream | Self::Reflection)
    }

    /// Returns how long the answer may take at most. For a stream, this is the time until it begins.
    pub(super) fn longest(self, limits: &Limits) -> Duration {
        if self == Self::Reload { RELOAD } else { limits.deadline.get() }
    }

    /// Returns how long the call may be silent.
    pub(super) fn silence(self) -> Option<Duration> {
        (self == Self::Reflection).then_some(REFLECTION)
    }
}

/// Admits calls.
#[derive(Debug, Default)]
pub(super) struct Intake {
    brief: Arc<AtomicUsize>,
    streams: Arc<Streams>,
    buffers: Arc<Buffers>,
    refused: AtomicU64,
}

/// Counts of what was admitted and refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Open streams.
    pub(super) streams: usize,
    /// Refused streams.
    pub(super) streams_refused: u64,
    /// Idle streams that were ended to make room.
    pub(super) streams_evicted: u64,
    /// Bytes of requests beyond what every call may have.
    pub(super) bytes: usize,
    /// Requests whose bytes did not fit.
    pub(super) bytes_refused: u64,
    /// Other refused calls.
    pub(super) refused: u64,
}

/// An admitted call. Dropping it frees its slot and its bytes.
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
    /// Admits or refuses a call by its head alone.
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

    /// Returns a count for the bytes of a request, of which none are taken yet.
    pub(super) fn hold(&self, limits: &Limits) -> Held {
        Held::new(&self.buffers, limits.buffered_bytes)
    }

    /// Returns the counts of what was admitted and refused.
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
    /// Returns the count of the request's bytes.
    pub(super) fn bytes(&self) -> &Arc<Held> {
        &self.bytes
    }

    /// Returns the state of the stream, if the call is one.
    pub(super) fn seat(&self) -> Option<&Arc<Seat>> {
        match &self.place {
            Place::Stream(place) => Some(place.seat()),
            Place::Priced(_) | Place::Brief { .. } => None,
        }
    }

    /// Returns the slot at the gate, if the call prices one order.
    pub(super) fn call(&self) -> Option<&Arc<gate::Call>> {
        match &self.place {
            Place::Priced(call) => Some(call),
            Place::Stream(_) | Place::Brief { .. } => None,
        }
    }
}

/// One of a counted number of things.
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
