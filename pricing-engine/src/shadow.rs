//! Shadow pricing: prices every order a second time, with other rates or another plugin. The result is never an answer.
//! Differences are counted, logged and recorded.
//!
//! [`Shadow::compare`] never blocks. A single thread prices. If it cannot keep up, orders are dropped and counted.

pub mod report;

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwapOption;
use pricing_core::budget::Budget;
use pricing_core::order::Order;
use pricing_panics::catch;

use crate::bid_log::BidLog;
use crate::bid_log::entry::{Group, Shadowed};
use crate::comparison::{Difference, Outcome};
use crate::decision::{self, LiveState, OrderRequest, PricedGroup, Settings};
use crate::metrics::gpu_label;

/// The most orders in the queue.
const QUEUE: usize = 256;
/// The most bytes of the texts of orders in the queue.
const QUEUE_BYTES: usize = 8 << 20;
/// The longest time to price an order. Its search budget is that of an answered order.
const LONGEST: Duration = Duration::from_secs(5);
/// The most GPU labels that are counted separately.
const MAX_GPUS: usize = 200;
/// The label for all further ones.
const OTHER: &str = "other";
/// The outcome of an order on which the shadow panicked.
const PANICKED: &str = "panicked";

/// An order that was answered.
#[derive(Clone, Debug)]
pub struct Case {
    /// The request.
    pub request: Arc<OrderRequest>,
    /// The live state that it was priced with.
    pub live: LiveState,
    /// The answer, for each group.
    pub answered: Vec<PricedGroup>,
    /// The sequence numbers of the answers in the bid log, for each group; empty without a log.
    pub sequences: Vec<Option<u64>>,
}

/// A handle to the shadow. Clones are cheap; the thread ends when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Shadow {
    cases: SyncSender<(Arc<Settings>, Case, Weight)>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    settings: ArcSwapOption<Settings>,
    dropped: AtomicU64,
    /// The bytes of the texts of orders that are in the queue or being priced.
    bytes: AtomicUsize,
    counts: Mutex<BTreeMap<(String, &'static str), u64>>,
}

/// The state of shadow pricing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The GPU label, the difference and the count.
    pub counts: Vec<(String, String, u64)>,
    /// Orders that were dropped.
    pub dropped: u64,
}

impl Reading {
    /// Returns the number of groups that were compared.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.counts.iter().fold(0, |sum, (.., number)| sum.saturating_add(*number))
    }

    /// Returns the number of those with a difference.
    #[must_use]
    pub fn different(&self) -> u64 {
        let other = self.counts.iter().filter(|(_, what, _)| what != Difference::Same.name());
        other.fold(0, |sum, (.., number)| sum.saturating_add(*number))
    }
}

impl Shadow {
    /// Starts the thread. Without settings, nothing is compared.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(settings: Option<Settings>, log: Option<BidLog>) -> io::Result<Self> {
        let (cases, waiting) = sync_channel(QUEUE);
        let shared = Arc::new(Shared::default());
        let shadow = Self { cases, shared: Arc::clone(&shared) };
        shadow.configure(settings);
        let run = move || work(&shared, log.as_ref(), &waiting);
        std::thread::Builder::new().name("shadow".to_owned()).spawn(run)?;
        Ok(shadow)
    }

    /// Switches to other settings. With `None`, nothing is compared.
    pub fn configure(&self, settings: Option<Settings>) {
        self.shared.settings.store(settings.map(Arc::new));
    }

    /// Returns whether orders are compared, so that a caller need not build a [`Case`] for nothing.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.shared.settings.load().is_some()
    }

    /// Queues an answered order. Never blocks.
    pub fn compare(&self, case: Case) {
        let Some(settings) = self.shared.settings.load_full() else { return };
        let weight = Weight::of(&self.shared, case.request.text.len());
        if weight.is_none_or(|weight| self.cases.try_send((settings, case, weight)).is_err()) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the state of shadow pricing.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let counts = self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner);
        Reading {
            counts: counts.iter().map(|((gpu, what), n)| (gpu.clone(), (*what).to_owned(), *n)).collect(),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
        }
    }
}

