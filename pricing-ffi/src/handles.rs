//! The open engines, by handle.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::code::Failure;
use crate::library::Library;

/// The open engines. A handle is never used twice.
struct Handles {
    next: u64,
    open: BTreeMap<u64, Arc<Library>>,
}

static HANDLES: RwLock<Handles> = RwLock::new(Handles { next: 1, open: BTreeMap::new() });

/// The last failure of a call without an open engine.
static LAST_ERROR: Mutex<String> = Mutex::new(String::new());

/// Adds an engine, and returns its handle.
pub(crate) fn add(library: Library) -> u64 {
    let mut handles = HANDLES.write().unwrap_or_else(PoisonError::into_inner);
    let handle = handles.next;
    handles.next = handle.wrapping_add(1);
    handles.open.insert(handle, Arc::new(library));
    handle
}

/// The engine with a handle.
///
/// # Errors
/// When there is none.
pub(crate) fn find(handle: u64) -> Result<Arc<Library>, Failure> {
    let handles = HANDLES.read().unwrap_or_else(PoisonError::into_inner);
    handles.open.get(&handle).cloned().ok_or_else(Failure::closed)
}

/// Takes the engine with a handle away from later calls.
///
/// # Errors
/// As [`find`].
pub(crate) fn remove(handle: u64) -> Result<Arc<Library>, Failure> {
    let mut handles = HANDLES.write().unwrap_or_else(PoisonError::into_inner);
    handles.open.remove(&handle).ok_or_else(Failure::closed)
}

fn last_error_of(library: Option<&Library>) -> MutexGuard<'_, String> {
    library.map_or(&LAST_ERROR, Library::last_error).lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the message of a failure: with its engine, or for all calls without one.
pub(crate) fn keep_error(handle: u64, failure: &Failure) {
    last_error_of(find(handle).ok().as_deref()).clone_from(&failure.message);
}

/// The message of the last failure of an engine, or of the calls without one. Empty if there was none.
pub(crate) fn last_error(handle: u64) -> String {
    last_error_of(find(handle).ok().as_deref()).clone()
}
