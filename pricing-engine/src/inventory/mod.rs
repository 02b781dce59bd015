//! The live inventory: what the cluster has left, as its own source tells it, and what is held back of that.
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
mod wire;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pricing_core::inventory::held_capacity::HeldCapacity;
use tokio_util::task::AbortOnDropHandle;

use self::shared::{SharedInventory, lock};
use crate::config::{self, ConfigError};
use crate::order_name::OrderName;
use source::SnapshotSink;

pub use accepted::Refusal;
pub use plan::{Pace, Plan};
pub use reading::{Counters, HoldCounters, Reading, State};
pub use snapshot::{Availability, Snapshot, SnapshotText};

/// The live inventory. Clones are handles to the same one; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct LiveInventory(Arc<Live>);

#[derive(Debug)]
struct Live {
    shared: Arc<SharedInventory>,
    /// Whether capacity is held back.
    holding: AtomicBool,
    /// Held by the one decision that may hold capacity back.
    turn: Mutex<()>,
    running: Mutex<Running>,
}

#[derive(Debug)]
struct Running {
    plan: Plan,
    /// Kept for its end.
    #[expect(dead_code, reason = "dropping it ends the task")]
    source: AbortOnDropHandle<()>,
    #[expect(dead_code, reason = "dropping it ends the task")]
    sweeper: AbortOnDropHandle<()>,
}

impl LiveInventory {
    /// Starts what a configuration names; none when it names no inventory. Needs a Tokio runtime.
    ///
    /// # Errors
    /// As [`Plan::of`] has them.
    pub fn start(config: &config::Inventory) -> Result<Option<Self>, ConfigError> {
        Ok(Plan::of(config)?.map(Self::follow))
    }

    /// Starts a plan. Needs a Tokio runtime.
    #[must_use]
    pub fn follow(plan: Plan) -> Self {
        let shared = Arc::new(SharedInventory::new(&plan));
        let holding = AtomicBool::new(!plan.hold.is_zero());
        let running = Running::start(plan, &shared, 0);
        Self(Arc::new(Live { shared, holding, turn: Mutex::new(()), running: Mutex::new(running) }))
    }

    /// Goes over to another plan. The same source keeps its snapshot. Another source starts anew; the old snapshot is
    /// used until its first good one, but for half a minute at most. What is held back stays held, for no longer than
    /// the new plan says. Needs a Tokio runtime.
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

    /// How many nodes the last good snapshot has, however old it is.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.0.shared.view.load().nodes()
    }

    /// What a decision may count on. What is held for `except` is as if it were not: that order is placed anew.
    #[must_use]
    pub fn availability(&self, now: Instant, except: Option<&OrderName>) -> Availability {
        let view = self.0.shared.view.load();
        let snapshot = match view.usable(now) {
            Ok(snapshot) => snapshot,
            Err(why) => return Availability::Unusable(why),
        };
        if !self.0.holding.load(Ordering::Acquire) {
            return Availability::Known(Arc::clone(snapshot));
        }
        let mut holds = self.0.shared.holds();
        holds.expire(now);
        Availability::Known(holds.less(snapshot, except))
    }

    /// Decides, and holds back what the decision says. While capacity is held back at all, decisions that name an order
    /// take turns, so that no two count on the same card; otherwise nothing waits.
    ///
    /// Without an order nothing is held. A decision that holds nothing leaves what an earlier one holds for the order:
    /// that bid may still stand. `decide` may take long, so this is no call for a thread that serves others too, and it
    /// must not come back here.
    pub fn decide_and_hold<R>(
        &self,
        now: Instant,
        order: Option<&OrderName>,
        decide: impl FnOnce(&Availability) -> (R, Option<Vec<HeldCapacity>>),
    ) -> R {
        let Some(order) = order.filter(|_| self.0.holding.load(Ordering::Acquire)) else {
            return decide(&self.availability(now, None)).0;
        };
        let _turn = lock(&self.0.turn);
        let (answer, held) = decide(&self.availability(now, Some(order)));
        if let Some(held) = held {
            self.hold(order.clone(), held, now);
        }
        answer
    }

    /// Holds capacity back for an order, in place of what is held for it already.
    pub fn hold(&self, order: OrderName, held: Vec<HeldCapacity>, now: Instant) {
        let view = self.0.shared.view.load();
        let cluster = view.usable(now).ok().map(|snapshot| &*snapshot.cluster);
        self.0.shared.holds().hold(order, held, cluster, now);
    }

    /// Gives back what is held for an order, and says whether anything was.
    #[must_use]
    pub fn release(&self, order: &OrderName) -> bool {
        self.0.shared.holds().release(order)
    }

    /// How the inventory is.
    #[must_use]
    pub fn reading(&self, now: Instant) -> Reading {
        self.0.shared.reading(now)
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

/// Ends holds whose time is over, also when nobody asks.
async fn sweep(shared: Arc<SharedInventory>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        shared.holds().expire(Instant::now());
    }
}
