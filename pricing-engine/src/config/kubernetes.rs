//! The kube-scheduler that starts the pods, with the text that it is configured by.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use pricing_core::input::InputError;
use pricing_core::quote::Predict;
use pricing_core::reserve::kubernetes::{KubeScheduler, KubernetesVersion};

use super::model::Kubernetes;
use crate::digest::Digest;

/// The most warnings that are told.
const TOLD: usize = 100;

/// A kube-scheduler, and whether it is asked where pods start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedScheduler {
    /// Whether quotes predict where pods start.
    pub predict: bool,
    /// The scheduler.
    pub scheduler: KubeScheduler,
    /// The text of its configuration with the digest, if it has one.
    pub text: Option<(Digest, Arc<str>)>,
    /// What would change a placement and is not understood.
    pub warnings: Vec<InputError>,
}

impl Default for LoadedScheduler {
    fn default() -> Self {
        Self { predict: true, scheduler: KubeScheduler::default(), text: None, warnings: Vec::new() }
    }
}

/// What affects predictions, in short.
impl fmt::Display for LoadedScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.predict {
            return f.write_str("nothing is predicted");
        }
        let KubeScheduler { version, pods_without_requests, .. } = &self.scheduler;
        write!(f, "version {}, {pods_without_requests} pods without requests", version.name())?;
        match &self.text {
            Some((digest, _)) => write!(f, ", scheduler_config {digest}"),
            None => Ok(()),
        }
    }
}

impl LoadedScheduler {
    /// Reads the scheduler's configuration, if there is a text of one.
    ///
    /// # Errors
    /// When the text is malformed.
    pub fn read(
        predict: bool,
        version: KubernetesVersion,
        pods_without_requests: u32,
        text: Option<Arc<str>>,
    ) -> Result<Self, InputError> {
        let (scheduler, warnings) = KubeScheduler::configured(version, pods_without_requests, text.as_deref())?;
        let text = text.map(|text| (Digest::of(text.as_bytes()), text));
        Ok(Self { predict, scheduler, text, warnings })
    }

    /// Reads what a section of the configuration says, with the text of the file that it names.
    pub(super) fn of(section: &Kubernetes, text: Option<Arc<str>>) -> Result<Self, InputError> {
        Self::read(section.predict, section.version, section.pods_without_requests, text)
    }

    /// What a quote predicts with.
    #[must_use]
    pub fn predict(&self) -> Predict<'_> {
        if self.predict { Predict::By(&self.scheduler) } else { Predict::Never }
    }

    /// Each warning with the file that it is about, as many as a status has room for.
    #[must_use]
    pub fn told(&self, file: &Path) -> Vec<String> {
        self.warnings.iter().take(TOLD).map(|warning| format!("{}: {warning}", file.display())).collect()
    }
}
