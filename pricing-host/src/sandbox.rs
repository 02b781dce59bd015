//! The sandbox: an engine, its deadlines, and a pool that limits the simultaneous calls.

mod failure;
mod gate;
mod names;
mod sample;
mod store;

use std::io;
use std::time::{Duration, Instant};

use wasmtime::{Engine, Store};

use crate::deadline::DeadlineWatch;
use crate::engine::{Purpose, engine};
use crate::fault::Fault;
use crate::limits::{CallLimits, SizeClass};
use crate::log::Log;

pub(crate) use failure::Phase;
use gate::Gate;
pub(crate) use sample::{Sampler, Seen};
pub(crate) use store::{CallState, charge};

/// Why a sandbox could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The engine could not be created.
    #[error("this machine has no room for the plugin engine (see `ulimit -v`): {0}")]
    Engine(String),
    /// The thread that watches deadlines could not be started.
    #[error("the thread that watches deadlines cannot be started: {0}")]
    DeadlineWatch(#[from] io::Error),
}

/// The longest deadline of a call, regardless of its limit: longer ones may overflow the clock of some machines.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs the plugins of one size class.
#[derive(Debug)]
pub(crate) struct Sandbox {
    engine: Engine,
    watch: DeadlineWatch,
    gate: Gate,
    class: SizeClass,
    backtraces: bool,
}

/// The resources that a call used, and its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Fuel that was used. None if the clock ended the call, since that differs from run to run.
    pub fuel: Option<u64>,
    /// Time from the end of queueing to the end of the call.
    pub time: Duration,
    /// Time spent waiting for a free slot.
    pub queued: Duration,
    /// The peak memory of the plugin, in bytes.
    pub memory_bytes: u64,
    /// Its log.
    pub log: Log,
}

impl Sandbox {
    pub(crate) fn new(class: SizeClass, concurrency: u32, backtraces: bool) -> Result<Self, SandboxError> {
        let concurrency = concurrency.max(1);
        let engine = engine(class, Purpose::Run { concurrency, backtraces })
            .map_err(|error| SandboxError::Engine(format!("{error:#}")))?;
        let watch = DeadlineWatch::new(engine.clone())?;
        Ok(Self { engine, watch, gate: Gate::new(concurrency), class, backtraces })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn class(&self) -> SizeClass {
        self.class
    }

    /// Waits for a free slot, then runs a guest in a fresh store until it ends or its deadline passes. All of `run`
    /// counts as the guest's time: instantiation, the call, and reading its answer.
    pub(crate) fn run<T>(
        &self,
        limits: &CallLimits,
        run: impl FnOnce(&mut Store<CallState>, &mut Phase) -> wasmtime::Result<T>,
    ) -> (Result<T, Fault>, Usage) {
        let arrived = Instant::now();
        let place = self.gate.enter();
        let started = Instant::now();
        let deadline = started.checked_add(limits.deadline.min(LONGEST)).unwrap_or(started);
        let armed = self.watch.arm(deadline);
        let mut phase = Phase::Start;
        let mut store = store::new(&self.engine, limits, self.class, deadline);
        let result = store.data().check_clock().and_then(|()| run(&mut store, &mut phase));
        // A late answer does not count: bulk operations end by themselves, but not always in time.
        let result = result.and_then(|value| store.data().check_clock().map(|()| value));
        // What follows is the host's work: describing the error and its place.
        let time = started.elapsed();
        let fuel = limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0));
        let state = store.into_data();
        drop(armed);
        drop(place);
        let memory_bytes = state.memory_high();
        let log = state.into_log();
        let result = result.map_err(|error| failure::fault(&error, phase, limits, &log, self.backtraces));
        let by_clock = result.as_ref().is_err_and(failure::is_by_clock);
        let usage = Usage {
            fuel: (!by_clock).then_some(fuel),
            time,
            queued: started.saturating_duration_since(arrived),
            memory_bytes,
            log,
        };
        (result, usage)
    }
}
