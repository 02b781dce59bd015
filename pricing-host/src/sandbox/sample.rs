//! Where guests are when they are looked at: how a profile is made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use wasmtime::{AsContext, WasmBacktrace};

use super::failure::frame_name;

/// The most functions that are told apart; what comes later is counted, and not named.
const FUNCTIONS: usize = 10_000;

/// How often a function was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Running itself.
    pub(crate) own: u64,
    /// Running, or waiting for one that it called.
    pub(crate) total: u64,
}

/// Collects looks at guests.
#[derive(Debug, Default)]
pub(crate) struct Sampler(Mutex<Samples>);

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
        let names: Vec<String> = backtrace.frames().iter().map(frame_name).collect();
        let Some(innermost) = names.first().cloned() else { return };
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        samples.looks = samples.looks.saturating_add(1);
        samples.count(innermost, |seen| seen.own = seen.own.saturating_add(1));
        // A function that calls itself is there once.
        for name in names.into_iter().collect::<BTreeSet<_>>() {
            samples.count(name, |seen| seen.total = seen.total.saturating_add(1));
        }
    }

    pub(crate) fn samples(&self) -> Samples {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Samples {
    fn count(&mut self, name: String, count: impl FnOnce(&mut Seen)) {
        if self.functions.len() < FUNCTIONS || self.functions.contains_key(&name) {
            count(self.functions.entry(name).or_default());
        }
    }
}
