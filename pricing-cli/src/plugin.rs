//! A plugin as commands use it: opened with the limits of the command line, or refused with a reason.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pricing_core::quote::FallbackBy;
pub(crate) use pricing_host::Pricer;
use pricing_host::compile::{Compiler, compile_child_main};
use pricing_host::load::Origin;
use pricing_host::{HostSettings, OpenError, Plugin, PluginHost, PluginSettings, SizeClass};

use crate::args::{CacheArgs, LimitArgs, PluginArgs, PluginClass};
use crate::command::plugin::pack_child_main;
use crate::error::CliError;
use crate::{load, output};

/// The variable that names the folder of compiled plugins.
const PLUGIN_CACHE: &str = "BIDPRICE_PLUGIN_CACHE";

/// The hidden command that inspects and compiles a plugin in a process of its own.
const COMPILE_COMMAND: &str = "compile-plugin";
/// The hidden command that packs a module in a process of its own.
pub(crate) const PACK_COMMAND: &str = "pack-plugin";

/// Does what this process was started for, where this program started it to have one that can be killed.
pub(crate) fn child() -> Option<ExitCode> {
    let command = env::args_os().nth(1)?;
    let arguments = env::args_os().skip(2);
    if command == COMPILE_COMMAND {
        return Some(compile_child_main(arguments));
    }
    (command == PACK_COMMAND).then(|| pack_child_main(arguments))
}

impl From<PluginClass> for SizeClass {
    fn from(class: PluginClass) -> Self {
        match class {
            PluginClass::Standard => Self::Standard,
            PluginClass::Engine => Self::Engine,
        }
    }
}

impl LimitArgs {
    /// The size class.
    pub(crate) fn class(&self) -> SizeClass {
        self.plugin_class.into()
    }

    /// The settings that they make.
    pub(crate) fn settings(&self) -> Result<PluginSettings, CliError> {
        let class = self.class();
        let mut settings = PluginSettings::new(class);
        let limits = &mut settings.limits;
        limits.deadline = self.deadline.unwrap_or(limits.deadline);
        limits.fuel = self.fuel.unwrap_or(limits.fuel);
        limits.memory_bytes = self.memory_limit.unwrap_or(limits.memory_bytes);
        let most = class.load_limits().memory_bytes;
        if limits.memory_bytes > most {
            let class = class.name();
            return Err(CliError::Usage(format!(
                "--memory-limit: size class `{class}` has room for {} MiB at most",
                most >> 20
            )));
        }
        Ok(settings)
    }
}

impl CacheArgs {
    /// The folder in which compiled plugins are kept.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        if self.no_plugin_cache {
            return None;
        }
        let named = || env::var_os(PLUGIN_CACHE).map(PathBuf::from);
        let set = |name| env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
        let user = || set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        let default = || user().map(|cache| cache.join("bidprice").join("plugins"));
        self.plugin_cache.clone().or_else(named).or_else(default)
    }
}

/// Opens the plugin in a file. One that is bad is not an error here: every order is then a fault.
pub(crate) fn open(path: &Path, args: &PluginArgs, fallback: Option<FallbackBy>) -> Result<Pricer, CliError> {
    if path == Path::new("-") {
        return Err(CliError::Usage("a plugin cannot be read from stdin; name its file".to_owned()));
    }
    let settings = PluginSettings { fallback, ..args.limits.settings()? };
    let host = host(args.cache.folder(), false)?;
    match host.open(path, settings) {
        Ok(plugin) => {
            warn(&host, &plugin);
            Ok(Pricer::Plugin(plugin))
        }
        Err(OpenError::Rejected(rejected)) => Ok(Pricer::Rejected(Box::new(rejected), fallback)),
        Err(OpenError::Unreadable(error)) => Err(CliError::unreadable(load::name(path), error)),
    }
}

/// A host that compiles in a process of its own, and keeps what it compiled in a folder.
pub(crate) fn host(cache: Option<PathBuf>, backtraces: bool) -> Result<PluginHost, CliError> {
    let settings = HostSettings { concurrency: 1, cache, backtraces, ..HostSettings::new(compiler()?) };
    Ok(PluginHost::new(settings))
}

/// A compiler in a process of its own.
pub(crate) fn compiler() -> Result<Compiler, CliError> {
    Ok(Compiler::Child { program: this_program()?, args: vec![OsString::from(COMPILE_COMMAND)] })
}

/// This very program, also after its file was replaced by another version's.
pub(crate) fn this_program() -> Result<PathBuf, CliError> {
    let running = PathBuf::from("/proc/self/exe");
    let program = if running.exists() { Ok(running) } else { env::current_exe() };
    program.map_err(|error| CliError::internal(format!("the path of this program is not known: {error}")))
}

/// Tells why a compiled plugin could not be kept.
pub(crate) fn warn(host: &PluginHost, plugin: &Plugin) {
    if let Some(problem) = host.cache_problem() {
        output::complain(&format!("warning: compiled plugins are not kept: {problem}"));
    }
    if let Origin::Compiled(Some(warning)) = plugin.origin() {
        output::complain(&format!("warning: {warning}"));
    }
}
