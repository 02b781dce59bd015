//! Shadow pricing: other rates, or another plugin, price every order too. They never answer; their differences are
//! counted, told and recorded.
//!
//! [`Shadow::compare`] never blocks. One thread prices; when it cannot keep up, orders are left out and counted.

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

/// Orders that may wait to be priced a second time.
const QUEUE: usize = 256;
/// The most bytes of their texts: what is asked may be large, and nobody waits for the second price.
const QUEUE_BYTES: usize = 8 << 20;
/// How long an order may take to be priced a second time. Its steps are those of an order that is answered.
const LONGEST: Duration = Duration::from_secs(5);
/// GPU labels that are told apart.
const MAX_GPUS: usize = 200;
/// What stands for all others.
const OTHER: &str = "other";
/// The outcome of an order that the shadow could not finish.
const PANICKED: &str = "panicked";

/// An order that was answered.
#[derive(Clone, Debug)]
pub struct Case {
    /// What was asked.
    pub request: Arc<OrderRequest>,
    /// What was known.
    pub live: LiveState,
    /// What was answered, one a group.
    pub answered: Vec<PricedGroup>,
    /// The numbers of the answers' lines in the bid log, one a group; empty without a log.
    pub sequences: Vec<Option<u64>>,
}

/// Prices a second time. Cheap to clone; the thread ends with the last clone.
#[derive(Clone, Debug)]
pub struct Shadow {
    cases: SyncSender<(Arc<Settings>, Case, Weight)>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    settings: ArcSwapOption<Settings>,
    dropped: AtomicU64,
    /// Bytes of the texts of the orders that wait, or are being priced.
    bytes: AtomicUsize,
    counts: Mutex<BTreeMap<(String, &'static str), u64>>,
}

/// What shadow pricing came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// GPU label, difference, how often.
    pub counts: Vec<(String, String, u64)>,
    /// Orders that were left out.
    pub dropped: u64,
}

impl Reading {
    /// Orders that were compared.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.counts.iter().fold(0, |sum, (.., number)| sum.saturating_add(*number))
    }

    /// Those of them that were decided otherwise.
    #[must_use]
    pub fn different(&self) -> u64 {
        let other = self.counts.iter().filter(|(_, what, _)| what != Difference::Same.name());
        other.fold(0, |sum, (.., number)| sum.saturating_add(*number))
    }
}

impl Shadow {
    /// Starts the thread. Without settings nothing is compared.
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

    /// Prices with other settings from now on; with none, not at all.
    pub fn configure(&self, settings: Option<Settings>) {
        self.shared.settings.store(settings.map(Arc::new));
    }

    /// Whether orders are priced a second time, so that cases need not be made in vain.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.shared.settings.load().is_some()
    }

    /// Hands an answered order over. Never blocks.
    pub fn compare(&self, case: Case) {
        let Some(settings) = self.shared.settings.load_full() else { return };
        let weight = Weight::of(&self.shared, case.request.text.len());
        if weight.is_none_or(|weight| self.cases.try_send((settings, case, weight)).is_err()) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What it came to.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let counts = self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner);
        Reading {
            counts: counts.iter().map(|((gpu, what), n)| (gpu.clone(), (*what).to_owned(), *n)).collect(),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
        }
    }
}

/// The bytes of an order's text, for as long as it waits or is being priced.
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
        // Nobody waits for it, but the orders behind it.
        let began = Instant::now();
        let is_late = || began.elapsed() >= LONGEST;
        let budget = Budget::new(settings.budget).until(&is_late);
        // A bug that an unusual order finds must not end the comparisons, nor the service.
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

/// One group, priced twice.
struct Compared<'a> {
    order: &'a Order,
    index: usize,
    answered: &'a PricedGroup,
    shadow: &'a PricedGroup,
    sequence: Option<u64>,
}

impl Compared<'_> {
    /// Counts it, and tells and records what differs.
    fn tell(&self, shared: &Shared, log: Option<&BidLog>, settings: &Settings, request: &OrderRequest) {
        let (answered, shadow) = (Outcome::of(&self.answered.quote), Outcome::of(&self.shadow.quote));
        let difference = Difference::between(&answered, &shadow);
        // An order that was declined before it got a target may have one here.
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
        // Nobody waits for it.
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
