//! Sends spans to an OpenTelemetry collector over HTTP, from a bounded queue and on a separate thread. If the collector
//! is slow or down, spans are lost, but pricing is not delayed.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

use crate::config::ConfigError;

/// The timeout of one batch of spans.
const EXPORT: Duration = Duration::from_secs(5);
/// The timeout of the last spans at the end of the program.
const FLUSH: Duration = Duration::from_secs(2);

/// The exporter of spans.
#[derive(Debug)]
pub(super) struct Spans {
    provider: SdkTracerProvider,
}

impl Spans {
    pub(super) fn start(address: &str) -> Result<Self, ConfigError> {
        let unusable = |error: String| ConfigError::unusable("tracing.otlp", error);
        // The HTTP client uses the process's crypto provider. One that is installed already stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::blocking::Client::builder()
            .timeout(EXPORT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(traces(address))
            .with_timeout(EXPORT)
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        let resource = Resource::builder_empty()
            .with_service_name("bidprice")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        Ok(Self { provider })
    }

    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let scope = InstrumentationScope::builder("bidprice").with_version(env!("CARGO_PKG_VERSION")).build();
        let layer: OpenTelemetryLayer<S, SdkTracer> =
            tracing_opentelemetry::layer().with_tracer(self.provider.tracer_with_scope(scope));
        // The spans of other crates would include those of sending spans.
        let ours = [("pricing_engine", LevelFilter::INFO), ("pricing_service", LevelFilter::INFO)];
        layer.with_filter(Targets::new().with_targets(ours))
    }
}

impl Drop for Spans {
    fn drop(&mut self) {
        let _ = self.provider.shutdown_with_timeout(FLUSH);
    }
}

/// Returns the collector's URL for traces: `address` itself if it has a path, otherwise the usual path below it.
fn traces(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    match rest.split_once('/') {
        Some((_, path)) if !path.is_empty() => address.to_owned(),
        _ => format!("{}/v1/traces", address.trim_end_matches('/')),
    }
}
