//! Reads the configuration and its rates.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pricing_core::input::InputError;
use pricing_core::rates::{self, Pricing};
use pricing_core::text::Untrusted;
use toml::Table;
use toml::de::DeTable;

use super::files::{Files, TextFile};
use super::kubernetes::LoadedScheduler;
use super::model::Config;
use super::{contradictions, keys};
use crate::digest::Digest;
use crate::guard::Refusal;

/// Why a configuration is not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{}: {message}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A file is malformed.
    #[error("{}: {error}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// The problem and its place.
        error: Box<InputError>,
    },
    /// A setting cannot be used on this machine.
    #[error("{key}: {message}")]
    Unusable {
        /// The key of the configuration.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// It has to be accepted first: see [`crate::guard`].
    #[error("{0}")]
    Unaccepted(Box<Refusal>),
}

impl ConfigError {
    /// Makes the error of a key whose setting cannot be used.
    pub fn unusable(key: impl Into<String>, message: impl ToString) -> Self {
        Self::Unusable { key: key.into(), message: message.to_string() }
    }
}

/// A rate card and policy, with the text that [`LoadedRates::recorded`] reads them from again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedRates {
    /// The text, in the format of a rate card file.
    pub text: Arc<str>,
    /// The digest of the text. If a rate card file is used alone, this is the digest of the file.
    pub digest: Digest,
    /// The rates and the policy.
    pub pricing: Arc<Pricing>,
}

impl LoadedRates {
    /// Parses the text of a rate card file.
    ///
    /// # Errors
    /// When it is malformed, or has no rates.
    pub fn read(text: impl Into<Arc<str>>) -> Result<Self, InputError> {
        Self::by(text.into(), rates::toml::read)
    }

    /// Reads the text of a rate card file, and finds everything that is wrong with it.
    ///
    /// # Errors
    /// As [`LoadedRates::read`]. There is at least one error.
    pub fn inspect(text: impl Into<Arc<str>>) -> Result<Self, Vec<InputError>> {
        Self::by(text.into(), rates::toml::inspect)
    }

    /// Reads a text that was a source's before, or that a configuration's own sections make.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn recorded(text: impl Into<Arc<str>>) -> Result<Self, InputError> {
        Self::by(text.into(), rates::toml::read_sections)
    }

    fn by<E>(text: Arc<str>, read: impl FnOnce(&str) -> Result<Pricing, E>) -> Result<Self, E> {
        let pricing = Arc::new(read(&text)?);
        Ok(Self { digest: Digest::of(text.as_bytes()), text, pricing })
    }

    fn file(file: &TextFile) -> Result<Self, Vec<ConfigError>> {
        let text = file.text().map_err(|error| vec![error])?;
        let here = |errors: Vec<InputError>| errors.into_iter().map(|error| malformed(&file.path, error)).collect();
        Self::inspect(Arc::clone(text)).map_err(here)
    }
}

/// A loaded configuration with its rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The configuration. Its paths are resolved against its folder.
    pub config: Config,
    /// The rates.
    pub rates: LoadedRates,
    /// The text of the rate card file, if there is one.
    pub card: Option<Arc<str>>,
    /// The shadow's own rates, if it has any.
    pub shadow_rates: Option<LoadedRates>,
    /// What starts the pods.
    pub scheduler: LoadedScheduler,
    /// The files that were read, and their digests.
    pub files: Vec<(PathBuf, Digest)>,
}

/// Loads a configuration file, and the rate cards that it names.
///
/// # Errors
/// The first problem: a file cannot be read or is malformed, or keys contradict each other.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    inspect(path).map_err(first)
}

/// Loads a configuration file, and the rate cards that it names, and returns all problems.
///
/// # Errors
/// All problems, at least one: a file cannot be read or is malformed, or keys contradict each other.
pub fn inspect(path: &Path) -> Result<Loaded, Vec<ConfigError>> {
    inspect_files(&Files::read(&path.into()))
}

