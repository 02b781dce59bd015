//! Keeps a cache within its size: the least recently used entries are removed first.

use std::time::{SystemTime, UNIX_EPOCH};

use super::folder::{Folder, TEMPORARY};

/// The extension of entries.
pub(super) const ENTRY_ENDING: &str = ".artefact";
/// The age in seconds after which a temporary file was left by a process that crashed.
const LEFT_BEHIND: i64 = 24 * 60 * 60;

/// Removes entries above the limit, except the one with this name. Other processes may prune at the same time, so a
/// missing file is not an error.
pub(super) fn prune(folder: &Folder, limit_bytes: u64, keep: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let left_behind = i64::try_from(now).unwrap_or(i64::MAX).saturating_sub(LEFT_BEHIND);
    let mut entries = Vec::new();
    let mut total = 0_u64;
    for (name, stat) in folder.list() {
        if name.starts_with(TEMPORARY) {
            if stat.st_mtime < left_behind {
                folder.remove(&name);
            }
        } else if name.ends_with(ENTRY_ENDING) {
            let bytes = u64::try_from(stat.st_size).unwrap_or(0);
            total = total.saturating_add(bytes);
            entries.push((stat.st_mtime, stat.st_mtime_nsec, name, bytes));
        }
    }
    entries.sort();
    for (_, _, name, bytes) in entries {
        if total <= limit_bytes {
            return;
        }
        if name != keep {
            folder.remove(&name);
            total = total.saturating_sub(bytes);
        }
    }
}
