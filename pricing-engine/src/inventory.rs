//! The live inventory: the cluster's available capacity, less what is held for orders.
//!
//! A [`Plan`] is the checked configuration; [`LiveInventory`] follows its source in the background. A decision asks for
//! the [`Availability`] and never waits for the source.

mod accepted;
mod backoff;
mod current;
mod holds;
mod plan;
mod reading;
mod shared;
mod snapshot;
mod source;
mod text;
mod tls;
mod used;
mod wire;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use pricing_core::inventory::held_capacity::HeldCapacity;
use tokio_util::task::AbortOnDropHandle;

use self::shared::{SharedInventory, lock};
use crate::config::{self, ConfigError};
use crate::order_name::OrderName;
use crate::placements::Placements;
use source::SnapshotSink;

pub use accepted::Refusal;
pub use plan::{Pace, Plan};
pub use reading::{Counters, HoldCounters, Reading, State};
pub use snapshot::{Availability, Snapshot, SnapshotText};
pub use used::Used;

/// The live inventory. Clones are handles to the same one. Its background tasks stop when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct LiveInventory(Arc<Live>);

#[derive(Debug)]
struct Live {
    shared: Arc<SharedInventory>,
    /// Whether capacity is held for orders.
    holding: AtomicBool,
    /// Locked by the one decision that may hold capacity.
    turn: Mutex<()>,
    running: Mutex<Running>,
}

/// The turn of a decision.
#[derive(Debug)]
pub struct Turn<'a> {
    inventory: &'a LiveInventory,
    /// The order that capacity may be held for, and what keeps others that have one from deciding meanwhile.
    alone: Option<(&'a OrderName, MutexGuard<'a, ()>)>,
}

#[derive(Debug)]
struct Running {
    plan: Plan,
    /// Aborts the task on drop.
    #[expect(dead_code, reason = "dropping it ends the task")]
    source: AbortOnDropHandle<()>,
    #[expect(dead_code, reason = "dropping it ends the task")]
    sweeper: AbortOnDropHandle<()>,
}

impl LiveInventory {
    /// Starts the configured inventory; returns `None` if none is configured. Needs a Tokio runtime. Accepted snapshots
    /// are sent to `placements`, if given.
    ///
    /// # Errors
    /// The same as [`Plan::of`].
    pub fn start(config: &config::Inventory, placements: Option<&Placements>) -> Result<Option<Self>, ConfigError> {
        Ok(Plan::of(config)?.map(|plan| Self::follow_for(plan, placements.cloned())))
    }

    /// Starts to follow the source of a plan. Needs a Tokio runtime.
    #[must_use]
    pub fn follow(plan: Plan) -> Self {
        Self::follow_for(plan, None)
    }

    /// Starts to follow the source of a plan, and sends each accepted snapshot to `placements`.
    pub(crate) fn follow_for(plan: Plan, placements: Option<Placements>) -> Self {
        let shared = Arc::new(SharedInventory::new(&plan, placements));
        let holding = AtomicBool::new(!plan.hold.is_zero());
        let running = Running::start(plan, &shared, 0);
        Self(Arc::new(Live { shared, holding, turn: Mutex::new(()), running: Mutex::new(running) }))
    }

    /// Switches to another plan. If the source is the same, its snapshot stays in use. If it is another one, the old
    /// snapshot stays in use until the first accepted one of the new source, for at most 30 seconds. Capacity stays
    /// held, but not for longer than the new plan says. Needs a Tokio runtime.
    pub fn reconfigure(&self, plan: Plan) {
        let mut running = lock(&self.0.running);
        let (same, now) = (running.plan.has_source_of(&plan), Instant::now());
        self.0.holding.store(!plan.hold.is_zero(), Ordering::Release);
        if same && running.plan.silence == plan.silence && running.plan.pace == plan.pace {
            self.0.shared.adjust(&plan, now);
            running.plan = plan;
        } else {
            let generation = self.0.shared.reconfigure(&plan, same, now);
            *running = Running::start(plan, &self.0.shared, generation);
        }
    }

