//! Reaches a running service.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pricing_core::text::excerpt;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::error::CliError;

/// Which service.
#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    /// The service's Unix socket
    #[arg(long, value_name = "PATH", default_value = "/run/bidprice/bidprice.sock", env = "BIDPRICE_SOCKET")]
    pub(crate) socket: PathBuf,
    /// Its TCP address instead, where it listens without TLS
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) address: Option<SocketAddr>,
}

impl ServiceArgs {
    /// The service in words.
    pub(crate) fn name(&self) -> String {
        self.address.map_or_else(|| self.socket.display().to_string(), |address| address.to_string())
    }

    /// Calls the service within a time.
    pub(crate) fn call<R>(
        &self,
        within: Duration,
        call: impl AsyncFnOnce(Channel) -> Result<R, Status>,
    ) -> Result<R, CliError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| CliError::internal(format!("the runtime cannot be started: {error}")))?;
        let uri = match self.address {
            Some(address) => format!("http://{address}"),
            None => format!("unix://{}", self.socket.display()),
        };
        let called = runtime.block_on(async {
            let asked = async {
                let endpoint = Endpoint::from_shared(uri).map_err(|error| error.to_string())?;
                let channel = endpoint.connect().await.map_err(|error| reason(&error))?;
                Ok(call(channel).await)
            };
            tokio::time::timeout(within, asked).await
        });
        let unreachable = |why: String| self.failed("unreachable-service", format!("no service answers there: {why}"));
        match called {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(status)))
                if matches!(
                    status.code(),
                    Code::FailedPrecondition | Code::PermissionDenied | Code::InvalidArgument
                ) =>
            {
                Err(self.failed("refused", status.message().to_owned()))
            }
            Ok(Ok(Err(status))) => Err(unreachable(format!("{}: {}", status.code(), excerpt(status.message())))),
            Ok(Err(why)) => Err(unreachable(why)),
            Err(_) => Err(unreachable(format!("it took more than {}", humantime::format_duration(within)))),
        }
    }

    fn failed(&self, code: &'static str, message: String) -> CliError {
        let error = Box::new(pricing_core::input::InputError::new(message));
        CliError::Input { source: self.name(), code, error, others: Vec::new() }
    }
}

/// A request that is to be answered within a time; the service gives up by then, too.
pub(crate) fn within<T>(time: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(time);
    request
}

/// How long, as `2s` or `500ms`.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| format!("{error}; expected a duration such as `2s`"))?;
    let allowed = Duration::from_millis(1)..=Duration::from_secs(600);
    if allowed.contains(&time) { Ok(time) } else { Err("expected between 1ms and 10min".to_owned()) }
}

/// What an error is at its root.
fn reason(error: &dyn std::error::Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}
