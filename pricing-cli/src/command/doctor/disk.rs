//! The bid log's folder, and the room on its disk.

use std::fs;
use std::path::Path;

use pricing_core::quantity::Bytes;
use pricing_engine::config::BidLog;
use rustix::fs::statvfs;

use super::checkup::{Checkup, Group};
use super::configuration::Reported;
use super::service::access_words;

/// With less room the log is about to stand still. So many bytes of lines wait in memory then.
const LEAST_ROOM: u64 = 16 << 20;

/// Adds the checks of the bid log.
pub(super) fn check(log: Option<&BidLog>, reported: &Reported, checkup: &mut Checkup) {
    let Some(log) = log else {
        if reported.is_clean(Group::BidLog) {
            checkup.ok(Group::BidLog, "`bid_log`", "not configured: decisions are not kept");
        }
        return;
    };
    let folder = &log.folder;
    if reported.is_clean(Group::BidLog) {
        let found = match access_words(folder) {
            Some(access) => format!("{}: a folder, {access}, that can be written", folder.display()),
            None => format!("{}: it is missing, and a start makes it (mode 700)", folder.display()),
        };
        checkup.ok(Group::BidLog, "`bid_log.folder`", found);
    }
    // The disk of a folder that a start makes is that of the nearest folder above.
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    if let Ok(disk) = statvfs(there) {
        let most = log.file_bytes.saturating_mul(log.files.into());
        room(disk.f_bavail.saturating_mul(disk.f_frsize), most.saturating_sub(used(folder)), checkup);
    }
}

/// The bytes of the log's lines.
fn used(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let lines = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("bids-"));
    lines.filter_map(|entry| entry.metadata().ok()).fold(0, |sum, file| sum.saturating_add(file.len()))
}

/// Compares the room on the disk with what the log's lines may still take.
fn room(free: u64, growth: u64, checkup: &mut Checkup) {
    let words = |bytes: u64| format!("{} GiB", Bytes::new(bytes).gib().rounded());
    let found = format!("{} free on its disk, and the lines may take {} more", words(free), words(growth));
    let subject = "`bid_log.folder`";
    if free < LEAST_ROOM {
        checkup.problem(Group::BidLog, subject, found, "make room: decisions will be lost");
    } else if free < growth {
        checkup.warn(Group::BidLog, subject, found, "make room, or lower `bid_log.files`");
    } else {
        checkup.ok(Group::BidLog, subject, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_compared_with_what_the_log_may_still_take() {
        for (free, growth, words) in [
            (2 << 30, 1 << 30, "ok       `bid_log.folder`: 2 GiB free on its disk, and the lines may take 1 GiB more"),
            (1 << 29, 1 << 30, "warning  `bid_log.folder`: 0.5 GiB free"),
            ((16 << 20) - 1, 0, "decisions will be lost"),
        ] {
            let mut checkup = Checkup::default();
            room(free, growth, &mut checkup);
            assert!(checkup.shown().contains(words), "{}", checkup.shown());
        }
    }
}
