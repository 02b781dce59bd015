//! `plugins`: which plugins are enabled at which extension points, and with which weights.

use crate::input::InputError;
use crate::reserve::kubernetes::ScoreWeights;
use crate::text::excerpt;
use crate::yaml::Place;

use super::fields::{self, Fields, Warnings};

/// The extension points of a scheduling cycle, in its order. `multiPoint` stands for all of them.
const EXTENSION_POINTS: [&str; 13] = [
    "multiPoint",
    "preEnqueue",
    "queueSort",
    "preFilter",
    "filter",
    "postFilter",
    "preScore",
    "score",
    "reserve",
    "permit",
    "preBind",
    "bind",
    "postBind",
];
/// The plugins of kube-scheduler itself.
const IN_TREE: [&str; 23] = [
    "AzureDiskLimits",
    "DefaultBinder",
    "DefaultPreemption",
    "DynamicResources",
    "EBSLimits",
    "GCEPDLimits",
    "ImageLocality",
    "InterPodAffinity",
    "NodeAffinity",
    "NodeName",
    "NodePorts",
    "NodeResourcesBalancedAllocation",
    "NodeResourcesFit",
    "NodeUnschedulable",
    "NodeVolumeLimits",
    "PodTopologySpread",
    "PrioritySort",
    "SchedulingGates",
    "TaintToleration",
    "VolumeBinding",
    "VolumeRestrictions",
    "VolumeZone",
    "CinderLimits",
];
/// The plugins that keep the daemon's pods off nodes.
const FILTERS: [&str; 3] = ["InterPodAffinity", "NodeAffinity", "NodeResourcesFit"];
/// The plugins whose scores differ between nodes.
const SCORES: [&str; 3] = ["NodeResourcesFit", "NodeResourcesBalancedAllocation", "PodTopologySpread"];
/// Stands for every default plugin in a list of disabled ones.
const ALL: &str = "*";
/// The largest weight: a signed number of 32 bits.
const MAX_WEIGHT: u32 = 0x7FFF_FFFF;

/// Adds to a warning about a plugin's name the one that may be meant.
pub(super) fn with_nearest(warning: InputError, name: &str) -> InputError {
    match crate::text::nearest(name, IN_TREE) {
        Some(nearest) => warning.hint(format!("did you mean `{nearest}`?")),
        None => warning,
    }
}

/// The plugins that are enabled and disabled at one extension point.
#[derive(Clone, Debug, Default)]
struct PluginSet<'a> {
    enabled: Vec<(&'a str, u32)>,
    disabled: Vec<(&'a str, Place<'a>)>,
}

impl<'a> PluginSet<'a> {
    /// Reads a set. Plugins that kube-scheduler does not have itself are warnings.
    fn read(place: &Place<'a>, warnings: &Warnings) -> Result<Self, InputError> {
        let fields = Fields::of(place, &["enabled", "disabled"], warnings)?;
        let mut set = Self::default();
        for plugin in fields.get("enabled").map(|list| list.items()).transpose()?.into_iter().flatten() {
            let (name, weight) = named(&plugin, warnings)?;
            if set.weight(name).is_some() {
                return Err(plugin.error(format_args!("the plugin `{}` is enabled twice", excerpt(name))));
            }
            if !IN_TREE.contains(&name) {
                let message = format_args!(
                    "the plugin `{}` is not one of kube-scheduler's own; what it does is left out",
                    excerpt(name)
                );
                warnings.add(with_nearest(plugin.error(message), name));
            }
            set.enabled.push((name, weight));
        }
        for plugin in fields.get("disabled").map(|list| list.items()).transpose()?.into_iter().flatten() {
            let (name, _) = named(&plugin, warnings)?;
            if name != ALL && !IN_TREE.contains(&name) {
                let message = format_args!(
                    "the plugin `{}` is not one of kube-scheduler's own; nothing is disabled",
                    excerpt(name)
                );
                warnings.add(with_nearest(plugin.error(message), name));
            }
            set.disabled.push((name, plugin));
        }
        Ok(set)
    }

    /// The weight of a plugin that is enabled here.
    fn weight(&self, plugin: &str) -> Option<u32> {
        self.enabled.iter().find(|(name, _)| *name == plugin).map(|(_, weight)| *weight)
    }

    /// Where a default plugin is disabled. A plugin that is both enabled and disabled is enabled.
    fn disables(&self, plugin: &str) -> Option<&Place<'a>> {
        let disabled = || self.disabled.iter().find(|(name, _)| *name == plugin || *name == ALL);
        if self.weight(plugin).is_some() { None } else { disabled().map(|(_, place)| place) }
    }
}

/// Reads a plugin's name and weight. Without a weight, or with 0, it weighs 1, as in Kubernetes.
fn named<'a>(plugin: &Place<'a>, warnings: &Warnings) -> Result<(&'a str, u32), InputError> {
    let fields = Fields::of(plugin, &["name", "weight"], warnings)?;
    let weight = fields.get("weight").map(|weight| fields::integer(&weight, MAX_WEIGHT)).transpose()?;
    Ok((fields::text(&fields.required("name")?)?, weight.unwrap_or(1).max(1)))
}

/// Reads the weights of the score plugins.
pub(super) fn weights(place: &Place<'_>, warnings: &Warnings) -> Result<ScoreWeights, InputError> {
    let fields = Fields::of(place, &EXTENSION_POINTS, warnings)?;
    let (mut score, mut multi_point) = (PluginSet::default(), PluginSet::default());
    for point in EXTENSION_POINTS {
        let Some(place) = fields.get(point) else { continue };
        let set = PluginSet::read(&place, warnings)?;
        warn_of_disabled(point, &set, warnings);
        match point {
            "score" => score = set,
            "multiPoint" => multi_point = set,
            _ => {}
        }
    }
    let default = ScoreWeights::default();
    let weight = |plugin, default| weight(plugin, default, &score, &multi_point);
    Ok(ScoreWeights {
        node_resources_fit: weight("NodeResourcesFit", default.node_resources_fit),
        node_resources_balanced_allocation: weight(
            "NodeResourcesBalancedAllocation",
            default.node_resources_balanced_allocation,
        ),
        pod_topology_spread: weight("PodTopologySpread", default.pod_topology_spread),
    })
}

/// The weight of a score plugin, 0 if it is disabled. What `score` says counts before what `multiPoint` says.
fn weight(plugin: &str, default: u32, score: &PluginSet<'_>, multi_point: &PluginSet<'_>) -> u32 {
    if let Some(weight) = score.weight(plugin) {
        return weight;
    }
    if score.disables(plugin).is_some() {
        return 0;
    }
    match multi_point.weight(plugin) {
        Some(weight) => weight,
        None if multi_point.disables(plugin).is_some() => 0,
        None => default,
    }
}

/// Warns of plugins that are disabled at an extension point where they are taken for enabled.
fn warn_of_disabled(point: &str, set: &PluginSet<'_>, warnings: &Warnings) {
    let needed = match point {
        "multiPoint" | "preFilter" | "filter" => FILTERS.as_slice(),
        "preScore" => &SCORES,
        _ => return,
    };
    for plugin in needed {
        if let Some(place) = set.disables(plugin) {
            let what = if point == "preScore" { "scores" } else { "filters" };
            let message = format_args!("`{plugin}` is disabled here; it is taken for enabled, and {what} nodes");
            warnings.add(place.error(message));
        }
    }
}
