//! A scenario beside its rate cards, run in place.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::Path;
use std::sync::Arc;

use pricing_host::PluginHost;
use pricing_sim::files::Files;
use pricing_sim::scenario;
use pricing_sim::stream::{Arrival, Stream};
use pricing_sim::sweep::{Detailed, Prepared, RunPlace, SimulationEnvironment, prepare};

/// A rate card with two kinds of card, and prices that do not come out even.
pub(crate) const RATES: &str = r#"
[rates]
cpu = "1.61"
memory = "0.83"
endpoint = "0.05"
[rates.storage]
ephemeral = "0.02"
beta3 = "0.04"
[rates.gpu]
"nvidia/t4" = "80.10"
"nvidia/a100/40Gi" = "600"
"nvidia/a100/80Gi" = "1003.33"
"nvidia/h100" = "1900"
"#;

/// A program without plugins and bid logs.
pub(crate) struct NoHost;

impl SimulationEnvironment for NoHost {
    fn plugins(&self) -> Result<PluginHost, String> {
        Err("no plugins here".to_owned())
    }

    fn bid_log(&self, _: &Path) -> Result<Vec<Arrival>, String> {
        Err("no bid logs here".to_owned())
    }
}

/// A folder with a rate card `rates.toml`, and more files.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.put("rates.toml", RATES);
        folder
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn prepare(&self, text: &str) -> Result<Prepared, String> {
        let table = scenario::parse(text).map_err(|error| error.to_string())?;
        let scenario = scenario::of_table(table).map_err(|error| error.to_string())?;
        prepare(scenario, &Files::in_folder(self.0.path()), &NoHost).map_err(|error| error.to_string())
    }

    pub(crate) fn run(&self, text: &str, seed: u64) -> Result<Detailed, String> {
        let place = RunPlace { run: 0, cell: 0, seed };
        self.prepare(text)?.run(place, false).map_err(|error| error.to_string())
    }

    pub(crate) fn stream(&self, orders: &str, seed: u64) -> Result<Arc<Stream>, String> {
        let text = format!(
            "usd_per_akt = \"0.5\"\n{orders}\n[inventory]\ndescribe = \"2 nodes x 4 h100\"\n[[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n"
        );
        self.run(&text, seed).map(|detailed| detailed.stream)
    }
}
