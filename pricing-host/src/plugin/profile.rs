//! Sampling profiles: in which functions a plugin spends its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Plugin, call_sampled};
use crate::fault::Fault;
use crate::request::Request;
use crate::sandbox::Sampler;

/// The sampling interval.
const EVERY: Duration = Duration::from_micros(100);

/// The samples of a profile.
///
/// Guests can only be sampled at function entries and loop headers, so each sample stands for the code before such a
/// point. Time in the host is not seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The number of calls.
    pub calls: u64,
    /// The number of samples in which the plugin was running.
    pub samples: u64,
    /// The functions, the most frequent first.
    pub functions: Vec<FunctionShare>,
}

/// The samples of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionShare {
    /// Its name or index.
    pub name: String,
    /// Samples in which it was running itself.
    pub own: u64,
    /// Samples in which it was on the stack.
    pub total: u64,
}

impl Plugin {
    /// Makes calls for a given time, and samples them. The first fault ends it.
    ///
    /// The fault is returned along with the samples until then.
    #[must_use]
    pub fn profile(&self, request: &Request<'_>, time: Duration) -> (Profile, Option<Fault>) {
        let version = self.current();
        let (sampler, done) = (Arc::new(Sampler::default()), AtomicBool::new(false));
        let mut calls = 0_u64;
        let mut fault = None;
        thread::scope(|scope| {
            let look = || {
                while !done.load(Ordering::Relaxed) {
                    thread::sleep(EVERY);
                    version.sandbox.engine().increment_epoch();
                }
            };
            let looking = thread::Builder::new().name("plugin-profiler".to_owned()).spawn_scoped(scope, look);
            if let Err(error) = looking {
                fault = Some(Fault::rejected(format!("no thread to profile the plugin from: {error}")));
                return;
            }
            let started = Instant::now();
            while fault.is_none() && started.elapsed() < time {
                let called = call_sampled(&version, &self.inner.settings.limits, request, Some(&sampler));
                calls = calls.saturating_add(1);
                fault = called.result.err();
            }
            done.store(true, Ordering::Relaxed);
        });
        let samples = sampler.samples();
        let share = |(name, seen): (_, crate::sandbox::Seen)| FunctionShare { name, own: seen.own, total: seen.total };
        let mut functions: Vec<FunctionShare> = samples.functions.into_iter().map(share).collect();
        functions.sort_by(|a, b| (b.own, b.total, &a.name).cmp(&(a.own, a.total, &b.name)));
        (Profile { calls, samples: samples.looks, functions }, fault)
    }
}
