//! Where guests are when they are looked at: how a profile is made.
//!
//! Looks happen while the guest runs, in its time, so they only count. Names are made of what was counted afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use wasmtime::{AsContext, FrameInfo, WasmBacktrace};

use super::names::{excerpt, function_name};

/// The most functions that are told apart; what comes later is counted, and not named.
const FUNCTIONS: usize = 1_000;

/// How often a function was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Running itself.
    pub(crate) own: u64,
    /// Running, or waiting for one that it called.
    pub(crate) total: u64,
}

/// A function: where its module's code is, and its number there.
type Function = (usize, u32);

/// Collects looks at guests.
#[derive(Debug, Default)]
pub(crate) struct Sampler(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    looks: u64,
    functions: BTreeMap<Function, (Option<String>, Seen)>,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    pub(crate) looks: u64,
    pub(crate) functions: BTreeMap<String, Seen>,
}

impl Sampler {
    /// Takes note of where a guest is.
    pub(super) fn look(&self, store: impl AsContext) {
        let backtrace = WasmBacktrace::force_capture(store);
        let Some(innermost) = backtrace.frames().first() else { return };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.looks = counts.looks.saturating_add(1);
        counts.count(innermost, |seen| seen.own = seen.own.saturating_add(1));
        // A function that calls itself is there once.
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
            // Functions of one name are one to their author; where both were running, that is one look.
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
            let name = || (frame.func_name().map(|name| excerpt(name).to_owned()), Seen::default());
            count(&mut self.functions.entry(function).or_insert_with(name).1);
        }
    }
}
