//! `bidprice serve`.

use std::path::PathBuf;

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
    runtime
        .block_on(async {
            let stop = CancellationToken::new();
            tokio::spawn(stop_on_signal(stop.clone()));
            server::run(&args.config, compiler, stop).await
        })
        .map_err(failed)?;
    Ok(Exit::Success)
}

fn failed(error: ServeError) -> CliError {
    CliError::internal(error.to_string())
}

/// Stops the service on SIGINT and SIGTERM.
async fn stop_on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};

    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stop.cancel();
}
