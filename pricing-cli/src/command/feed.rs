//! `bidprice feed`: fetches the value of an AKT into the cache file of `bidprice-script`.

use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Subcommand;
use pricing_core::input::InputError;

use pricing_core::quote::ReasonCode;
use pricing_core::quote::wire::SCHEMA;
use pricing_core::text::printable;
use pricing_engine::config::{self, ConfigError, FeedSource};
use pricing_engine::feed::{self, CacheError, Cached, Update, UpdateError};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::amounts::unit_price;
use crate::args::{Output, OutputArgs};
use crate::error::{CliError, Exit};
use crate::wording::wrap;
use crate::{output, table};

/// The variable that names the cache file for `bidprice-script`.
const CACHE_VARIABLE: &str = "BIDPRICE_RATE_CACHE";

/// Arguments of `bidprice feed`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: FeedCommand,
}

#[derive(Debug, Subcommand)]
enum FeedCommand {
    /// Fetch the value of an AKT, and write it to the file that `bidprice-script` reads
    ///
    /// The rules are those of the service: a majority of the sources must answer, their median counts, and two sources
    /// must confirm a jump of more than 20 %. Exit codes: 0 a value was written, 4 there is no value, and the file is
    /// unchanged.
    Update(UpdateArgs),
    /// Show the value in the file and its age; exits with 4 if it cannot be used
    Show(ShowArgs),
}

/// Arguments of `bidprice feed update`.
#[derive(Debug, clap::Args)]
struct UpdateArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// The address of a JSON document; each needs a `--path`; may be repeated [default: the chain's own price and two
    /// public sources]
    #[arg(long = "source", value_name = "URL", conflicts_with = "config", requires = "paths")]
    sources: Vec<String>,
    /// The path of the number in the document of the corresponding `--source`, such as `data.0.price`
    #[arg(long = "path", value_name = "PATH", requires = "sources")]
    paths: Vec<String>,
    /// The most time for a source to answer [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = timeout)]
    timeout: Option<Duration>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `bidprice feed show`.
#[derive(Debug, clap::Args)]
struct ShowArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Where the value is.
#[derive(Debug, clap::Args)]
struct PlaceArgs {
    /// The service's configuration, for its `[feed]`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The file with the value [default: `feed.cache` of the configuration, else BIDPRICE_RATE_CACHE]
    #[arg(long, value_name = "FILE")]
    cache: Option<PathBuf>,
}

