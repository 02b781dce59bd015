//! `pluginConfig`: the arguments of plugins. Only the scoring strategy of NodeResourcesFit is read.

use crate::input::InputError;
use crate::reserve::kubernetes::{
    FunctionShape, ResourceSpec, ScoringStrategy, ScoringStrategyType, UtilizationShapePoint,
};
use crate::text::excerpt;
use crate::yaml::Place;

use super::fields::{self, Fields, Warnings};
use super::plugins::with_nearest;

/// The arguments of a plugin.
struct Arguments {
    plugin: &'static str,
    /// Those that would change a placement and are not read.
    left_out: &'static [&'static str],
    /// The others. They are read, or change nothing about a placement.
    others: &'static [&'static str],
}

/// The plugins that have arguments.
const ARGUMENTS: [Arguments; 8] = [
    Arguments {
        plugin: "NodeResourcesFit",
        left_out: &["ignoredResources", "ignoredResourceGroups"],
        others: &["scoringStrategy"],
    },
    Arguments { plugin: "NodeResourcesBalancedAllocation", left_out: &[], others: &["resources"] },
    Arguments { plugin: "PodTopologySpread", left_out: &["defaultConstraints"], others: &["defaultingType"] },
    Arguments { plugin: "NodeAffinity", left_out: &["addedAffinity"], others: &[] },
    Arguments { plugin: "VolumeBinding", left_out: &["shape"], others: &["bindTimeoutSeconds"] },
    Arguments {
        plugin: "InterPodAffinity",
        left_out: &[],
        others: &["hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"],
    },
    Arguments {
        plugin: "DefaultPreemption",
        left_out: &[],
        others: &["minCandidateNodesPercentage", "minCandidateNodesAbsolute"],
    },
    Arguments { plugin: "DynamicResources", left_out: &[], others: &["filterTimeout", "bindingTimeout"] },
];
/// The strategies of NodeResourcesFit.
const STRATEGIES: [&str; 3] = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"];

/// Reads the list, and returns the scoring strategy if it is configured.
pub(super) fn scoring_strategy(place: &Place<'_>, warnings: &Warnings) -> Result<Option<ScoringStrategy>, InputError> {
    let mut strategy = None;
    let mut seen: Vec<&str> = Vec::new();
    for entry in place.items()? {
        let fields = Fields::of(&entry, &["name", "args"], warnings)?;
        let name = fields::text(&fields.required("name")?)?;
        if seen.contains(&name) {
            return Err(entry.error(format_args!("the plugin `{}` is configured twice", excerpt(name))));
        }
        seen.push(name);
        let Some(args) = fields.get("args") else { continue };
        warn_of_arguments(name, &entry, &args, warnings)?;
        if name == "NodeResourcesFit" {
            strategy = node_resources_fit(&args, warnings)?;
        }
    }
    Ok(strategy)
}

/// Warns of arguments that would change a placement, and of those of plugins that are not known.
fn warn_of_arguments(name: &str, entry: &Place<'_>, args: &Place<'_>, warnings: &Warnings) -> Result<(), InputError> {
    let Some(Arguments { left_out, others, .. }) = ARGUMENTS.iter().find(|known| known.plugin == name) else {
        let warning = entry.error(format_args!("the arguments of the plugin `{}` are left out", excerpt(name)));
        warnings.add(with_nearest(warning, name));
        return Ok(());
    };
    let known: Vec<&str> = [&["apiVersion", "kind"], *left_out, *others].concat();
    let fields = Fields::of(args, &known, warnings)?;
    for key in *left_out {
        if let Some(argument) = fields.get(key).filter(|argument| !is_empty_list(argument)) {
            warnings.add(argument.name_error(format_args!("`{key}` of {name} is left out")));
        }
    }
    match (name, fields.get("defaultingType"), fields.get("resources")) {
        ("PodTopologySpread", Some(defaulting), _) if fields::text(&defaulting)? != "System" => {
            let message = "only the built-in constraints of `System` are known; they are taken to apply";
            warnings.add(defaulting.error(message));
        }
        ("NodeResourcesBalancedAllocation", _, Some(resources)) if !is_cpu_and_memory(&resources)? => {
            let message = "only `cpu` and `memory` are known here; they are taken to be balanced";
            warnings.add(resources.name_error(message));
        }
        _ => {}
    }
    Ok(())
}