/// A reservation of the bytes of an order's text, for as long as it is in the queue or being priced.
#[derive(Debug)]
struct Weight {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Weight {
    fn of(shared: &Arc<Shared>, bytes: usize) -> Option<Self> {
        let fits = |all: usize| all.checked_add(bytes).filter(|all| *all <= QUEUE_BYTES);
        shared.bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).ok()?;
        Some(Self { shared: Arc::clone(shared), bytes })
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.shared.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl Shared {
    fn count(&self, gpu: &str, what: &'static str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = counts.keys().any(|(known, _)| known == gpu);
        let gpus = || {
            let mut labels: Vec<&String> = counts.keys().map(|(gpu, _)| gpu).collect();
            labels.dedup();
            labels.len()
        };
        let gpu = if known || gpus() < MAX_GPUS { gpu } else { OTHER };
        let number = counts.entry((gpu.to_owned(), what)).or_default();
        *number = number.saturating_add(1);
    }
}

fn work(shared: &Shared, log: Option<&BidLog>, waiting: &Receiver<(Arc<Settings>, Case, Weight)>) {
    for (settings, case, _weight) in waiting {
        // No caller waits, but the orders in the queue do, so the time is bounded.
        let began = Instant::now();
        let is_late = || began.elapsed() >= LONGEST;
        let budget = Budget::new(settings.budget).until(&is_late);
        // A bug that an unusual order triggers must end neither the comparisons nor the service.
        let priced = match catch(|| decision::price(&settings, &case.live, &case.request, &budget)) {
            Ok(priced) => priced,
            Err(panic) => {
                shared.count(OTHER, PANICKED);
                tracing::error!(order = name(&case.request), %panic, "the shadow panicked; this is a bug");
                continue;
            }
        };
        let groups = case.request.orders.iter().zip(&case.answered).zip(&priced).enumerate();
        for (index, ((order, answered), shadow)) in groups {
            let sequence = case.sequences.get(index).copied().flatten();
            let group = Compared { order, index, answered, shadow, sequence };
            group.tell(shared, log, &settings, &case.request);
        }
    }
}

fn name(request: &OrderRequest) -> Option<String> {
    request.name.as_ref().map(ToString::to_string)
}

/// One group with both answers.
struct Compared<'a> {
    order: &'a Order,
    index: usize,
    answered: &'a PricedGroup,
    shadow: &'a PricedGroup,
    sequence: Option<u64>,
}

impl Compared<'_> {
    /// Counts the group, logs a difference, and records both answers in the bid log.
    fn tell(&self, shared: &Shared, log: Option<&BidLog>, settings: &Settings, request: &OrderRequest) {
        let (answered, shadow) = (Outcome::of(&self.answered.quote), Outcome::of(&self.shadow.quote));
        let difference = Difference::between(&answered, &shadow);
        // An order that was declined before it was placed may have targets in the other answer.
        let placed = [self.answered, self.shadow].into_iter().find(|priced| !priced.quote.targets.is_empty());
        let gpu = gpu_label(self.order, &placed.unwrap_or(self.answered).quote);
        shared.count(&gpu, difference.name());
        if difference != Difference::Same {
            tracing::info!(
                order = name(request),
                group = %self.order.group.name(),
                gpu,
                difference = difference.name(),
                answered = %answered,
                shadow = %shadow,
                "the shadow prices an order differently",
            );
        }
        let Some(log) = log else { return };
        let shadowed = Shadowed {
            sequence: 0,
            time: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            decision: self.sequence,
            order_id: request.name.clone(),
            group: Group { index: self.index, name: self.order.group.name().owned() },
            gpu,
            rates: Some(settings.rates.digest),
            plugin: settings.plugin.as_ref().map(pricing_host::Plugin::digest),
            difference,
            answered,
            shadow,
        };
        // The line is written without waiting for it.
        drop(log.record_shadow(&shadowed, settings));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_orders_share_what_may_wait() {
        let shared = Arc::new(Shared::default());
        let first = Weight::of(&shared, QUEUE_BYTES - 10);
        assert!(first.is_some());
        assert!(Weight::of(&shared, 11).is_none());
        assert!(Weight::of(&shared, 10).is_some());
        drop(first);
        assert!(Weight::of(&shared, QUEUE_BYTES).is_some());
        assert_eq!(shared.bytes.load(Ordering::Acquire), 0);
    }
}
