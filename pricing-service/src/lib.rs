//! The pricing service beside a provider's daemon: it serves an engine ([`pricing_engine`]) on sockets.
//!
//! `bidprice serve` calls [`run`]. [`Service`] implements `bidprice.v1.Pricing` and the provider's `BidScreening`. The
//! listeners decide who may call, and everything that callers send is bounded before it is read.

mod caller;
mod certificate;
mod check;
mod connections;
mod deadline;
mod gate;
mod http2;
mod intake;
mod listen;
pub mod look;
mod metrics_page;
mod pricing;
mod screening;
mod service;
mod stream;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pricing_engine::Engine;
use pricing_engine::config::ConfigError;
use pricing_engine::engine::Active;
use pricing_engine::tune::Tuner;
use pricing_host::compile::Compiler;
use pricing_proto::akash::provider::v1::provider_rpc_server::{self, ProviderRpcServer};
use pricing_proto::bidprice::v1::pricing_server::{self, PricingServer};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::ServingStatus::{NotServing, Serving};
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

pub use check::{check, check_on, check_with};
pub use gate::{Load, Refused};
pub use metrics_page::{Page, PageError};
pub use service::Service;

use certificate::Validity;
use http2::Calls;

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It cannot listen on an address.
    #[error("cannot listen on {address}: {message}")]
    Listen {
        /// The address.
        address: String,
        /// The reason.
        message: String,
    },
    /// It stopped because of an error.
    #[error("the service failed: {0}")]
    Failed(String),
}

impl From<PageError> for ServeError {
    fn from(PageError { address, error }: PageError) -> Self {
        Self::Listen { address: address.to_string(), message: error.to_string() }
    }
}

/// Builds a runtime on which the service copes well with overload.
///
/// Orders that wait or take long are priced on threads of the service's own, so their results reach the runtime through
/// its global queue. A busy worker checks that queue only now and then, by default too rarely when there are many calls to
/// refuse. Small orders are priced on the workers themselves, which have the stack of a pricing thread for it.
///
/// # Errors
/// When the system has no threads for it.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().global_queue_interval(OUTSIDE).thread_stack_size(gate::STACK).build()
}

/// The number of tasks after which a busy worker checks the global queue.
const OUTSIDE: u32 = 4;

/// Runs the service until `stop` is cancelled, and lets the calls in flight end.
///
/// # Errors
/// When the configuration is invalid, or the service cannot listen.
pub async fn run(path: &Path, compiler: Compiler, stop: CancellationToken) -> Result<(), ServeError> {
    run_with(path, compiler, None, stop).await
}

/// Runs the service as [`run`] does, with something that can propose rates for the section `tune` of the configuration.
///
/// # Errors
/// When the configuration is invalid, or the service cannot listen.
pub async fn run_with(
    path: &Path,
    compiler: Compiler,
    tuner: Option<Arc<dyn Tuner>>,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    serve(Service::new(Engine::start_with(path, compiler, tuner)?), stop).await
}

/// Serves until `stop` is cancelled.
///
/// Health checks then report it, nothing new is accepted, and the calls in flight have `limits.drain` to end. What is
/// left after that is cut off.
///
/// # Errors
/// When the service may not or cannot listen where the configuration says.
pub async fn serve(service: Service, stop: CancellationToken) -> Result<(), ServeError> {
    let loaded = &service.active().loaded;
    // The Unix socket is bound last: whoever finds it can rely on the other addresses, too.
    let page = loaded.config.listen.metrics.map(Page::bind).transpose()?;
    let listeners = listen::Listeners::bind(&loaded.config.listen, &loaded.config.limits).await?;
    // Stops the background tasks, for whatever reason this function returns.
    let stop = stop.child_token();
    let _stop = stop.clone().drop_guard();
    let (reporter, health) = health(&service).await;
    let calls = Calls::new(service.clone(), routes(&service, health)?);
    // If the service is served a second time in this process, the first listeners are reported.
    let _ = service.inner.connections.set(Arc::clone(listeners.table()));
    if let Some(validity) = listeners.certificate() {
        let _ = service.inner.certificate.set(validity);
    }
    // SIGHUP is handled before anybody can learn that the service runs. An earlier one would end the process.
    let hangups = hangups();
    let watch = tokio::spawn(service.engine().clone().watch(hangups, stop.clone()));
    let tuning = tokio::spawn(service.engine().clone().tune(stop.clone()));
    let leaves = tokio::spawn(leave(service.clone(), reporter, stop.clone()));
    tell_start(&service.active(), listeners.certificate());
    let told = service.clone();
    let page = page.map(|page| tokio::spawn(page.serve(move || told.metrics_page(), stop.clone())));
    let drain = service.clone();
    let served = listeners.serve(calls, stop.clone(), move || drain.active().loaded.config.limits.drain.get()).await;
    stop.cancel();
    // By now, the decisions of the calls in flight are written, or wait for the disk.
    let closed = tokio::task::spawn_blocking(move || service.engine().shutdown()).await;
    for ended in [watch.await, tuning.await, leaves.await, closed] {
        ended.map_err(|error| ServeError::Failed(error.to_string()))?;
    }
    if let Some(page) = page {
        page.await.map_err(|error| ServeError::Failed(error.to_string()))?;
    }
    served
}

