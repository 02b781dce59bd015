//! What it means for the plugin if a child did not finish.

use crate::inspect::size;
use crate::limited::{ChildEnd, Limits};
use crate::verdict::{Holds, Refusal};

/// The message for a plugin that made a library panic.
pub(super) const FAILED: &str = "the plugin made the compiler fail: report this, and build it another way";

/// Why a child did not find everything that was wanted. None if it ended normally.
///
/// What the machine or somebody else caused is not remembered ([`Holds::Once`]), since the next attempt may succeed. What
/// the plugin caused is remembered for a while: trying again would take as long again.
pub(super) fn unfinished(end: &ChildEnd, limits: &Limits) -> Option<Refusal> {
    let (message, holds) = match end {
        ChildEnd::Done => return None,
        ChildEnd::Time => (
            format!(
                "the plugin took longer than {:?} to inspect and compile: try again when the machine is less busy, or \
                 make the plugin smaller",
                limits.time
            ),
            Holds::Once,
        ),
        ChildEnd::Processor => (
            format!(
                "the plugin took more than {:?} of processor time to inspect and compile: make it smaller, and its \
                 functions simpler",
                limits.cpu
            ),
            Holds::AWhile,
        ),
        ChildEnd::Memory => (
            format!(
                "the plugin needs more than {} of memory to inspect and compile: make it smaller, and its functions \
                 simpler",
                size(limits.memory_bytes)
            ),
            Holds::AWhile,
        ),
        ChildEnd::Output => ("the plugin compiler wrote more than it may".to_owned(), Holds::AWhile),
        ChildEnd::NotStarted(why) => (format!("the plugin compiler could not do its work: {why}"), Holds::Once),
        ChildEnd::Failed => (FAILED.to_owned(), Holds::AWhile),
        ChildEnd::Killed(signal) => {
            (format!("the plugin compiler was ended from outside (signal {signal}); try again"), Holds::Once)
        }
        ChildEnd::Crashed(signal) => {
            let message = format!("the plugin compiler crashed (signal {signal}): make the plugin smaller and simpler");
            (message, Holds::AWhile)
        }
        ChildEnd::Exit(code) => (format!("the plugin compiler ended with exit code {code}"), Holds::Once),
    };
    Some(Refusal::new(message, holds))
}
