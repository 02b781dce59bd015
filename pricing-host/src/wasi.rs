//! A deterministic subset of WASI preview 1: a call is a pure function of its request.
//!
//! A command reads its request from stdin and writes its price to stdout. Every function of preview 1 exists, so that
//! any program links, but there are no files, no sockets and no waiting; the clock stands still, and random numbers are
//! the same in each call:
//!
//! | functions | answer |
//! |---|---|
//! | `fd_read` 0, `fd_write` 1 and 2 | the streams; their other functions say what a pipe's would |
//! | `args_*`, `environ_*` | what the host gives, nothing of its own |
//! | `clock_time_get` | [`clocks::NOW`], whichever clock; `clock_res_get` [`clocks::RESOLUTION`] |
//! | `random_get` | the bytes of [`generator::Generator`], from the start in each call |
//! | `poll_oneoff` | at once: every time has come, every stream is ready |
//! | `path_*`, `fd_prestat_*`, other descriptors | `badf`, or `notcapable` on a stream |
//! | `sock_*` | `badf`, or `notsock` on a stream |
//! | `proc_exit`, `proc_raise`, `sched_yield` | [`Exit`], `nosys`, nothing |
//!
//! Waiting with `poll_oneoff` ends at once. Waiting by polling the clock never ends, and uses up the fuel.
//!
//! Pointers and lengths come from the guest and are checked before anything is copied or allocated; those outside of
//! its memory give `fault`. Each function costs [`guest::CALL_FUEL`], plus one unit per 8 bytes that it moves. Random
//! bytes, buffers of a list and subscriptions cost more, because they take more time. Any flood of calls runs out of
//! fuel well before the deadline.

mod arguments;
mod clocks;
mod denied;
mod descriptors;
mod errno;
mod generator;
mod guest;
mod pipes;
mod process;
mod random;
mod state;
mod streams;
mod strings;
#[cfg(test)]
mod tests;

use wasmtime::Linker;

use crate::inspect::WASI_MODULE as MODULE;

pub(crate) use process::Exit;
#[cfg(test)]
pub(crate) use state::Output;
pub(crate) use state::{HasWasi, WasiState};
pub(crate) use streams::OutputExceeded;

/// Defines every function of preview 1.
pub(crate) fn add_to_linker<T: HasWasi + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    arguments::define(linker)?;
    clocks::define(linker)?;
    random::define(linker)?;
    process::define(linker)?;
    streams::define(linker)?;
    descriptors::define(linker)?;
    denied::define_paths(linker)?;
    denied::define_sockets(linker)
}
