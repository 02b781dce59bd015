//! What the service's own check of its configuration says, by group, and the facts where it says nothing.

use std::collections::BTreeMap;
use std::path::Path;

use pricing_engine::config::Loaded;
use pricing_engine::engine::check::{Problem, Report, Severity};
use rustix::process::geteuid;

use super::checkup::{Check, Checkup, Group, Place, State};
use super::live::Live;
use super::service::user;
use crate::wording::plural;

/// The worst that the service's own check has said of each group.
pub(super) struct Reported {
    worst: BTreeMap<Group, State>,
}

impl Reported {
    /// Adds the problems of a report. Those of a configuration that cannot be loaded are all of one group.
    pub(super) fn add(report: &Report, is_loaded: bool, checkup: &mut Checkup) -> Self {
        let mut worst = BTreeMap::new();
        for problem in &report.problems {
            let check = check_of(problem, is_loaded);
            let state = worst.entry(check.group).or_insert(State::Ok);
            *state = check.state.max(*state);
            checkup.add(check);
        }
        Self { worst }
    }

    /// Whether nothing was said of a group.
    pub(super) fn is_clean(&self, group: Group) -> bool {
        !self.worst.contains_key(&group)
    }

    /// Whether a start would be refused because of a group.
    pub(super) fn is_refused(&self, group: Group) -> bool {
        self.worst.get(&group) == Some(&State::Problem)
    }
}

fn check_of(problem: &Problem, is_loaded: bool) -> Check {
    let Problem { file, key, line, column, message, severity } = problem;
    let subject = key.as_ref().map_or_else(|| file.display().to_string(), |key| format!("`{key}`"));
    Check {
        group: if is_loaded { group_of(key.as_deref().unwrap_or_default()) } else { Group::Configuration },
        state: match severity {
            Severity::Error => State::Problem,
            Severity::Warning => State::Warning,
        },
        subject,
        place: Some(Place { file: file.clone(), position: line.zip(*column) }),
        found: message.clone(),
        // Messages of the configuration say it themselves.
        remedy: None,
    }
}

/// The group of a key.
fn group_of(key: &str) -> Group {
    let is_of = |section: &str| key.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let groups = [
        ("listen.tls", Group::Tls),
        ("listen.socket", Group::Socket),
        ("listen", Group::Addresses),
        ("inventory", Group::Inventory),
        ("feed", Group::Feed),
        ("rates", Group::Rates),
        ("plugin", Group::Plugin),
        ("shadow.plugin", Group::Plugin),
        ("bid_log", Group::BidLog),
        ("outcomes", Group::Chain),
    ];
    groups.into_iter().find(|(section, _)| is_of(section)).map_or(Group::Configuration, |(_, group)| group)
}

/// Adds what was found in order.
pub(super) fn facts(
    loaded: &Loaded,
    report: &Report,
    file: &Path,
    (live, reported): (&Live, &Reported),
    checkup: &mut Checkup,
) {
    if !reported.is_refused(Group::Configuration) {
        let digest = report.rates_digest.as_deref().unwrap_or("unknown");
        let found = format!("every key is understood; the rates are {digest}");
        checkup.ok(Group::Configuration, file.display().to_string(), found);
    }
    let found = format!("{}, for whom owners and modes are judged", user(geteuid().as_raw()));
    checkup.ok(Group::Configuration, "this process runs as", found);
    if let Ok(Some(validity)) = pricing_service::look::certificate(&loaded.config.listen)
        && reported.is_clean(Group::Tls)
    {
        checkup.ok(Group::Tls, "`listen.tls`", format!("certificate, key and `client_ca` fit together; {validity}"));
    }
    if reported.is_clean(Group::Rates) {
        let number = loaded.rates.pricing.rates.gpu.entries().len();
        let entries = format!("{number} {} for cards", plural(number, "entry", "entries"));
        let found = match live.cluster() {
            Some(_) => format!("{entries}; nothing to object to beside the cards of the inventory"),
            None => format!("{entries}; not compared with the cards of the cluster, which are not known"),
        };
        checkup.ok(Group::Rates, "`rates`", found);
    }
    if let (Some(plugin), Some(digest)) = (&loaded.config.plugin, &report.plugin_digest)
        && !reported.is_refused(Group::Plugin)
    {
        let found = format!("it loads, and answers a probe; {digest}");
        checkup.ok(Group::Plugin, plugin.file.display().to_string(), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_the_group_of_its_section() {
        for (key, group) in [
            ("listen.tls.key", Group::Tls),
            ("listen.socket", Group::Socket),
            ("listen", Group::Addresses),
            ("listen.tcp", Group::Addresses),
            ("inventory.file", Group::Inventory),
            ("rates.gpu", Group::Rates),
            ("shadow.plugin.file", Group::Plugin),
            ("shadow", Group::Configuration),
            ("bid_log.folder", Group::BidLog),
            ("outcomes", Group::Chain),
            ("listens", Group::Configuration),
            ("", Group::Configuration),
        ] {
            assert_eq!(group_of(key), group, "{key}");
        }
    }
}
