//! The plugins that are being loaded, for people who wonder what takes so long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The files that are being inspected and compiled at the moment. Cheap to clone; all clones share one list. Files that
/// are in the cache never appear in it.
#[derive(Clone, Debug, Default)]
pub struct Loads(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    next: u64,
    loads: Vec<(u64, Load)>,
}

/// A file that is being inspected and compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// The file, or the plugin's name if there is no file; safe to print.
    pub file: String,
    /// When it started.
    pub since: Instant,
}

impl Loads {
    /// The loads in progress, the oldest first.
    #[must_use]
    pub fn in_progress(&self) -> Vec<Load> {
        self.lock().loads.iter().map(|(_, load)| load.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a file until the returned value is dropped.
    pub(crate) fn begin(&self, file: &str) -> LoadInProgress<'_> {
        let mut list = self.lock();
        let number = list.next;
        list.next = number.wrapping_add(1);
        list.loads.push((number, Load { file: file.to_owned(), since: Instant::now() }));
        LoadInProgress { loads: self, number }
    }
}

/// A load in progress.
#[derive(Debug)]
pub(crate) struct LoadInProgress<'a> {
    loads: &'a Loads,
    number: u64,
}

impl Drop for LoadInProgress<'_> {
    fn drop(&mut self) {
        self.loads.lock().loads.retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_listed_while_it_is_under_way() {
        let loads = Loads::default();
        let files = || loads.in_progress().into_iter().map(|load| load.file).collect::<Vec<_>>();
        let one = loads.begin("one.wasm");
        let two = loads.begin("two.wasm");
        assert_eq!(files(), ["one.wasm", "two.wasm"]);
        drop(one);
        assert_eq!(files(), ["two.wasm"]);
        drop(two);
        assert!(files().is_empty());
    }
}
