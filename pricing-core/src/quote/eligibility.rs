//! Whether an order is meant for this provider at all: what the daemon checks before it looks for capacity.
//!
//! Only checked if the provider is described (`[provider]`), in this order: attributes, auditors, volumes, the
//! reclamation window, hostnames. The rules are the chain's own (`SubsetOf` and `MatchRequirements` of chain-sdk),
//! except that every auditor is assumed to have signed all attributes.

use super::reason::{Reason, ReasonCode};
use crate::order::{Attribute, Order, OrderFormat, SignedBy};
use crate::rates::Provider;
use crate::rates::provider::shown;
use crate::text::{counted, excerpt};

/// The most attributes or auditors that a message names.
const NAMED: usize = 3;

/// Declines an order that the provider cannot take at any price.
pub(super) fn check(order: &Order, provider: &Provider) -> Result<(), Reason> {
    let requirements = order.group.requirements();
    // The daemon has already compared the attributes of a script request, and does not pass them on.
    if order.format != OrderFormat::Script {
        attributes(&requirements.attributes, provider)?;
    }
    auditors(&requirements.signed_by, provider)?;
    volumes(order, provider)?;
    reclamation(order, provider)?;
    hostnames(order, provider)
}

/// The cost of the checks, in steps: each list of the order is compared with one of the provider's.
pub(super) fn steps(order: &Order, provider: &Provider) -> usize {
    let requirements = order.group.requirements();
    let signers = requirements.signed_by.all_of.len().saturating_add(requirements.signed_by.any_of.len());
    let pairs = [
        (requirements.attributes.len(), provider.attributes.len()),
        (signers, provider.audited_by.len()),
        (order.conditions.hostnames.len(), provider.blocked_hostnames.len()),
    ];
    pairs.into_iter().map(|(a, b)| a.saturating_mul(b.saturating_add(1))).fold(8, usize::saturating_add)
}

fn attributes(asked: &[Attribute], provider: &Provider) -> Result<(), Reason> {
    let missing: Vec<String> = asked
        .iter()
        .filter(|asked| !provider.attributes.iter().any(|(key, value)| matches(asked, key, value)))
        .map(|asked| format!("`{}` = `{}`", excerpt(&asked.key), excerpt(&asked.value)))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("the order asks for attributes that this provider does not have: {}", some_of(&missing));
    Err(Reason::new(ReasonCode::IncompatibleAttributes, message))
}

/// Whether an attribute is the requested one. A requested key can end with `*`, which stands for any text without `/`.
fn matches(asked: &Attribute, key: &str, value: &str) -> bool {
    let is_key = match asked.key.strip_suffix('*') {
        Some(start) => key.strip_prefix(start).is_some_and(|rest| !rest.contains('/')),
        None => asked.key == key,
    };
    is_key && asked.value == value
}

fn auditors(signed_by: &SignedBy, provider: &Provider) -> Result<(), Reason> {
    let has_signed = |auditor: &String| provider.audited_by.iter().any(|known| known.as_str() == auditor);
    let named = |auditors: Vec<&String>| {
        let named: Vec<String> = auditors.into_iter().map(|auditor| format!("`{}`", excerpt(auditor))).collect();
        some_of(&named)
    };
    let missing: Vec<&String> = signed_by.all_of.iter().filter(|auditor| !has_signed(auditor)).collect();
    let unsigned = |message: String| Err(Reason::new(ReasonCode::UnsignedAttributes, message));
    if !missing.is_empty() {
        return unsigned(format!(
            "the order asks for the signatures of auditors who have not signed: {}",
            named(missing)
        ));
    }
    if signed_by.any_of.is_empty() || signed_by.any_of.iter().any(has_signed) {
        return Ok(());
    }
    let any_of = named(signed_by.any_of.iter().collect());
    unsigned(format!("the order asks for the signature of one of some auditors, of whom none has signed: {any_of}"))
}

/// Counted as the daemon does: per resource unit.
fn volumes(order: &Order, provider: &Provider) -> Result<(), Reason> {
    let most = usize::try_from(provider.volumes).unwrap_or(usize::MAX);
    let Some(unit) = order.group.resources().iter().find(|unit| unit.storage.len() > most) else { return Ok(()) };
    let volumes = counted(unit.storage.len(), "volume");
    let message = format!("resource {} has {volumes}; this provider takes {most} at most", unit.id);
    Err(Reason::new(ReasonCode::TooManyVolumes, message))
}

fn reclamation(order: &Order, provider: &Provider) -> Result<(), Reason> {
    let Some(asked) = order.conditions.min_reclamation else { return Ok(()) };
    let message = match provider.reclamation_window {
        Some(window) if window >= asked => return Ok(()),
        Some(window) => {
            format!("the order asks for a reclamation window of {}; this provider's is {}", shown(asked), shown(window))
        }
        None => format!("the order asks for a reclamation window of {}; this provider has none", shown(asked)),
    };
    Err(Reason::new(ReasonCode::ReclamationWindow, message))
}

fn hostnames(order: &Order, provider: &Provider) -> Result<(), Reason> {
    let is_blocked = |hostname: &str| provider.blocked_hostnames.iter().any(|blocked| blocked.blocks(hostname));
    let mut blocked = order.conditions.hostnames.iter().filter(|hostname| is_blocked(hostname.exact()));
    match blocked.next() {
        None => Ok(()),
        Some(hostname) => {
            let message = format!("`{hostname}` is blocked by this provider");
            Err(Reason::new(ReasonCode::HostnameUnavailable, message))
        }
    }
}

/// The first few of a list, and how many more there are.
fn some_of(named: &[String]) -> String {
    let first: Vec<&str> = named.iter().take(NAMED).map(String::as_str).collect();
    match named.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
