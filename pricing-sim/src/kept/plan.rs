//! Plans: a folder with everything that the runs of a sweep need, so that any machine can do some of them.
//!
//! `plan.json` describes the plan, and `inputs/` has a copy of the scenario and of every file that it names. Nothing in
//! the folder is written to after that, so it can be mounted read-only.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::identity::text_of;
use super::inputs::describe;
use super::{Identity, Input, InputFile, KeptError, SCHEMA, VERSION, write_whole};
use crate::files::Files;
use crate::scenario;
use crate::sweep::Sweep;
use pricing_core::text::counted;

/// The file that describes a plan.
pub const PLAN: &str = "plan.json";
/// The folder with the copies.
const INPUTS: &str = "inputs";
/// The copy of the scenario.
const SCENARIO: &str = "inputs/scenario.toml";
/// The kind of file, as in `plan.json`.
const KIND: &str = "bidprice simulate plan";
/// The maximum size of `plan.json`, in bytes.
const MAX_PLAN_BYTES: u64 = 256 << 20;

/// The content of `plan.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The kind of file.
    pub kind: String,
    /// The version of its format.
    pub schema: u32,
    /// The version of the program.
    pub version: String,
    /// The digest of the scenario and of every file that it names.
    pub digest: String,
    /// The scenario's name in reports.
    pub name: String,
    /// The copy of the scenario.
    pub scenario: String,
    /// The axes. The last one changes fastest.
    pub axes: Vec<Axis>,
    /// The seeds that each cell of the axes is run with.
    pub seeds: Vec<u64>,
    /// The number of runs.
    pub runs: usize,
    /// The planned shards. Any other number of shards gives the same results.
    pub shards: Vec<ShardRange>,
    /// The files that the scenario names, with their copies.
    pub inputs: Vec<CopiedInput>,
}

/// An axis of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// The key.
    pub key: String,
    /// Its values.
    pub values: Vec<Value>,
}

/// The runs of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardRange {
    /// Its number, from 0.
    pub shard: usize,
    /// Its first run.
    pub from: usize,
    /// The run after its last one.
    pub to: usize,
}

/// An input and its copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopiedInput {
    /// The path of the copy.
    pub copy: String,
    /// The original.
    #[serde(flatten)]
    pub input: Input,
}

/// A plan that was read and is ready to run.
#[derive(Debug)]
pub struct Loaded {
    /// The content of `plan.json`.
    pub plan: Plan,
    /// The sweep.
    pub sweep: Sweep,
    /// The scenario.
    pub table: Table,
    /// The copies.
    pub files: Files,
}

/// The runs of one of `shards` shards. Together the shards have all runs, and their sizes differ by at most one.
#[must_use]
pub(super) fn range(runs: usize, shard: usize, shards: usize) -> Range<usize> {
    let edge = |shard: usize| {
        let wide = |number: usize| u128::try_from(number).unwrap_or(u128::MAX);
        let edge = wide(runs).saturating_mul(wide(shard)).checked_div(wide(shards)).unwrap_or(0);
        usize::try_from(edge).unwrap_or(runs)
    };
    edge(shard)..edge(shard.saturating_add(1))
}

