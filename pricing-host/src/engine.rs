//! The engine: how plugins are compiled and run. One for each size class.

use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, OperatorCost, PoolingAllocationConfig, VariableOperatorCost,
    WasmBacktraceDetails, WasmFeatures,
};

use crate::limits::SizeClass;

/// Bytes of stack that a guest may use. A thread that calls a plugin has [`THREAD_STACK`] at least.
pub const GUEST_STACK: usize = 256 << 10;
/// Bytes of stack that a call needs: the guest's, and the host's around it.
pub const THREAD_STACK: usize = 1 << 20;

/// Address space kept for a memory: with all of it, code needs no bounds checks.
const MEMORY_RESERVATION: u64 = 4 << 30;
/// Pages behind a memory that catch what reaches past it.
const MEMORY_GUARD: u64 = 32 << 20;
/// Bytes at the start of a memory or table that are cleared in place after a call; what is behind them goes back to the
/// system. A small plugin's memory is less: clearing it is cheaper than having each of its pages made anew. Scanning for
/// the pages that were written was no faster, and a page that the system moves just then would be overlooked.
const CLEARED_IN_PLACE: usize = 256 << 10;

/// What an engine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To compile only: no pool, so that little address space is needed.
    Compile {
        /// Whether to use all cores.
        parallel: bool,
    },
    /// To run this many plugins at once.
    Run {
        /// Calls at the same time.
        concurrency: u32,
        /// Whether traps tell where they happened.
        backtraces: bool,
    },
}

/// Makes an engine. What [`Purpose::Compile`] compiles, [`Purpose::Run`] runs.
///
/// # Errors
/// When the machine has not enough address space for the pool, or is of a kind that wasmtime does not know.
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
        // The guest's debug information is not read, whatever the environment says: it would be parsed in the call's time.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .parallel_compilation(matches!(purpose, Purpose::Compile { parallel: true }));
    if let Purpose::Run { concurrency, backtraces } = purpose {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(class, concurrency)));
        // Walking the stack makes an overflow several times dearer, and only an author wants to know where it was.
        config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(if backtraces { 64 } else { 0 }));
    }
    Engine::new(&config)
}

/// The proposals that plugins may use: what the compilers of the usual languages emit, and nothing else. Every proposal
/// is more to get wrong.
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

/// What operators cost: 1, unless they take far longer than others. So the same fuel lasts about as long whatever it is
/// burned on, but for memory that is not in the processor's caches.
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
        // Growth is free by the size that is asked for: the limits bound it, and are to say so when it is too much.
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
