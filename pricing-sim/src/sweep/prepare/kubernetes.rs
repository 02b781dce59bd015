//! The kube-scheduler of a scenario's cluster.

use pricing_core::reserve::kubernetes::KubeScheduler;

use crate::files::Files;
use crate::scenario::{KubernetesEntry, ScenarioError};

/// Reads the scheduler's configuration, if there is one. What it says that is not understood is added to `warnings`.
pub(super) fn scheduler(
    entry: &KubernetesEntry,
    files: &Files,
    warnings: &mut Vec<String>,
) -> Result<KubeScheduler, ScenarioError> {
    let KubernetesEntry { predict: _, version, pods_without_requests, scheduler_config } = entry;
    let name = scheduler_config.as_deref().unwrap_or_default();
    let text = scheduler_config.as_ref().map(|name| files.text(name)).transpose()?;
    let malformed = |problem| ScenarioError::Malformed { name: name.to_owned(), problem };
    let (scheduler, unknown) =
        KubeScheduler::configured(*version, *pods_without_requests, text.as_deref()).map_err(malformed)?;
    warnings.extend(unknown.iter().map(|warning| format!("{name}: {warning}")));
    Ok(scheduler)
}
