//! Checks a configuration without starting: everything that a start would refuse, and what looks like a mistake.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pricing_core::input::InputError;
use pricing_core::inventory::{self, Cluster};
use pricing_core::rates;
use pricing_host::compile::Compiler;
use rustix::fs::{Access, access};

use super::plugin::{OpenPlugin, PluginOpener, Role};
use super::tuning;
use crate::bid_log::BidLog;
use crate::config::{self, Config, ConfigError, Listen, Loaded};
use crate::feed::Feed;
use crate::guard::{self, Accepted};
use crate::inventory::Plan;
use crate::metrics::Metrics;
use crate::outcomes;
use crate::tune::{TuneState, Tuner};

/// The severity of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The service would not start.
    Error,
    /// It would start, but may not do what was meant.
    Warning,
}

impl Severity {
    /// Returns the severity in lowercase.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A problem of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file with the problem.
    pub file: PathBuf,
    /// The key.
    pub key: Option<String>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column, from 1.
    pub column: Option<usize>,
    /// What is wrong, and what to do about it.
    pub message: String,
    /// The severity.
    pub severity: Severity,
}

/// The result of checking a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The problems, in the order of the checks.
    pub problems: Vec<Problem>,
    /// The digest of the rates, if they could be read.
    pub rates_digest: Option<String>,
    /// The digest of the plugin, if it could be opened.
    pub plugin_digest: Option<String>,
}

/// What a check may rely on.
#[derive(Clone, Copy, Debug)]
pub enum Basis<'c> {
    /// The files. An inventory file is read, a peer is not asked, and plugins that are compiled are kept in their cache.
    Files,
    /// The files and a look at the inventory's source, which told this cluster, if any that can be used. Nothing is
    /// written.
    Live(Option<&'c Cluster>),
}

impl Report {
    /// Returns whether the service would start.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity != Severity::Error)
    }
}

/// The most bytes of a configuration in which a problem is located.
const TEXT_BYTES: u64 = 1 << 20;