fn is_empty_list(place: &Place<'_>) -> bool {
    place.items().is_ok_and(|mut items| items.next().is_none())
}

fn is_cpu_and_memory(resources: &Place<'_>) -> Result<bool, InputError> {
    let mut names = Vec::new();
    for resource in resources.items()? {
        names.push(fields::text(&Fields::quiet(&resource)?.required("name")?)?);
    }
    names.sort_unstable();
    Ok(names.is_empty() || names == ["cpu", "memory"])
}

fn node_resources_fit(args: &Place<'_>, warnings: &Warnings) -> Result<Option<ScoringStrategy>, InputError> {
    Fields::quiet(args)?.get("scoringStrategy").map(|place| strategy(&place, warnings)).transpose()
}

fn strategy(place: &Place<'_>, warnings: &Warnings) -> Result<ScoringStrategy, InputError> {
    let fields = Fields::of(place, &["type", "resources", "requestedToCapacityRatio"], warnings)?;
    let type_field = fields.required("type")?;
    let ratio = fields.get("requestedToCapacityRatio");
    let name = fields::text(&type_field)?;
    let strategy_type = match (name, &ratio) {
        ("LeastAllocated", _) => ScoringStrategyType::LeastAllocated,
        ("MostAllocated", _) => ScoringStrategyType::MostAllocated,
        ("RequestedToCapacityRatio", Some(ratio)) => {
            ScoringStrategyType::RequestedToCapacityRatio(shape(ratio, warnings)?)
        }
        ("RequestedToCapacityRatio", None) => return Err(place.name_error("`requestedToCapacityRatio` is missing")),
        _ => return Err(type_field.unknown_word(name, &STRATEGIES)),
    };
    if let Some(ratio) = ratio.filter(|_| name != "RequestedToCapacityRatio") {
        warnings.add(ratio.name_error(format_args!("this does not count with the strategy `{name}`")));
    }
    let mut resources = Vec::new();
    for place in fields.get("resources").map(|list| list.items()).transpose()?.into_iter().flatten() {
        resources.push(resource(&place, warnings)?);
    }
    Ok(ScoringStrategy::new(strategy_type, resources))
}

/// Reads a resource. Without a weight, or with 0, it weighs 1, as in Kubernetes.
fn resource(place: &Place<'_>, warnings: &Warnings) -> Result<ResourceSpec, InputError> {
    let fields = Fields::of(place, &["name", "weight"], warnings)?;
    let name = fields::text(&fields.required("name")?)?.to_owned();
    let Some(weight) = fields.get("weight") else {
        return ResourceSpec::new(name, 1).map_err(|error| place.error(error));
    };
    let number = u64::from(fields::integer(&weight, u32::MAX)?.max(1));
    ResourceSpec::new(name, number).map_err(|error| weight.error(error))
}

fn shape(place: &Place<'_>, warnings: &Warnings) -> Result<FunctionShape, InputError> {
    let shape = Fields::of(place, &["shape"], warnings)?.required("shape")?;
    let mut points = Vec::new();
    for point in shape.items()? {
        let fields = Fields::of(&point, &["utilization", "score"], warnings)?;
        // Go leaves out what is 0.
        let number = |key: &str| fields.get(key).map_or(Ok(0), |field| fields::integer(&field, u32::MAX));
        let (utilization, score) = (number("utilization")?.into(), number("score")?.into());
        points.push(UtilizationShapePoint { utilization, score });
    }
    FunctionShape::new(points).map_err(|error| shape.name_error(error))
}
