//! Maps the errors of a failed call to faults.

use pricing_core::quote::ReasonCode;
use pricing_core::text::printable;
use wasmtime::{Error, Trap, WasmBacktrace};

use super::names::frame_name;
use super::store::MemoryExceeded;
use crate::fault::Fault;
use crate::limits::CallLimits;
use crate::log::{Log, cut};
use crate::wasi::OutputExceeded;

/// How much of a guest's text a message repeats, in bytes.
const EXCERPT: usize = 500;

/// The phase of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The plugin was being started.
    Start,
    /// The plugin was running.
    Call,
    /// The plugin's answer was being read.
    Answer,
}

/// Whether the clock ended the call, which differs from run to run.
pub(super) fn is_by_clock(fault: &Fault) -> bool {
    fault.code == ReasonCode::DeadlineExceeded
}

/// Converts an error of the engine to a fault.
pub(super) fn fault(error: &Error, phase: Phase, limits: &CallLimits, log: &Log, backtraces: bool) -> Fault {
    let (code, message) = describe(error, phase, limits, log);
    let backtrace = if backtraces { frames(error) } else { Vec::new() };
    Fault { code, message, backtrace }
}

/// The code and message for an error: first the host's own errors, then the engine's limits, then traps.
fn describe(error: &Error, phase: Phase, limits: &CallLimits, log: &Log) -> (ReasonCode, String) {
    if let Some(fault) = error.downcast_ref::<Fault>() {
        return (fault.code, fault.message.clone());
    }
    if let Some(exceeded) = error.downcast_ref::<MemoryExceeded>() {
        return (ReasonCode::MemoryExceeded, exceeded.to_string());
    }
    if error.is::<OutputExceeded>() || is_hostcall_fuel(error) {
        let message = format!("the plugin's output is larger than {} bytes", limits.output_bytes);
        return (ReasonCode::OutputExceeded, message);
    }
    if is_handle_limit(error) {
        let message = "the plugin made more handles of resources than the host can track".to_owned();
        return (ReasonCode::MemoryExceeded, message);
    }
    match error.downcast_ref::<Trap>() {
        Some(trap) => describe_trap(*trap, phase, limits, log),
        None => {
            let text = printable(cut(&format!("{:#}", error.root_cause()), EXCERPT));
            let message = match phase {
                Phase::Start => format!("the plugin could not be started: {text}"),
                Phase::Call | Phase::Answer => format!("what the plugin handed over cannot be read: {text}"),
            };
            (ReasonCode::InvalidOutput, message)
        }
    }
}

/// The code and message for a trap. The last error in the log, such as a panic's message, explains a crash better than
/// the trap does.
fn describe_trap(trap: Trap, phase: Phase, limits: &CallLimits, log: &Log) -> (ReasonCode, String) {
    match trap {
        Trap::Interrupt => {
            let message = format!("the plugin ran longer than its deadline of {:?}", limits.deadline);
            (ReasonCode::DeadlineExceeded, message)
        }
        Trap::OutOfFuel => {
            let message = format!("the plugin used more than its {} units of fuel", limits.fuel);
            (ReasonCode::BudgetExhausted, message)
        }
        Trap::StackOverflow => {
            let message = format!("the plugin used more than {} KiB of stack", crate::engine::GUEST_STACK >> 10);
            (ReasonCode::StackExhausted, message)
        }
        // Values that the component boundary rejected.
        Trap::InvalidChar
        | Trap::StringOutOfBounds
        | Trap::ListOutOfBounds
        | Trap::InvalidDiscriminant
        | Trap::UnalignedPointer => {
            (ReasonCode::InvalidOutput, format!("what the plugin handed over cannot be read: {}", plain(trap)))
        }
        _ => {
            let when = if phase == Phase::Start { "the plugin crashed while it started" } else { "the plugin crashed" };
            let message = match log.last_error() {
                Some(error) => format!("{when}, saying: {}", cut(error, EXCERPT)),
                None => format!("{when}: {}", plain(trap)),
            };
            (ReasonCode::Trap, message)
        }
    }
}

/// Describes a trap, for people who do not know WebAssembly.
fn plain(trap: Trap) -> String {
    match trap {
        Trap::UnreachableCodeReached => {
            "it reached code that it declares unreachable (a panic or abort; it logged no message)".to_owned()
        }
        Trap::CannotLeaveComponent => {
            "it called the host where it may not, such as in `cabi_realloc` or post-return".to_owned()
        }
        _ => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
    }
}

/// Whether the guest passed more than the host accepts. The engine's error for it has no public type.
fn is_hostcall_fuel(error: &Error) -> bool {
    error.root_cause().to_string().starts_with("too much data is being copied between the host and the guest")
}

/// Whether the guest created too many handles, which the host stores. The engine's error for it has no public type.
fn is_handle_limit(error: &Error) -> bool {
    // Only the root cause: the chain contains a backtrace, and formatting that would demangle the guest's function
    // names.
    error.root_cause().to_string().starts_with("cannot allocate another handle")
}

/// The guest's stack frames, innermost first.
fn frames(error: &Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    backtrace.frames().iter().map(frame_name).collect()
}
