//! An oracle for processor time.

use std::time::Duration;

/// The most processor time for one input.
const MOST: Duration = Duration::from_secs(2);

/// Runs something, and panics if this thread used too much processor time for it. Other processes do not count.
pub(super) fn within(run: impl FnOnce()) {
    let Some(before) = used() else { return run() };
    run();
    let took = used().unwrap_or(before).saturating_sub(before);
    assert!(took <= MOST, "it took {took:?} of processor time");
}

/// The processor time that this thread has used so far, if the system reports it.
fn used() -> Option<Duration> {
    // The system updates its count when it schedules.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