    /// Returns the number of nodes of the last accepted snapshot, of whatever age.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.0.shared.view.load().nodes()
    }

    /// Returns the inventory for a decision. Capacity that is held for the order `except` counts as free, since that
    /// order is placed again.
    #[must_use]
    pub fn availability(&self, now: Instant, except: Option<&OrderName>) -> Availability {
        // Locked before the view is read: between a snapshot's publication and the end of the holds that it shows, the
        // old snapshot without those holds would promise the same capacity twice.
        let holding = self.0.holding.load(Ordering::Acquire);
        let mut holds = holding.then(|| self.0.shared.holds());
        let view = self.0.shared.view.load();
        let snapshot = match view.usable(now) {
            Ok(snapshot) => snapshot,
            Err(why) => return Availability::Unusable(why),
        };
        let Some(holds) = &mut holds else { return Availability::Known(Arc::clone(snapshot)) };
        holds.expire(now);
        Availability::Known(holds.less(snapshot, except))
    }

    /// Makes a decision when it is its turn. See [`Turn::decide_and_hold`].
    pub fn decide_and_hold<R>(
        &self,
        now: Instant,
        order: Option<&OrderName>,
        decide: impl FnOnce(&Availability) -> (R, Option<Vec<HeldCapacity>>),
    ) -> R {
        self.turn(order).decide_and_hold(now, decide)
    }

    /// Waits for the turn of a decision. If holds are enabled, decisions that name an order run one at a time, so that no
    /// two use the same card. Other decisions do not wait.
    ///
    /// Another decision may take long, so call this on a thread for blocking work. A thread that waits while it has a turn
    /// waits for itself.
    #[must_use]
    pub fn turn<'a>(&'a self, order: Option<&'a OrderName>) -> Turn<'a> {
        let alone = self.to_hold_for(order).map(|order| (order, lock(&self.0.turn)));
        Turn { inventory: self, alone }
    }

    /// Returns the turn of a decision, if that need not wait.
    #[must_use]
    pub fn turn_if_free<'a>(&'a self, order: Option<&'a OrderName>) -> Option<Turn<'a>> {
        let alone = match self.to_hold_for(order) {
            None => None,
            Some(order) => match self.0.turn.try_lock() {
                Ok(free) => Some((order, free)),
                Err(TryLockError::Poisoned(poisoned)) => Some((order, poisoned.into_inner())),
                Err(TryLockError::WouldBlock) => return None,
            },
        };
        Some(Turn { inventory: self, alone })
    }

    /// Returns the order if capacity may be held for it.
    fn to_hold_for<'a>(&self, order: Option<&'a OrderName>) -> Option<&'a OrderName> {
        order.filter(|_| self.0.holding.load(Ordering::Acquire))
    }

    /// Holds capacity for an order, in place of the order's earlier hold.
    pub fn hold(&self, order: OrderName, held: Vec<HeldCapacity>, now: Instant) {
        let view = self.0.shared.view.load();
        let cluster = view.usable(now).ok().map(|snapshot| &*snapshot.cluster);
        self.0.shared.holds().hold(order, held, cluster, now);
    }

    /// Returns whether capacity is held for orders.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.0.holding.load(Ordering::Acquire)
    }

    /// Releases the capacity that is held for an order. Returns whether there was any.
    #[must_use]
    pub fn release(&self, order: &OrderName) -> bool {
        self.0.shared.holds().release(order)
    }

    /// Returns the state of the inventory.
    #[must_use]
    pub fn reading(&self, now: Instant) -> Reading {
        self.0.shared.reading(now)
    }
}

impl Turn<'_> {
    /// Makes a decision, and holds the capacity that it returns.
    ///
    /// Without an order nothing is held. A decision that returns `None` leaves the order's earlier hold in place, since
    /// that bid may still be valid.
    pub fn decide_and_hold<R>(
        self,
        now: Instant,
        decide: impl FnOnce(&Availability) -> (R, Option<Vec<HeldCapacity>>),
    ) -> R {
        let Self { inventory, alone } = self;
        let Some((order, _alone)) = alone else { return decide(&inventory.availability(now, None)).0 };
        let (answer, held) = decide(&inventory.availability(now, Some(order)));
        if let Some(held) = held {
            inventory.hold(order.clone(), held, now);
        }
        answer
    }
}

impl Running {
    fn start(plan: Plan, shared: &Arc<SharedInventory>, generation: u64) -> Self {
        let sink = SnapshotSink::new(Arc::clone(shared), generation);
        let source = tokio::spawn(source::follow(plan.clone(), sink));
        let sweeper = tokio::spawn(sweep(Arc::clone(shared), plan.pace.sweep));
        Self { plan, source: AbortOnDropHandle::new(source), sweeper: AbortOnDropHandle::new(sweeper) }
    }
}

/// Ends expired holds at regular intervals, also while there are no decisions.
async fn sweep(shared: Arc<SharedInventory>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        shared.holds().expire(Instant::now());
    }
}
