//! Samples the stacks of guests, for profiles.
//!
//! Samples are taken during the guest's time, so they are only counted. Names are resolved afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use wasmtime::{AsContext, FrameInfo, WasmBacktrace};

use super::names::{function_name, prefix};

/// The most functions that are distinguished. Further ones are counted, but not named.
const FUNCTIONS: usize = 1_000;

/// The samples of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Running itself.
    pub(crate) own: u64,
    /// Anywhere on the stack.
    pub(crate) total: u64,
}

/// A function: the address of its module's code, and its index there.
type Function = (usize, u32);

/// Collects samples of guests.
#[derive(Debug, Default)]
pub(crate) struct Sampler(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    looks: u64,
    functions: BTreeMap<Function, (Option<String>, Seen)>,
}

/// The collected samples.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    pub(crate) looks: u64,
    pub(crate) functions: BTreeMap<String, Seen>,
}

impl Sampler {
    /// Takes a sample of a guest.
    pub(super) fn look(&self, store: impl AsContext) {
        let backtrace = WasmBacktrace::force_capture(store);
        let Some(innermost) = backtrace.frames().first() else { return };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.looks = counts.looks.saturating_add(1);
        counts.count(innermost, |seen| seen.own = seen.own.saturating_add(1));
        // A recursive function counts once.
        let mut counted = BTreeSet::new();
        for frame in backtrace.frames() {
            if counted.insert(function(frame)) {
                counts.count(frame, |seen| seen.total = seen.total.saturating_add(1));
            }
        }
    }

    pub(crate) fn samples(&self) -> Samples {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut samples = Samples { looks: counts.looks, functions: BTreeMap::new() };
        for ((_, index), (name, seen)) in &counts.functions {
            // Functions with the same name are the same to their author. If both are on the stack, that is one sample.
            let sum: &mut Seen = samples.functions.entry(function_name(*index, name.as_deref())).or_default();
            sum.own = sum.own.saturating_add(seen.own);
            sum.total = sum.total.saturating_add(seen.total).min(counts.looks);
        }
        samples
    }
}

fn function(frame: &FrameInfo) -> Function {
    (frame.module().image_range().start.addr(), frame.func_index())
}

impl Counts {
    fn count(&mut self, frame: &FrameInfo, count: impl FnOnce(&mut Seen)) {
        let function = function(frame);
        if self.functions.len() < FUNCTIONS || self.functions.contains_key(&function) {
            let name = || (frame.func_name().map(|name| prefix(name).to_owned()), Seen::default());
            count(&mut self.functions.entry(function).or_insert_with(name).1);
        }
    }
}
