//! Files and sockets, none of which exist.

use wasmtime::{Caller, Linker};

use super::MODULE;
use super::errno::Errno;
use super::guest::run;
use super::state::HasWasi;
use super::streams;

/// Returns that a stream does not support the function, or that the descriptor does not exist.
fn refuse<T: HasWasi>(caller: &mut Caller<'_, T>, descriptor: u32, on_stream: Errno) -> wasmtime::Result<u32> {
    run(caller, |guest| {
        streams::stream(guest.wasi, descriptor)?;
        Err(on_stream.into())
    })
}

fn no_path<T: HasWasi>(mut caller: Caller<'_, T>, descriptor: u32) -> wasmtime::Result<u32> {
    refuse(&mut caller, descriptor, Errno::NOTCAPABLE)
}

fn no_socket<T: HasWasi>(mut caller: Caller<'_, T>, descriptor: u32) -> wasmtime::Result<u32> {
    refuse(&mut caller, descriptor, Errno::NOTSOCK)
}

/// Defines the functions on paths. They have to exist for programs to link, and always fail.
pub(super) fn define_paths<T: HasWasi + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    for name in ["path_create_directory", "path_remove_directory", "path_unlink_file"] {
        linker.func_wrap(MODULE, name, |caller: Caller<'_, T>, fd: u32, _: u32, _: u32| no_path(caller, fd))?;
    }
    linker.func_wrap(
        MODULE,
        "path_filestat_get",
        |caller: Caller<'_, T>, fd: u32, _: u32, _: u32, _: u32, _: u32| no_path(caller, fd),
    )?;
    linker.func_wrap(
        MODULE,
        "path_filestat_set_times",
        |caller: Caller<'_, T>, fd: u32, _: u32, _: u32, _: u32, _: u64, _: u64, _: u32| no_path(caller, fd),
    )?;
    linker.func_wrap(
        MODULE,
        "path_link",
        |caller: Caller<'_, T>, fd: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32| no_path(caller, fd),
    )?;
    linker.func_wrap(
        MODULE,
        "path_open",
        |caller: Caller<'_, T>, fd: u32, _: u32, _: u32, _: u32, _: u32, _: u64, _: u64, _: u32, _: u32| {
            no_path(caller, fd)
        },
    )?;
    for name in ["path_readlink", "path_rename"] {
        linker.func_wrap(MODULE, name, |caller: Caller<'_, T>, fd: u32, _: u32, _: u32, _: u32, _: u32, _: u32| {
            no_path(caller, fd)
        })?;
    }
    // The descriptor of a symbolic link's folder comes third.
    linker.func_wrap(MODULE, "path_symlink", |caller: Caller<'_, T>, _: u32, _: u32, fd: u32, _: u32, _: u32| {
        no_path(caller, fd)
    })?;
    Ok(())
}

pub(super) fn define_sockets<T: HasWasi + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "sock_accept", |caller: Caller<'_, T>, fd: u32, _: u32, _: u32| no_socket(caller, fd))?;
    linker.func_wrap(
        MODULE,
        "sock_recv",
        |caller: Caller<'_, T>, fd: u32, _: u32, _: u32, _: u32, _: u32, _: u32| no_socket(caller, fd),
    )?;
    linker.func_wrap(MODULE, "sock_send", |caller: Caller<'_, T>, fd: u32, _: u32, _: u32, _: u32, _: u32| {
        no_socket(caller, fd)
    })?;
    linker.func_wrap(MODULE, "sock_shutdown", |caller: Caller<'_, T>, fd: u32, _: u32| no_socket(caller, fd))?;
    Ok(())
}
