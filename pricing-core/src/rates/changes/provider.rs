//! Compares the provider's description, which orders are checked against.

use std::collections::BTreeSet;

use super::Concern;
use super::found::Found;
use crate::rates::Provider;
use crate::rates::provider::{BlockedHostname, shown};

/// Shown for a provider that is not described.
const NOT_DESCRIBED: &str = "not described";

pub(super) fn compare(found: &mut Found<'_>) {
    let key = || "provider".to_owned();
    match (&found.before.provider, &found.after.provider) {
        (None, None) => {}
        (None, Some(_)) => found.add(key(), NOT_DESCRIBED.to_owned(), "described".to_owned(), None),
        // Orders that were declined would get bids.
        (Some(_), None) => found.add(key(), "described".to_owned(), NOT_DESCRIBED.to_owned(), Some(Concern::Policy)),
        (Some(before), Some(after)) => described(found, before, after),
    }
}

fn described(found: &mut Found<'_>, before: &Provider, after: &Provider) {
    let window = |provider: &Provider| provider.reclamation_window.map_or_else(|| "none".to_owned(), shown);
    let attributes = |provider: &Provider| {
        let written = provider.attributes.iter().map(|(key, value)| format!("{key}={value}"));
        written.collect::<Vec<_>>().join(" ")
    };
    let auditors = |provider: &Provider| {
        let names: BTreeSet<&str> = provider.audited_by.iter().map(|auditor| auditor.as_str()).collect();
        names.into_iter().collect::<Vec<_>>().join(" ")
    };
    for (key, before, after) in [
        ("provider.attributes", attributes(before), attributes(after)),
        ("provider.audited_by", auditors(before), auditors(after)),
        ("provider.reclamation_window", window(before), window(after)),
        ("provider.volumes", before.volumes.to_string(), after.volumes.to_string()),
    ] {
        if before != after {
            found.add(key.to_owned(), before, after, None);
        }
    }
    blocked(found, &before.blocked_hostnames, &after.blocked_hostnames);
}

fn blocked(found: &mut Found<'_>, before: &[BlockedHostname], after: &[BlockedHostname]) {
    let (before, after) = (before.iter().collect::<BTreeSet<_>>(), after.iter().collect::<BTreeSet<_>>());
    if before == after {
        return;
    }
    let shown = |names: &BTreeSet<&BlockedHostname>| match names.is_empty() {
        true => "none".to_owned(),
        false => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    };
    let concern = before.difference(&after).next().map(|_| Concern::Policy);
    found.add("provider.blocked_hostnames".to_owned(), shown(&before), shown(&after), concern);
}
