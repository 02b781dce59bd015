//! The engine that compiles and runs plugins. There is one per size class.

use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, OperatorCost, PoolingAllocationConfig, VariableOperatorCost,
    WasmBacktraceDetails, WasmFeatures,
};

use crate::limits::SizeClass;

/// The maximum stack size of a guest, in bytes. A thread that calls a plugin has at least [`THREAD_STACK`].
pub const GUEST_STACK: usize = 256 << 10;
/// The stack size that a call needs, in bytes: the guest's, and the host's around it.
pub const THREAD_STACK: usize = 1 << 20;

/// The address space reserved for a memory. With all 4 GiB of it, code needs no bounds checks.
const MEMORY_RESERVATION: u64 = 4 << 30;
/// The guard region after a memory, which catches accesses past its end.
const MEMORY_GUARD: u64 = 32 << 20;
/// The number of bytes at the start of a memory or table that are cleared in place after a call; the rest is returned
/// to the system. A small plugin's memory is smaller than this, and clearing it is cheaper than new page faults.
/// Scanning for dirty pages was not faster, and it could miss a page that the system is moving at that moment.
const CLEARED_IN_PLACE: usize = 256 << 10;

/// What an engine is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Compilation only: without a pool, little address space is needed.
    Compile {
        /// Whether to use all cores.
        parallel: bool,
    },
    /// Running plugins.
    Run {
        /// The number of simultaneous calls.
        concurrency: u32,
        /// Whether traps have backtraces.
        backtraces: bool,
    },
}

/// Creates an engine. [`Purpose::Run`] can run what [`Purpose::Compile`] compiled.
///
/// # Errors
/// When the machine does not have enough address space for the pool, or wasmtime does not support it.
pub fn engine(class: SizeClass, purpose: Purpose) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    features(&mut config);
    config
        .consume_fuel(true)
        .operator_cost(operator_cost())
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .concurrency_support(false)
        .max_wasm_stack(GUEST_STACK)
        .memory_reservation(MEMORY_RESERVATION)
        .memory_guard_size(MEMORY_GUARD)
        .memory_may_move(false)
        .memory_init_cow(true)
        .generate_address_map(true)
        // The guest's debug information is not read, whatever the environment says: parsing it would take place during
        // the call.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .parallel_compilation(matches!(purpose, Purpose::Compile { parallel: true }));
    if let Purpose::Run { concurrency, backtraces } = purpose {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(class, concurrency)));
        // Walking the stack makes a stack overflow several times more expensive, and only plugin authors want to know
        // where it was.
        config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(if backtraces { 64 } else { 0 }));
    }
    Engine::new(&config)
}

/// The WebAssembly proposals that plugins may use: those that compilers of the usual languages emit, and no others.
/// Every further proposal is more attack surface.
#[must_use]
pub fn wasm_features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::SIMD
        | WasmFeatures::FLOATS
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::COMPONENT_MODEL
}

fn features(config: &mut Config) {
    let wanted = wasm_features();
    config.wasm_features(WasmFeatures::all().difference(wanted), false);
    config.wasm_features(wanted, true);
}

/// The fuel that operators cost: 1, unless they take much longer than others. So the same amount of fuel lasts about
/// equally long whatever it is spent on, except for memory accesses that miss the caches.
fn operator_cost() -> OperatorCost {
    OperatorCost {
        Call: 3,
        CallIndirect: 4,
        RefFunc: 25,
        MemoryFill: 75,
        MemoryCopy: 5,
        MemoryInit: 5,
        MemoryGrow: 20,
        TableGrow: 30,
        TableInit: 10,
        ElemDrop: 6,
        F32Sqrt: 4,
        F64Sqrt: 4,
        F32x4Sqrt: 4,
        F64x2Sqrt: 4,
        F32Div: 4,
        F64Div: 4,
        F32x4Div: 4,
        F64x2Div: 4,
        // Growing is free regardless of the requested size: the limits bound it, and should report when it is too much.
        variable: VariableOperatorCost {
            table_grow_per_element: 0,
            table_copy_per_element: 4,
            ..VariableOperatorCost::new()
        },
        ..OperatorCost::new()
    }
}

fn pool(class: SizeClass, concurrency: u32) -> PoolingAllocationConfig {
    let limits = class.load_limits();
    let times = |count: u32| count.saturating_mul(concurrency);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(concurrency)
        .total_core_instances(times(limits.instances))
        .total_memories(times(limits.memories))
        .total_tables(times(limits.tables))
        .max_core_instances_per_component(limits.instances)
        .max_memories_per_component(limits.memories)
        .max_tables_per_component(limits.tables)
        .max_memories_per_module(1)
        .max_tables_per_module(limits.tables)
        .linear_memory_keep_resident(CLEARED_IN_PLACE)
        .table_keep_resident(CLEARED_IN_PLACE)
        .table_elements(usize::try_from(limits.table_elements).unwrap_or(usize::MAX))
        .max_memory_size(usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX));
    pool
}

#[cfg(test)]
mod tests {
    use std::collections::hash_map::DefaultHasher;
    use std::hash::{Hash, Hasher};

    use super::*;

    #[test]
    fn what_is_compiled_can_be_run() {
        let hash = |engine: &Engine| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        for class in [SizeClass::Standard, SizeClass::Engine] {
            let compile = engine(class, Purpose::Compile { parallel: true }).unwrap();
            for backtraces in [false, true] {
                let run = engine(class, Purpose::Run { concurrency: 2, backtraces }).unwrap();
                assert_eq!(hash(&compile), hash(&run));
            }
        }
    }
}
