//! `bidprice serve`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pricing_core::input::InputError;
use pricing_service::config::ConfigError;
use pricing_service::server::{self, ServeError};
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
    served.map_err(|error| failed(&args.config, &error))?;
    Ok(Exit::Success)
}

/// How long work beside the calls may take to end.
const LAST_WAIT: Duration = Duration::from_secs(1);

fn failed(config: &Path, error: &ServeError) -> CliError {
    match error {
        ServeError::Config(ConfigError::Malformed { file, error }) => {
            CliError::malformed(file.display(), *error.clone())
        }
        ServeError::Config(ConfigError::Unreadable { file, message }) => CliError::unreadable(file.display(), message),
        ServeError::Config(ConfigError::Unusable { key, message }) => {
            CliError::malformed(config.display(), InputError::new(message).at(key))
        }
        ServeError::Listen { .. } => CliError::malformed(config.display(), InputError::new(error)),
        ServeError::Failed(_) => CliError::internal(error.to_string()),
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
