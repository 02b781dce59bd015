//! Reads the configuration and the rates that belong to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pricing_core::input::InputError;
use pricing_core::rates::{self, Pricing};
use pricing_core::text::Untrusted;
use toml::Table;
use toml::de::DeTable;

use super::files::{Files, TextFile};
use super::model::Config;
use super::{contradictions, keys};
use crate::digest::Digest;
use crate::guard::Refusal;

/// Why a configuration is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{}: {message}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        message: String,
    },
    /// A file is not what it should be.
    #[error("{}: {error}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong, and where.
        error: Box<InputError>,
    },
    /// What the files say cannot be done on this machine.
    #[error("{key}: {message}")]
    Unusable {
        /// The key of the configuration.
        key: String,
        /// Why.
        message: String,
    },
    /// It has to be accepted first, since it could cost money.
    #[error("{0}")]
    Unaccepted(Box<Refusal>),
}

impl ConfigError {
    /// What the files say cannot be done.
    pub fn unusable(key: impl Into<String>, message: impl ToString) -> Self {
        Self::Unusable { key: key.into(), message: message.to_string() }
    }
}

/// A rate card and policy, and the text that [`Source::recorded`] reads them from again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The text of a rate card file.
    pub text: Arc<str>,
    /// The digest of the text. Where all of it is in one file, that of the file.
    pub digest: Digest,
    /// What it says.
    pub pricing: Arc<Pricing>,
}

impl Source {
    /// Reads the text of a rate card file.
    ///
    /// # Errors
    /// When it is malformed, or has no rate.
    pub fn read(text: impl Into<Arc<str>>) -> Result<Self, InputError> {
        Self::by(text.into(), rates::toml::read)
    }

    /// Reads the text of a rate card file, and finds everything that is wrong with it.
    ///
    /// # Errors
    /// As [`Source::read`]. There is at least one error.
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

/// A configuration with its rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The configuration; its paths are as the process can open them.
    pub config: Config,
    /// The rates.
    pub rates: Source,
    /// The text of the rate card file, where there is one.
    pub card: Option<Arc<str>>,
    /// The rates of the shadow, where it has its own.
    pub shadow_rates: Option<Source>,
    /// The files that all this was read from, and what was in them.
    pub files: Vec<(PathBuf, Digest)>,
}

/// Reads a configuration file, and the rate cards that it names.
///
/// # Errors
/// When a file cannot be read or is malformed, or keys contradict each other: the first thing that is wrong.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    inspect(path).map_err(first)
}

/// Reads a configuration file, and the rate cards that it names, and tells of everything that is wrong.
///
/// # Errors
/// When a file cannot be read or is malformed, or keys contradict each other. There is at least one error.
pub fn inspect(path: &Path) -> Result<Loaded, Vec<ConfigError>> {
    inspect_files(&Files::read(path))
}

/// Reads a configuration from files that were looked at.
///
/// # Errors
/// As [`load`].
pub fn load_files(files: &Files) -> Result<Loaded, ConfigError> {
    inspect_files(files).map_err(first)
}

fn inspect_files(files: &Files) -> Result<Loaded, Vec<ConfigError>> {
    let path = files.config.path.as_path();
    let text = files.config.text().map_err(|error| vec![error])?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let here = |errors: Vec<InputError>| errors.into_iter().map(|error| malformed(path, error)).collect::<Vec<_>>();
    let mut config = parse_all(text).map_err(here)?;
    resolve(&mut config, folder);
    let rates = rates_of(path, text, files.rates.as_ref());
    let shadow = files.shadow_rates.as_ref();
    match (rates, shadow.map(Source::file).transpose()) {
        (Ok(rates), Ok(shadow_rates)) => {
            let card = files.rates.as_ref().and_then(|file| file.text().ok()).cloned();
            let files = files.digests().filter_map(|(path, digest)| Some((path.to_owned(), digest?))).collect();
            Ok(Loaded { files, config, rates, card, shadow_rates })
        }
        (rates, shadow) => Err(rates.err().into_iter().chain(shadow.err()).flatten().collect()),
    }
}

/// Reads the text of a configuration, without the rates.
///
/// # Errors
/// When it is malformed, or keys contradict each other.
pub fn parse(text: &str) -> Result<Config, InputError> {
    parse_all(text).map_err(first)
}

/// The place of a key in the text of a configuration: line and column, both from 1.
#[must_use]
pub fn position(text: &str, key: &str) -> Option<(usize, usize)> {
    let document = DeTable::parse(text).ok()?;
    let place = keys::place(document.get_ref(), key)?;
    let error = InputError::new("").offset(text, place);
    error.line().zip(error.column())
}

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

/// The first of some errors, of which there is at least one.
fn first<E: From<InputError>>(errors: Vec<E>) -> E {
    let none = || InputError::new("it is refused for an unknown reason; this is a bug").into();
    errors.into_iter().next().unwrap_or_else(none)
}

impl From<InputError> for ConfigError {
    fn from(error: InputError) -> Self {
        Self::Malformed { file: PathBuf::new(), error: Box::new(error) }
    }
}

/// Makes paths relative to the configuration's folder.
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
    paths.extend(config.feed.cache.as_mut());
    paths.extend(config.bid_log.as_mut().map(|log| &mut log.folder));
    paths.extend(config.reload.state.as_mut());
    paths.into_iter().for_each(|path| *path = folder.join(&*path));
}

/// The rates: those in the rate card file, with the sections that the configuration adds, or the configuration's own.
fn rates_of(path: &Path, text: &str, file: Option<&TextFile>) -> Result<Source, Vec<ConfigError>> {
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
        return Source::recorded(own.to_string()).map_err(here);
    };
    let card = Source::file(file)?;
    if own.is_empty() {
        return Ok(card);
    }
    let of_card = |error| vec![malformed(&file.path, toml_error(&card.text, &error))];
    let mut whole: Table = toml::from_str(&card.text).map_err(of_card)?;
    if let Some(twice) = own.keys().find(|name| whole.contains_key(*name)) {
        let message = format!("the section stands here and in the rate card {}; keep one of them", file.path.display());
        let (line, column) = position(text, twice).unwrap_or((1, 1));
        return Err(here(InputError::new(message).at(twice).position(line, column)));
    }
    whole.extend(own);
    Source::read(whole.to_string()).map_err(here)
}

/// The sections that are not a rate card's.
const SECTIONS: [&str; 10] =
    ["listen", "inventory", "reserve", "feed", "plugin", "shadow", "bid_log", "limits", "reload", "tracing"];

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
