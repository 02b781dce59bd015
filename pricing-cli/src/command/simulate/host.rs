//! What a simulation needs from this program.

use std::path::Path;

use pricing_host::{HostSettings, PluginHost};
use pricing_sim::stream::Arrival;
use pricing_sim::sweep::SimulationEnvironment;

#[cfg(feature = "service")]
use super::bid_log;
#[cfg(not(feature = "service"))]
use crate::left_out::BID_LOG;
use crate::plugin;

/// Provides a simulation with plugins and bid logs.
pub(crate) struct SimulationHost;

impl SimulationEnvironment for SimulationHost {
    fn plugins(&self) -> Result<PluginHost, String> {
        let compiler = plugin::compiler().map_err(|error| error.to_string())?;
        // The host allows more concurrent calls than there are cores, so that runs do not wait for each other.
        Ok(PluginHost::new(HostSettings::new(compiler)))
    }

    #[cfg(feature = "service")]
    fn bid_log(&self, path: &Path) -> Result<Vec<Arrival>, String> {
        bid_log::arrivals(path)
    }

    #[cfg(not(feature = "service"))]
    fn bid_log(&self, _: &Path) -> Result<Vec<Arrival>, String> {
        Err(BID_LOG.refusal())
    }
}
