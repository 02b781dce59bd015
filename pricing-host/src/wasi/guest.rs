//! A function's view of the guest: its memory with bounds checks, and its remaining fuel.

use std::ops::Range;

use wasmtime::{Caller, Extern, Memory, Trap};

use super::errno::{Answer, Errno, Failure};
use super::state::{HasWasi, WasiState};

/// The fuel that every function costs.
pub(super) const CALL_FUEL: u64 = 100;
/// The number of bytes that can be moved per unit of fuel.
pub(super) const BYTES_PER_FUEL: u64 = 8;

/// The caller of a function.
#[derive(Debug)]
pub(super) struct Guest<'a> {
    memory: &'a mut [u8],
    pub(super) wasi: &'a mut WasiState,
    fuel: u64,
}

/// Runs a function for the guest. The guest pays first, and gets the error number, or 0.
pub(super) fn run<T: HasWasi>(
    caller: &mut Caller<'_, T>,
    function: impl FnOnce(&mut Guest<'_>) -> Answer,
) -> wasmtime::Result<u32> {
    let fuel = caller.get_fuel()?;
    let memory = memory(caller);
    let (memory, state) = match memory {
        Some(memory) => memory.data_and_store_mut(&mut *caller),
        // For a program without memory, every pointer is invalid.
        None => (Default::default(), caller.data_mut()),
    };
    let in_time = state.check_deadline();
    let mut guest = Guest { memory, wasi: state.wasi(), fuel };
    // Fuel is checked before the clock, because it ends a call at the same point on every machine.
    let answer = guest.pay(CALL_FUEL).and_then(|()| Ok(in_time?)).and_then(|()| function(&mut guest));
    let left = guest.fuel;
    caller.set_fuel(left)?;
    match answer {
        Ok(()) => Ok(0),
        Err(Failure::Errno(Errno(number))) => Ok(number),
        Err(Failure::End(error)) => Err(error),
    }
}

/// The memory that the guest exports. A command has a single instance, so it is looked up once.
fn memory<T: HasWasi>(caller: &mut Caller<'_, T>) -> Option<Memory> {
    if let Some(memory) = caller.data_mut().wasi().memory {
        return Some(memory);
    }
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    caller.data_mut().wasi().memory = memory;
    memory
}

impl Guest<'_> {
    /// Takes fuel.
    pub(super) fn pay(&mut self, fuel: u64) -> Answer {
        match self.fuel.checked_sub(fuel) {
            Some(left) => {
                self.fuel = left;
                Ok(())
            }
            None => {
                self.fuel = 0;
                Err(Failure::End(Trap::OutOfFuel.into()))
            }
        }
    }

    /// Takes fuel for bytes that are about to be moved.
    pub(super) fn pay_for_bytes(&mut self, bytes: u64) -> Answer {
        self.pay(bytes.div_ceil(BYTES_PER_FUEL))
    }

    /// The range of these bytes, if all of them are in the guest's memory.
    pub(super) fn range(&self, address: u32, length: u64) -> Result<Range<usize>, Errno> {
        let start = usize::try_from(address).map_err(|_| Errno::FAULT)?;
        let length = usize::try_from(length).map_err(|_| Errno::FAULT)?;
        let end = start.checked_add(length).filter(|end| *end <= self.memory.len()).ok_or(Errno::FAULT)?;
        Ok(start..end)
    }

    /// The guest's bytes at an address, and the state, both mutable.
    pub(super) fn bytes_and_state(&mut self, address: u32, length: u64) -> Result<(&mut [u8], &mut WasiState), Errno> {
        let range = self.range(address, length)?;
        let bytes = self.memory.get_mut(range).ok_or(Errno::FAULT)?;
        Ok((bytes, self.wasi))
    }

    /// Copies bytes to the guest.
    pub(super) fn put(&mut self, address: u32, bytes: &[u8]) -> Result<(), Errno> {
        let length = u64::try_from(bytes.len()).map_err(|_| Errno::FAULT)?;
        self.bytes_and_state(address, length)?.0.copy_from_slice(bytes);
        Ok(())
    }

    /// Reads a fixed number of the guest's bytes.
    pub(super) fn take<const LENGTH: usize>(&self, address: u32) -> Result<[u8; LENGTH], Errno> {
        let start = usize::try_from(address).map_err(|_| Errno::FAULT)?;
        let bytes = self.memory.get(start..).and_then(<[u8]>::first_chunk).ok_or(Errno::FAULT)?;
        Ok(*bytes)
    }
}