/// Checks a configuration without starting. `tuner` is what the section `tune` needs, and `listening` checks the section
/// `listen`, which the engine itself does not use.
#[must_use]
pub fn check(
    path: &Path,
    compiler: &Compiler,
    tuner: Option<&Arc<dyn Tuner>>,
    listening: impl FnOnce(&Listen, &mut Findings<'_>),
) -> Report {
    check_on(Basis::Files, path, compiler, tuner, listening)
}

/// Checks as [`check`] does, on another basis.
#[must_use]
pub fn check_on(
    basis: Basis<'_>,
    path: &Path,
    compiler: &Compiler,
    tuner: Option<&Arc<dyn Tuner>>,
    listening: impl FnOnce(&Listen, &mut Findings<'_>),
) -> Report {
    // The text only serves to locate problems. A failure to read it is reported by `config::inspect`.
    let text = pricing_files::read_text(path, TEXT_BYTES).unwrap_or_default();
    let mut look = Findings { path, text, report: Report::default() };
    match config::inspect(path) {
        Err(errors) => errors.into_iter().for_each(|error| look.error(error)),
        Ok(loaded) => {
            look.report.rates_digest = Some(loaded.rates.digest.to_string());
            look.plugins(&loaded, compiler, basis);
            listening(&loaded.config.listen, &mut look);
            look.folders(&loaded.config);
            if let Err(error) = Feed::check(&loaded.config.feed) {
                look.error(error);
            }
            match tuning::check(&loaded, tuner) {
                Ok(problem) => problem.into_iter().for_each(|problem| {
                    look.at(Severity::Warning, "tune.scenario", format!("no rates can be proposed: {problem}"))
                }),
                Err(error) => look.error(error),
            }
            look.inventory(&loaded, basis);
            look.tuning(&loaded.config);
            look.accepted(&loaded);
            look.scheduler(&loaded);
            look.oddities(&loaded);
        }
    }
    look.report
}

/// Collects problems.
#[derive(Debug)]
pub struct Findings<'p> {
    path: &'p Path,
    text: String,
    report: Report,
}

impl Findings<'_> {
    /// Adds an error that a start would return.
    pub fn error(&mut self, error: ConfigError) {
        match error {
            ConfigError::Unusable { key, message } => self.at(Severity::Error, &key, message),
            ConfigError::Unaccepted(refusal) => self.at(Severity::Error, "rates", refusal),
            ConfigError::Unreadable { file, message } => self.report.problems.push(Problem {
                file,
                key: None,
                line: None,
                column: None,
                message,
                severity: Severity::Error,
            }),
            ConfigError::Malformed { file, error } => self.report.problems.push(Problem {
                file,
                key: error.path().map(str::to_owned),
                line: error.line(),
                column: error.column(),
                message: with_hint(&error),
                severity: Severity::Error,
            }),
        }
    }

    /// Adds a problem with a key of the configuration.
    pub fn at(&mut self, severity: Severity, key: &str, message: impl fmt::Display) {
        let (line, column) = config::position(&self.text, key).unzip();
        let message = message.to_string();
        let file = self.path.to_owned();
        self.report.problems.push(Problem { file, key: Some(key.to_owned()), line, column, message, severity });
    }

    fn plugins(&mut self, loaded: &Loaded, compiler: &Compiler, basis: Basis<'_>) {
        let opening = PluginOpener::new(compiler.clone(), Arc::new(Metrics::new()));
        let config = &loaded.config;
        let shadow = config.shadow.as_ref().and_then(|shadow| shadow.plugin.as_ref());
        for (plugin, role) in [(config.plugin.as_ref(), Role::Pricing), (shadow, Role::Shadow)] {
            let Some(mut plugin) = plugin.cloned() else { continue };
            if matches!(basis, Basis::Live(_)) {
                // What is not in the cache would be written there.
                plugin.cache = None;
            }
            match OpenPlugin::open(&plugin, &config.limits, role, &opening) {
                Ok(opened) if role == Role::Pricing => {
                    self.report.plugin_digest = Some(opened.plugin().digest());
                }
                Ok(_) => {}
                Err(error) => self.error(error),
            }
        }
    }

    /// Checks that the service can write to the folders of the bid log, the plugin cache, the history of outcomes and the
    /// feed's cache.
    fn folders(&mut self, config: &Config) {
        let log = config.bid_log.as_ref().map(|log| ("bid_log.folder", &log.folder));
        let cache = config.plugin.as_ref().and_then(|plugin| plugin.cache.as_ref());
        let history =
            config.outcomes.as_ref().and_then(|outcomes| outcomes::folder_of(outcomes, config.bid_log.as_ref()));
        let history = history.as_ref().map(|folder| ("outcomes.folder", folder));
        for (key, folder) in log.into_iter().chain(cache.map(|cache| ("plugin.cache", cache))).chain(history) {
            if let Err(why) = can_make(Some(folder)) {
                self.at(Severity::Error, key, why);
            }
        }
        if let Some(Err(error)) =
            config.bid_log.as_ref().filter(|log| log.folder.exists()).map(|log| BidLog::check(&log.folder))
        {
            self.error(error);
        }
        if let Some(Err(why)) = config.feed.cache.as_ref().map(|cache| can_write(cache.parent())) {
            self.at(Severity::Warning, "feed.cache", format!("{why}; the value does not survive a restart then"));
        }
    }

    /// Checks the inventory's settings, and compares its cards, where they are known, with the rates.
    fn inventory(&mut self, loaded: &Loaded, basis: Basis<'_>) {
        let config = &loaded.config.inventory;
        if let Err(error) = Plan::of(config) {
            self.error(error);
        }
        let pricing = &loaded.rates.pricing;
        let read = match (basis, &config.file) {
            (Basis::Files, Some(file)) => self.inventory_file(file),
            _ => None,
        };
        let known = match basis {
            Basis::Files => read.as_ref(),
            Basis::Live(cluster) => cluster,
        };
        let findings = match known {
            Some(cluster) => rates::check::check(pricing, cluster),
            None => rates::names::check(pricing, None),
        };
        for finding in findings {
            self.at(Severity::Warning, "rates", finding);
        }
    }

    /// The cluster of an inventory file, if it can be read and used.
    fn inventory_file(&mut self, file: &Path) -> Option<Cluster> {
        let most = u64::try_from(inventory::MAX_INPUT_BYTES).unwrap_or(u64::MAX);
        let read = pricing_files::read_text(file, most).map_err(|error| error.to_string());
        let read = read.and_then(|text| inventory::read::read(&text).map_err(|error| error.to_string()));
        let cluster = read.map(|snapshot| inventory::validate::validate(snapshot).cluster);
        // It may come later: until then there is no bid.
        let why = match cluster {
            Ok(cluster) if cluster.is_usable() => return Some(cluster),
            Ok(_) => "it has no usable node".to_owned(),
            Err(why) => why,
        };
        self.at(Severity::Warning, "inventory.file", format!("{}: {why}; there is no bid", file.display()));
        None
    }

    /// What `tune.apply` writes.
    fn tuning(&mut self, config: &Config) {
        let (Some(tune), Some(card)) = (&config.tune, &config.rates.file) else { return };
        if !tune.apply {
            return;
        }
        // The file behind a link is replaced.
        let card = fs::canonicalize(card).unwrap_or_else(|_| card.clone());
        if let Err(why) = can_write(card.parent()) {
            self.at(Severity::Error, "tune.apply", format!("the rate card could not be replaced: {why}"));
        }
        if let Some(Err(error)) = TuneState::path_of(config).map(|path| TuneState::read(&path)) {
            self.at(Severity::Error, "tune.apply", error);
        }
    }

    /// What a start would compare with.
    fn accepted(&mut self, loaded: &Loaded) {
        let Some(path) = guard::path_of(&loaded.config) else { return };
        if let Err(why) = can_make(path.parent()) {
            self.at(Severity::Error, "reload.state", why);
        }
        let refused = guard::read_accepted(&path)
            .map(|kept| kept.and_then(|kept| kept.admits(&Accepted::of(loaded), &loaded.config.listen).err()));
        match refused {
            Err(error) => self.at(Severity::Error, "reload.state", error),
            Ok(None) => {}
            Ok(Some(refusal)) if refusal.is_rates_alone => {
                let message =
                    format!("{refusal}; until then the service continues with the previous card, also after a restart");
                self.at(Severity::Warning, "rates", message);
            }
            Ok(Some(refusal)) => {
                let message = format!("{refusal} while the service runs; it would not start like this");
                self.at(Severity::Error, "reload.state", message);
            }
        }
    }

    /// What of the scheduler's configuration is not understood.
    fn scheduler(&mut self, loaded: &Loaded) {
        let Some(file) = &loaded.config.kubernetes.scheduler_config else { return };
        for warning in &loaded.scheduler.warnings {
            self.report.problems.push(Problem {
                file: file.clone(),
                key: warning.path().map(str::to_owned),
                line: warning.line(),
                column: warning.column(),
                message: with_hint(warning),
                severity: Severity::Warning,
            });
        }
    }

    /// Warns of what is valid but may not be what was meant.
    fn oddities(&mut self, loaded: &Loaded) {
        let config = &loaded.config;
        let mut warn = |key: &str, message: &str| self.at(Severity::Warning, key, message);
        let inventory = &config.inventory;
        if inventory.file.is_none() && inventory.provider.is_none() && inventory.operator.is_none() {
            warn("inventory", "there is no inventory: capacity is not checked, and a wildcard may get any card");
        }
        if config.feed.usd_per_akt.is_some() {
            warn("feed.usd_per_akt", "the value is fixed: bids in uakt do not follow the price of an AKT");
        }
        if loaded.rates.pricing.rates.gpu.entries().is_empty() {
            warn("rates.gpu", "no card has a rate: `policy.unlisted_gpu` alone decides about orders for GPUs");
        }
        if config.listen.metrics_public && config.listen.metrics.is_none_or(|at| at.ip().to_canonical().is_loopback()) {
            warn("listen.metrics_public", "it has no effect: `metrics` listens on this machine only");
        } else if config.listen.metrics_public {
            warn("listen.metrics", "anyone who can reach it can read the metrics");
        }
        if config.outcomes.is_some() && config.bid_log.is_none() {
            warn("outcomes", "there is no bid log: outcomes are counted, and not joined with decisions");
        }
        let likely = loaded.rates.pricing.policy.needs_prediction();
        if !config.kubernetes.predict && likely {
            warn(
                "kubernetes.predict",
                "nothing is predicted: `likely` acts as `expected`, and no order is declined as pending",
            );
        }
        if config.explore.as_ref().is_some_and(|explore| explore.seed.is_short()) {
            warn(
                "explore.seed",
                "it is so short that a tenant could find it, and with it the orders that get the lowest price; use what `openssl rand -hex 16` prints",
            );
        }
        let deadline = config.plugin.as_ref().and_then(|plugin| plugin.deadline);
        if deadline.is_some_and(|deadline| deadline >= config.limits.deadline) {
            warn("plugin.deadline", "a call of the plugin may take longer than `limits.deadline`, which ends it first");
        }
        if config.shadow.as_ref().and_then(|shadow| shadow.plugin.as_ref()).is_some_and(|p| p.fallback.is_some()) {
            warn("shadow.plugin.fallback", "a fallback hides the plugin's failures from the comparison");
        }
    }
}

/// The message of an error or a warning, with its hint.
fn with_hint(error: &InputError) -> String {
    match error.hint_text() {
        Some(hint) => format!("{} ({hint})", error.message()),
        None => error.message().to_owned(),
    }
}

/// Checks that a folder can be written to, or created if it does not exist.
///
/// # Errors
/// Why it cannot, and what to do.
pub fn can_make(folder: Option<&Path>) -> Result<(), String> {
    let there =
        folder.and_then(|folder| folder.ancestors().find(|folder| folder.as_os_str().is_empty() || folder.exists()));
    can_write(there)
}

fn can_write(folder: Option<&Path>) -> Result<(), String> {
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let shown = folder.display();
    match fs::metadata(folder) {
        Err(error) => Err(format!("{shown}: {error}; create the folder, and make the service's user its owner")),
        Ok(found) if !found.is_dir() => Err(format!("{shown}: it is not a folder")),
        Ok(_) => access(folder, Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| format!("{shown}: {error}; make the service's user its owner")),
    }
}
