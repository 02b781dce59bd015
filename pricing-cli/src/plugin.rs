//! A plugin as commands use it: opened with the limits of the command line, or refused with a reason.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use pricing_core::inventory::utilisation::Utilisation;
use pricing_core::order::Order;
use pricing_core::quote::plugin::draft;
use pricing_core::quote::{self, Alternatives, FallbackBy, Quote, Reason, Supply, Terms};
use pricing_core::rates::Pricing;
use pricing_host::compile::Compiler;
use pricing_host::load::Origin;
use pricing_host::{HostSettings, OpenError, Plugin, PluginHost, PluginSettings, Rejected};

use crate::args::PluginArgs;
use crate::error::CliError;
use crate::{load, output};

/// The hidden command that compiles a plugin in a process of its own.
pub(crate) const COMPILE_COMMAND: &str = "compile-plugin";

/// A plugin that may price, or the reason why it may not.
pub(crate) enum Pricer {
    /// It was loaded.
    Ready(Plugin),
    /// It was not.
    Rejected(Box<Rejected>, Option<FallbackBy>),
}

impl Pricer {
    /// Opens the plugin in a file. One that is bad is no error here: every order is then a fault.
    pub(crate) fn open(path: &Path, args: &PluginArgs, fallback: Option<FallbackBy>) -> Result<Self, CliError> {
        if path == Path::new("-") {
            return Err(CliError::Usage("a plugin cannot be read from stdin; name its file".to_owned()));
        }
        let settings = PluginSettings { fallback, ..args.limits.settings()? };
        let host = host(args.cache.folder(), false)?;
        match host.open(path, settings) {
            Ok(plugin) => {
                warn(&host, &plugin);
                Ok(Self::Ready(plugin))
            }
            Err(OpenError::Rejected(rejected)) => Ok(Self::Rejected(Box::new(rejected), fallback)),
            Err(OpenError::Unreadable(error)) => Err(CliError::unreadable(load::name(path), error)),
        }
    }

    /// Prices an order.
    pub(crate) fn quote(
        &self,
        order: &Order,
        pricing: &Pricing,
        supply: Supply<'_>,
        utilisation: Option<&Utilisation>,
        terms: &Terms<'_>,
    ) -> Quote {
        match self {
            Self::Ready(plugin) => plugin.quote(order, pricing, supply, utilisation, terms),
            Self::Rejected(rejected, fallback) => rejected.quote(draft(order, pricing, supply, terms), *fallback),
        }
    }

    /// Prices every distinct set of cards that an order could be allocated, cheapest first.
    pub(crate) fn alternatives(
        &self,
        order: &Order,
        pricing: &Pricing,
        supply: Supply<'_>,
        utilisation: Option<&Utilisation>,
        terms: &Terms<'_>,
    ) -> Result<Alternatives, Reason> {
        match self {
            Self::Ready(plugin) => plugin.alternatives(order, pricing, supply, utilisation, terms),
            Self::Rejected(_, Some(FallbackBy::Builtin)) => quote::alternatives(order, pricing, supply, terms),
            Self::Rejected(rejected, _) => Err(rejected.fault.clone().into()),
        }
    }
}

/// A host that compiles in a process of its own, and keeps what it compiled in a folder.
pub(crate) fn host(cache: Option<PathBuf>, backtraces: bool) -> Result<PluginHost, CliError> {
    let settings = HostSettings { concurrency: 1, cache, backtraces, ..HostSettings::new(compiler()?) };
    Ok(PluginHost::new(settings))
}

/// A compiler in a process of its own.
pub(crate) fn compiler() -> Result<Compiler, CliError> {
    // This very program, also after its file was replaced by another version's.
    let running = PathBuf::from("/proc/self/exe");
    let program = if running.exists() { Ok(running) } else { std::env::current_exe() };
    let program =
        program.map_err(|error| CliError::internal(format!("the path of this program is not known: {error}")))?;
    Ok(Compiler::Child { program, args: vec![OsString::from(COMPILE_COMMAND)] })
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
