//! Compares a rate card with the cards of a cluster: entries for cards that are not there, and cards that are priced by
//! accident.
//!
//! None of this prevents a bid. Each finding is either intended, or a price that nobody chose.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Section};
use super::names::Names;
use super::{GpuRate, GpuRates, Pricing, UnlistedGpu};
use crate::gpu::{GpuKind, reading};
use crate::inventory::Cluster;
use crate::inventory::variants::listed;
use crate::text::{excerpt, nearest};

/// Compares a rate card with a cluster. Findings about GPU entries come first, in the order of the rate card, followed
/// by storage classes that nobody has, and by the kinds of card that no entry names.
#[must_use]
pub fn check(pricing: &Pricing, cluster: &Cluster) -> Vec<Finding> {
    let rates = &pricing.rates.gpu;
    let described: BTreeSet<&GpuKind> = cluster
        .nodes()
        .iter()
        .flat_map(|node| &node.cards)
        .filter_map(|id| cluster.card(*id))
        .map(|card| &card.kind)
        .collect();
    // An incompletely known card counts as every card that it may be.
    let kinds: BTreeSet<GpuKind> = described.iter().flat_map(|kind| rates.cards_of(kind)).collect();
    let mut findings = Vec::new();
    let names = Names::of(Some(cluster));
    for entry in rates.entries() {
        let priced: Vec<&GpuKind> =
            kinds.iter().filter(|kind| rates.lookup(kind).is_some_and(|rate| rate.same_card(entry))).collect();
        findings.extend(priceless(entry, &kinds, &names));
        findings.extend(lumped(entry, &priced));
        findings.extend(cheaper_than_smaller(rates, entry, &priced, &kinds));
    }
    findings.extend(names.unknown_classes(pricing));
    findings.extend(kinds.iter().filter_map(|kind| unnamed(pricing, kind)));
    findings
}

/// An entry that prices nothing: it matches no card of the cluster, or has a name that nobody knows. An entry that does
/// both is one finding.
fn priceless(entry: &GpuRate, kinds: &BTreeSet<GpuKind>, names: &Names<'_>) -> Option<Finding> {
    match (unused(entry, kinds), names.unknown(entry)) {
        (Some(unused), Some(unknown)) => {
            let problem = format!("{}, and {}", unused.problem, unknown.problem);
            Some(Finding { problem, suggestion: unused.suggestion.or(unknown.suggestion), ..unused })
        }
        (unused, unknown) => unused.or_else(|| unknown.map(|unknown| unknown.of(entry))),
    }
}

/// An entry that matches no card of the cluster. Wildcards are exempt, because they are also there for future cards.
fn unused(entry: &GpuRate, kinds: &BTreeSet<GpuKind>) -> Option<Finding> {
    entry.model()?;
    if kinds.iter().any(|kind| entry.matches(kind)) {
        return None;
    }
    let suggestion = nearest_kind(entry, kinds);
    let problem = "no card of the inventory is priced by this entry".to_owned();
    Some(Finding { section: Section::Gpu, entry: Some(entry.key().to_owned()), kind: None, problem, suggestion })
}

/// The key for the kind that an entry was probably meant for: of the same model, of a model whose name contains it or
/// is contained in it (`4090`, `rtx4090`), or of one with a similar spelling.
fn nearest_kind(entry: &GpuRate, kinds: &BTreeSet<GpuKind>) -> Option<String> {
    let model = entry.model()?;
    let vendors_agree = |kind: &&GpuKind| entry.vendor().is_none_or(|vendor| vendor == kind.vendor());
    let of_model = || kinds.iter().filter(|kind| kind.model() == model);
    if let Some(kind) = of_model().find(vendors_agree).or_else(|| of_model().next()) {
        return Some(kind.to_string());
    }
    let models: BTreeSet<&str> = kinds.iter().filter(vendors_agree).map(GpuKind::model).collect();
    let around =
        |other: &&&str| model.len() >= 2 && other.len() >= 2 && (other.contains(model) || model.contains(**other));
    // Of several, the one with the most similar length.
    let around = models.iter().filter(around).min_by_key(|other| other.len().abs_diff(model.len()));
    around.copied().or_else(|| nearest(model, models.iter().copied())).map(excerpt)
}

/// An entry that charges the same for several variants of a model.
fn lumped(entry: &GpuRate, priced: &[&GpuKind]) -> Option<Finding> {
    entry.model()?;
    if priced.len() < 2 {
        return None;
    }
    let words = || priced.iter().map(ToString::to_string);
    let suggestion = Some(words().collect::<Vec<_>>().join(", "));
    let problem = format!("{} variants cost the same by this entry: {}", priced.len(), listed(words()));
    Some(Finding { section: Section::Gpu, entry: Some(entry.key().to_owned()), kind: None, problem, suggestion })
}

