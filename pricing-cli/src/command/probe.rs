//! `bidprice probe`: checks whether a service serves, for exec probes.

use std::time::Duration;

use tonic::Status;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::args::timeout;
use crate::connect::{ServiceArgs, within};
use crate::error::{CliError, Exit};
use crate::output;

/// Arguments of `bidprice probe`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    /// The most time for the service to answer
    #[arg(long, value_name = "DURATION", value_parser = timeout, default_value = "2s")]
    timeout: Duration,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let check = async |channel| -> Result<ServingStatus, Status> {
        let request = within(args.timeout, HealthCheckRequest { service: String::new() });
        Ok(HealthClient::new(channel).check(request).await?.into_inner().status())
    };
    match args.service.call(args.timeout, check)? {
        ServingStatus::Serving => {
            output::print("serving\n")?;
            Ok(Exit::Success)
        }
        status => {
            output::complain(&format!("error: {}: it does not serve: {}", args.service.name(), status.as_str_name()));
            Ok(Exit::Input)
        }
    }
}
