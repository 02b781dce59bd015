//! What a simulation needs of this program.

use std::path::Path;

use pricing_host::{HostSettings, PluginHost};
use pricing_sim::stream::Arrival;
use pricing_sim::sweep::Host;

use super::bid_log;
use crate::plugin;

/// This program, to a simulation.
pub(crate) struct SimulationHost;

impl Host for SimulationHost {
    fn plugins(&self) -> Result<PluginHost, String> {
        let compiler = plugin::compiler().map_err(|error| error.to_string())?;
        // More calls at once than cores: runs do not wait for each other.
        Ok(PluginHost::new(HostSettings::new(compiler)))
    }

    fn bid_log(&self, path: &Path) -> Result<Vec<Arrival>, String> {
        bid_log::arrivals(path)
    }
}
