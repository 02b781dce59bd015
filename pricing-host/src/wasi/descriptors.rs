//! The other functions of descriptors: streams behave like pipes, and there are no other descriptors.

use wasmtime::{Caller, Linker};

use super::MODULE;
use super::errno::{Answer, Errno};
use super::guest::{Guest, run};
use super::state::HasWasi;
use super::streams::{self, Stream};

pub(super) fn define<T: HasWasi + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    define_states(linker)?;
    define_changes(linker)?;
    define_places(linker)?;
    define_folders(linker)
}

/// Returns a fixed error number for an open stream.
fn refuse(guest: &mut Guest<'_>, descriptor: u32, errno: Errno) -> Answer {
    streams::stream(guest.wasi, descriptor)?;
    Err(errno.into())
}

/// Does nothing, for an open stream.
fn accept(guest: &mut Guest<'_>, descriptor: u32) -> Answer {
    streams::stream(guest.wasi, descriptor)?;
    Ok(())
}

fn define_states<T: HasWasi + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "fd_close", |mut caller: Caller<'_, T>, descriptor: u32| {
        run(&mut caller, |guest| Ok(streams::close(guest.wasi, descriptor)?))
    })?;
    linker.func_wrap(MODULE, "fd_fdstat_get", |mut caller: Caller<'_, T>, descriptor: u32, at: u32| {
        run(&mut caller, |guest| describe(guest, descriptor, at))
    })?;
    // All zero: a file of unknown type, size and age.
    linker.func_wrap(MODULE, "fd_filestat_get", |mut caller: Caller<'_, T>, descriptor: u32, at: u32| {
        run(&mut caller, |guest| {
            accept(guest, descriptor)?;
            Ok(guest.put(at, &[0; 64])?)
        })
    })?;
    // Nothing is buffered, so there is nothing to do.
    for name in ["fd_datasync", "fd_sync"] {
        linker.func_wrap(MODULE, name, |mut caller: Caller<'_, T>, descriptor: u32| {
            run(&mut caller, |guest| accept(guest, descriptor))
        })?;
    }
    Ok(())
}

/// The type, flags and rights of a stream. The type is unknown, like that of a pipe, so that C libraries buffer it.
fn describe(guest: &mut Guest<'_>, descriptor: u32, at: u32) -> Answer {
    const READ: u64 = 1 << 1;
    const WRITE: u64 = 1 << 6;
    const POLL: u64 = 1 << 27;
    let rights = match streams::stream(guest.wasi, descriptor)? {
        Stream::Stdin => READ | POLL,
        Stream::Stdout | Stream::Stderr => WRITE | POLL,
    };
    let mut stat = [0; 24];
    stat.iter_mut().skip(8).zip(rights.to_le_bytes()).for_each(|(place, byte)| *place = byte);
    Ok(guest.put(at, &stat)?)
}

/// Defines the functions that change a descriptor.
fn define_changes<T: HasWasi + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    // Streams never block and always append, regardless of the flags.
    linker.func_wrap(MODULE, "fd_fdstat_set_flags", |mut caller: Caller<'_, T>, descriptor: u32, _flags: u32| {
        run(&mut caller, |guest| accept(guest, descriptor))
    })?;
    linker.func_wrap(
        MODULE,
        "fd_fdstat_set_rights",
        |mut caller: Caller<'_, T>, descriptor: u32, _base: u64, _inheriting: u64| {
            run(&mut caller, |guest| refuse(guest, descriptor, Errno::NOTSUP))
        },
    )?;
    linker.func_wrap(MODULE, "fd_filestat_set_size", |mut caller: Caller<'_, T>, descriptor: u32, _size: u64| {
        run(&mut caller, |guest| refuse(guest, descriptor, Errno::INVAL))
    })?;
    linker.func_wrap(
        MODULE,
        "fd_filestat_set_times",
        |mut caller: Caller<'_, T>, descriptor: u32, _access: u64, _change: u64, _flags: u32| {
            run(&mut caller, |guest| refuse(guest, descriptor, Errno::NOTSUP))
        },
    )?;
    linker.func_wrap(MODULE, "fd_renumber", |mut caller: Caller<'_, T>, from: u32, _to: u32| {
        run(&mut caller, |guest| refuse(guest, from, Errno::NOTSUP))
    })?;
    Ok(())
}

/// Defines the functions that take a position in a file. Streams have no positions.
///
/// They are defined although all of them fail: language runtimes import them, and a module with a missing import cannot
/// be linked.
fn define_places<T: HasWasi + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.func_wrap(
        MODULE,
        "fd_advise",
        |mut caller: Caller<'_, T>, descriptor: u32, _offset: u64, _length: u64, _advice: u32| {
            run(&mut caller, |guest| refuse(guest, descriptor, Errno::SPIPE))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "fd_allocate",
        |mut caller: Caller<'_, T>, descriptor: u32, _offset: u64, _length: u64| {
            run(&mut caller, |guest| refuse(guest, descriptor, Errno::SPIPE))
        },
    )?;
    for name in ["fd_pread", "fd_pwrite"] {
        linker.func_wrap(
            MODULE,
            name,
            |mut caller: Caller<'_, T>, descriptor: u32, _buffers: u32, _count: u32, _offset: u64, _done: u32| {
                run(&mut caller, |guest| refuse(guest, descriptor, Errno::SPIPE))
            },
        )?;
    }
    linker.func_wrap(
        MODULE,
        "fd_seek",
        |mut caller: Caller<'_, T>, descriptor: u32, _offset: u64, _whence: u32, _done: u32| {
            run(&mut caller, |guest| refuse(guest, descriptor, Errno::SPIPE))
        },
    )?;
    linker.func_wrap(MODULE, "fd_tell", |mut caller: Caller<'_, T>, descriptor: u32, _done: u32| {
        run(&mut caller, |guest| refuse(guest, descriptor, Errno::SPIPE))
    })?;
    Ok(())
}

fn define_folders<T: HasWasi + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    // Programs enumerate their preopened folders until one does not exist.
    linker.func_wrap(MODULE, "fd_prestat_get", |mut caller: Caller<'_, T>, _descriptor: u32, _at: u32| {
        run(&mut caller, |_| Err(Errno::BADF.into()))
    })?;
    linker.func_wrap(
        MODULE,
        "fd_prestat_dir_name",
        |mut caller: Caller<'_, T>, _descriptor: u32, _path: u32, _length: u32| {
            run(&mut caller, |_| Err(Errno::BADF.into()))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "fd_readdir",
        |mut caller: Caller<'_, T>, descriptor: u32, _buffer: u32, _length: u32, _cookie: u64, _done: u32| {
            run(&mut caller, |guest| refuse(guest, descriptor, Errno::NOTDIR))
        },
    )?;
    Ok(())
}
