//! The service itself: what it listens on, and what answers there.

mod deadline;
mod gate;
mod listen;
mod plugin;
mod pricing;
mod reload;
mod screening;
mod state;
mod status;

use std::path::Path;

use pricing_host::compile::Compiler;
use pricing_proto::akash::provider::v1::provider_rpc_server::{self, ProviderRpcServer};
use pricing_proto::bidprice::v1::pricing_server::{self, PricingServer};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::Router;

use crate::config::ConfigError;

pub use state::Service;

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration is bad.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It cannot listen.
    #[error("cannot listen on {address}: {message}")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        message: String,
    },
    /// It stopped by itself.
    #[error("the service failed: {0}")]
    Failed(String),
}

/// Runs the service until it is told to stop, and ends the calls in flight.
///
/// # Errors
/// When the configuration is bad, or it cannot listen.
pub async fn run(path: &Path, compiler: Compiler, stop: CancellationToken) -> Result<(), ServeError> {
    let service = Service::start(path, compiler)?;
    let listeners = listen::Listeners::bind(&service.active().loaded.config.listen)?;
    let watch = tokio::spawn(reload::watch(service.clone(), stop.clone()));
    let drain = service.active().loaded.config.limits.drain.get();
    let served = listeners.serve(router(&service)?, stop.clone(), drain).await;
    stop.cancel();
    watch.await.map_err(|error| ServeError::Failed(error.to_string()))?;
    served
}

/// Everything that is served on every listener.
fn router(service: &Service) -> Result<Router, ServeError> {
    let failed = |error: tonic_reflection::server::Error| ServeError::Failed(error.to_string());
    let described = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(pricing_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // The descriptors also have services that this program only calls.
            .with_service_name(tonic_health::pb::health_server::SERVICE_NAME)
            .with_service_name(pricing_server::SERVICE_NAME)
            .with_service_name(provider_rpc_server::SERVICE_NAME)
    };
    let limit = service.active().loaded.config.limits.request_bytes;
    let (_reporter, health) = tonic_health::server::health_reporter();
    Ok(Server::builder()
        .add_service(PricingServer::new(service.clone()).max_decoding_message_size(limit))
        .add_service(ProviderRpcServer::new(service.clone()).max_decoding_message_size(limit))
        .add_service(health)
        .add_service(described().build_v1().map_err(failed)?)
        .add_service(described().build_v1alpha().map_err(failed)?))
}
