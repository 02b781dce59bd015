//! How a command ends.

use wasmtime::{Caller, Linker};

use super::MODULE;
use super::errno::Errno;
use super::guest::run;
use super::state::HasWasi;

/// The command ended itself, with this exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the command ended with exit code {0}")]
pub(crate) struct Exit(pub(crate) u32);

pub(super) fn define<T: HasWasi + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "proc_exit", |_: Caller<'_, T>, code: u32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::new(Exit(code)))
    })?;
    linker.func_wrap(MODULE, "proc_raise", |mut caller: Caller<'_, T>, _signal: u32| {
        run(&mut caller, |_| Err(Errno::NOSYS.into()))
    })?;
    Ok(())
}
