//! When changed files are taken: once they look the same twice, so that none is read while it is being written.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::digest::Digest;

/// When files that were refused are tried again although they are the same: what they were refused for may have been
/// the machine's doing.
const RETRY: Duration = Duration::from_secs(60);
/// How many times in a row files may have changed before somebody is told.
const RESTLESS: u32 = 10;

/// What the files look like at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// What is in the configuration and the rate cards; none where a file cannot be read.
    pub(super) files: Vec<(PathBuf, Option<Digest>)>,
    /// What the plugins' files look like from outside; they may be large.
    pub(super) plugins: Vec<Option<Stamp>>,
}

/// What a file looks like from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) inode: (u64, u64),
    pub(super) modified: (i64, i64),
    pub(super) changed: (i64, i64),
    pub(super) length: u64,
}

/// What to do after a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Something changed; look again soon.
    Wait,
    /// The same, for too many times in a row: tell somebody, once.
    Restless,
    /// Take the configuration.
    Take,
    /// Nothing but plugins may have changed, and these look the same as before.
    Refresh,
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Settling {
    last: Option<Look>,
    refused: Option<(Look, Instant)>,
    changes: u32,
}

impl Settling {
    /// Decides by a look. `in_use`: whether what is in the files is what the service uses.
    pub(super) fn next(&mut self, now: &Look, in_use: bool, at: Instant) -> Next {
        let settled = self.last.as_ref() == Some(now);
        // The first look has nothing before it. What is in use was read whole.
        let settled = settled || (in_use && self.last.is_none());
        self.last = Some(now.clone());
        if !settled {
            self.changes = self.changes.saturating_add(1);
            return match self.changes {
                RESTLESS => Next::Restless,
                _ => Next::Wait,
            };
        }
        self.changes = 0;
        match &self.refused {
            // It was put back: nothing is wrong any more, which is to be told.
            Some((refused, _)) if in_use && refused.files != now.files => Next::Take,
            Some((refused, since)) if refused == now => {
                let again = !in_use && at.saturating_duration_since(*since) >= RETRY;
                if again { Next::Take } else { Next::Refresh }
            }
            Some(_) => Next::Take,
            None if in_use => Next::Refresh,
            None => Next::Take,
        }
    }

    /// Whether what was looked at last was refused.
    pub(super) fn was_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// Takes note of how taking a look's files ended.
    pub(super) fn took(&mut self, look: &Look, taken: bool, at: Instant) {
        self.refused = (!taken).then(|| (look.clone(), at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(content: &str) -> Look {
        Look { files: vec![(PathBuf::from("f"), Some(Digest::of(content)))], plugins: vec![None] }
    }

    #[test]
    fn files_are_taken_once_they_look_the_same_twice() {
        let (mut settling, at) = (Settling::default(), Instant::now());
        assert_eq!(settling.next(&look("a"), true, at), Next::Refresh);
        assert_eq!(settling.next(&look("half"), false, at), Next::Wait);
        assert_eq!(settling.next(&look("whole"), false, at), Next::Wait);
        assert_eq!(settling.next(&look("whole"), false, at), Next::Take);
        settling.took(&look("whole"), true, at);
        assert_eq!(settling.next(&look("whole"), true, at), Next::Refresh);
    }

    #[test]
    fn what_was_refused_is_tried_again_when_it_changes_and_now_and_then() {
        let (mut settling, at) = (Settling::default(), Instant::now());
        settling.next(&look("bad"), false, at);
        assert_eq!(settling.next(&look("bad"), false, at), Next::Take);
        settling.took(&look("bad"), false, at);
        assert_eq!(settling.next(&look("bad"), false, at), Next::Refresh);
        assert_eq!(settling.next(&look("bad"), false, at + RETRY), Next::Take);
        settling.took(&look("bad"), false, at + RETRY);
        assert_eq!(settling.next(&look("bad"), false, at + RETRY), Next::Refresh);
        assert_eq!(settling.next(&look("good"), true, at + RETRY), Next::Wait);
        assert_eq!(settling.next(&look("good"), true, at + RETRY), Next::Take);
    }

    #[test]
    fn files_that_never_settle_are_never_taken_and_told_once() {
        let (mut settling, at) = (Settling::default(), Instant::now());
        let nexts: Vec<Next> = (0..50).map(|n| settling.next(&look(&n.to_string()), false, at)).collect();
        assert_eq!(nexts.iter().filter(|next| **next == Next::Restless).count(), 1);
        assert_eq!(nexts.iter().filter(|next| **next == Next::Wait).count(), 49);
    }

    #[test]
    fn a_plugin_alone_does_not_reload_unless_something_was_refused() {
        let (mut settling, at) = (Settling::default(), Instant::now());
        let stamp = |length| Some(Stamp { inode: (0, 0), modified: (0, 0), changed: (0, 0), length });
        let with = |length| Look { plugins: vec![stamp(length)], ..look("a") };
        settling.next(&with(1), true, at);
        assert_eq!(settling.next(&with(2), true, at), Next::Wait);
        assert_eq!(settling.next(&with(2), true, at), Next::Refresh);
        settling.took(&with(2), false, at);
        assert_eq!(settling.next(&with(3), true, at), Next::Wait);
        assert_eq!(settling.next(&with(3), true, at), Next::Take);
    }
}
