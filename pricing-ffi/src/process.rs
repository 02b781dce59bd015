//! The process that uses the library. A fork has its memory and none of its threads: locks that other threads held are
//! held for ever. So nothing is locked in a fork.

use std::sync::atomic::{AtomicI32, Ordering};

use rustix::process::getpid;

use crate::code::Code;

/// The process that made the first call, or 0.
static PROCESS: AtomicI32 = AtomicI32::new(0);

/// Refuses a process that was forked from the one that used the library first.
pub(crate) fn check() -> Result<(), Code> {
    let this = getpid().as_raw_nonzero().get();
    match PROCESS.compare_exchange(0, this, Ordering::Relaxed, Ordering::Relaxed) {
        Err(first) if first != this => Err(Code::Closed),
        Ok(_) | Err(_) => Ok(()),
    }
}
