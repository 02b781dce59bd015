//! Logging and tracing: lines on stderr, and spans to an OpenTelemetry collector.

mod lines;
#[cfg(feature = "otlp")]
mod otlp;

use std::sync::OnceLock;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::config::{self, ConfigError, LogFormat};
use lines::Lines;

/// The filter of the log lines, which a reload can change.
static LEVEL: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Whether this build can send spans to a collector.
pub const HAS_OTLP: bool = cfg!(feature = "otlp");

/// A guard to hold until the program ends. Dropping it flushes the last lines and spans, in bounded time.
#[derive(Debug)]
#[must_use = "the last lines are lost when this is dropped early"]
pub struct Telemetry {
    _lines: Lines,
    #[cfg(feature = "otlp")]
    _spans: Option<otlp::Spans>,
}

/// Installs logging and tracing for the whole process. Must be called once, outside of any Tokio runtime, in which the
/// blocking HTTP client of the spans cannot be built.
///
/// # Errors
/// When the configuration cannot be used, or when a subscriber is installed already.
pub fn install(config: &config::Tracing) -> Result<Telemetry, ConfigError> {
    let (filter, handle) = reload::Layer::new(filter(&config.level)?);
    let lines = Lines::start(config.format).map_err(|error| ConfigError::unusable("tracing", error))?;
    let writer = lines.writer();
    let written = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_target(false)
        .log_internal_errors(false)
        .with_writer(move || writer.clone());
    let written = match config.format {
        LogFormat::Text => written.with_filter(filter).boxed(),
        LogFormat::Json => written.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(written);
    #[cfg(feature = "otlp")]
    let spans = config.otlp.as_deref().map(otlp::Spans::start).transpose()?;
    #[cfg(feature = "otlp")]
    let subscriber = subscriber.with(spans.as_ref().map(otlp::Spans::layer));
    subscriber.try_init().map_err(|error| ConfigError::unusable("tracing", error))?;
    let _ = LEVEL.set(handle);
    Ok(Telemetry {
        _lines: lines,
        #[cfg(feature = "otlp")]
        _spans: spans,
    })
}

/// Changes the level of the log lines. Does nothing if logging is not installed.
///
/// # Errors
/// When the level is not valid.
pub fn set_level(level: &str) -> Result<(), ConfigError> {
    let filter = filter(level)?;
    match LEVEL.get() {
        Some(handle) => handle.reload(filter).map_err(|error| ConfigError::unusable("tracing.level", error)),
        None => Ok(()),
    }
}

/// Checks a level.
pub(crate) fn check_level(level: &str) -> Result<(), String> {
    filter(level).map(|_| ()).map_err(|error| match error {
        ConfigError::Unusable { message, .. } => message,
        other => other.to_string(),
    })
}

fn filter(level: &str) -> Result<EnvFilter, ConfigError> {
    let unusable = |message: String| ConfigError::unusable("tracing.level", message);
    let expected = "expected `error`, `warn`, `info`, `debug`, `trace` or `off`, or such as `info,pricing_host=debug`";
    // Otherwise a misspelt level would be parsed as the name of a module.
    let known = ["error", "warn", "info", "debug", "trace", "off"];
    let wrong = level
        .split(',')
        .any(|directive| directive.is_empty() || (!directive.contains(['=', '[', ':']) && !known.contains(&directive)));
    if wrong {
        return Err(unusable(format!("`{}` is not a level; {expected}", pricing_core::text::excerpt(level))));
    }
    EnvFilter::builder().parse(level).map_err(|error| unusable(format!("{error}; {expected}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_checked() {
        for good in
            ["info", "off", "info,pricing_host=debug", "warn,pricing_service=trace", "info,[request{call=quote}]=debug"]
        {
            assert_eq!(check_level(good), Ok(()), "{good}");
        }
        for wrong in ["", "info, warn", "loud", "info,", "pricing_host=loud", "INFOO", "a\u{1b}[2J"] {
            let error = check_level(wrong).unwrap_err();
            assert!(!error.contains('\u{1b}'), "{error}");
        }
    }
}
