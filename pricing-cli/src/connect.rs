//! Connects to a running service.

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
    /// Returns the service's address for messages.
    pub(crate) fn name(&self) -> String {
        self.address.map_or_else(|| self.socket.display().to_string(), |address| address.to_string())
    }

    /// Calls the service, and waits for at most `within`.
    ///
    /// A refusal by the service is its answer, and keeps its message. All other errors mean that the service cannot be
    /// reached.
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

/// Returns a request with a `grpc-timeout`, so that the service gives up in time, too.
pub(crate) fn within<T>(time: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(time);
    request
}

/// Returns the innermost cause of an error.
fn reason(error: &dyn std::error::Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}
