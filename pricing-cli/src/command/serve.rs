//! `bidprice serve`: runs the pricing service.

#[cfg(feature = "simulate")]
mod tuner;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pricing_core::input::InputError;
use pricing_engine::config::{self, ConfigError};
use pricing_engine::telemetry;
use pricing_engine::tune::Tuner;
use pricing_service::ServeError;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::error::{CliError, Exit};
use crate::plugin;

/// Arguments of `bidprice serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration (TOML); `docs/config.md` has every key
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let loaded = config::load(&args.config).map_err(|error| refused(&args.config, error))?;
    // Dropped last, because everything before that may still log.
    let _telemetry = telemetry::install(&loaded.config.tracing).map_err(|error| refused(&args.config, error))?;
    let runtime = pricing_service::runtime()
        .map_err(|error| CliError::internal(format!("the runtime cannot be started: {error}")))?;
    let compiler = plugin::compiler()?;
    let served = runtime.block_on(async {
        let stop = CancellationToken::new();
        // The signals are caught from here on, not only once the task runs.
        if let Some(signals) = StopSignals::catch() {
            tokio::spawn(signals.stop(stop.clone()));
        }
        pricing_service::run_with(&args.config, compiler, tuner(), stop).await
    });
    // Work that still waits for a disk has had its time.
    runtime.shutdown_timeout(LAST_WAIT);
    served.map_err(|error| failed(&args.config, error))?;
    Ok(Exit::Success)
}

/// What proposes rates.
#[cfg(feature = "simulate")]
pub(crate) fn tuner() -> Option<Arc<dyn Tuner>> {
    Some(Arc::new(tuner::ReplayTuner))
}

/// What proposes rates: nothing, in a build without the simulation.
#[cfg(not(feature = "simulate"))]
pub(crate) fn tuner() -> Option<Arc<dyn Tuner>> {
    None
}

/// How long background work may take to end.
const LAST_WAIT: Duration = Duration::from_secs(1);

fn failed(config: &Path, error: ServeError) -> CliError {
    match error {
        ServeError::Config(error) => refused(config, error),
        ServeError::Listen { .. } => CliError::Input {
            source: config.display().to_string(),
            code: "cannot-listen",
            error: Box::new(InputError::new(error).at("listen")),
            others: Vec::new(),
        },
        ServeError::Failed(_) => CliError::internal(error.to_string()),
    }
}

/// The most bytes of a configuration that are searched for the position of a problem.
const CONFIG_BYTES: u64 = 1 << 20;

/// Returns the error for a configuration that is refused, with its position in the file.
pub(crate) fn refused(config: &Path, error: ConfigError) -> CliError {
    match error {
        ConfigError::Malformed { file, error } => CliError::malformed(file.display(), *error),
        ConfigError::Unreadable { file, message } => CliError::unreadable(file.display(), message),
        ConfigError::Unaccepted(refusal) => CliError::malformed(config.display(), InputError::new(refusal)),
        ConfigError::Unusable { key, message } => {
            let text = pricing_files::read_text(config, CONFIG_BYTES).unwrap_or_default();
            let error = InputError::new(message).at(&key);
            CliError::malformed(
                config.display(),
                match config::position(&text, &key) {
                    Some((line, column)) => error.position(line, column),
                    None => error,
                },
            )
        }
    }
}

/// SIGINT and SIGTERM.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Catches the signals. If that fails, they end the process by default.
    fn catch() -> Option<Self> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt()).ok()?, signal(SignalKind::terminate()).ok()?);
        Some(Self { interrupt, terminate })
    }

    /// Stops the service at the first signal, and ends the process at the second.
    async fn stop(mut self, stop: CancellationToken) {
        self.next().await;
        stop.cancel();
        let code = self.next().await;
        // A second signal means that the user does not want to wait for the calls in flight.
        std::process::exit(code);
    }

    /// Waits for a signal, and returns the exit code for it.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}
