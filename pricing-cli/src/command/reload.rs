//! `bidprice reload`: makes a running service reload its configuration.

use std::time::Duration;

use pricing_core::quote::wire::SCHEMA;
use pricing_engine::digest::Digest;
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::{ReloadRequest, ReloadResponse};
use serde_json::json;

use crate::args::{Output, OutputArgs, timeout};
use crate::connect::{ServiceArgs, within};
use crate::error::{CliError, Exit};
use crate::output;

/// Arguments of `bidprice reload`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    service: ServiceArgs,
    /// Accept the configuration with this digest, which was refused because of its changes
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    accept: Option<Digest>,
    /// The most time for the service to answer: a plugin may have to be compiled
    #[arg(long, value_name = "DURATION", value_parser = timeout, default_value = "60s")]
    timeout: Duration,
    #[command(flatten)]
    output: OutputArgs,
}

/// Parses a complete digest, with or without `sha256:`. The beginning of one could match another configuration.
fn digest(text: &str) -> Result<Digest, String> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let digest = Digest::from_hex(digits.to_ascii_lowercase().as_bytes());
    digest.ok_or_else(|| "expected `sha256:` and 64 hexadecimal digits, as `bidprice status` shows them".to_owned())
}

pub(crate) fn run(args: &Args) -> Result<Exit, CliError> {
    let reloaded = args.service.call(args.timeout, async |channel| {
        let accept = args.accept.map(|digest| digest.to_string()).unwrap_or_default();
        let request = within(args.timeout, ReloadRequest { accept });
        Ok(PricingClient::new(channel).reload(request).await?.into_inner())
    })?;
    let ReloadResponse { rates_digest: rates, plugin_digest: plugin, warnings } = reloaded;
    warnings.iter().for_each(|warning| output::complain(&format!("warning: {warning}")));
    match args.output.output {
        Output::Json => {
            output::print_json(&json!({
                "schema": SCHEMA, "rates_digest": rates, "plugin_digest": plugin, "warnings": warnings,
            }))?;
        }
        Output::Table => {
            let plugin = plugin.map(|digest| format!(", plugin {digest}")).unwrap_or_default();
            output::print(&format!("taken: rates {rates}{plugin}\n"))?;
        }
    }
    Ok(Exit::Success)
}
