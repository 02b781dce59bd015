//! The store of one call: its deadline, its memory, its log. Nothing in it outlives the call.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::{AsContextMut, Engine, ResourceLimiter, Store, Trap, UpdateDeadline};

use super::sample::Sampler;
use crate::limits::{CallLimits, SizeClass};
use crate::log::{Log, LogBuffer};
use crate::wasi::{HasWasi, WasiState};

/// The plugin asked for more memory, or larger tables, than it may have.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct MemoryExceeded(String);

/// The host's state for one call.
#[derive(Debug)]
pub(crate) struct CallState {
    deadline: Instant,
    memory: MemoryMeter,
    pub(crate) log: LogBuffer,
    /// For a profile.
    pub(crate) sampler: Option<Arc<Sampler>>,
    pub(crate) wasi: WasiState,
}

#[derive(Debug)]
struct MemoryMeter {
    limit: u64,
    /// The bytes for which the pool has room.
    memory_room: u64,
    used: u64,
    high: u64,
    table_elements: u64,
    instances: usize,
    memories: usize,
    tables: usize,
}

impl CallState {
    pub(crate) fn memory_high(&self) -> u64 {
        self.memory.high
    }

    /// Fails if the call's time is over.
    pub(super) fn check_clock(&self) -> wasmtime::Result<()> {
        if Instant::now() >= self.deadline { Err(Trap::Interrupt.into()) } else { Ok(()) }
    }

    pub(crate) fn into_log(self) -> Log {
        self.log.finish()
    }
}

impl HasWasi for CallState {
    fn wasi(&mut self) -> &mut WasiState {
        &mut self.wasi
    }

    fn check_deadline(&self) -> wasmtime::Result<()> {
        self.check_clock()
    }
}

/// Creates a fresh store, whose guest ends when it runs out of time, fuel or memory.
pub(super) fn new(engine: &Engine, limits: &CallLimits, class: SizeClass, deadline: Instant) -> Store<CallState> {
    let load = class.load_limits();
    let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    let memory = MemoryMeter {
        limit: limits.memory_bytes,
        memory_room: load.memory_bytes,
        used: 0,
        high: 0,
        table_elements: u64::from(load.table_elements),
        instances: count(load.instances),
        memories: count(load.memories),
        tables: count(load.tables),
    };
    let log = LogBuffer::new(limits.log_bytes, limits.log_lines);
    let mut store = Store::new(engine, CallState { deadline, memory, log, sampler: None, wasi: WasiState::default() });
    store.limiter(|state| &mut state.memory);
    // Fuel is enabled in the engine's configuration, so this cannot fail.
    let _ = store.set_fuel(limits.fuel);
    store.set_hostcall_fuel(limits.output_bytes);
    store.epoch_deadline_callback(|store| {
        if let Some(sampler) = &store.data().sampler {
            sampler.look(&store);
        }
        let late = Instant::now() >= store.data().deadline;
        Ok(if late { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) })
    });
    store.set_epoch_deadline(1);
    store
}

/// Charges a guest for work of the host.
pub(crate) fn charge(mut store: impl AsContextMut<Data = CallState>, fuel: u64) -> wasmtime::Result<()> {
    let mut store = store.as_context_mut();
    let left = store.get_fuel()?;
    if left < fuel {
        store.set_fuel(0)?;
        return Err(Trap::OutOfFuel.into());
    }
    store.set_fuel(left.saturating_sub(fuel))?;
    if Instant::now() >= store.data().deadline { Err(Trap::Interrupt.into()) } else { Ok(()) }
}

/// Whether growth exceeds the plugin's own maximum. If it has none, or a larger one than the pool, the engine passes
/// the pool's, which does not count as the plugin's own.
fn is_past_own_bound(desired: usize, maximum: Option<usize>, room: u64) -> bool {
    maximum.is_some_and(|maximum| desired > maximum && u64::try_from(maximum).is_ok_and(|maximum| maximum < room))
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
        let used = self.used.saturating_sub(bytes(current)).saturating_add(bytes(desired));
        if is_past_own_bound(desired, maximum, self.memory_room) {
            // The plugin gets -1.
            return Ok(false);
        }
        if used > self.limit {
            let message = format!("the plugin asked for {used} bytes of memory; it may have {}", self.limit);
            return Err(MemoryExceeded(message).into());
        }
        self.used = used;
        self.high = self.high.max(used);
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let desired_elements = u64::try_from(desired).unwrap_or(u64::MAX);
        if is_past_own_bound(desired, maximum, self.table_elements) {
            return Ok(false);
        }
        if desired_elements > self.table_elements {
            let message =
                format!("the plugin asked for a table of {desired} elements; it may have {}", self.table_elements);
            return Err(MemoryExceeded(message).into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}
