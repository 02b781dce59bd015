//! The checks with their results, and how they are printed.

use std::path::PathBuf;

use pricing_core::quote::wire::SCHEMA;
use pricing_core::text::printable;
use serde_json::{Value, json};

use crate::error::Exit;
use crate::wording::{count, number};

/// What a check is about. The groups are printed in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Configuration,
    Socket,
    Service,
    Addresses,
    Tls,
    Inventory,
    Feed,
    Rates,
    Plugin,
    BidLog,
    Chain,
    Clock,
    Daemon,
}

impl Group {
    fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Socket => "socket",
            Self::Service => "service",
            Self::Addresses => "addresses",
            Self::Tls => "tls",
            Self::Inventory => "inventory",
            Self::Feed => "feed",
            Self::Rates => "rates",
            Self::Plugin => "plugin",
            Self::BidLog => "bid_log",
            Self::Chain => "chain",
            Self::Clock => "clock",
            Self::Daemon => "daemon",
        }
    }
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// Nothing has to be done.
    Ok,
    /// It may not be what was meant, or may become a problem.
    Warning,
    /// It must be mended.
    Problem,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    /// The line and the column, from 1.
    pub(super) position: Option<(usize, usize)>,
}

impl Place {
    fn shown(&self) -> String {
        let position = self.position.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default();
        format!("{}{position}", self.file.display())
    }
}

/// A check with its result.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) group: Group,
    pub(super) state: State,
    /// The key, the variable, the file or the host that it is about.
    pub(super) subject: String,
    pub(super) place: Option<Place>,
    pub(super) found: String,
    /// What to do, where the finding does not say it.
    pub(super) remedy: Option<String>,
}

impl Check {
    fn shown(&self) -> String {
        let subject = match &self.place {
            // A file is named once.
            Some(place) if self.subject == place.file.to_string_lossy() => place.shown(),
            Some(place) => format!("{} ({})", self.subject, place.shown()),
            None => self.subject.clone(),
        };
        let remedy = self.remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
        format!("  {:<8} {}\n", self.state.name(), printable(&format!("{subject}: {}{remedy}", self.found)))
    }

    fn json(&self) -> Value {
        let position = self.place.as_ref().and_then(|place| place.position);
        json!({
            "group": self.group.name(),
            "state": self.state.name(),
            "subject": self.subject,
            "file": self.place.as_ref().map(|place| place.file.display().to_string()),
            "line": position.map(|(line, _)| line),
            "column": position.map(|(_, column)| column),
            "found": self.found,
            "remedy": self.remedy,
        })
    }
}

/// All checks.
#[derive(Debug, Default)]
pub(super) struct Checkup {
    checks: Vec<Check>,
}

impl Checkup {
    pub(super) fn add(&mut self, check: Check) {
        self.checks.push(check);
    }

    pub(super) fn ok(&mut self, group: Group, subject: impl Into<String>, found: impl Into<String>) {
        self.put(State::Ok, group, subject, found, None);
    }

    /// Adds something that may not be what was meant, and what to do.
    pub(super) fn warn(
        &mut self,
        group: Group,
        subject: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.put(State::Warning, group, subject, found, Some(remedy.into()));
    }

    /// Adds something that must be mended, and how.
    pub(super) fn problem(
        &mut self,
        group: Group,
        subject: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.put(State::Problem, group, subject, found, Some(remedy.into()));
    }

    /// Adds a finding that says itself what to do.
    pub(super) fn put(
        &mut self,
        state: State,
        group: Group,
        subject: impl Into<String>,
        found: impl Into<String>,
        remedy: Option<String>,
    ) {
        let (subject, found) = (subject.into(), found.into());
        self.add(Check { group, state, subject, place: None, found, remedy });
    }

    /// Sorts the checks by group. Those of a group stay in their order.
    pub(super) fn finish(&mut self) {
        self.checks.sort_by_key(|check| check.group);
    }

    fn count(&self, state: State) -> usize {
        self.checks.iter().filter(|check| check.state == state).count()
    }

    pub(super) fn exit(&self) -> Exit {
        if self.count(State::Problem) == 0 { Exit::Success } else { Exit::Decline }
    }

    pub(super) fn shown(&self) -> String {
        let mut shown = String::new();
        let mut last = None;
        for check in &self.checks {
            if last != Some(check.group) {
                shown += &format!("{}\n", check.group.name().replace('_', " "));
                last = Some(check.group);
            }
            shown += &check.shown();
        }
        let (problems, warnings) = (self.count(State::Problem), self.count(State::Warning));
        let warnings = count(number(warnings), "warning");
        shown
            + &match problems {
                0 => format!("\nall is well, with {warnings}\n"),
                _ => format!("\nsomething must be mended: {}, {warnings}\n", count(number(problems), "problem")),
            }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "schema": SCHEMA,
            "state": self.checks.iter().map(|check| check.state).max().unwrap_or(State::Ok).name(),
            "problems": self.count(State::Problem),
            "warnings": self.count(State::Warning),
            "checks": self.checks.iter().map(Check::json).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_grouped_and_a_file_is_named_once() {
        let mut checkup = Checkup::default();
        checkup.ok(Group::Clock, "node", "it agrees");
        let place = Some(Place { file: "a.toml".into(), position: Some((2, 3)) });
        let check = |subject: &str| Check {
            group: Group::Configuration,
            state: State::Problem,
            subject: subject.to_owned(),
            place: place.clone(),
            found: "it is wrong".to_owned(),
            remedy: Some("mend it".to_owned()),
        };
        checkup.add(check("a.toml"));
        checkup.add(check("`key`"));
        checkup.warn(Group::Feed, "source\u{1b}[31m", "it is down", "wait");
        checkup.finish();
        assert_eq!(
            checkup.shown(),
            "configuration\n  problem  a.toml:2:3: it is wrong; mend it\n  problem  `key` (a.toml:2:3): it is wrong; mend it\n\
             feed\n  warning  source\u{fffd}[31m: it is down; wait\nclock\n  ok       node: it agrees\n\n\
             something must be mended: 2 problems, 1 warning\n"
        );
        let json = checkup.json();
        assert_eq!(
            (&json["state"], &json["problems"], &json["checks"][1]["line"]),
            (&"problem".into(), &2.into(), &2.into())
        );
        assert_eq!(checkup.exit(), Exit::Decline);
    }

    #[test]
    fn warnings_alone_are_well() {
        let mut checkup = Checkup::default();
        checkup.warn(Group::Clock, "clock", "it is slow", "wind it up");
        assert_eq!((checkup.exit(), checkup.json()["state"].as_str()), (Exit::Success, Some("warning")));
        assert!(checkup.shown().ends_with("\nall is well, with 1 warning\n"));
    }
}
