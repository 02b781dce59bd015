//! Compares the policy: which orders get bids. The price of unlisted cards is compared with those of the other cards.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::Concern;
use super::found::{Factor, Found};
use crate::address::Address;
use crate::rates::origin::entry_key;
use crate::rates::{AmbiguousGpu, BelowMinimum, Owners, Pending, Placement, Policy};
use crate::text::excerpt;

/// The most owners that a change names.
const NAMED: usize = 3;

pub(super) fn compare(found: &mut Found<'_>) {
    let (before, after) = (&found.before.policy, &found.after.policy);
    ambiguous(found, before.ambiguous_gpu, after.ambiguous_gpu);
    placement(found, before, after);
    pending(found, before.pending, after.pending);
    minimum(found, before, after);
    allow(found, &before.owners, &after.owners);
    deny(found, &before.owners, &after.owners);
    discounts(found, &before.owners, &after.owners);
}

/// Ranks the choices: a higher one means more or lower bids.
fn laxity(ambiguous: AmbiguousGpu) -> u8 {
    match ambiguous {
        AmbiguousGpu::Decline => 0,
        AmbiguousGpu::Highest => 1,
        // Either mean may be the lower one.
        AmbiguousGpu::Expected | AmbiguousGpu::Likely => 2,
        AmbiguousGpu::Lowest => 3,
    }
}

fn ambiguous(found: &mut Found<'_>, before: AmbiguousGpu, after: AmbiguousGpu) {
    if before != after {
        let concern = (laxity(after) >= laxity(before)).then_some(Concern::Policy);
        found.add("policy.ambiguous_gpu".to_owned(), before.name().to_owned(), after.name().to_owned(), concern);
    }
}

/// Compares which nodes count. With fewer cards there can be a bid where there was none, or a lower one. With more
/// cards there can be a lower bid if it is not the most expensive card that is priced.
fn placement(found: &mut Found<'_>, before: &Policy, after: &Policy) {
    if before.placement != after.placement {
        let may_lower = match after.placement {
            Placement::Pinned => true,
            Placement::Kubernetes => after.ambiguous_gpu.may_undercut(),
        };
        let key = "policy.placement".to_owned();
        let (before, after) = (before.placement.name().to_owned(), after.placement.name().to_owned());
        found.add(key, before, after, may_lower.then_some(Concern::Policy));
    }
}

/// Compares what is done with orders that would probably hang.
fn pending(found: &mut Found<'_>, before: Pending, after: Pending) {
    if before != after {
        let concern = (after == Pending::Warn).then_some(Concern::Policy);
        found.add("policy.pending".to_owned(), before.name().to_owned(), after.name().to_owned(), concern);
    }
}

fn minimum(found: &mut Found<'_>, before: &Policy, after: &Policy) {
    let usd = |policy: &Policy| policy.minimum_usd_per_month.decimal();
    let (least_before, least_after) = (usd(before), usd(after));
    let key = "policy.minimum_usd_per_month".to_owned();
    if least_after.is_zero() && !least_before.is_zero() {
        found.add(key, least_before.to_string(), "none".to_owned(), Some(Concern::Minimum));
    } else {
        found.amount(key, least_before, least_after, Factor::None);
    }
    // Without a minimum, nothing is below it.
    if before.below_minimum != after.below_minimum && !(least_before.is_zero() && least_after.is_zero()) {
        let bids_more = after.below_minimum == BelowMinimum::Raise && !least_before.is_zero();
        found.add(
            "policy.below_minimum".to_owned(),
            before.below_minimum.name().to_owned(),
            after.below_minimum.name().to_owned(),
            bids_more.then_some(Concern::Policy),
        );
    }
}

fn allow(found: &mut Found<'_>, before: &Owners, after: &Owners) {
    let (before, after) = (set(&before.allow), set(&after.allow));
    if before == after {
        return;
    }
    let shown = |owners: &BTreeSet<&str>| if owners.is_empty() { "everyone".to_owned() } else { count(owners) };
    let concern = after.is_empty().then_some(Concern::Owners);
    let (key, differences) = ("policy.owners.allow".to_owned(), differences(&before, &after));
    let after = if after.is_empty() { shown(&after) } else { format!("{}{differences}", shown(&after)) };
    found.add(key, shown(&before), after, concern);
}

fn deny(found: &mut Found<'_>, before: &Owners, after: &Owners) {
    let (before, after) = (set(&before.deny), set(&after.deny));
    if before != after {
        let concern = before.difference(&after).next().map(|_| Concern::Owners);
        let shown = format!("{}{}", count(&after), differences(&before, &after));
        found.add("policy.owners.deny".to_owned(), count(&before), shown, concern);
    }
}

fn discounts(found: &mut Found<'_>, before: &Owners, after: &Owners) {
    for owner in before.discount.keys().chain(after.discount.keys()).collect::<BTreeSet<_>>() {
        let factor = |owners: &Owners| owners.discount.get(owner).copied().unwrap_or(Decimal::ONE);
        let key = entry_key("policy.owners.discount", owner.as_str());
        found.amount(key, factor(before), factor(after), Factor::Discount);
    }
}

fn set(owners: &[Address]) -> BTreeSet<&str> {
    owners.iter().map(Address::as_str).collect()
}

fn count(owners: &BTreeSet<&str>) -> String {
    match owners.len() {
        1 => "1 owner".to_owned(),
        number => format!("{number} owners"),
    }
}

/// `, without `akash1a`, with `akash1b` and 2 more`.
fn differences(before: &BTreeSet<&str>, after: &BTreeSet<&str>) -> String {
    let named = |word: &str, owners: Vec<&&str>| {
        if owners.is_empty() {
            return String::new();
        }
        let names: Vec<String> = owners.iter().take(NAMED).map(|owner| format!("`{}`", excerpt(owner))).collect();
        let more = match owners.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!(", {word} {}{more}", names.join(", "))
    };
    let gone = named("without", before.difference(after).collect());
    gone + &named("with", after.difference(before).collect())
}
