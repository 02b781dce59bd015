//! `random_get`: random bytes that are the same in each call.

use wasmtime::{Caller, Linker};

use super::MODULE;
use super::errno::{Answer, Errno};
use super::guest::{Guest, run};
use super::state::HasWasi;

/// The cost of random bytes, as a multiple of the cost of a copy.
const TIMES_A_COPY: u64 = 4;

/// The most bytes per call.
const MAX_BYTES: u32 = 64 << 10;

pub(super) fn define<T: HasWasi + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "random_get", |mut caller: Caller<'_, T>, buffer: u32, length: u32| {
        run(&mut caller, |guest| get(guest, buffer, length))
    })?;
    Ok(())
}

fn get(guest: &mut Guest<'_>, buffer: u32, length: u32) -> Answer {
    guest.range(buffer, u64::from(length))?;
    // The deadline is not checked in between.
    if length > MAX_BYTES {
        return Err(Errno::INVAL.into());
    }
    guest.pay_for_bytes(u64::from(length).saturating_mul(TIMES_A_COPY))?;
    let (bytes, wasi) = guest.bytes_and_state(buffer, u64::from(length))?;
    wasi.random.fill(bytes);
    Ok(())
}
