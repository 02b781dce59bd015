//! The kube-scheduler of a scenario's cluster.

use pricing_core::reserve::kubernetes::{KubeScheduler, Profile, configuration};

use crate::files::Files;
use crate::scenario::{KubernetesEntry, ScenarioError};

/// Reads the scheduler's configuration, if there is one. What it says that is not understood is added to `warnings`.
pub(super) fn scheduler(
    entry: &KubernetesEntry,
    files: &Files,
    warnings: &mut Vec<String>,
) -> Result<KubeScheduler, ScenarioError> {
    let profile = entry.scheduler_config.as_ref().map(|name| profile(name, files, warnings)).transpose()?;
    let KubernetesEntry { version, pods_without_requests, .. } = *entry;
    Ok(KubeScheduler { version, profile: profile.unwrap_or_default(), pods_without_requests })
}

fn profile(name: &str, files: &Files, warnings: &mut Vec<String>) -> Result<Profile, ScenarioError> {
    let malformed = |problem| ScenarioError::Malformed { name: name.to_owned(), problem };
    let read = configuration::read(&files.text(name)?).map_err(malformed)?;
    warnings.extend(read.warnings.iter().map(|warning| format!("{name}: {warning}")));
    Ok(read.profile)
}