/// Loads a configuration from files that were read before.
///
/// # Errors
/// The same as [`load`].
pub fn load_files(files: &Files) -> Result<Loaded, ConfigError> {
    inspect_files(files).map_err(first)
}

/// Parses files. If several of them are bad, all problems are returned.
fn inspect_files(files: &Files) -> Result<Loaded, Vec<ConfigError>> {
    let path = files.config.path.as_path();
    let text = files.config.text().map_err(|error| vec![error])?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let here = |errors: Vec<InputError>| errors.into_iter().map(|error| malformed(path, error)).collect::<Vec<_>>();
    let mut config = parse_all(text).map_err(here)?;
    resolve(&mut config, folder);
    let rates = rates_of(path, text, files.rates.as_ref());
    let shadow = files.shadow_rates.as_ref();
    let scheduler = scheduler_of(&config, files.scheduler.as_ref());
    match (rates, shadow.map(LoadedRates::file).transpose(), scheduler) {
        (Ok(rates), Ok(shadow_rates), Ok(scheduler)) => {
            let card = files.rates.as_ref().and_then(|file| file.text().ok()).cloned();
            let files = files.digests().filter_map(|(path, digest)| Some((path.to_owned(), digest?))).collect();
            Ok(Loaded { files, config, rates, card, shadow_rates, scheduler })
        }
        (rates, shadow, scheduler) => {
            let of_rates = rates.err().into_iter().chain(shadow.err()).flatten();
            Err(of_rates.chain(scheduler.err()).collect())
        }
    }
}

/// What starts the pods: the section `kubernetes`, and the file that it names.
fn scheduler_of(config: &Config, file: Option<&TextFile>) -> Result<LoadedScheduler, ConfigError> {
    let text = file.map(TextFile::text).transpose()?.cloned();
    let path = file.map_or_else(PathBuf::new, |file| file.path.clone());
    LoadedScheduler::of(&config.kubernetes, text).map_err(|error| malformed(&path, error))
}

/// Parses the text of a configuration, without the rates.
///
/// # Errors
/// When it is malformed, or keys contradict each other.
pub fn parse(text: &str) -> Result<Config, InputError> {
    parse_all(text).map_err(first)
}

/// Returns the line and the column of a key in the text of a configuration, both from 1.
#[must_use]
pub fn position(text: &str, key: &str) -> Option<(usize, usize)> {
    let document = DeTable::parse(text).ok()?;
    let place = keys::place(document.get_ref(), key)?;
    let error = InputError::new("").offset(text, place);
    error.line().zip(error.column())
}

