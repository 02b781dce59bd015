//! The service itself: what it listens on, and what answers there.
//!
//! `bidprice serve` calls [`run`]. A daemon in Rust can have the service linked in, and then chooses whether it asks
//! through a socket or by [`Service::price`]:
//!
//! ```no_run
//! # async fn daemon() -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//! use std::time::{Duration, Instant};
//!
//! use pricing_host::compile::Compiler;
//! use pricing_service::pricer::Ask;
//! use pricing_service::server::{self, Service};
//! use tokio_util::sync::CancellationToken;
//!
//! let service = Service::start(Path::new("bidprice.toml"), Compiler::InProcess)?;
//! let stop = CancellationToken::new();
//! // Listens as the file says, for the operator's `Status` and `Reload`, and takes changed files.
//! let serving = tokio::spawn(server::serve(service.clone(), stop.clone()));
//!
//! let ask = Ask::read(std::fs::read_to_string("order.json")?)?;
//! let priced = service.price(ask, Instant::now() + Duration::from_secs(1)).await?;
//!
//! stop.cancel();
//! serving.await??;
//! # Ok(())
//! # }
//! ```

mod check;
mod deadline;
mod gate;
mod http2;
mod intake;
mod kept;
mod listen;
mod plugin;
mod pricing;
mod reload;
mod screening;
mod state;
mod status;
mod stream;
mod watched;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pricing_host::compile::Compiler;
use pricing_proto::akash::provider::v1::provider_rpc_server::{self, ProviderRpcServer};
use pricing_proto::bidprice::v1::pricing_server::{self, PricingServer};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::ServingStatus::{NotServing, Serving};
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use crate::config::ConfigError;
use crate::metrics::{Page, PageError};

pub use check::{Problem, Report, Severity, check};
pub use gate::{Load, Refused};
pub use listen::check as check_listen;
pub use plugin::Opened;
pub use state::{Active, Service, Shadowing};

use http2::Calls;
use listen::Validity;

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

impl From<PageError> for ServeError {
    fn from(PageError { address, error }: PageError) -> Self {
        Self::Listen { address: address.to_string(), message: error.to_string() }
    }
}

/// A runtime that the service does well on under overload.
///
/// Orders are priced on threads of the service's own, so that their answers come to the runtime from outside. Whoever is
/// busy looks for what comes from outside only now and then, which is too seldom when there are many calls to refuse.
///
/// # Errors
/// When the system has no threads for it.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().global_queue_interval(OUTSIDE).build()
}

/// After how many tasks a busy thread looks for what comes from outside.
const OUTSIDE: u32 = 4;

/// Runs the service until it is told to stop, and ends the calls in flight.
///
/// # Errors
/// When the configuration is bad, or it cannot listen.
pub async fn run(path: &Path, compiler: Compiler, stop: CancellationToken) -> Result<(), ServeError> {
    serve(Service::start(path, compiler)?, stop).await
}

/// Serves until told to stop: health says so, nothing new is taken, the calls in flight have `limits.drain` to end, and
/// what is left then is cut off.
///
/// # Errors
/// When it may not listen where the configuration says, or cannot.
pub async fn serve(service: Service, stop: CancellationToken) -> Result<(), ServeError> {
    let loaded = &service.active().loaded;
    // The Unix socket is bound last: whoever finds it there finds the other addresses, too.
    let page = loaded.config.listen.metrics.map(Page::bind).transpose()?;
    let listeners = listen::Listeners::bind(&loaded.config.listen, &loaded.config.limits).await?;
    // Ends what works beside the listeners, whatever the reason that this ends for.
    let stop = stop.child_token();
    let _stop = stop.clone().drop_guard();
    let (reporter, health) = health(&service).await;
    let calls = Calls::new(service.clone(), routes(&service, health)?);
    // A second time, in the same process, the first one's are told.
    let _ = service.inner.connections.set(Arc::clone(listeners.table()));
    if let Some(validity) = listeners.certificate() {
        let _ = service.inner.certificate.set(validity);
    }
    // Before anybody is told that the service runs: a SIGHUP that comes first would end it.
    let hangups = reload::hangups();
    let watch = tokio::spawn(reload::watch(service.clone(), hangups, stop.clone()));
    let leaves = tokio::spawn(leave(service.clone(), reporter, stop.clone()));
    tell_start(&service.active(), listeners.certificate());
    let told = service.clone();
    let page = page.map(|page| tokio::spawn(page.serve(move || told.metrics_page(), stop.clone())));
    let drain = service.clone();
    let served = listeners.serve(calls, stop.clone(), move || drain.active().loaded.config.limits.drain.get()).await;
    stop.cancel();
    // What calls in flight decided is written by now, or waits for a disk.
    let closed = tokio::task::spawn_blocking(move || {
        service.close_log();
        service.close_accepted();
    });
    let closed = closed.await;
    for ended in [watch.await, leaves.await, closed] {
        ended.map_err(|error| ServeError::Failed(error.to_string()))?;
    }
    if let Some(page) = page {
        page.await.map_err(|error| ServeError::Failed(error.to_string()))?;
    }
    served
}

/// One line that says what is served where.
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
        "serving",
    );
    if let Some(problem) = certificate.and_then(Validity::problem) {
        tracing::warn!(problem, "nobody can call over TCP: callers refuse the service's certificate");
    }
}

/// What is serving, as health probes name it.
const SERVING: [&str; 3] = ["", pricing_server::SERVICE_NAME, provider_rpc_server::SERVICE_NAME];

/// The service is well as long as it is not about to end: no bid is an answer, too.
async fn health(service: &Service) -> (HealthReporter, HealthServer<HealthService>) {
    let reporter = HealthReporter::new();
    let status = if service.inner.stopping.is_cancelled() { NotServing } else { Serving };
    for name in SERVING {
        reporter.set_service_status(name, status).await;
    }
    (reporter.clone(), HealthServer::new(HealthService::from_health_reporter(reporter)))
}

/// Says that the service is about to end, and ends the streams, which would go on for as long as their callers like.
async fn leave(service: Service, mut reporter: HealthReporter, stop: CancellationToken) {
    stop.cancelled().await;
    for name in SERVING {
        reporter.set_service_status(name, NotServing).await;
    }
    service.inner.stopping.cancel();
    // So that who watches hears it before the end.
    tokio::time::sleep(LAST_WORDS).await;
    for name in SERVING {
        reporter.clear_service_status(name).await;
    }
}

/// How long health says that the service is about to end, before the streams of those who watch it end.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Everything that is served on every listener.
fn routes(service: &Service, health: HealthServer<HealthService>) -> Result<Routes, ServeError> {
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
    let routes = Routes::new(PricingServer::new(service.clone()).max_decoding_message_size(limit));
    Ok(routes
        .add_service(ProviderRpcServer::new(service.clone()).max_decoding_message_size(limit))
        .add_service(health)
        .add_service(described().build_v1().map_err(failed)?)
        .add_service(described().build_v1alpha().map_err(failed)?))
}
