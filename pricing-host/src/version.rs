//! A version of a plugin: one of its files, ready to be called.

use std::sync::Arc;

use crate::breaker::Breaker;
use crate::fault::Fault;
use crate::inspect::Kind;
use crate::load::{Loaded, Origin};
use crate::program::Program;
use crate::sandbox::Sandbox;
use crate::settings::PluginSettings;

/// One file of a plugin, compiled and linked.
pub(crate) struct Version {
    pub(crate) name: String,
    pub(crate) digest: String,
    /// The bytes of the file, so that the code that priced an order can be recorded with it even if the file has been
    /// replaced.
    pub(crate) file: Arc<[u8]>,
    pub(crate) kind: Kind,
    pub(crate) origin: Origin,
    pub(crate) program: Program,
    pub(crate) sandbox: Arc<Sandbox>,
    /// Each version has its own breaker: the last calls of an old version say nothing about the new one.
    pub(crate) breaker: Breaker,
}

impl Version {
    /// Links a loaded file.
    pub(crate) fn new(
        name: &str,
        file: &[u8],
        loaded: Loaded,
        sandbox: Arc<Sandbox>,
        settings: &PluginSettings,
    ) -> Result<Self, Fault> {
        let Loaded { inspection, compiled, origin } = loaded;
        let program = Program::link(sandbox.engine(), &compiled)?;
        Ok(Self {
            name: name.to_owned(),
            digest: inspection.digest.to_string(),
            file: file.into(),
            kind: inspection.kind,
            origin,
            program,
            sandbox,
            breaker: Breaker::new(settings.breaker),
        })
    }
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Version").field("name", &self.name).field("digest", &self.digest).finish_non_exhaustive()
    }
}
