//! Generated traces in the format of openb, and a host for simulations that compiles plugins in this process.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use pricing_host::compile::Compiler;
use pricing_host::{HostSettings, PluginHost};
use pricing_sim::scenario::{self, ScenarioError};
use pricing_sim::stream::Arrival;
use pricing_sim::sweep::{SimulationEnvironment, Sweep};
use testkit::random::Random;

/// The line of a strategy that names the rate card of [`openb_like`].
pub const RATES: &str = "rates = 'rates.toml'\n";
/// The rate card.
const CARD: &str = "[rates.gpu]\na10 = '120'\ng2 = '200'\ng3 = '300'\np100 = '90'\nt4 = '80'\nv100 = '250'\n";
/// The models in the trace.
const MODELS: [&str; 6] = ["T4", "P100", "V100M16", "V100M32", "G2", "G3"];

/// A host that compiles plugins in this process.
#[derive(Clone, Copy, Debug)]
pub struct InProcess;

impl SimulationEnvironment for InProcess {
    fn plugins(&self) -> Result<PluginHost, String> {
        Ok(PluginHost::new(HostSettings::new(Compiler::InProcess)))
    }

    fn bid_log(&self, path: &Path) -> Result<Vec<Arrival>, String> {
        Err(format!("{} is not read here", path.display()))
    }
}

/// Parses the sweep of a scenario.
///
/// # Errors
/// When the text is not a scenario.
#[expect(clippy::result_large_err, reason = "an error ends the benchmark; its size does not matter")]
pub fn sweep_of(text: &str) -> Result<Sweep, ScenarioError> {
    let malformed = |problem| ScenarioError::Malformed { name: "scenario".to_owned(), problem };
    Sweep::of(&scenario::parse(text).map_err(malformed)?)
}

/// Writes `pods.csv`, `nodes.csv` and `rates.toml` in the trace's format and with about its load. The number of orders
/// that run at once does not depend on the total number.
///
/// # Errors
/// When the files cannot be written.
pub fn openb_like(folder: &Path, orders: usize, nodes: usize) -> io::Result<()> {
    let mut random = Random::new(7);
    let mut below = |count: u64| random.up_to(count.saturating_sub(1));
    let mut pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,deletion_time\n".to_owned();
    let mut at: u64 = 0;
    // About two orders per node run at once.
    let typical = 10 * u64::try_from(nodes).unwrap_or(0) * 2;
    for order in 0..orders {
        at = at.saturating_add(below(20));
        let cards = [0, 1, 1, 1, 1, 1, 2, 8].get(usize::try_from(below(8)).unwrap_or(0)).copied().unwrap_or(1);
        let share = if cards == 1 && below(2) == 0 { 460 } else { 1000 };
        let model = MODELS.get(usize::try_from(below(6)).unwrap_or(0)).copied().unwrap_or("T4");
        let spec = if cards > 0 && below(4) == 0 { model } else { "" };
        let (cpu, memory) = (4000 * (1 + below(4)), 8192 * (1 + below(4)));
        let end = at.saturating_add(1 + below(2 * typical + 1));
        // Writing to a `String` does not fail.
        let _ = writeln!(pods, "pod-{order},{cpu},{memory},{cards},{share},{spec},{at},{end}");
    }
    let mut list = "sn,cpu_milli,memory_mib,gpu,model\n".to_owned();
    for node in 0..nodes {
        let model = MODELS.get(node % MODELS.len()).copied().unwrap_or("T4");
        let _ = writeln!(list, "node-{node},96000,393216,{},{model}", if node % 3 == 0 { 2 } else { 8 });
    }
    fs::write(folder.join("pods.csv"), pods)?;
    fs::write(folder.join("nodes.csv"), list)?;
    fs::write(folder.join("rates.toml"), CARD)
}
