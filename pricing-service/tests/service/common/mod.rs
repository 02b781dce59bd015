//! Runs a service in this process, with a configuration of its own, for tests.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    reason = "not every test uses all of it; a broken test must say so at once"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pricing_engine::config::ConfigError;
use pricing_host::compile::Compiler;
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::{Order, Quote, QuoteRequest, StatusRequest, StatusResponse, order};
use pricing_service::{Load, ServeError, Service};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// A limit for waiting on what must happen. It only ends tests that hang.
pub(crate) const HANG: Duration = Duration::from_secs(600);

/// An order of one service without GPUs, in uact.
pub(crate) const ORDER: &str = r#"{"resources":[{"memory":1073741824,"cpu":2000,"gpu":{"units":0},"storage":[{"class":"ephemeral","size":1073741824}],"count":1,"endpoint_quantity":1,"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"1000000.000000000000000000"},"price_precision":6}"#;

/// A service that runs until this is dropped.
pub(crate) struct Running {
    /// `None` after it was taken.
    folder: Option<TempDir>,
    service: Service,
    stop: CancellationToken,
    served: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Running {
    /// Starts a service, and waits until it answers. A configuration without `[listen]` gets the socket `bidprice.sock`
    /// in its folder. One with `[listen]` must name the same socket.
    pub(crate) async fn start(config: &str) -> Self {
        Self::start_beside(config, |_| {}).await
    }

    /// Starts a service, with other files put into the configuration's folder first.
    pub(crate) async fn start_beside(config: &str, put: impl FnOnce(&Path)) -> Self {
        Self::start_with(config, |folder| {
            put(folder);
            Compiler::InProcess
        })
        .await
    }

    /// Starts a service, with a compiler that may depend on the folder.
    pub(crate) async fn start_with(config: &str, put: impl FnOnce(&Path) -> Compiler) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let compiler = put(folder.path());
        fs::write(folder.path().join("bidprice.toml"), whole(config)).expect("the configuration is written");
        Self::start_by(folder, compiler).await.map_err(|(_, error)| error).expect("the configuration is good")
    }

    /// Starts a service in an existing folder, and waits until it answers. If it does not start, returns the folder
    /// with the reason.
    pub(crate) async fn start_in(folder: TempDir) -> Result<Self, (TempDir, ConfigError)> {
        Self::start_by(folder, Compiler::InProcess).await
    }

    /// Starts a service in an existing folder with a compiler.
    async fn start_by(folder: TempDir, compiler: Compiler) -> Result<Self, (TempDir, ConfigError)> {
        let path = folder.path().join("bidprice.toml");
        let started = tokio::task::spawn_blocking(move || Service::start(&path, compiler)).await;
        let service = match started.expect("the service does not panic") {
            Ok(service) => service,
            Err(error) => return Err((folder, error)),
        };
        let stop = CancellationToken::new();
        let served = tokio::spawn(pricing_service::serve(service.clone(), stop.clone()));
        let mut running = Self { folder: Some(folder), service, stop, served: Some(served) };
        running.wait_until_it_answers().await;
        Ok(running)
    }

    async fn wait_until_it_answers(&mut self) {
        let start = Instant::now();
        while tokio::net::UnixStream::connect(self.socket()).await.is_err() {
            let served = self.served.as_mut().expect("it was not stopped");
            if served.is_finished() {
                panic!("the service ended: {:?}", served.await);
            }
            assert!(start.elapsed() < HANG, "the service does not listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns the folder of the configuration.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().expect("a folder").path()
    }

    /// Returns the path of the Unix socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder().join("bidprice.sock")
    }

    /// Replaces a file of the folder atomically.
    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let new = self.folder().join(format!(".{name}.new"));
        fs::write(&new, content).expect("the file is written");
        fs::rename(new, self.folder().join(name)).expect("the file is replaced");
    }

    /// Replaces the configuration atomically.
    pub(crate) fn configure(&self, config: &str) {
        self.put("bidprice.toml", whole(config));
    }

    /// Connects to the Unix socket.
    pub(crate) async fn channel(&self) -> Channel {
        unix_channel(&self.socket()).await
    }

    /// Returns a client over the Unix socket.
    pub(crate) async fn client(&self) -> PricingClient<Channel> {
        PricingClient::new(self.channel().await)
    }

    /// Returns the service's status.
    pub(crate) async fn status(&self) -> StatusResponse {
        self.client().await.status(StatusRequest {}).await.expect("a status").into_inner()
    }

    /// Waits until the status is as expected.
    pub(crate) async fn until(&self, expected: impl Fn(&StatusResponse) -> bool) -> StatusResponse {
        let start = Instant::now();
        loop {
            let status = self.status().await;
            if expected(&status) {
                return status;
            }
            assert!(start.elapsed() < HANG, "it never comes to that: {status:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the load is as expected.
    pub(crate) async fn until_load(&self, expected: impl Fn(&Load) -> bool) {
        let start = Instant::now();
        while !expected(&self.service.load()) {
            assert!(start.elapsed() < HANG, "it never comes to that: {:#?}", self.service.load());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Returns the service's load.
    pub(crate) fn load(&self) -> Load {
        self.service.load()
    }

    /// Stops the service, and returns its folder.
    pub(crate) async fn stop_in_place(mut self) -> TempDir {
        let folder = self.folder.take().expect("a folder");
        self.stop().await.expect("it ends well");
        folder
    }

    /// Stops the service, and waits until it has stopped.
    pub(crate) async fn stop(mut self) -> Result<(), ServeError> {
        self.stop.cancel();
        self.served.take().expect("it was not stopped").await.expect("the service does not panic")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Completes a configuration with a socket, and with time limits that no machine reaches unless it has its own. The
/// answers must not depend on the machine's speed.
fn whole(config: &str) -> String {
    const PATIENT: &str = "[limits]\ndeadline = \"10m\"\n";
    let config = match config.contains("[limits]\n") {
        // A deadline in the configuration comes first.
        true if config.contains("[limits]\ndeadline = ") => config.to_owned(),
        true => config.replacen("[limits]\n", PATIENT, 1),
        false => format!("{config}\n{PATIENT}"),
    };
    let socket = if config.contains("[listen]") { "" } else { "[listen]\nsocket = \"bidprice.sock\"\n" };
    // A test must not query the public sources.
    let feed = if config.contains("[feed]") { "" } else { "[feed]\nusd_per_akt = \"0.50\"\n" };
    format!("{config}\n{socket}{feed}")
}

/// Connects to a Unix socket.
pub(crate) async fn unix_channel(socket: &Path) -> Channel {
    let uri = format!("unix://{}", socket.display());
    Endpoint::try_from(uri).expect("an address").connect().await.expect("a connection")
}

/// Returns a request to price the text of an order.
pub(crate) fn request(text: &str) -> QuoteRequest {
    let order = Some(Order { form: Some(order::Form::Text(text.to_owned())) });
    QuoteRequest { order, ..QuoteRequest::default() }
}

/// Prices an order of one group.
pub(crate) async fn quote(client: &mut PricingClient<Channel>, text: &str) -> Result<Quote, Status> {
    let mut quotes = client.quote(request(text)).await?.into_inner().quotes;
    Ok(quotes.pop().expect("a quote"))
}

/// Returns the price of a bid, or the code of its reason.
pub(crate) fn outcome(quote: &Quote) -> String {
    match (&quote.price, &quote.reason) {
        (Some(price), _) => format!("{} {}", price.amount, price.denom),
        (None, Some(reason)) => reason.code.clone(),
        (None, None) => unreachable!("a quote has a price or a reason"),
    }
}