impl PlaceArgs {
    /// Returns the feed's configuration, and the path of the cache file.
    fn feed(&self) -> Result<(config::Feed, PathBuf), CliError> {
        let mut feed = match &self.config {
            None => config::Feed::default(),
            Some(path) => config::load(path).map_err(|error| config_error(path, error))?.config.feed,
        };
        let variable = || env::var_os(CACHE_VARIABLE).map(PathBuf::from);
        let cache = self.cache.clone().or_else(|| feed.cache.take()).or_else(variable);
        let cache = cache.ok_or_else(|| {
            let places = "give --cache FILE, or set feed.cache in the configuration or BIDPRICE_RATE_CACHE";
            CliError::Usage(format!("no file is named for the value; {places}"))
        })?;
        feed.cache = Some(cache.clone());
        Ok((feed, cache))
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    match &args.command {
        FeedCommand::Update(args) => update(args),
        FeedCommand::Show(args) => show(args),
    }
}

fn update(args: &UpdateArgs) -> Result<Exit, CliError> {
    let (mut feed, cache) = args.place.feed()?;
    if args.sources.len() != args.paths.len() {
        let (sources, paths) = (args.sources.len(), args.paths.len());
        return Err(CliError::Usage(format!(
            "{sources} --source and {paths} --path are given; each needs one of the other"
        )));
    }
    if !args.sources.is_empty() {
        feed.source = args.sources.iter().zip(&args.paths).map(|(url, path)| FeedSource::json(url, path)).collect();
    }
    if let Some(timeout) = args.timeout {
        feed.timeout = timeout.into();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::internal(format!("no runtime: {error}")))?;
    let update = runtime.block_on(feed::update(&feed)).map_err(|error| update_error(args, error))?;
    if let Some(problem) = &update.cache_problem {
        output::complain(&format!("warning: {} was not used: {problem}", cache.display()));
    }
    match args.output.output {
        Output::Json => output::print_json(&update_json(&update, &cache))?,
        Output::Table => output::print(&update_table(&update, &cache))?,
    }
    Ok(if update.usd_per_akt.is_some() { Exit::Success } else { Exit::Fault })
}

fn show(args: &ShowArgs) -> Result<Exit, CliError> {
    let (feed, cache) = args.place.feed()?;
    let cached = feed::read_cache(&cache, feed.max_age.get(), SystemTime::now());
    match args.output.output {
        Output::Json => output::print_json(&show_json(&cached, &cache))?,
        Output::Table => output::print(&show_text(&cached, &cache))?,
    }
    Ok(if cached.is_ok() { Exit::Success } else { Exit::Fault })
}

fn config_error(path: &Path, error: ConfigError) -> CliError {
    match error {
        ConfigError::Unreadable { file, message } => CliError::unreadable(file.display(), message),
        ConfigError::Malformed { file, error } => CliError::malformed(file.display(), *error),
        ConfigError::Unaccepted(refusal) => CliError::malformed(path.display(), InputError::new(refusal)),
        ConfigError::Unusable { key, message } => {
            let error = InputError::new(format_args!("{key}: {message}")).at(key.clone());
            CliError::malformed(path.display(), error)
        }
    }
}

fn update_error(args: &UpdateArgs, error: UpdateError) -> CliError {
    match (error, &args.place.config) {
        (UpdateError::Config(error), Some(path)) => config_error(path, error),
        (UpdateError::Config(ConfigError::Unusable { key, message }), None) => {
            let place = key.strip_prefix("feed.source.").and_then(|place| place.parse::<usize>().ok());
            let source = place.and_then(|place| args.sources.get(place));
            let option = source.map_or(key.clone(), |source| format!("--source `{source}`"));
            CliError::Usage(format!("{option}: {message}"))
        }
        (UpdateError::Unwritable { path, error }, _) => CliError::unwritable(path.display(), error),
        (error @ (UpdateError::Config(_) | UpdateError::Client(_)), _) => CliError::internal(error.to_string()),
    }
}

fn update_json(update: &Update, cache: &Path) -> Value {
    let sources: Vec<Value> = update
        .sources
        .iter()
        .map(|source| {
            let value = source.usd_per_akt.map(|value| value.to_string());
            json!({ "name": source.name, "usd_per_akt": value, "problem": source.problem })
        })
        .collect();
    json!({
        "schema": SCHEMA,
        "usd_per_akt": update.usd_per_akt.map(|value| value.to_string()),
        "last": update.last.map(|value| value.to_string()),
        "cache": cache.display().to_string(),
        "cache_problem": update.cache_problem,
        "sources": sources,
        "reason": update.problem.as_deref().map(reason),
    })
}

fn show_json(cached: &Result<Cached, CacheError>, cache: &Path) -> Value {
    let value = cached.as_ref().ok();
    json!({
        "schema": SCHEMA,
        "usd_per_akt": value.map(|cached| cached.usd_per_akt.to_string()),
        "age_seconds": value.map(|cached| cached.age.as_secs()),
        "cache": cache.display().to_string(),
        "reason": cached.as_ref().err().map(|error| reason(&error.to_string())),
    })
}

fn reason(message: &str) -> Value {
    json!({ "code": ReasonCode::RateUnavailable.name(), "message": message })
}

fn update_table(update: &Update, cache: &Path) -> String {
    let last = update.last.map_or_else(String::new, |last| format!("; it was {}", value_words(last)));
    let headline = match (update.usd_per_akt, &update.problem) {
        (Some(value), _) => {
            format!("{} USD for an AKT, written to {}{last}", value_words(value), cache.display())
        }
        (None, problem) => no_value(problem.as_deref().unwrap_or_default(), cache, "is left as it was"),
    };
    let mut sources = table::table(&["source", "USD for an AKT", "problem"], &[1]);
    for source in &update.sources {
        let value = source.usd_per_akt.map_or_else(|| "-".to_owned(), |value| unit_price(&value.to_string()));
        sources.add_row([source.name.as_str(), &value, source.problem.as_deref().unwrap_or_default()]);
    }
    format!("{}\n\n{}", wrap(&printable(&headline)), table::wrapped(sources, &[2]))
}

/// What an AKT is worth, for people.
fn value_words(usd_per_akt: Decimal) -> String {
    unit_price(&usd_per_akt.to_string())
}

fn show_text(cached: &Result<Cached, CacheError>, cache: &Path) -> String {
    let line = match cached {
        Ok(cached) => {
            let (value, age) = (value_words(cached.usd_per_akt), cached.age.as_secs());
            format!("{value} USD for an AKT, {age} s old, in {}", cache.display())
        }
        Err(error) => no_value(&error.to_string(), cache, "cannot be used"),
    };
    wrap(&printable(&line)) + "\n"
}

fn no_value(problem: &str, cache: &Path, what: &str) -> String {
    format!("fault, {}: {problem}; {} {what}", ReasonCode::RateUnavailable.name(), cache.display())
}

fn timeout(text: &str) -> Result<Duration, String> {
    let timeout =
        humantime::parse_duration(text).map_err(|error| format!("{error}; expected a duration such as `10s`"))?;
    let allowed = Duration::from_millis(1)..=Duration::from_secs(600);
    if allowed.contains(&timeout) { Ok(timeout) } else { Err("expected between 1ms and 10min".to_owned()) }
}
