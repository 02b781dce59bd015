//! Calls at a service: as many at once as always, or so many a second whatever becomes of them.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pricing_proto::bidprice::v1::QuoteRequest;
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use tokio::runtime::{Handle, Runtime};
use tonic::transport::{Channel, Endpoint, Error};
use tonic::{Code, Request};

use crate::stats::Samples;

/// Connections; their streams are many.
const CONNECTIONS: usize = 4;

/// Clients of a service, which take turns.
#[derive(Clone, Debug)]
pub struct Clients {
    clients: Vec<PricingClient<Channel>>,
    request: QuoteRequest,
}

/// What became of calls.
#[derive(Clone, Debug, Default)]
pub struct Outcomes {
    /// Bids, from the intended moment of the call to the answer.
    pub bids: Samples,
    /// Answers without a bid.
    pub no_bids: usize,
    /// `RESOURCE_EXHAUSTED`.
    pub refused: Samples,
    /// `DEADLINE_EXCEEDED` as the service says it.
    pub missed: usize,
    /// Given up by the client itself.
    pub given_up: usize,
    /// Anything else.
    pub failed: usize,
    /// Why there was no bid or an error, and how often.
    pub why: BTreeMap<String, usize>,
    /// Bids that came after their deadline.
    pub late: usize,
}

impl Outcomes {
    fn because(&mut self, why: String) {
        *self.why.entry(why).or_default() += 1;
    }

    /// How many there were.
    #[must_use]
    pub fn all(&self) -> usize {
        let Self { bids, no_bids, refused, missed, given_up, failed, .. } = self;
        bids.count() + no_bids + refused.count() + missed + given_up + failed
    }

    /// How many in a hundred were bid on in time.
    #[must_use]
    pub fn success(&self) -> f64 {
        let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        100.0 * number(self.bids.count() - self.late) / number(self.all()).max(1.0)
    }

    /// What became of them, in a line.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { bids, no_bids, refused, missed, given_up, failed, late, .. } = self;
        let why: String = self.why.iter().map(|(why, times)| format!("\n    {times} times: {why}")).collect();
        format!(
            "{} bids ({late} late), {no_bids} no bids, {} refused, {missed} missed, {given_up} given up by the client, \
             {failed} failed{why}",
            bids.count(),
            refused.count()
        )
    }
}

impl Clients {
    /// Connects to a Unix socket, or to an address.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn connect(address: &Address<'_>, request: QuoteRequest) -> Result<Self, Error> {
        let uri = match address {
            Address::Unix(path) => format!("unix://{}", path.display()),
            Address::Tcp(address) => format!("http://{address}"),
        };
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(PricingClient::new(Endpoint::try_from(uri.clone())?.tcp_nodelay(true).connect().await?));
        }
        Ok(Self { clients, request })
    }

    /// Asks with so many calls in flight, all the time.
    #[must_use]
    pub fn closed(&self, runtime: &Runtime, in_flight: usize, time: Duration) -> Outcomes {
        let end = Instant::now() + time;
        self.closed_until(runtime, in_flight, move || Instant::now() >= end)
    }

    /// Asks with so many calls in flight until it is enough.
    #[must_use]
    pub fn closed_until(
        &self,
        runtime: &Runtime,
        in_flight: usize,
        is_enough: impl Fn() -> bool + Clone + Send + Sync + 'static,
    ) -> Outcomes {
        let outcomes = Arc::new(Mutex::new(Outcomes::default()));
        let callers = (0..in_flight).map(|number| {
            let (clients, outcomes, is_enough) = (self.clone(), Arc::clone(&outcomes), is_enough.clone());
            runtime.spawn(async move {
                while !is_enough() {
                    clients.call(number, Instant::now(), None, &outcomes).await;
                }
            })
        });
        let callers: Vec<_> = callers.collect();
        for caller in callers {
            // A caller that died is seen in the number of outcomes.
            let _ = runtime.block_on(caller);
        }
        take(&outcomes)
    }

    /// Asks so many times a second, whether or not there are answers.
    #[must_use]
    pub fn open(&self, runtime: &Runtime, rate: f64, time: Duration, deadline: Option<Duration>) -> Outcomes {
        let outcomes = Arc::new(Mutex::new(Outcomes::default()));
        let pending = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        let each = Duration::from_secs_f64(1.0 / rate);
        let mut intended = start;
        while intended < start + time {
            thread::sleep(intended.saturating_duration_since(Instant::now()));
            // All that are due by now, since sleeping is not that exact.
            let now = Instant::now();
            while intended <= now && intended < start + time {
                self.send(runtime.handle(), intended, deadline, &outcomes, &pending);
                intended += each;
            }
        }
        while pending.load(Ordering::Acquire) > 0 {
            thread::sleep(Duration::from_millis(5));
        }
        take(&outcomes)
    }

    fn send(
        &self,
        runtime: &Handle,
        intended: Instant,
        deadline: Option<Duration>,
        outcomes: &Arc<Mutex<Outcomes>>,
        pending: &Arc<AtomicUsize>,
    ) {
        let number = pending.fetch_add(1, Ordering::AcqRel);
        let (clients, outcomes, pending) = (self.clone(), Arc::clone(outcomes), Arc::clone(pending));
        runtime.spawn(async move {
            clients.call(number, intended, deadline, &outcomes).await;
            pending.fetch_sub(1, Ordering::AcqRel);
        });
    }

    async fn call(&self, number: usize, intended: Instant, deadline: Option<Duration>, outcomes: &Mutex<Outcomes>) {
        let Some(mut client) = self.clients.get(number % CONNECTIONS).cloned() else { return };
        let mut request = Request::new(self.request.clone());
        if let Some(deadline) = deadline {
            // Whoever is late already has less time left.
            request.set_timeout(deadline.saturating_sub(intended.elapsed()));
        }
        let answered = client.quote(request).await;
        let took = intended.elapsed();
        let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        match answered {
            Ok(answer) if answer.get_ref().quotes.iter().any(|quote| quote.price.is_none()) => {
                outcomes.no_bids += 1;
                let reason = answer.into_inner().quotes.into_iter().find_map(|quote| quote.reason);
                outcomes.because(reason.map(|reason| reason.code).unwrap_or_default());
            }
            Ok(_) => {
                outcomes.late += usize::from(deadline.is_some_and(|deadline| took > deadline));
                outcomes.bids.add(took);
            }
            Err(status) if status.code() == Code::ResourceExhausted => outcomes.refused.add(took),
            Err(status) if status.message().starts_with("the deadline passed") => outcomes.missed += 1,
            Err(status) if matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded) => outcomes.given_up += 1,
            Err(status) => {
                outcomes.failed += 1;
                let cause = std::iter::successors(status.source(), |error| (*error).source()).last();
                let cause = cause.map(ToString::to_string).unwrap_or_default();
                outcomes.because(format!("{} {cause}", status.message()));
            }
        }
    }
}

fn take(outcomes: &Mutex<Outcomes>) -> Outcomes {
    std::mem::take(&mut *outcomes.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Where a service listens.
#[derive(Clone, Copy, Debug)]
pub enum Address<'a> {
    /// A Unix socket.
    Unix(&'a Path),
    /// A TCP address.
    Tcp(std::net::SocketAddr),
}
