//! A circuit breaker: after some consecutive faults, a plugin is not called for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::fault::Fault;

/// When a plugin is paused, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// The number of consecutive faults that open it. 0 disables it.
    pub faults: u32,
    /// How long it stays open. After that a single call tries the plugin, and other calls are rejected until it
    /// returns.
    pub rest: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { faults: 5, rest: Duration::from_secs(30) }
    }
}

/// The state of a breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls are admitted.
    Closed {
        /// The number of consecutive faults so far.
        faults: u32,
    },
    /// Calls are rejected.
    Open {
        /// The remaining time.
        left: Duration,
        /// The last fault.
        fault: Fault,
    },
    /// A trial call is in progress (half-open).
    Trying,
}

#[derive(Debug)]
pub(crate) struct Breaker {
    settings: BreakerSettings,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Instant,
    fault: Fault,
    /// When the trial call started. A trial that never returns is given up after another pause.
    trying: Option<Instant>,
}

impl Breaker {
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a call, or returns the reason why not.
    pub(crate) fn admit(&self, now: Instant) -> Result<(), Fault> {
        let mut state = self.lock();
        let faults = state.faults;
        let Some(open) = &mut state.open else { return Ok(()) };
        let trial_over = open.trying.is_none_or(|since| now.saturating_duration_since(since) >= self.settings.rest);
        if now >= open.until && trial_over {
            open.trying = Some(now);
            return Ok(());
        }
        let left = open.until.saturating_duration_since(now).as_secs_f32();
        let fault = &open.fault;
        let message =
            format!("the plugin rests after {faults} faults in a row, {left:.0} s more; the last: {}", fault.message);
        Err(Fault::new(fault.code, message))
    }

    /// Records how a call ended. True if the breaker opened.
    pub(crate) fn record(&self, result: Result<(), &Fault>, now: Instant) -> bool {
        let mut state = self.lock();
        match result {
            Ok(()) => {
                *state = State::default();
                false
            }
            Err(fault) => {
                state.faults = state.faults.saturating_add(1);
                let enough = self.settings.faults > 0 && state.faults >= self.settings.faults;
                // Calls that were in flight when it opened neither open it again nor extend the pause.
                let opens = enough && state.open.as_ref().is_none_or(|open| open.trying.is_some());
                if opens {
                    let until = now.checked_add(self.settings.rest).unwrap_or(now);
                    state.open = Some(Open { until, fault: fault.clone(), trying: None });
                }
                opens
            }
        }
    }

    pub(crate) fn state(&self, now: Instant) -> BreakerState {
        let state = self.lock();
        match &state.open {
            None => BreakerState::Closed { faults: state.faults },
            Some(open) if open.trying.is_some() => BreakerState::Trying,
            Some(open) => {
                BreakerState::Open { left: open.until.saturating_duration_since(now), fault: open.fault.clone() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pricing_core::quote::ReasonCode;

    use super::*;

    #[test]
    fn it_opens_rests_tries_and_closes() {
        let settings = BreakerSettings { faults: 2, rest: Duration::from_secs(10) };
        let breaker = Breaker::new(settings);
        let fault = Fault::new(ReasonCode::Trap, "it crashed");
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!breaker.record(Err(&fault), start));
        assert!(!breaker.record(Ok(()), start));
        assert!(!breaker.record(Err(&fault), start));
        assert_eq!(breaker.admit(start), Ok(()));
        assert!(breaker.record(Err(&fault), start));
        let refused = breaker.admit(at(1)).unwrap_err();
        assert_eq!(refused.code, ReasonCode::Trap);
        assert_eq!(refused.message, "the plugin rests after 2 faults in a row, 9 s more; the last: it crashed");
        // One call tries; the others are still refused.
        assert_eq!(breaker.admit(at(10)), Ok(()));
        assert_eq!(breaker.state(at(10)), BreakerState::Trying);
        assert!(breaker.admit(at(11)).is_err());
        assert!(breaker.record(Err(&fault), at(11)));
        assert!(breaker.admit(at(20)).is_err());
        assert_eq!(breaker.admit(at(21)), Ok(()));
        breaker.record(Ok(()), at(21));
        assert_eq!(breaker.state(at(21)), BreakerState::Closed { faults: 0 });
    }

    #[test]
    fn a_trial_that_never_tells_is_given_up() {
        let breaker = Breaker::new(BreakerSettings { faults: 1, rest: Duration::from_secs(10) });
        let start = Instant::now();
        breaker.record(Err(&Fault::new(ReasonCode::Trap, "x")), start);
        assert_eq!(breaker.admit(start + Duration::from_secs(10)), Ok(()));
        assert!(breaker.admit(start + Duration::from_secs(19)).is_err());
        assert_eq!(breaker.admit(start + Duration::from_secs(20)), Ok(()));
    }
}
