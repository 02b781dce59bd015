//! What the Python process provides to a simulation.

use std::path::Path;

use pricing_host::compile::Compiler;
use pricing_host::{HostSettings, PluginHost};
use pricing_sim::stream::Arrival;
use pricing_sim::sweep::SimulationEnvironment;

/// The Python process as a host of simulations.
pub(crate) struct PythonHost;

impl SimulationEnvironment for PythonHost {
    fn plugins(&self) -> Result<PluginHost, String> {
        // There is no executable here that could compile plugins in a child process.
        Ok(PluginHost::new(HostSettings::new(Compiler::InProcess)))
    }

    fn bid_log(&self, path: &Path) -> Result<Vec<Arrival>, String> {
        let path = path.display();
        Err(format!("`{path}`: the Python package reads no bid logs; use the command `bidprice simulate`"))
    }
}
