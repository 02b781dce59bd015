//! Reads the configuration and the rates that belong to it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pricing_core::input::InputError;
use pricing_core::rates::{self, Pricing};
use rust_decimal::Decimal;
use toml::{Table, Value};

use super::model::Config;
use crate::digest::Digest;

/// The most bytes that a configuration may have.
const MAX_BYTES: usize = 1 << 20;

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
}

impl ConfigError {
    /// What the files say cannot be done.
    pub fn unusable(key: impl Into<String>, message: impl ToString) -> Self {
        Self::Unusable { key: key.into(), message: message.to_string() }
    }
}

/// A rate card and policy, and the text that [`rates::toml::read`] reads them from again.
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
    /// Reads a rate card file.
    ///
    /// # Errors
    /// When it cannot be read or is malformed.
    pub fn file(path: &Path) -> Result<Self, ConfigError> {
        Self::read(read_text(path, rates::toml::MAX_INPUT_BYTES)?).map_err(|error| malformed(path, error))
    }

    /// Reads the text of a rate card.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn read(text: String) -> Result<Self, InputError> {
        let pricing = Arc::new(rates::toml::read(&text)?);
        Ok(Self { digest: Digest::of(&text), text: text.into(), pricing })
    }
}

/// A configuration with its rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The configuration; its paths are as the process can open them.
    pub config: Config,
    /// The rates.
    pub rates: Source,
    /// The rates of the shadow, where it has its own.
    pub shadow_rates: Option<Source>,
}

/// Reads a configuration file, and the rate cards that it names.
///
/// # Errors
/// When a file cannot be read or is malformed, or keys contradict each other.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let text = read_text(path, MAX_BYTES)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut config = parse(&text).map_err(|error| malformed(path, error))?;
    resolve(&mut config, folder);
    let rates = rates_of(path, &text, config.rates.file.as_deref())?;
    let shadow = config.shadow.as_ref().and_then(|shadow| shadow.rates.as_deref());
    let shadow_rates = shadow.map(Source::file).transpose()?;
    Ok(Loaded { config, rates, shadow_rates })
}

/// Reads the text of a configuration, without the rates.
///
/// # Errors
/// When it is malformed, or keys contradict each other.
pub fn parse(text: &str) -> Result<Config, InputError> {
    let document: Table = toml::from_str(text).map_err(|error| toml_error(text, &error))?;
    let config: Config = toml::from_str(text).map_err(|error| toml_error(text, &error))?;
    let rates = document.get("rates").and_then(Value::as_table);
    if let Some(rates) = rates.filter(|rates| rates.contains_key("file") && rates.len() > 1) {
        let other = rates.keys().find(|key| *key != "file").map_or("", String::as_str);
        let message = format!("`file` names a rate card, so `{other}` cannot stand here too");
        return Err(InputError::new(message).at("rates"));
    }
    check(&config)?;
    Ok(config)
}

/// What can be known to be wrong without looking at anything else.
fn check(config: &Config) -> Result<(), InputError> {
    let wrong = |path: &str, message: &str| Err(InputError::new(message).at(path));
    let inventory = &config.inventory;
    let sources = [inventory.file.is_some(), inventory.provider.is_some(), inventory.operator.is_some()];
    if sources.into_iter().filter(|set| *set).count() > 1 {
        return wrong("inventory", "`file`, `provider` and `operator` exclude each other");
    }
    if config.feed.usd_per_akt.is_some() && !config.feed.source.is_empty() {
        return wrong("feed", "`usd_per_akt` and `source` exclude each other");
    }
    let in_bounds = |usd: Decimal| usd > Decimal::ZERO && usd <= Decimal::from(1_000_000);
    if !config.feed.usd_per_akt.map(super::Number::get).is_none_or(in_bounds) {
        return wrong("feed.usd_per_akt", "USD/AKT must be above 0 and at most 1000000");
    }
    Ok(())
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
    paths.into_iter().for_each(|path| *path = folder.join(&*path));
}

/// The rates: those in the rate card file, with the sections that the configuration adds, or the configuration's own.
fn rates_of(path: &Path, text: &str, file: Option<&Path>) -> Result<Source, ConfigError> {
    let here = |error| malformed(path, error);
    let mut foreign: Vec<&str> = SECTIONS.to_vec();
    if file.is_some() {
        foreign.push("rates");
    }
    // Read for its errors, which name the places in this file.
    rates::toml::read_beside(text, &foreign).map_err(here)?;
    let own: Table = toml::from_str(text).map_err(|error| here(toml_error(text, &error)))?;
    let is_card = |name: &str| rates::toml::SECTIONS.contains(&name) && !foreign.contains(&name);
    let own: Table = own.into_iter().filter(|(name, _)| is_card(name)).collect();
    let Some(file) = file else {
        return Source::read(own.to_string()).map_err(here);
    };
    let card = Source::file(file)?;
    if own.is_empty() {
        return Ok(card);
    }
    let mut whole: Table =
        toml::from_str(&card.text).map_err(|error| malformed(file, toml_error(&card.text, &error)))?;
    if let Some(twice) = own.keys().find(|name| whole.contains_key(*name)) {
        let message = format!("the section stands here and in the rate card {}", file.display());
        return Err(here(InputError::new(message).at(twice)));
    }
    whole.extend(own);
    Source::read(whole.to_string()).map_err(here)
}

/// The sections that are not a rate card's.
const SECTIONS: [&str; 10] =
    ["listen", "inventory", "reserve", "feed", "plugin", "shadow", "bid_log", "limits", "reload", "tracing"];

fn toml_error(text: &str, error: &toml::de::Error) -> InputError {
    let input = InputError::new(error.message().trim_end().trim_end_matches('.'));
    match error.span() {
        Some(span) => input.offset(text, span.start),
        None => input,
    }
}

fn malformed(file: &Path, error: InputError) -> ConfigError {
    ConfigError::Malformed { file: file.to_owned(), error: Box::new(error) }
}

/// The text of a plain file that is not longer than it may be.
fn read_text(path: &Path, limit: usize) -> Result<String, ConfigError> {
    let unreadable = |message: String| ConfigError::Unreadable { file: path.to_owned(), message };
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        File::open(path)?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() > limit {
        return Err(unreadable(format!("it has more than {limit} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".to_owned()))
}
