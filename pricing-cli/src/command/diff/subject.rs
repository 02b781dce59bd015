//! The two sides of a comparison: rate cards, plugins, scripts and saved runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pricing_core::quote::GpuRule;
use pricing_core::rates::Pricing;
use pricing_host::{BreakerSettings, OpenError, PluginSettings};
use pricing_sim::strategy::{PLUGIN_DEADLINE, Pricer, Script, ScriptOrder, Strategy};

use super::Args;
use super::saved::{self, Choice, Row};
use super::skipped::Skipped;
use crate::args::RatesArgs;
use crate::error::CliError;
use crate::{load, plugin};

/// The kinds of subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rates,
    Old,
    Plugin,
    Script,
    Run,
    Scale,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Rates, Self::Old, Self::Plugin, Self::Script, Self::Run, Self::Scale];

    /// The name, which is also the prefix on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rates => "rates",
            Self::Old => "old",
            Self::Plugin => "plugin",
            Self::Script => "script",
            Self::Run => "run",
            Self::Scale => "scale",
        }
    }
}

/// A subject, as named on the command line.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) kind: Kind,
    pub(super) path: PathBuf,
}

impl Named {
    /// Recognises a subject by its prefix, else by its extension, else as an executable file.
    pub(super) fn of(text: &str) -> Result<Self, CliError> {
        // The scales come from the environment, so there is no file to name.
        if text == Kind::Scale.name() {
            return Ok(Self { kind: Kind::Scale, path: text.into() });
        }
        let prefixed = text.split_once(':').and_then(|(prefix, path)| {
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == prefix && *kind != Kind::Scale)?;
            Some(Self { kind, path: path.into() })
        });
        if let Some(named) = prefixed {
            return Ok(named);
        }
        let path = PathBuf::from(text);
        let kind = match path.extension().and_then(|ending| ending.to_str()) {
            Some("toml") => Kind::Rates,
            Some("wasm" | "wat") => Kind::Plugin,
            Some("sh") => Kind::Script,
            Some("jsonl" | "csv" | "parquet") => Kind::Run,
            _ if path.is_dir() => Kind::Run,
            _ if is_program(&path) => Kind::Script,
            _ if !path.exists() => return Err(CliError::unreadable(text, "this file or folder does not exist")),
            _ => {
                let message = "its kind is not clear: write it as `rates:FILE`, `plugin:FILE`, `script:FILE`, \
                               `run:FILE` or `old:FILE`; or `scale`";
                return Err(CliError::Usage(format!("{text}: {message}")));
            }
        };
        Ok(Self { kind, path })
    }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The side of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    A,
    B,
}

/// A subject that is read and checked.
pub(super) enum Subject {
    /// Prices the orders.
    Pricer(Box<Strategy>),
    /// Has decisions on the orders already.
    Saved(Vec<Row>),
}

impl Subject {
    /// The strategy that prices the orders, if they are not priced already.
    pub(super) fn strategy(&self) -> Option<&Strategy> {
        match self {
            Self::Pricer(strategy) => Some(strategy),
            Self::Saved(_) => None,
        }
    }

    /// Reads the files of a subject.
    pub(super) fn open(named: &Named, side: Side, args: &Args, skipped: &mut Skipped) -> Result<Self, CliError> {
        let Named { kind, path } = named;
        let (rates, strategy, strategy_option) = match side {
            Side::A => (&args.rates_a, &args.strategy_a, "--strategy-a"),
            Side::B => (&args.rates_b, &args.strategy_b, "--strategy-b"),
        };
        let beneath = || load::pricing(&RatesArgs { rates: rates.clone().or_else(|| args.rates.clone()) });
        let (pricing, pricer) = match kind {
            Kind::Run => {
                let choice = Choice { strategy: strategy.as_deref(), strategy_option, run: args.run };
                return saved::read(path, choice, skipped).map(Self::Saved);
            }
            Kind::Rates => (load::rate_card(path)?, Pricer::Builtin(GpuRule::RealCard)),
            Kind::Old => (load::rate_card(path)?, Pricer::Builtin(GpuRule::HighestWildcard)),
            Kind::Plugin => (beneath()?, Pricer::Plugin(open_plugin(path, args)?)),
            Kind::Script => (beneath()?, Pricer::Script(script(path, args)?)),
            Kind::Scale => (beneath()?, Pricer::Scale(load::scales()?)),
        };
        let mut pricing: Pricing = pricing;
        args.placement.apply(&mut pricing);
        Ok(Self::Pricer(Box::new(Strategy { name: load::name(path), pricing, pricer })))
    }
}

fn open_plugin(path: &Path, args: &Args) -> Result<pricing_host::Plugin, CliError> {
    let mut settings: PluginSettings = args.plugin_args.limits.settings()?;
    // Without `--deadline`, only fuel limits a call: it is the same on every machine.
    if args.plugin_args.limits.deadline.is_none() {
        settings.limits.deadline = PLUGIN_DEADLINE;
    }
    // A circuit breaker depends on the clock. Here the plugin prices every order.
    settings.breaker = BreakerSettings { faults: 0, ..settings.breaker };
    let host = plugin::host(args.plugin_args.cache.folder(), false)?;
    match host.open(path, settings) {
        Ok(opened) => {
            plugin::warn(&host, &opened);
            Ok(opened)
        }
        Err(OpenError::Rejected(rejected)) => Err(CliError::unreadable(load::name(path), rejected)),
        Err(OpenError::Unreadable(error)) => Err(CliError::unreadable(load::name(path), error)),
    }
}

fn script(path: &Path, args: &Args) -> Result<Script, CliError> {
    let env: BTreeMap<String, String> =
        args.env.iter().map(|Variable(name, value)| (name.clone(), value.clone())).collect();
    let timeout = args.timeout.unwrap_or(pricing_sim::strategy::SCRIPT_TIMEOUT);
    let mut script = Script::new(path.to_owned(), env, timeout);
    script.order = match args.request {
        RequestArg::Allocated => ScriptOrder::Allocated,
        RequestArg::Written => ScriptOrder::Written,
    };
    script.check().map_err(|error| CliError::unreadable(load::name(path), error))?;
    Ok(script)
}

/// The form of the request that a script receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum RequestArg {
    /// With the allocated model, and amounts after commit levels, as the daemon sends it
    #[default]
    Allocated,
    /// With what the tenant wrote
    Written,
}

/// A variable of a script: `NAME=VALUE`.
#[derive(Clone, Debug)]
pub(super) struct Variable(String, String);

impl std::str::FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self(name.to_owned(), value.to_owned())),
            _ => Err("expected NAME=VALUE, such as `PRICE_TARGET_CPU=1.60`".to_owned()),
        }
    }
}

/// A duration above 0.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let timeout =
        humantime::parse_duration(text).map_err(|error| format!("{error}; expected a duration such as `10s`"))?;
    if timeout.is_zero() { Err("expected more than 0".to_owned()) } else { Ok(timeout) }
}
