//! Clocks that stand still, and waits that end at once.

use wasmtime::{Caller, Linker};

use super::MODULE;
use super::errno::{Answer, Errno};
use super::guest::{Guest, run};
use super::state::HasWasi;
use super::streams;

/// The time of every clock, in nanoseconds: 2001-09-09 01:46:40 UTC.
pub(super) const NOW: u64 = 1_000_000_000_000_000_000;
/// The resolution of every clock, in nanoseconds.
pub(super) const RESOLUTION: u64 = 1;

/// The number of clocks in preview 1: realtime, monotonic, process and thread.
const CLOCKS: u32 = 4;

const SUBSCRIPTION_BYTES: u32 = 48;
const EVENT_BYTES: u32 = 32;
/// Fuel for each subscription.
const SUBSCRIPTION_FUEL: u64 = 60;

pub(super) fn define<T: HasWasi + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "clock_res_get", |mut caller: Caller<'_, T>, clock: u32, at: u32| {
        run(&mut caller, |guest| tell(guest, clock, at, RESOLUTION))
    })?;
    linker.func_wrap(MODULE, "clock_time_get", |mut caller: Caller<'_, T>, clock: u32, _precision: u64, at: u32| {
        run(&mut caller, |guest| tell(guest, clock, at, NOW))
    })?;
    linker.func_wrap(
        MODULE,
        "poll_oneoff",
        |mut caller: Caller<'_, T>, subscriptions: u32, events: u32, number: u32, done: u32| {
            run(&mut caller, |guest| poll(guest, subscriptions, events, number, done))
        },
    )?;
    linker.func_wrap(MODULE, "sched_yield", |mut caller: Caller<'_, T>| run(&mut caller, |_| Ok(())))?;
    Ok(())
}

/// The most subscriptions of one call.
const MAX_SUBSCRIPTIONS: u32 = 1024;

fn tell(guest: &mut Guest<'_>, clock: u32, at: u32, nanoseconds: u64) -> Answer {
    if clock >= CLOCKS {
        return Err(Errno::INVAL.into());
    }
    Ok(guest.put(at, &nanoseconds.to_le_bytes())?)
}

/// Answers every subscription at once.
fn poll(guest: &mut Guest<'_>, subscriptions: u32, events: u32, number: u32, done: u32) -> Answer {
    if number == 0 {
        return Err(Errno::INVAL.into());
    }
    let size = |each: u32| u64::from(number).saturating_mul(u64::from(each));
    guest.range(subscriptions, size(SUBSCRIPTION_BYTES))?;
    guest.range(events, size(EVENT_BYTES))?;
    guest.range(done, 4)?;
    // No program waits for more, and the deadline is not checked in between.
    if number > MAX_SUBSCRIPTIONS {
        return Err(Errno::INVAL.into());
    }
    guest.pay(u64::from(number).saturating_mul(SUBSCRIPTION_FUEL))?;
    for place in 0..number {
        // Both ranges are within the memory, so neither sum wraps.
        let at = |start: u32, each: u32| start.wrapping_add(place.wrapping_mul(each));
        let event = answer(guest, at(subscriptions, SUBSCRIPTION_BYTES))?;
        guest.put(at(events, EVENT_BYTES), &event)?;
    }
    Ok(guest.put(done, &number.to_le_bytes())?)
}

/// The event for a subscription: user data, error number, kind, and the number of bytes that are ready.
fn answer(guest: &Guest<'_>, subscription: u32) -> Result<[u8; 32], Errno> {
    const CLOCK: u8 = 0;
    const READ: u8 = 1;
    const WRITE: u8 = 2;
    let [user_data, kind, what] = [0, 8, 16].map(|offset| guest.take::<8>(subscription.wrapping_add(offset)));
    let ([kind, ..], [a, b, c, d, ..]) = (kind?, what?);
    let what = u32::from_le_bytes([a, b, c, d]);
    let (errno, bytes) = match kind {
        CLOCK if what < CLOCKS => (Errno(0), 0),
        CLOCK => (Errno::INVAL, 0),
        READ => streams::readable(guest.wasi, what).map_or_else(|errno| (errno, 0), |bytes| (Errno(0), bytes)),
        WRITE => streams::writable(guest.wasi, what).map_or_else(|errno| (errno, 0), |bytes| (Errno(0), bytes)),
        _ => return Err(Errno::INVAL),
    };
    let [low, high, ..] = errno.0.to_le_bytes();
    let mut event = [0; 32];
    let fields = user_data?.into_iter().chain([low, high, kind, 0, 0, 0, 0, 0]).chain(bytes.to_le_bytes());
    event.iter_mut().zip(fields).for_each(|(place, byte)| *place = byte);
    Ok(event)
}
