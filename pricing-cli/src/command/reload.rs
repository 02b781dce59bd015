//! `bidprice reload`: has a running service take its configuration again.

use std::time::Duration;

use pricing_core::quote::wire::SCHEMA;
use pricing_proto::bidprice::v1::ReloadRequest;
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use serde_json::json;

use crate::args::{Output, OutputArgs};
use crate::connect::{ServiceArgs, timeout, within};
use crate::error::{CliError, Exit};
use crate::output;

/// Have a running service take its configuration, rates and plugins again. What is bad changes nothing, and exits 1.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    /// How long it may take: a plugin may have to be compiled
    #[arg(long, value_name = "DURATION", value_parser = timeout, default_value = "60s")]
    timeout: Duration,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let reloaded = args.service.call(args.timeout, async |channel| {
        let request = within(args.timeout, ReloadRequest {});
        Ok(PricingClient::new(channel).reload(request).await?.into_inner())
    })?;
    let (rates, plugin) = (reloaded.rates_digest, reloaded.plugin_digest);
    match args.output.output {
        Output::Json => {
            output::print_json(&json!({ "schema": SCHEMA, "rates_digest": rates, "plugin_digest": plugin }))?;
        }
        Output::Table => {
            let plugin = plugin.map(|digest| format!(", plugin {digest}")).unwrap_or_default();
            output::print(&format!("taken: rates {rates}{plugin}\n"))?;
        }
    }
    Ok(Exit::Success)
}
