//! An oracle of processor time.

use std::time::Duration;

/// What one input may take of a processor.
const MOST: Duration = Duration::from_secs(2);

/// Runs something, and panics when this thread took too much of a processor for it. Other processes do not count.
pub(super) fn within(run: impl FnOnce()) {
    let Some(before) = used() else { return run() };
    run();
    let took = used().unwrap_or(before).saturating_sub(before);
    assert!(took <= MOST, "it took {took:?} of processor time");
}

/// The time that this thread has spent on a processor so far, where the system tells.
fn used() -> Option<Duration> {
    // The system counts when it schedules.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
