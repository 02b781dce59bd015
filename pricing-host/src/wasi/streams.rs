//! The three streams: the request comes from stdin, the price goes to stdout, reasons go to stderr.

use wasmtime::{Caller, Linker};

use super::MODULE;
use super::errno::{Answer, Errno, Failure};
use super::guest::{Guest, run};
use super::state::{HasWasi, WasiState};

/// The most buffers of one read or write.
const MAX_BUFFERS: u32 = 1024;
const BUFFER_ENTRY_BYTES: u32 = 8;
/// Fuel for each buffer.
const BUFFER_FUEL: u64 = 8;

/// The command exceeded the limit for stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the command wrote more to stdout than it may")]
pub(crate) struct OutputExceeded;

/// Which stream a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdin,
    Stdout,
    Stderr,
}

/// The open stream of a descriptor.
pub(super) fn stream(wasi: &WasiState, descriptor: u32) -> Result<Stream, Errno> {
    match descriptor {
        0 if wasi.stdin.is_open() => Ok(Stream::Stdin),
        1 if wasi.stdout.is_open() => Ok(Stream::Stdout),
        2 if wasi.stderr.is_open() => Ok(Stream::Stderr),
        _ => Err(Errno::BADF),
    }
}

/// Closes a stream. What was written stays.
pub(super) fn close(wasi: &mut WasiState, descriptor: u32) -> Result<(), Errno> {
    match stream(wasi, descriptor)? {
        Stream::Stdin => wasi.stdin.close(),
        Stream::Stdout => wasi.stdout.close(),
        Stream::Stderr => wasi.stderr.close(),
    }
    Ok(())
}

/// The number of bytes that can be read from a descriptor.
pub(super) fn readable(wasi: &WasiState, descriptor: u32) -> Result<u64, Errno> {
    match stream(wasi, descriptor)? {
        Stream::Stdin => Ok(u64::try_from(wasi.stdin.rest().len()).unwrap_or(u64::MAX)),
        Stream::Stdout | Stream::Stderr => Err(Errno::BADF),
    }
}

/// The number of bytes that can be written to a descriptor.
pub(super) fn writable(wasi: &WasiState, descriptor: u32) -> Result<u64, Errno> {
    let sink = match stream(wasi, descriptor)? {
        Stream::Stdin => return Err(Errno::BADF),
        Stream::Stdout => &wasi.stdout,
        Stream::Stderr => &wasi.stderr,
    };
    Ok(u64::try_from(sink.room()).unwrap_or(u64::MAX))
}

pub(super) fn define<T: HasWasi + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.func_wrap(
        MODULE,
        "fd_read",
        |mut caller: Caller<'_, T>, descriptor: u32, buffers: u32, count: u32, done: u32| {
            run(&mut caller, |guest| read(guest, descriptor, buffers, count, done))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "fd_write",
        |mut caller: Caller<'_, T>, descriptor: u32, buffers: u32, count: u32, done: u32| {
            run(&mut caller, |guest| write(guest, descriptor, buffers, count, done))
        },
    )?;
    Ok(())
}

/// A buffer of the guest, within its memory.
#[derive(Clone, Copy, Debug)]
struct Buffer {
    address: u32,
    length: u32,
}

/// The buffers that the guest names, each checked, and their total length. They are all read before anything is
/// written, so that a list that overlaps its own buffers makes no difference.
fn buffers(guest: &mut Guest<'_>, list: u32, count: u32) -> Result<(Vec<Buffer>, u64), Failure> {
    let size = u64::from(count).saturating_mul(u64::from(BUFFER_ENTRY_BYTES));
    guest.range(list, size)?;
    if count > MAX_BUFFERS {
        return Err(Errno::INVAL.into());
    }
    guest.pay(u64::from(count).saturating_mul(BUFFER_FUEL))?;
    let mut total = 0_u64;
    let mut checked = Vec::new();
    for place in 0..count {
        // The list is within the memory, so the sum does not wrap.
        let entry = guest.take::<8>(list.wrapping_add(place.wrapping_mul(BUFFER_ENTRY_BYTES)))?;
        let [a, b, c, d, e, f, g, h] = entry;
        let buffer = Buffer { address: u32::from_le_bytes([a, b, c, d]), length: u32::from_le_bytes([e, f, g, h]) };
        guest.range(buffer.address, u64::from(buffer.length))?;
        total = total.saturating_add(u64::from(buffer.length));
        checked.push(buffer);
    }
    Ok((checked, total))
}

fn read(guest: &mut Guest<'_>, descriptor: u32, list: u32, count: u32, done: u32) -> Answer {
    guest.range(done, 4)?;
    let ready = readable(guest.wasi, descriptor)?;
    let (buffers, total) = buffers(guest, list, count)?;
    let moved = u32::try_from(ready.min(total)).map_err(|_| Errno::INVAL)?;
    guest.pay_for_bytes(u64::from(moved))?;
    for buffer in buffers {
        let (bytes, wasi) = guest.bytes_and_state(buffer.address, u64::from(buffer.length))?;
        wasi.stdin.read(bytes);
    }
    Ok(guest.put(done, &moved.to_le_bytes())?)
}

fn write(guest: &mut Guest<'_>, descriptor: u32, list: u32, count: u32, done: u32) -> Answer {
    guest.range(done, 4)?;
    let room = writable(guest.wasi, descriptor)?;
    let (buffers, total) = buffers(guest, list, count)?;
    let is_stdout = descriptor == 1;
    if is_stdout && total > room {
        return Err(Failure::End(wasmtime::Error::new(OutputExceeded)));
    }
    let taken = u32::try_from(total).map_err(|_| Errno::INVAL)?;
    guest.pay_for_bytes(total.min(room))?;
    for buffer in buffers {
        let (bytes, wasi) = guest.bytes_and_state(buffer.address, u64::from(buffer.length))?;
        let sink = if is_stdout { &mut wasi.stdout } else { &mut wasi.stderr };
        sink.write(bytes);
    }
    Ok(guest.put(done, &taken.to_le_bytes())?)
}
