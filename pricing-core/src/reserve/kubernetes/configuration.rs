//! Reads a `KubeSchedulerConfiguration`, the YAML file that a kube-scheduler is started with.
//!
//! It is read for what changes the scores of nodes: the scoring strategy of NodeResourcesFit, the weights of the score
//! plugins, which of them are disabled, and `percentageOfNodesToScore`. What else would change a placement is named in
//! a warning and left out. What kube-scheduler itself refuses is an error.

mod fields;
mod plugin_config;
mod plugins;
#[cfg(test)]
mod tests;

use crate::input::InputError;
use crate::yaml::{self, Place};

use super::{KubeScheduler, KubernetesVersion, Profile};
use fields::{Fields, Warnings};

/// The largest configuration that is read, in bytes. Real ones have a few thousand.
pub const MAX_INPUT_BYTES: usize = 1 << 20;
/// The versions that are read. Their defaults are the same.
const API_VERSIONS: [&str; 2] = ["kubescheduler.config.k8s.io/v1", "kubescheduler.config.k8s.io/v1beta3"];
/// The kind of the document.
const KIND: &str = "KubeSchedulerConfiguration";
/// The scheduler that pods get which name none, such as those of the daemon.
const DEFAULT_SCHEDULER: &str = "default-scheduler";
/// The keys of the document. Those that are not read change nothing about a placement.
const KEYS: [&str; 16] = [
    "apiVersion",
    "kind",
    "profiles",
    "extenders",
    "percentageOfNodesToScore",
    "percentageOfPlacementsToScore",
    "parallelism",
    "leaderElection",
    "clientConnection",
    "healthzBindAddress",
    "metricsBindAddress",
    "enableProfiling",
    "enableContentionProfiling",
    "podInitialBackoffSeconds",
    "podMaxBackoffSeconds",
    "delayCacheUntilActive",
];
/// The keys of a profile.
const PROFILE_KEYS: [&str; 5] =
    ["schedulerName", "plugins", "pluginConfig", "percentageOfNodesToScore", "percentageOfPlacementsToScore"];

/// What a configuration says about the daemon's pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulerConfiguration {
    /// The profile for these pods: `default-scheduler`, or the first one.
    pub profile: Profile,
    /// What would change a placement and is not understood, with its place.
    pub warnings: Vec<InputError>,
}

/// Reads a configuration.
///
/// # Errors
/// When the text is not YAML, not a configuration of a known version, has several documents, or says something that
/// kube-scheduler refuses.
pub fn read(text: &str) -> Result<SchedulerConfiguration, InputError> {
    if text.len() > MAX_INPUT_BYTES {
        return Err(InputError::new(format_args!("larger than {MAX_INPUT_BYTES} bytes")));
    }
    let document = yaml::parse(text)?;
    if let Some(second) = document.second {
        let message = "a second document; expected one `KubeSchedulerConfiguration`";
        return Err(InputError::new(message).position(second.line, second.column));
    }
    let warnings = Warnings::default();
    let profile = configuration(&Place::root(&document.root), &warnings)?;
    Ok(SchedulerConfiguration { profile, warnings: warnings.into_list() })
}

impl KubeScheduler {
    /// A scheduler with the text of its configuration, if it has one, and the warnings about it.
    ///
    /// # Errors
    /// Those of [`read`].
    pub fn configured(
        version: KubernetesVersion,
        pods_without_requests: u32,
        text: Option<&str>,
    ) -> Result<(Self, Vec<InputError>), InputError> {
        let SchedulerConfiguration { profile, warnings } = match text {
            Some(text) => read(text)?,
            None => SchedulerConfiguration { profile: Profile::default(), warnings: Vec::new() },
        };
        Ok((Self { version, profile, pods_without_requests }, warnings))
    }
}

fn configuration(root: &Place<'_>, warnings: &Warnings) -> Result<Profile, InputError> {
    let fields = Fields::of(root, &KEYS, warnings)?;
    for (key, words) in [("apiVersion", API_VERSIONS.as_slice()), ("kind", &[KIND])] {
        let field = fields.required(key)?;
        let text = fields::text(&field)?;
        if !words.contains(&text) {
            return Err(field.unknown_word(text, words));
        }
    }
    if let Some(extenders) = fields.get("extenders")
        && extenders.items()?.next().is_some()
    {
        warnings.add(extenders.name_error("extenders filter and score nodes, too; they are left out"));
    }
    let percentage = percentage(&fields)?;
    let profile = fields.get("profiles").map(|profiles| chosen(&profiles, warnings)).transpose()?.flatten();
    let profile = profile.map(|fields| self::profile(&fields, warnings)).transpose()?;
    let (profile, own_percentage) = profile.unwrap_or_default();
    Ok(Profile { percentage_of_nodes_to_score: own_percentage.or(percentage).unwrap_or(0), ..profile })
}

/// The profile that the daemon's pods get. None if the list is empty.
fn chosen<'a>(profiles: &Place<'a>, warnings: &'a Warnings) -> Result<Option<Fields<'a>>, InputError> {
    let profiles: Vec<Place<'a>> = profiles.items()?.collect();
    let mut named: Vec<(&str, &Place<'a>)> = Vec::with_capacity(profiles.len());
    for profile in &profiles {
        // Only the chosen profile is read, so what the others say is no reason for a warning.
        let fields = Fields::quiet(profile)?;
        let name = match fields.get("schedulerName") {
            Some(name) => fields::text(&name)?,
            None if profiles.len() == 1 => DEFAULT_SCHEDULER,
            None => return Err(profile.name_error("`schedulerName` is missing; with several profiles each needs one")),
        };
        if named.iter().any(|(known, _)| *known == name) {
            let shown = crate::text::excerpt(name);
            return Err(profile.name_error(format_args!("a second profile is named `{shown}`")));
        }
        named.push((name, profile));
    }
    let default = named.iter().find(|(name, _)| *name == DEFAULT_SCHEDULER);
    if let (None, Some((name, profile))) = (default, named.first()) {
        let shown = crate::text::excerpt(name);
        let message = format_args!("no profile is named `{DEFAULT_SCHEDULER}`; the first one, `{shown}`, is used");
        warnings.add(profile.name_error(message));
    }
    default.or(named.first()).map(|(_, profile)| Fields::of(profile, &PROFILE_KEYS, warnings)).transpose()
}

/// Reads a profile, and its own percentage of nodes to score.
fn profile(fields: &Fields<'_>, warnings: &Warnings) -> Result<(Profile, Option<u32>), InputError> {
    let weights = fields.get("plugins").map(|plugins| plugins::weights(&plugins, warnings)).transpose()?;
    let strategy =
        fields.get("pluginConfig").map(|list| plugin_config::scoring_strategy(&list, warnings)).transpose()?;
    let profile = Profile {
        scoring_strategy: strategy.flatten().unwrap_or_default(),
        weights: weights.unwrap_or_default(),
        ..Profile::default()
    };
    Ok((profile, percentage(fields)?))
}

fn percentage(fields: &Fields<'_>) -> Result<Option<u32>, InputError> {
    fields.get("percentageOfNodesToScore").map(|field| fields::integer(&field, 100)).transpose()
}
