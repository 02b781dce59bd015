//! When changed files are taken: once they have looked the same for three looks in a row, so that none is read while it
//! is being written.

use std::time::{Duration, Instant};

use crate::config::{Files, Stamp};

/// When files that were refused are tried again although they are the same: what they were refused for may have been
/// the machine's doing.
const RETRY: Duration = Duration::from_secs(60);
/// How many times in a row files may have changed before somebody is told.
const RESTLESS: u32 = 10;
/// How many looks in a row must find the same as the one before them.
pub(super) const CALM: u32 = 2;

/// What the files look like at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// The configuration and the rate cards, with their content.
    pub(super) files: Files,
    /// What the plugins' files look like from outside; they may be large.
    pub(super) plugins: Vec<Option<Stamp>>,
}

/// What to do after a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Something changed; look again soon.
    Wait,
    /// The same, for too many times in a row: tell somebody, once.
    Restless,
    /// Take the configuration, as it was looked at.
    Take,
    /// Nothing but plugins may have changed, and these look the same as before.
    Refresh,
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Settling {
    last: Option<Look>,
    refused: Option<(Look, Instant)>,
    /// Looks in a row that found what the one before had found.
    calm: u32,
    /// Looks in a row that did not settle since something changed.
    changes: u32,
}

impl Settling {
    /// Decides by a look. `in_use`: whether what is in the files is what the service uses.
    pub(super) fn next(&mut self, now: &Look, in_use: bool, at: Instant) -> Next {
        if !self.settles(now, in_use) {
            return match self.changes {
                RESTLESS if self.calm == 0 => Next::Restless,
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

    /// Takes note of a look, and whether it was the same for long enough.
    fn settles(&mut self, now: &Look, in_use: bool) -> bool {
        let is_first = self.last.is_none();
        if self.last.as_ref() == Some(now) {
            self.calm = self.calm.saturating_add(1);
        } else {
            // The first look has nothing before it. What is in use was read whole.
            self.calm = if is_first && in_use { CALM } else { 0 };
            self.changes = self.changes.saturating_add(1);
            self.last = Some(now.clone());
        }
        self.calm >= CALM
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
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A configuration file that is looked at.
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
            Look { files: Files::read(&path), plugins: vec![None] }
        }
    }

    /// What comes of looks at some contents, one after the other.
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
            // A file system's clock may be coarse; the inode tells, too.
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
