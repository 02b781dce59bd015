//! Names in a rate card that nobody knows: a GPU model, a vendor or a storage class with a typing error prices nothing.
//!
//! It is never an error. New cards appear every month, and a provider may call a storage class as it likes.

use std::collections::BTreeSet;

use super::finding::{Finding, Section};
use super::{GpuRate, Pricing};
use crate::gpu::models;
use crate::inventory::Cluster;
use crate::text::{excerpt, nearest};

/// The storage classes of the network.
const CLASSES: [&str; 6] = ["beta1", "beta2", "beta3", "default", "ephemeral", "ram"];
/// The least length of a name that is looked for inside another one.
const LEAST_CHARACTERS: usize = 3;

/// The names that are known: those of the project's lists and, if there is one, of an inventory.
pub(super) struct Names<'c> {
    vendors: BTreeSet<&'c str>,
    models: BTreeSet<&'c str>,
    classes: BTreeSet<&'c str>,
}

/// A name that is not known.
pub(super) struct Unknown {
    /// What is not known.
    pub(super) problem: String,
    /// The entry's key with the nearest known name.
    pub(super) suggestion: Option<String>,
}

impl Unknown {
    /// The finding about a GPU entry.
    pub(super) fn of(self, entry: &GpuRate) -> Finding {
        let Self { problem, suggestion } = self;
        Finding { section: Section::Gpu, entry: Some(entry.key().to_owned()), kind: None, problem, suggestion }
    }
}

impl<'c> Names<'c> {
    /// The known names, with those of a cluster if there is one.
    pub(super) fn of(cluster: Option<&'c Cluster>) -> Self {
        let mut names = Self {
            vendors: models::VENDORS.into_iter().collect(),
            models: models::names().collect(),
            classes: CLASSES.into_iter().collect(),
        };
        let Some(cluster) = cluster else { return names };
        for card in cluster.cards() {
            names.vendors.insert(card.kind.vendor());
            names.models.insert(card.kind.model());
        }
        let of_nodes = cluster.nodes().iter().flat_map(|node| &node.storage_classes);
        let of_pools = cluster.storage().iter().map(|pool| &pool.class);
        names.classes.extend(of_nodes.chain(of_pools).map(String::as_str));
        names
    }

    /// The name in a GPU entry that is not known, if there is one. The vendor comes first.
    pub(super) fn unknown(&self, entry: &GpuRate) -> Option<Unknown> {
        if let Some(vendor) = entry.vendor().filter(|vendor| !self.vendors.contains(vendor)) {
            let problem = format!("the vendor `{}` is not known", excerpt(vendor));
            let meant = nearest(vendor, self.vendors.iter().copied());
            return Some(Unknown { problem, suggestion: meant.map(|meant| renamed(entry.key(), vendor, meant)) });
        }
        let model = entry.model().filter(|model| !self.models.contains(model))?;
        let problem = format!("the model `{}` is not known", excerpt(model));
        let meant = nearest_model(model, &self.models);
        Some(Unknown { problem, suggestion: meant.map(|meant| renamed(entry.key(), model, meant)) })
    }

    /// The storage classes of a rate card that nobody has.
    pub(super) fn unknown_classes(&self, pricing: &Pricing) -> Vec<Finding> {
        let classes = pricing.rates.storage.keys().filter(|class| !self.classes.contains(class.as_str()));
        let finding = |class: &String| Finding {
            section: Section::Storage,
            entry: Some(class.clone()),
            kind: None,
            problem: format!("the storage class `{}` is not known", excerpt(class)),
            suggestion: nearest(class, self.classes.iter().copied()).map(excerpt),
        };
        classes.map(finding).collect()
    }
}

/// Finds the names in a rate card that nobody knows, with the nearest known ones. [`check`](super::check::check) finds
/// them, too.
#[must_use]
pub fn check(pricing: &Pricing, cluster: Option<&Cluster>) -> Vec<Finding> {
    let names = Names::of(cluster);
    let entries = pricing.rates.gpu.entries().iter();
    let gpus = entries.filter_map(|entry| names.unknown(entry).map(|unknown| unknown.of(entry)));
    gpus.chain(names.unknown_classes(pricing)).collect()
}

/// The model with the most similar spelling, or else one whose name contains it or is contained in it (`4090`,
/// `rtx4090`).
fn nearest_model<'n>(model: &str, models: &BTreeSet<&'n str>) -> Option<&'n str> {
    let around = || {
        let long = |text: &str| text.len() >= LEAST_CHARACTERS;
        let contains = |one: &str, other: &str| long(other) && one.contains(other);
        let around = models.iter().copied().filter(|other| contains(other, model) || contains(model, other));
        // Of several, the one with the most similar length.
        around.min_by_key(|other| other.len().abs_diff(model.len()))
    };
    nearest(model, models.iter().copied()).or_else(around)
}

/// A key with one of its names replaced, in whatever case it is written.
fn renamed(key: &str, name: &str, meant: &str) -> String {
    let start = key.to_ascii_lowercase().find(name);
    let parts = start.and_then(|start| Some((key.get(..start)?, key.get(start.checked_add(name.len())?..)?)));
    excerpt(&parts.map_or_else(|| meant.to_owned(), |(before, after)| format!("{before}{meant}{after}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::words::describe;
    use crate::rates::toml;

    fn found(rates: &str, cluster: Option<&Cluster>) -> Vec<String> {
        check(&toml::read(rates).unwrap(), cluster).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_unknown_name_comes_with_the_nearest_known_one() {
        for (entry, told) in [
            ("\"hh100\"", r#"rates.gpu."hh100": the model `hh100` is not known (try h100)"#),
            ("\"HH100.80Gi\"", r#"rates.gpu."HH100.80Gi": the model `hh100` is not known (try h100.80Gi)"#),
            ("\"4090\"", r#"rates.gpu."4090": the model `4090` is not known (try rtx4090)"#),
            ("\"nvida/h100\"", r#"rates.gpu."nvida/h100": the vendor `nvida` is not known (try nvidia/h100)"#),
            ("\"nvida/*\"", r#"rates.gpu."nvida/*": the vendor `nvida` is not known (try nvidia/*)"#),
            ("\"zz9plural\"", r#"rates.gpu."zz9plural": the model `zz9plural` is not known"#),
        ] {
            assert_eq!(found(&format!("[rates.gpu]\n{entry} = 1"), None), [told]);
        }
        let classes = found("[rates.storage]\nephemral = 1\nbeta3 = 1\nram = 0\ndefault = 1", None);
        assert_eq!(classes, ["rates.storage.ephemral: the storage class `ephemral` is not known (try ephemeral)"]);
    }

    #[test]
    fn known_names_and_those_of_the_inventory_are_not_told() {
        let known = "[rates.gpu]\nh100 = 1\nRTX4090 = 1\n\"amd/mi300x\" = 1\n\"intel/*\" = 1\n\"*\" = 1";
        assert_eq!(found(known, None), [""; 0]);
        let card = "[rates.gpu]\nqq1 = 1\n[rates.storage]\nbeta2 = 1";
        assert_eq!(found(card, None), [r#"rates.gpu."qq1": the model `qq1` is not known"#]);
        assert_eq!(found(card, Some(&describe("1 node x 1 qq1").unwrap())), [""; 0]);
    }

    #[test]
    fn the_example_card_has_only_known_names() {
        let card = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/rates.toml"));
        assert_eq!(found(card, None), [""; 0]);
    }
}
