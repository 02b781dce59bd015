//! Decides when changed files are applied: a debounce. Files have settled once three polls in a row found the same, so
//! that none is applied while it is being written.

use std::time::{Duration, Instant};

use crate::config::{Files, Stamp};

/// How long refused files are left alone while they stay the same. They are tried again because the reason may have
/// been outside of them.
const RETRY: Duration = Duration::from_secs(60);
/// The number of changes in a row, without settling, after which a warning is logged.
const RESTLESS: u32 = 10;
/// The number of polls in a row that must find the same as the one before them.
pub(super) const CALM: u32 = 2;

/// The files at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// The configuration and the rate cards, with their content.
    pub(super) files: Files,
    /// The stamps of the plugins' files. Their content may be large, so it is not read.
    pub(super) plugins: Vec<Option<Stamp>>,
}

/// What to do after a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Something changed: poll again soon.
    Wait,
    /// The files keep changing: log a warning, once.
    Restless,
    /// Apply the configuration as it was read.
    Take,
    /// The configuration is in use or refused already. Only the plugins may have changed.
    Refresh,
}

/// The state of the debounce.
#[derive(Clone, Debug, Default)]
pub(super) struct Settling {
    last: Option<Look>,
    refused: Option<(Look, Instant)>,
    /// Polls in a row that found the same as the one before.
    calm: u32,
    /// Changes in a row since the files last settled.
    changes: u32,
}

impl Settling {
    /// Decides what to do after a poll. `in_use` is whether the files contain the configuration in use.
    pub(super) fn next(&mut self, now: &Look, in_use: bool, at: Instant) -> Next {
        if !self.settles(now, in_use) {
            return match self.changes {
                RESTLESS if self.calm == 0 => Next::Restless,
                _ => Next::Wait,
            };
        }
        self.changes = 0;
        match &self.refused {
            // The files were restored. Applying them clears the reported problem.
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

    /// Records a poll. Returns whether the files have settled.
    fn settles(&mut self, now: &Look, in_use: bool) -> bool {
        let is_first = self.last.is_none();
        if self.last.as_ref() == Some(now) {
            self.calm = self.calm.saturating_add(1);
        } else {
            // The first poll has nothing to compare with. A configuration in use has settled before.
            self.calm = if is_first && in_use { CALM } else { 0 };
            self.changes = self.changes.saturating_add(1);
            self.last = Some(now.clone());
        }
        self.calm >= CALM
    }

    /// Returns whether the files of the last attempt were refused.
    pub(super) fn was_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// Records whether the files of a poll were applied.
    pub(super) fn took(&mut self, look: &Look, taken: bool, at: Instant) {
        self.refused = (!taken).then(|| (look.clone(), at));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::config::ConfigSource;

    /// A configuration file that is polled.
    struct Watched(TempDir);

    impl Watched {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn look(&self, content: &str) -> Look {
            let path = self.0.path().join("bidprice.toml");
            if fs::read_to_string(&path).ok().as_deref() != Some(content) {
                fs::write(&path, content).unwrap();
            }
            Look { files: Files::read(&ConfigSource::from(&path)), plugins: vec![None] }
        }
    }

    /// Returns the decisions for a sequence of contents.
    fn nexts(settling: &mut Settling, watched: &Watched, looks: &[(&str, bool)], at: Instant) -> Vec<Next> {
        looks.iter().map(|(content, in_use)| settling.next(&watched.look(content), *in_use, at)).collect()
    }

    #[test]
    fn files_are_taken_once_they_have_settled_twice() {
        use Next::{Refresh, Take, Wait};
        let (mut settling, watched, at) = (Settling::default(), Watched::new(), Instant::now());
        let looks = [
            ("a", true),
            ("half", false),
            ("half", false),
            ("whole", false),
            ("half", false),
            ("whole", false),
            ("whole", false),
            ("whole", false),
        ];
        assert_eq!(nexts(&mut settling, &watched, &looks, at), [Refresh, Wait, Wait, Wait, Wait, Wait, Wait, Take]);
        settling.took(&watched.look("whole"), true, at);
        assert_eq!(settling.next(&watched.look("whole"), true, at), Refresh);
    }

    #[test]
    fn what_is_written_again_and_again_never_settles_although_it_is_the_same() {
        let (mut settling, watched, at) = (Settling::default(), Watched::new(), Instant::now());
        for _ in 0..50 {
            fs::write(watched.0.path().join("bidprice.toml"), "same").unwrap();
            // A file system's clock may be coarse. A new inode shows the change, too.
            fs::rename(watched.0.path().join("bidprice.toml"), watched.0.path().join("old")).unwrap();
            fs::write(watched.0.path().join("bidprice.toml"), "same").unwrap();
            assert!(matches!(settling.next(&watched.look("same"), false, at), Next::Wait | Next::Restless));
        }
    }

    #[test]
    fn what_was_refused_is_tried_again_when_it_changes_and_now_and_then() {
        use Next::{Refresh, Take, Wait};
        let (mut settling, watched, at) = (Settling::default(), Watched::new(), Instant::now());
        assert_eq!(nexts(&mut settling, &watched, &[("bad", false); 3], at), [Wait, Wait, Take]);
        settling.took(&watched.look("bad"), false, at);
        assert_eq!(settling.next(&watched.look("bad"), false, at), Refresh);
        assert_eq!(settling.next(&watched.look("bad"), false, at + RETRY), Take);
        settling.took(&watched.look("bad"), false, at + RETRY);
        assert_eq!(settling.next(&watched.look("bad"), false, at + RETRY), Refresh);
        assert_eq!(nexts(&mut settling, &watched, &[("good", true); 3], at + RETRY), [Wait, Wait, Take]);
    }

    #[test]
    fn files_that_never_settle_are_never_taken_and_told_once() {
        let (mut settling, watched, at) = (Settling::default(), Watched::new(), Instant::now());
        let nexts: Vec<Next> = (0..50).map(|n| settling.next(&watched.look(&n.to_string()), false, at)).collect();
        assert_eq!(nexts.iter().filter(|next| **next == Next::Restless).count(), 1);
        assert_eq!(nexts.iter().filter(|next| **next == Next::Wait).count(), 49);
    }

    #[test]
    fn a_plugin_alone_does_not_reload_unless_something_was_refused() {
        use Next::{Refresh, Take, Wait};
        let (mut settling, watched, at) = (Settling::default(), Watched::new(), Instant::now());
        let plugin = |content: &str| {
            let path = watched.0.path().join("plugin");
            fs::write(&path, content).unwrap();
            Stamp::of(&path)
        };
        let three = |settling: &mut Settling, content: &str| {
            let look = Look { plugins: vec![plugin(content)], ..watched.look("a") };
            [(); 3].map(|()| settling.next(&look, true, at))
        };
        assert_eq!(three(&mut settling, "1"), [Refresh, Refresh, Refresh]);
        assert_eq!(three(&mut settling, "22"), [Wait, Wait, Refresh]);
        let refused = settling.last.clone().unwrap();
        settling.took(&refused, false, at);
        assert_eq!(three(&mut settling, "333"), [Wait, Wait, Take]);
    }
}
