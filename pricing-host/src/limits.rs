//! Limits for loading and calling plugins.

use std::time::Duration;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// How large a plugin may be. The operator must enable the larger class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SizeClass {
    /// Plugins in a compiled language: kilobytes of code, a few MiB of memory.
    #[default]
    Standard,
    /// Plugins that contain a language engine, such as JavaScript or Python.
    Engine,
}

impl SizeClass {
    /// The class as settings name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Engine => "engine",
        }
    }

    /// The default limits for a call of a plugin of this class.
    #[must_use]
    pub fn call_limits(self) -> CallLimits {
        match self {
            Self::Standard => CallLimits {
                deadline: Duration::from_millis(50),
                fuel: 10_000_000,
                memory_bytes: 16 * MIB,
                ..CallLimits::SMALL
            },
            Self::Engine => CallLimits {
                deadline: Duration::from_secs(1),
                fuel: 1_000_000_000,
                memory_bytes: 256 * MIB,
                ..CallLimits::SMALL
            },
        }
    }

    /// The limits for loading a plugin of this class. [`Self::Standard`] is for compiled languages, whose plugins are
    /// small. [`Self::Engine`] is for plugins that contain a whole interpreter, such as those in JavaScript and Python.
    #[must_use]
    pub fn load_limits(self) -> LoadLimits {
        match self {
            Self::Standard => LoadLimits {
                module_bytes: 4 * MIB,
                function_bytes: 64 * KIB,
                functions: 20_000,
                nesting: 1_000,
                imports: 1_000,
                definitions: 20_000,
                arity: 128,
                stack_values: 16_000_000,
                instances: 8,
                components: 64,
                memories: 2,
                tables: 4,
                table_elements: 20_000,
                memory_bytes: 64 * MIB,
                compile_time: Duration::from_secs(120),
                compile_cpu: Duration::from_secs(4),
                compile_memory: 1 << 30,
            },
            Self::Engine => LoadLimits {
                module_bytes: 96 * MIB,
                function_bytes: 2 * MIB,
                functions: 100_000,
                nesting: 10_000,
                imports: 50_000,
                definitions: 500_000,
                arity: 1_000,
                stack_values: 400_000_000,
                instances: 64,
                components: 1_000,
                memories: 4,
                tables: 32,
                table_elements: 200_000,
                memory_bytes: 512 * MIB,
                compile_time: Duration::from_secs(300),
                compile_cpu: Duration::from_secs(300),
                compile_memory: 4 << 30,
            },
        }
    }
}

/// The limits for one call. The host enforces all of them on every machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// Wall-clock time from the end of queueing to the result.
    pub deadline: Duration,
    /// WebAssembly operators, with slow ones weighted, plus what host functions charge.
    pub fuel: u64,
    /// Bytes of linear memory, over all memories of the plugin.
    pub memory_bytes: u64,
    /// Bytes of an answer.
    pub output_bytes: usize,
    /// Bytes of log that are kept. The rest is dropped.
    pub log_bytes: usize,
    /// Lines of log that are kept. The rest is dropped.
    pub log_lines: usize,
}

impl CallLimits {
    const SMALL: Self = Self {
        deadline: Duration::from_millis(50),
        fuel: 10_000_000,
        memory_bytes: 16 * MIB,
        output_bytes: 64 << 10,
        log_bytes: 16 << 10,
        log_lines: 256,
    };
}

impl Default for CallLimits {
    fn default() -> Self {
        SizeClass::Standard.call_limits()
    }
}

/// The limits for loading a plugin. Fixed for each [`SizeClass`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoadLimits {
    /// Bytes of the file.
    pub module_bytes: u64,
    /// Bytes of one function's code.
    pub function_bytes: u64,
    /// Functions, over all modules of the plugin.
    pub functions: u32,
    /// The nesting depth of blocks in a function.
    pub nesting: u32,
    /// Imports, over all modules and components of the plugin.
    pub imports: u32,
    /// Types, imports, exports, aliases, instances and functions across the component boundary, over all modules and
    /// components.
    pub definitions: u32,
    /// Parameters, and results, of one function or block.
    pub arity: u32,
    /// Values that calls, branches and blocks pass on, over all functions; each target of a branch counts with as many
    /// as it carries. A validator visits every one of them. Functions of modules with only small types are not counted.
    pub stack_values: u64,
    /// Core instances.
    pub instances: u32,
    /// Instances of components.
    pub components: u32,
    /// Linear memories.
    pub memories: u32,
    /// Tables.
    pub tables: u32,
    /// Elements of one table.
    pub table_elements: u32,
    /// The maximum for [`CallLimits::memory_bytes`].
    pub memory_bytes: u64,
    /// Wall-clock time to inspect and compile. It ends a child that hangs; one that is busy is stopped by its processor
    /// time.
    pub compile_time: Duration,
    /// Processor time to inspect and compile, over all cores, in whole seconds. Even on a busy machine it is reached
    /// before the wall-clock limit, so that the verdict does not depend on the machine's load.
    pub compile_cpu: Duration,
    /// Bytes of memory to inspect and compile.
    pub compile_memory: u64,
}
