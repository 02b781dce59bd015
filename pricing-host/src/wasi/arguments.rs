//! `args_*` and `environ_*`: lists of strings that the guest copies into its memory.

use wasmtime::{Caller, Linker};

use super::MODULE;
use super::errno::Answer;
use super::guest::{Guest, run};
use super::state::{HasWasi, WasiState};
use super::strings::Strings;

/// Selects a list of the state.
type List = fn(&mut WasiState) -> &mut Strings;

pub(super) fn define<T: HasWasi + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let lists: [(&str, &str, List); 2] = [
        ("args_get", "args_sizes_get", |wasi| &mut wasi.arguments),
        ("environ_get", "environ_sizes_get", |wasi| &mut wasi.environment),
    ];
    for (get, sizes_get, list) in lists {
        linker.func_wrap(MODULE, get, move |mut caller: Caller<'_, T>, pointers: u32, bytes: u32| {
            run(&mut caller, |guest| copy(guest, list, pointers, bytes))
        })?;
        linker.func_wrap(MODULE, sizes_get, move |mut caller: Caller<'_, T>, count: u32, size: u32| {
            run(&mut caller, |guest| sizes(guest, list, count, size))
        })?;
    }
    Ok(())
}

fn sizes(guest: &mut Guest<'_>, list: List, count_at: u32, size_at: u32) -> Answer {
    guest.range(size_at, 4)?;
    let (count, size) = list(guest.wasi).sizes()?;
    guest.put(count_at, &count.to_le_bytes())?;
    Ok(guest.put(size_at, &size.to_le_bytes())?)
}

fn copy(guest: &mut Guest<'_>, list: List, pointers_at: u32, bytes_at: u32) -> Answer {
    let (count, size) = list(guest.wasi).sizes()?;
    let pointers = u64::from(count).saturating_mul(4);
    guest.range(pointers_at, pointers)?;
    guest.range(bytes_at, u64::from(size))?;
    guest.pay_for_bytes(pointers.saturating_add(u64::from(size)))?;
    let (place, wasi) = guest.bytes_and_state(bytes_at, u64::from(size))?;
    place.copy_from_slice(list(wasi).bytes());
    let (table, wasi) = guest.bytes_and_state(pointers_at, pointers)?;
    for (place, start) in table.chunks_exact_mut(4).zip(list(wasi).starts()) {
        place.copy_from_slice(&bytes_at.saturating_add(*start).to_le_bytes());
    }
    Ok(())
}