/// An entry by which a card costs less than one of the same model with less RAM.
///
/// This is usually a mistake: a key that was cut short matches the larger card, too. Only the first such card is
/// reported, since one correction mends them all.
fn cheaper_than_smaller(
    rates: &GpuRates,
    entry: &GpuRate,
    priced: &[&GpuKind],
    kinds: &BTreeSet<GpuKind>,
) -> Option<Finding> {
    let gi = |kind: &GpuKind| kind.ram().and_then(reading::whole_gi);
    let mut dearer: BTreeMap<&GpuKind, (&GpuKind, &GpuRate)> = BTreeMap::new();
    for larger in priced {
        for smaller in kinds.iter().filter(|smaller| is_alike(smaller, larger)) {
            let Some(rate) = rates.lookup(smaller) else { continue };
            if gi(smaller).zip(gi(larger)).is_some_and(|(smaller, larger)| smaller < larger) && rate.usd() > entry.usd()
            {
                dearer.entry(larger).or_insert((smaller, rate));
            }
        }
    }
    let (larger, (smaller, rate)) = dearer.into_iter().next()?;
    let problem = format!(
        "{larger} costs {} USD a month, less than {smaller}, which has less RAM and costs {} by `{}`",
        entry.usd(),
        rate.usd(),
        excerpt(rate.key()),
    );
    Some(Finding {
        section: Section::Gpu,
        entry: Some(entry.key().to_owned()),
        kind: Some(larger.clone()),
        problem,
        suggestion: None,
    })
}

/// Whether two cards differ only in RAM, as far as is known.
fn is_alike(one: &GpuKind, other: &GpuKind) -> bool {
    (one.vendor(), one.model()) == (other.vendor(), other.model())
        && (one.interface() == other.interface() || one.interface().is_none() || other.interface().is_none())
}

