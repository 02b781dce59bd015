//! Opens plugins for commands, with the limits of the command line.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use pricing_core::quote::FallbackBy;
pub(crate) use pricing_host::Pricer;
use pricing_host::compile::Compiler;
use pricing_host::load::Origin;
use pricing_host::{HostSettings, OpenError, Plugin, PluginHost, PluginSettings, SizeClass};

use crate::args::{CacheArgs, LimitArgs, PluginArgs, PluginClass};
use crate::error::CliError;
use crate::{load, output};

/// The variable that names the folder of compiled plugins.
const PLUGIN_CACHE: &str = "BIDPRICE_PLUGIN_CACHE";

/// The hidden command that inspects and compiles a plugin in a child process.
pub(crate) const COMPILE_COMMAND: &str = "compile-plugin";

impl From<PluginClass> for SizeClass {
    fn from(class: PluginClass) -> Self {
        match class {
            PluginClass::Standard => Self::Standard,
            PluginClass::Engine => Self::Engine,
        }
    }
}

impl LimitArgs {
    /// Returns the size class.
    pub(crate) fn class(&self) -> SizeClass {
        self.plugin_class.into()
    }

    /// Returns the plugin's settings with these limits.
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
    /// Returns the folder of compiled plugins, or `None` without a cache.
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

/// Opens the plugin in a file. A plugin that is refused is not an error here: every order then becomes a fault.
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

/// Returns a host that compiles in a child process, with a cache.
pub(crate) fn host(cache: Option<PathBuf>, backtraces: bool) -> Result<PluginHost, CliError> {
    let settings = HostSettings { concurrency: 1, cache, backtraces, ..HostSettings::new(compiler()?) };
    Ok(PluginHost::new(settings))
}

/// Returns a compiler that runs in a child process.
pub(crate) fn compiler() -> Result<Compiler, CliError> {
    Ok(Compiler::Child { program: this_program()?, args: vec![OsString::from(COMPILE_COMMAND)] })
}

/// Returns the path of this program. `/proc/self/exe` is the running program even if its file was replaced.
pub(crate) fn this_program() -> Result<PathBuf, CliError> {
    let running = PathBuf::from("/proc/self/exe");
    let program = if running.exists() { Ok(running) } else { env::current_exe() };
    program.map_err(|error| CliError::internal(format!("the path of this program is not known: {error}")))
}

/// Prints warnings about the cache of compiled plugins.
pub(crate) fn warn(host: &PluginHost, plugin: &Plugin) {
    if let Some(problem) = host.cache_problem() {
        output::complain(&format!("warning: compiled plugins are not cached: {problem}"));
    }
    if let Origin::Compiled(Some(warning)) = plugin.origin() {
        output::complain(&format!("warning: {warning}"));
    }
}
