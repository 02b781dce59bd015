//! `bidprice serve`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pricing_core::input::InputError;
use pricing_service::config::{self, ConfigError};
use pricing_service::server::{self, ServeError};
use pricing_service::telemetry;
use tokio_util::sync::CancellationToken;

use crate::error::{CliError, Exit};
use crate::plugin;

/// Run the pricing service beside a provider's daemon.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration (TOML); `docs/config.md` has every key
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let loaded = config::load(&args.config).map_err(|error| refused(&args.config, error))?;
    // Dropped last: until then there may be something to tell.
    let _telemetry = telemetry::install(&loaded.config.tracing).map_err(|error| refused(&args.config, error))?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| CliError::internal(format!("the runtime cannot be started: {error}")))?;
    let compiler = plugin::compiler()?;
    let served = runtime.block_on(async {
        let stop = CancellationToken::new();
        tokio::spawn(stop_on_signals(stop.clone()));
        server::run(&args.config, compiler, stop).await
    });
    // Whatever still waits for a disk has had its time.
    runtime.shutdown_timeout(LAST_WAIT);
    served.map_err(|error| failed(&args.config, error))?;
    Ok(Exit::Success)
}

/// How long work beside the calls may take to end.
const LAST_WAIT: Duration = Duration::from_secs(1);

fn failed(config: &Path, error: ServeError) -> CliError {
    match error {
        ServeError::Config(error) => refused(config, error),
        ServeError::Listen { .. } => CliError::Input {
            source: config.display().to_string(),
            code: "cannot-listen",
            error: Box::new(InputError::new(error).at("listen")),
        },
        ServeError::Failed(_) => CliError::internal(error.to_string()),
    }
}

/// A configuration that is not taken, with the place in its file.
pub(crate) fn refused(config: &Path, error: ConfigError) -> CliError {
    match error {
        ConfigError::Malformed { file, error } => CliError::malformed(file.display(), *error),
        ConfigError::Unreadable { file, message } => CliError::unreadable(file.display(), message),
        ConfigError::Unusable { key, message } => {
            let text = std::fs::read_to_string(config).unwrap_or_default();
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

/// Stops the service on SIGINT and SIGTERM, and this process when there is a second one.
async fn stop_on_signals(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};

    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let mut signalled = async || {
        tokio::select! {
            _ = interrupt.recv() => 130,
            _ = terminate.recv() => 143,
        }
    };
    signalled().await;
    stop.cancel();
    let code = signalled().await;
    // Who asks twice does not want to wait for the calls in flight.
    std::process::exit(code);
}