/// A kind of card that no entry names.
fn unnamed(pricing: &Pricing, kind: &GpuKind) -> Option<Finding> {
    let rate = pricing.rates.gpu.lookup(kind);
    if rate.is_some_and(|rate| rate.model().is_some()) {
        return None;
    }
    let problem = match (rate, pricing.policy.unlisted_gpu) {
        (Some(rate), _) => format!("only `{}` prices this card, at {} USD a month", excerpt(rate.key()), rate.usd()),
        (None, UnlistedGpu::Price(usd)) => {
            format!("no entry prices this card; `policy.unlisted_gpu` does, at {usd} USD a month")
        }
        (None, UnlistedGpu::Decline) => "no entry prices this card, so orders for it are declined".to_owned(),
    };
    let entry = rate.map(|rate| rate.key().to_owned());
    Some(Finding {
        section: Section::Gpu,
        entry,
        kind: Some(kind.clone()),
        problem,
        suggestion: Some(kind.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{read, validate};
    use crate::rates::toml;

    fn cluster(cards: &[[&str; 4]]) -> Cluster {
        let card = |[vendor, name, ram, interface]: &[&str; 4]| {
            format!(r#"{{"vendor":"{vendor}","name":"{name}","interface":"{interface}","memorySize":"{ram}"}}"#)
        };
        let number = cards.len();
        let cards: Vec<String> = cards.iter().map(card).collect();
        let text = format!(
            r#"{{"nodes":[{{"name":"n1","resources":{{"cpu":{{"quantity":{{"allocatable":{{"string":"8"}}}}}},
            "memory":{{"quantity":{{"allocatable":{{"string":"8Gi"}}}}}},
            "gpu":{{"quantity":{{"allocatable":{{"string":"{number}"}}}},"info":[{}]}}}}}}]}}"#,
            cards.join(",")
        );
        validate::validate(read::read(&text).unwrap()).cluster
    }

    fn found(rates: &str, cards: &[[&str; 4]]) -> Vec<String> {
        let pricing = toml::read(rates).unwrap();
        check(&pricing, &cluster(cards)).iter().map(ToString::to_string).collect()
    }

    const A100_40: [&str; 4] = ["nvidia", "a100", "40Gi", "PCIe"];
    const A100_80: [&str; 4] = ["nvidia", "a100", "80Gi", "PCIe"];
    const RTX4090: [&str; 4] = ["nvidia", "rtx4090", "24Gi", "PCIe"];
    const T4: [&str; 4] = ["nvidia", "t4", "16Gi", "PCIe"];

    #[test]
    fn an_entry_that_no_card_has_names_the_nearest_kind() {
        let unused = |key: &str, suggestion: &str| {
            let rates = format!("[rates.gpu]\n\"{key}\" = 1\nrtx4090 = 2\n\"a100.80Gi\" = 3");
            let found = found(&rates, &[RTX4090, A100_80]);
            let end = if suggestion.is_empty() { String::new() } else { format!(" (try {suggestion})") };
            let problem = "no card of the inventory is priced by this entry";
            let unknown = match key {
                "4090" | "rtx4090ti" | "rtx409o" => format!(", and the model `{key}` is not known"),
                _ => String::new(),
            };
            assert_eq!(found, [format!("rates.gpu.\"{key}\": {problem}{unknown}{end}")]);
        };
        unused("4090", "rtx4090");
        unused("rtx4090ti", "rtx4090");
        unused("rtx409o", "rtx4090");
        unused("a100.40Gi", "nvidia/a100/80Gi/pcie");
        unused("amd/a100", "nvidia/a100/80Gi/pcie");
        unused("mi300x", "");
    }

    #[test]
    fn names_that_nobody_knows_are_found_in_every_section() {
        assert_eq!(
            found(
                "[rates.gpu]\nt4 = 1\n\"nvida/*\" = 2\n\"nvida/t4\" = 3\nhh100 = 4\n[rates.storage]\nephemral = 1",
                &[T4]
            ),
            [
                r#"rates.gpu."nvida/*": the vendor `nvida` is not known (try nvidia/*)"#,
                r#"rates.gpu."nvida/t4": no card of the inventory is priced by this entry, and the vendor `nvida` is not known (try nvidia/t4/16Gi/pcie)"#,
                r#"rates.gpu."hh100": no card of the inventory is priced by this entry, and the model `hh100` is not known (try h100)"#,
                "rates.storage.ephemral: the storage class `ephemral` is not known (try ephemeral)",
            ]
        );
    }

    #[test]
    fn wildcards_may_price_nothing() {
        assert_eq!(found("[rates.gpu]\nt4 = 1\n\"amd/*\" = 5\n\"*\" = 2", &[T4]), [""; 0]);
    }

    #[test]
    fn a_card_that_only_a_wildcard_prices_is_named() {
        assert_eq!(
            found("[rates.gpu]\nrtx4090 = 200\n\"*\" = 130", &[T4, RTX4090]),
            [r#"rates.gpu."*": only `*` prices this card, at 130 USD a month (try nvidia/t4/16Gi/pcie)"#]
        );
        let words = "nvidia/t4/16Gi/pcie: no entry prices this card, so orders for it are declined";
        assert_eq!(found("[rates.gpu]\nrtx4090 = 200", &[T4, RTX4090]), [format!("{words} (try nvidia/t4/16Gi/pcie)")]);
    }

    #[test]
    fn variants_that_one_entry_prices_alike_are_named() {
        let both = "nvidia/a100/40Gi/pcie, nvidia/a100/80Gi/pcie";
        assert_eq!(
            found("[rates.gpu]\na100 = 900", &[A100_40, A100_80]),
            [format!(r#"rates.gpu."a100": 2 variants cost the same by this entry: {both} (try {both})"#)]
        );
        assert_eq!(found("[rates.gpu]\na100 = 900\n\"a100.80Gi\" = 1000", &[A100_40, A100_80]), [""; 0]);
    }

    #[test]
    fn a_card_that_costs_less_than_a_smaller_one_is_named() {
        let words = "nvidia/a100/80Gi/pcie costs 800 USD a month, less than nvidia/a100/40Gi/pcie, which has less RAM and \
                     costs 900 by `a100.40Gi`";
        for key in ["a100.80Gi", "a100"] {
            let rates = format!("[rates.gpu]\n\"a100.40Gi\" = 900\n\"{key}\" = 800");
            assert_eq!(found(&rates, &[A100_40, A100_80]), [format!("rates.gpu.\"{key}\": {words}")]);
        }
        assert_eq!(found("[rates.gpu]\n\"a100.40Gi\" = 900\n\"a100.80Gi\" = 900", &[A100_40, A100_80]), [""; 0]);
        // Another interface may justify a higher price.
        let sxm = ["nvidia", "a100", "40Gi", "SXM4"];
        assert_eq!(found("[rates.gpu]\n\"a100.40Gi.sxm\" = 900\n\"a100.80Gi\" = 800", &[sxm, A100_80]), [""; 0]);
    }

    #[test]
    fn a_card_of_unknown_ram_is_each_that_it_may_be() {
        let unknown = ["nvidia", "a100", "", "PCIe"];
        assert_eq!(found("[rates.gpu]\n\"a100.40Gi\" = 900\n\"a100.80Gi\" = 1000\n\"*\" = 5", &[unknown]), [""; 0]);
    }
}