/// Handles SIGHUP. From now on the signal does not end the process.
fn hangups() -> Option<Signal> {
    signal(SignalKind::hangup())
        .inspect_err(|error| tracing::error!(%error, "SIGHUP will end the service, not reload it"))
        .ok()
}

/// Logs what is served, and where.
fn tell_start(active: &Active, certificate: Option<Validity>) {
    let listen = &active.loaded.config.listen;
    let plugin = active.plugin.as_ref().map(|opened| (opened.plugin().name(), opened.plugin().digest()));
    let (plugin, plugin_digest) = plugin.unzip();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        socket = %listen.socket.display(),
        tcp = listen.tcp.map(|address| address.to_string()),
        tls = listen.tls.is_some(),
        metrics = listen.metrics.map(|address| format!("http://{address}/metrics")),
        rates = %active.settings.rates.digest,
        plugin,
        plugin_digest,
        kubernetes = %active.loaded.scheduler,
        "serving",
    );
    if let Some(problem) = certificate.and_then(Validity::problem) {
        tracing::warn!(problem, "no client can connect over TCP: clients refuse the service's certificate");
    }
}

/// The services, by their names in health checks.
const SERVING: [&str; 3] = ["", pricing_server::SERVICE_NAME, provider_rpc_server::SERVICE_NAME];

/// Sets up the health checks. The service is healthy until it is about to stop, even if it makes no bids.
async fn health(service: &Service) -> (HealthReporter, HealthServer<HealthService>) {
    let reporter = HealthReporter::new();
    let status = if service.inner.stopping.is_cancelled() { NotServing } else { Serving };
    for name in SERVING {
        reporter.set_service_status(name, status).await;
    }
    (reporter.clone(), HealthServer::new(HealthService::from_health_reporter(reporter)))
}

/// Reports that the service is about to stop, and ends the streams, which would otherwise last for as long as their
/// callers want.
async fn leave(service: Service, mut reporter: HealthReporter, stop: CancellationToken) {
    stop.cancelled().await;
    for name in SERVING {
        reporter.set_service_status(name, NotServing).await;
    }
    service.inner.stopping.cancel();
    // Whoever watches the health receives the change before the stream ends.
    tokio::time::sleep(LAST_WORDS).await;
    for name in SERVING {
        reporter.clear_service_status(name).await;
    }
}

/// How long health checks report the coming stop before their streams end.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Returns everything that is served on every listener.
fn routes(service: &Service, health: HealthServer<HealthService>) -> Result<Routes, ServeError> {
    let failed = |error: tonic_reflection::server::Error| ServeError::Failed(error.to_string());
    let described = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(pricing_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // The descriptors also contain services that this program only calls.
            .with_service_name(tonic_health::pb::health_server::SERVICE_NAME)
            .with_service_name(pricing_server::SERVICE_NAME)
            .with_service_name(provider_rpc_server::SERVICE_NAME)
    };
    let limit = service.active().loaded.config.limits.request_bytes;
    let routes = Routes::new(PricingServer::new(service.clone()).max_decoding_message_size(limit));
    Ok(routes
        .add_service(ProviderRpcServer::new(service.clone()).max_decoding_message_size(limit))
        .add_service(health)
        .add_service(described().build_v1().map_err(failed)?)
        .add_service(described().build_v1alpha().map_err(failed)?))
}