/// Parses the text of a configuration, and returns all problems. Types and values are checked before deserialising, so
/// that all of them are found, each with its place.
fn parse_all(text: &str) -> Result<Config, Vec<InputError>> {
    let document = DeTable::parse(text).map_err(|error| vec![toml_error(text, &error)])?;
    let mut problems = keys::problems(text, document.get_ref());
    problems.extend(contradictions::in_sections(text, document.get_ref()));
    if !problems.is_empty() {
        problems.sort_by_key(|problem| (problem.line(), problem.column()));
        return Err(problems);
    }
    let config: Config = toml::from_str(text).map_err(|error| vec![toml_error(text, &error)])?;
    let problems = contradictions::of(&config, text, document.get_ref());
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// Returns the first of at least one error.
fn first<E: From<InputError>>(errors: Vec<E>) -> E {
    let none = || InputError::new("it is refused for an unknown reason; this is a bug").into();
    errors.into_iter().next().unwrap_or_else(none)
}

impl From<InputError> for ConfigError {
    fn from(error: InputError) -> Self {
        Self::Malformed { file: PathBuf::new(), error: Box::new(error) }
    }
}

/// Resolves relative paths against the configuration's folder. An empty `listen.socket` stays empty, since it means
/// that there is no socket.
fn resolve(config: &mut Config, folder: &Path) {
    let plugin = |plugin: &mut super::model::Plugin| {
        let cache = plugin.cache.as_mut();
        std::iter::once(&mut plugin.file).chain(cache).for_each(|path| *path = folder.join(&*path));
    };
    config.plugin.iter_mut().for_each(plugin);
    if let Some(shadow) = &mut config.shadow {
        shadow.plugin.iter_mut().for_each(plugin);
        shadow.rates.iter_mut().for_each(|path| *path = folder.join(&*path));
    }
    let mut paths: Vec<&mut PathBuf> = Vec::new();
    if !config.listen.socket.as_os_str().is_empty() {
        paths.push(&mut config.listen.socket);
    }
    if let Some(tls) = &mut config.listen.tls {
        paths.extend([&mut tls.certificate, &mut tls.key, &mut tls.client_ca]);
    }
    paths.extend(config.inventory.file.as_mut());
    paths.extend(config.inventory.ca.as_mut());
    paths.extend(config.rates.file.as_mut());
    paths.extend(config.kubernetes.scheduler_config.as_mut());
    paths.extend(config.feed.cache.as_mut());
    paths.extend(config.bid_log.as_mut().map(|log| &mut log.folder));
    paths.extend(config.outcomes.as_mut().and_then(|outcomes| outcomes.folder.as_mut()));
    paths.extend(config.reload.state.as_mut());
    if let Some(tune) = &mut config.tune {
        paths.push(&mut tune.scenario);
        paths.extend(tune.costs.as_mut());
    }
    paths.into_iter().for_each(|path| *path = folder.join(&*path));
}

/// The rates: those in the rate card file, with the sections that the configuration adds, or the configuration's own.
fn rates_of(path: &Path, text: &str, file: Option<&TextFile>) -> Result<LoadedRates, Vec<ConfigError>> {
    let here = |error| vec![malformed(path, error)];
    let mut foreign: Vec<&str> = SECTIONS.to_vec();
    if file.is_some() {
        foreign.push("rates");
    }
    // Read for its errors, which name the places in this file.
    let all_here = |errors: Vec<InputError>| errors.into_iter().map(|error| malformed(path, error)).collect::<Vec<_>>();
    rates::toml::inspect_beside(text, &foreign).map_err(all_here)?;
    let own: Table = toml::from_str(text).map_err(|error| here(toml_error(text, &error)))?;
    let is_card = |name: &str| rates::toml::SECTIONS.contains(&name) && !foreign.contains(&name);
    let own: Table = own.into_iter().filter(|(name, _)| is_card(name)).collect();
    let Some(file) = file else {
        return LoadedRates::recorded(own.to_string()).map_err(here);
    };
    let card = LoadedRates::file(file)?;
    if own.is_empty() {
        return Ok(card);
    }
    let of_card = |error| vec![malformed(&file.path, toml_error(&card.text, &error))];
    let mut whole: Table = toml::from_str(&card.text).map_err(of_card)?;
    if let Some(twice) = own.keys().find(|name| whole.contains_key(*name)) {
        let message = format!("the section is here and in the rate card {}; keep one of them", file.path.display());
        let (line, column) = position(text, twice).unwrap_or((1, 1));
        return Err(here(InputError::new(message).at(twice).position(line, column)));
    }
    whole.extend(own);
    LoadedRates::read(whole.to_string()).map_err(here)
}

/// The sections that do not belong to a rate card.
const SECTIONS: [&str; 14] = [
    "listen",
    "inventory",
    "reserve",
    "kubernetes",
    "feed",
    "plugin",
    "shadow",
    "explore",
    "tune",
    "bid_log",
    "outcomes",
    "limits",
    "reload",
    "tracing",
];

fn toml_error(text: &str, error: &toml::de::Error) -> InputError {
    let message = format!("{:.300}", Untrusted::new(error.message().trim_end()));
    let input = InputError::new(message.trim_end_matches('.'));
    match error.span() {
        Some(span) => {
            let unquoted = rates::toml::unquoted_key(text, span.start);
            unquoted.unwrap_or_else(|| input.offset(text, span.start))
        }
        None => input,
    }
}

fn malformed(file: &Path, error: InputError) -> ConfigError {
    ConfigError::Malformed { file: file.to_owned(), error: Box::new(error) }
}
