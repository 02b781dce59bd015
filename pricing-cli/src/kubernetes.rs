//! What starts the pods of an order: the settings of a kube-scheduler as texts, and what they say.

use pricing_core::input::InputError;
use pricing_core::quote::Predict;
use pricing_core::reserve::kubernetes::{KubeScheduler, KubernetesVersion};
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::load::Document;

/// The settings of a kube-scheduler as texts. A recording has them, too.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubernetesText {
    /// Whether anything is predicted.
    pub(crate) predict: bool,
    /// Its release.
    pub(crate) version: KubernetesVersion,
    /// Its configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scheduler_config: Option<Document>,
    /// How many pods without requests run on each node.
    pub(crate) pods_without_requests: u32,
}

impl Default for KubernetesText {
    fn default() -> Self {
        Self { predict: true, version: KubernetesVersion::default(), scheduler_config: None, pods_without_requests: 0 }
    }
}

/// A kube-scheduler, and whether it is asked.
#[derive(Clone, Debug)]
pub(crate) struct Kubernetes {
    pub(crate) scheduler: KubeScheduler,
    pub(crate) predict: bool,
    /// What of its configuration is not understood.
    pub(crate) warnings: Vec<InputError>,
}

impl KubernetesText {
    /// Whether these are the settings that recordings leave out.
    pub(crate) fn is_default(&self) -> bool {
        let Self { predict, version, scheduler_config, pods_without_requests } = self;
        *predict
            && *version == KubernetesVersion::default()
            && scheduler_config.is_none()
            && *pods_without_requests == 0
    }

    /// Parses the configuration.
    pub(crate) fn parse(&self) -> Result<Kubernetes, CliError> {
        let Self { predict: _, version, pods_without_requests, scheduler_config } = self;
        let text = scheduler_config.as_ref().map(|document| &*document.text);
        let read = KubeScheduler::configured(*version, *pods_without_requests, text);
        let (scheduler, warnings) = read.map_err(|error| match scheduler_config {
            Some(document) => document.malformed(error),
            None => CliError::Usage(error.to_string()),
        })?;
        Ok(Kubernetes { scheduler, predict: self.predict, warnings })
    }
}

impl Kubernetes {
    /// What a quote predicts with.
    pub(crate) fn predict(&self) -> Predict<'_> {
        if self.predict { Predict::By(&self.scheduler) } else { Predict::Never }
    }
}
