//! Describes reasons in plain words.

use pricing_core::quote::ReasonCode;
use rust_decimal::Decimal;

use super::number;
use crate::result::OrderOutcome;
use crate::summary::LargestFlip;

/// A short name for an outcome, and its explanation.
pub(super) fn outcome(outcome: OrderOutcome) -> (&'static str, &'static str) {
    match outcome {
        OrderOutcome::Won => ("won", "The bid was taken, and the lease ran."),
        OrderOutcome::Outbid => ("outbid", "Somebody else's bid was lower."),
        OrderOutcome::NotTaken => ("not taken", "The tenant took no bid at all."),
        OrderOutcome::CannotRun => (
            "won, but cannot run",
            "The bid was taken, but the cluster has not what was reserved, so that nothing ran and nothing was paid.",
        ),
        OrderOutcome::PodPending => (
            "won, but a pod is pending",
            "The bid was taken, but Kubernetes placed the pods of the order so that one of them fits on no node. The lease could not start, and nothing was paid.",
        ),
        OrderOutcome::NoBid(reason) => of_reason(reason),
    }
}

/// A short name for a reason code, and its explanation. The match is exhaustive, so a new code does not compile without
/// both.
fn of_reason(reason: ReasonCode) -> (&'static str, &'static str) {
    match reason {
        ReasonCode::InsufficientCapacity => (
            "no room",
            "The cluster could not hold the order at that moment: too few matching cards, threads, memory or storage were free on its nodes.",
        ),
        ReasonCode::PriceAboveMax => ("price above maximum", "The price was above the most that the tenant pays."),
        ReasonCode::OwnerDenied => ("owner denied", "The tenant is on the deny list."),
        ReasonCode::OwnerNotAllowed => ("owner not allowed", "There is an allow list, and the tenant is not on it."),
        ReasonCode::BelowMinimum => ("below minimum", "The order costs less than the rate card's minimum, or nothing."),
        ReasonCode::UnlistedGpu => ("card not in rates", "The rate card has no entry for the card."),
        ReasonCode::AmbiguousGpu => {
            ("card not certain", "It was not certain which card the order would get, and the policy does not guess.")
        }
        ReasonCode::ReplicaMismatch => (
            "replicas on unlike cards",
            "The provider's own algorithm gave the replicas of the order different cards, which it refuses.",
        ),
        ReasonCode::Pending => (
            "would hang",
            "Kubernetes would probably have left a replica of the order without a node, and the policy declines such orders.",
        ),
        ReasonCode::UnsupportedDenom => ("denom not priced", "The order pays in a coin that is not priced."),
        ReasonCode::UnsupportedStorageClass => {
            ("storage class not priced", "The rate card has no entry for a storage class of the order.")
        }
        ReasonCode::IncompatibleAttributes => {
            ("attributes missing", "The order asks for attributes that the provider does not have.")
        }
        ReasonCode::UnsignedAttributes => {
            ("auditor missing", "The order asks for the signature of an auditor who has not signed.")
        }
        ReasonCode::TooManyVolumes => {
            ("too many volumes", "A resource unit of the order has more volumes than the provider takes.")
        }
        ReasonCode::ReclamationWindow => (
            "window too short",
            "The order asks to be warned longer than the provider warns before it takes the resources back.",
        ),
        ReasonCode::HostnameUnavailable => {
            ("hostname blocked", "The order wants a hostname that the provider does not give.")
        }
        ReasonCode::PluginDeclined => ("plugin declined", "The plugin or the script said no."),
        ReasonCode::DeadlineExceeded => ("fault: out of time", "The plugin or the script overran its time."),
        ReasonCode::BudgetExhausted => ("fault: out of instructions", "The plugin overran its instructions."),
        ReasonCode::MemoryExceeded => ("fault: out of memory", "The plugin overran its memory."),
        ReasonCode::StackExhausted => ("fault: out of stack", "The plugin overran its stack."),
        ReasonCode::OutputExceeded => ("fault: too much output", "The plugin or the script wrote too much."),
        ReasonCode::Trap => ("fault: crashed", "The plugin or the script crashed."),
        ReasonCode::InvalidOutput => {
            ("fault: no valid answer", "The plugin, the script or the scales came to no price that the chain takes.")
        }
        ReasonCode::LoadRejected => ("fault: not loaded", "The plugin could not be loaded."),
        ReasonCode::RateUnavailable => {
            ("fault: coin not valued", "What the coin is worth was not known; `usd_per_akt` in the scenario says it.")
        }
        ReasonCode::InventoryUnusable => ("fault: no usable node", "The inventory has no usable node."),
        ReasonCode::SearchExhausted => ("fault: search given up", "The search for a placement was given up."),
        ReasonCode::InternalError => {
            ("fault: internal error", "The search broke an invariant of its own, which is a bug.")
        }
        ReasonCode::ArithmeticOverflow => ("fault: number too large", "A number outgrew the exact decimals."),
    }
}

/// Why an order has different outcomes, as far as its numbers show.
pub(super) fn why(flip: &LargestFlip) -> String {
    let price = |text: &Option<String>| text.as_deref().and_then(|text| Decimal::from_str_exact(text).ok());
    let (before, after) = (price(&flip.usd_per_month_from), price(&flip.usd_per_month_to));
    let dearer = before.zip(after).map(|(before, after)| after.cmp(&before));
    let moved = match (before.zip(after), dearer) {
        (Some(_), Some(std::cmp::Ordering::Equal)) => " The price is the same under both.".to_owned(),
        (Some((before, after)), Some(order)) => {
            let way = if order == std::cmp::Ordering::Less { "cheaper" } else { "dearer" };
            let by = if before >= after { before.checked_sub(after) } else { after.checked_sub(before) };
            by.map_or_else(String::new, |by| format!(" It is {} USD a month {way} here.", number::money(by)))
        }
        _ => String::new(),
    };
    let said = if flip.to == OrderOutcome::Won {
        let first = outcome(flip.from).1;
        format!("Under the first strategy: {}", lower_first(first))
    } else {
        outcome(flip.to).1.to_owned()
    };
    format!("{said}{moved}")
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_words_of_its_own() {
        let mut known = std::collections::BTreeSet::new();
        for reason in ReasonCode::ALL {
            let (short, meaning) = outcome(OrderOutcome::NoBid(reason));
            assert!(known.insert(short), "two reasons are called {short}");
            assert!(meaning.ends_with('.') && short.starts_with("fault: ") == reason.is_fault(), "{short}: {meaning}");
        }
    }
}