impl Plan {
    /// Writes a plan into a folder that does not exist yet, or is empty. It is written completely or not at all, by
    /// renaming a temporary folder.
    ///
    /// # Errors
    /// When an input cannot be read, or the folder cannot be written.
    pub fn write(
        folder: &Path,
        name: &str,
        table: &Table,
        sweep: &Sweep,
        files: &Files,
        shards: usize,
    ) -> Result<Self, KeptError> {
        if shards == 0 || shards > sweep.len() {
            let runs = sweep.len();
            return Err(KeptError::Unusable(format!(
                "{} cannot be split into {}; name 1 to {runs}",
                counted(runs, "run"),
                counted(shards, "shard")
            )));
        }
        let identity = Identity::of(table, sweep, files)?;
        let plan = Self::of(name, &identity, sweep, shards);
        let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let last = folder.file_name().ok_or_else(|| KeptError::io(folder, "this names no folder"))?;
        if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) || folder.is_file() {
            return Err(KeptError::io(folder, "it exists already and is not empty; name another folder"));
        }
        let mut temporary = last.to_owned();
        temporary.push(format!(".{}.part", std::process::id()));
        let temporary = parent.join(temporary);
        let written = plan
            .write_into(&temporary, &identity, files)
            .and_then(|()| fs::rename(&temporary, folder).map_err(|error| KeptError::io(folder, error)));
        if written.is_err() {
            let _ = fs::remove_dir_all(&temporary);
        }
        written.map(|()| plan)
    }

    fn of(name: &str, identity: &Identity, sweep: &Sweep, shards: usize) -> Self {
        let copied = |(place, input): (usize, &Input)| {
            let last = Path::new(&input.name).file_name().and_then(|name| name.to_str()).unwrap_or("input");
            CopiedInput { copy: format!("{INPUTS}/{place:03}-{last}"), input: input.clone() }
        };
        let of_shard = |shard| {
            let Range { start, end } = range(sweep.len(), shard, shards);
            ShardRange { shard, from: start, to: end }
        };
        Self {
            kind: KIND.to_owned(),
            schema: SCHEMA,
            version: VERSION.to_owned(),
            digest: identity.digest(),
            name: name.to_owned(),
            scenario: SCENARIO.to_owned(),
            axes: axes(sweep),
            seeds: sweep.seeds.clone(),
            runs: sweep.len(),
            shards: (0..shards).map(of_shard).collect(),
            inputs: identity.inputs.iter().enumerate().map(copied).collect(),
        }
    }

    fn write_into(&self, folder: &Path, identity: &Identity, files: &Files) -> Result<(), KeptError> {
        let made = fs::create_dir_all(folder.join(INPUTS));
        made.map_err(|error| KeptError::io(folder, format_args!("it cannot be made: {error}")))?;
        for input in &self.inputs {
            let (from, to) = (files.path(&input.input.name), folder.join(&input.copy));
            for file in &input.input.files {
                let (from, to) = (below(&from, file), below(&to, file));
                copy(&from, &to).map_err(|error| KeptError::io(&from, format_args!("it cannot be copied: {error}")))?;
            }
            if input.input.files.is_empty() {
                fs::create_dir_all(&to).map_err(|error| KeptError::io(&to, error))?;
            }
        }
        // An input may have been changed while it was copied.
        self.verify(folder)?;
        write_whole(&folder.join(SCENARIO), |file| file.write_all(identity.scenario.as_bytes()))?;
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| KeptError::io(&folder.join(PLAN), error))?;
        text.push(b'\n');
        write_whole(&folder.join(PLAN), |file| file.write_all(&text))
    }

    /// Checks that the copies match their digests.
    fn verify(&self, folder: &Path) -> Result<(), KeptError> {
        for input in &self.inputs {
            for file in &input.input.files {
                let path = below(&folder.join(&input.copy), file);
                let found = describe(&path, file.path.clone()).map_err(|error| KeptError::io(&path, error))?;
                if found != *file {
                    let name = &input.input.name;
                    let problem = format!("it is not what was planned as `{name}`: the file has changed; plan again");
                    return Err(KeptError::io(&path, problem));
                }
            }
        }
        Ok(())
    }

    /// Reads a plan, and checks that everything in its folder is as it was planned.
    ///
    /// # Errors
    /// When the folder has no plan, one of another version, or one that was changed.
    pub fn read(folder: &Path) -> Result<Loaded, KeptError> {
        let path = folder.join(PLAN);
        let plan = Self::parse(&path)?;
        plan.verify(folder)?;
        let at = folder.join(&plan.scenario);
        let text = pricing_files::read_text(&at, MAX_PLAN_BYTES).map_err(|error| KeptError::io(&at, error))?;
        let table = scenario::parse(&text).map_err(|problem| KeptError::io(&at, problem))?;
        let sweep = Sweep::of(&table)?;
        let inputs: Vec<Input> = plan.inputs.iter().map(|copied| copied.input.clone()).collect();
        let identity = Identity { version: plan.version.clone(), scenario: text_of(&table)?, inputs };
        let agrees = plan.runs == sweep.len()
            && plan.seeds == sweep.seeds
            && plan.digest == identity.digest()
            && plan.axes == axes(&sweep);
        if !agrees {
            return Err(KeptError::io(&path, "it does not agree with the files beside it; plan again"));
        }
        let copies = plan.inputs.iter().map(|copied| (copied.input.name.clone(), PathBuf::from(&copied.copy)));
        let files = Files::copies(folder, copies.collect::<BTreeMap<_, _>>());
        Ok(Loaded { plan, sweep, table, files })
    }

    fn parse(path: &Path) -> Result<Self, KeptError> {
        let text = pricing_files::read(path, MAX_PLAN_BYTES).map_err(|error| KeptError::io(path, error))?;
        let any: serde_json::Value = serde_json::from_slice(&text).map_err(|error| KeptError::io(path, error))?;
        if any.get("kind").and_then(serde_json::Value::as_str) != Some(KIND) {
            return Err(KeptError::io(path, "it is not a plan of `bidprice simulate plan`"));
        }
        let version = any.get("version").and_then(serde_json::Value::as_str).unwrap_or("an unknown version");
        if any.get("schema").and_then(serde_json::Value::as_u64) != Some(u64::from(SCHEMA)) || version != VERSION {
            let problem =
                format!("it was planned by version {version}, and this is {VERSION}: use one version for all");
            return Err(KeptError::io(path, problem));
        }
        let plan: Self = serde_json::from_value(any).map_err(|error| KeptError::io(path, error))?;
        // A plan comes from elsewhere, and its paths must not lead out of its folder.
        let inside =
            |name: &str| Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        let copies = plan.inputs.iter().map(|copied| copied.copy.as_str());
        let parts = plan.inputs.iter().flat_map(|copied| &copied.input.files).map(|file| file.path.as_str());
        if !copies.chain(parts).chain([plan.scenario.as_str()]).all(inside) {
            return Err(KeptError::io(path, "it names a file outside of its folder"));
        }
        Ok(plan)
    }

    /// The runs of one of `shards` shards.
    ///
    /// # Errors
    /// When there is no such shard.
    pub fn range(&self, shard: usize, shards: usize) -> Result<Range<usize>, KeptError> {
        if shard >= shards {
            let last = shards.saturating_sub(1);
            return Err(KeptError::Unusable(format!(
                "there is no shard {shard} of {shards}: they go from 0 to {last}"
            )));
        }
        Ok(range(self.runs, shard, shards))
    }
}

/// The axes of a sweep.
fn axes(sweep: &Sweep) -> Vec<Axis> {
    sweep.axes().into_iter().map(|(key, values)| Axis { key, values }).collect()
}

/// The path of a file of an input.
fn below(input: &Path, file: &InputFile) -> PathBuf {
    if file.path.is_empty() { input.to_owned() } else { input.join(&file.path) }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    io::copy(&mut pricing_files::open(from)?, &mut fs::File::create_new(to)?).map(|_| ())
}
