//! The real program as a child process, and the peers that it connects to.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::programs::HANG;
use pricing_proto::akash::inventory::v1 as akash;
use pricing_proto::akash::inventory::v1::cluster_rpc_server::{ClusterRpc, ClusterRpcServer};
use pricing_proto::akash::market::v1::OrderId;
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::{Order, QuoteRequest, StatusRequest, StatusResponse, order::Form};
use pricing_proto::k8s::io::apimachinery::pkg::api::resource::Quantity;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_stream::Stream;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

/// `bidprice serve` in a folder of its own.
pub(crate) struct Program {
    folder: TempDir,
    child: Option<Child>,
}

/// The resources that a process uses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) resident: u64,
    pub(crate) files: usize,
    pub(crate) threads: u64,
}

impl Usage {
    pub(crate) fn most(self, other: &Self) -> Self {
        Self {
            resident: self.resident.max(other.resident),
            files: self.files.max(other.files),
            threads: self.threads.max(other.threads),
        }
    }
}

impl Program {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), child: None }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces a file of the folder atomically.
    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        let new = self.folder.path().join(format!(".{name}.new"));
        std::fs::write(&new, content).unwrap();
        std::fs::rename(new, self.folder.path().join(name)).unwrap();
    }

    /// Starts the program with `bidprice.toml`, and waits until it answers.
    pub(crate) async fn start(&mut self) {
        let child = crate::programs::bidprice()
            .args(["serve", "--config"])
            .arg(self.folder.path().join("bidprice.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.path().join("stderr")).unwrap())
            .spawn();
        self.child = Some(child.unwrap());
        let start = Instant::now();
        while tokio::net::UnixStream::connect(self.socket()).await.is_err() {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {ended:?}: {}", self.told());
            assert!(start.elapsed() < HANG, "it does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns what it has printed to stderr.
    pub(crate) fn told(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("bidprice.sock")
    }

    pub(crate) async fn client(&self) -> PricingClient<Channel> {
        connect(&self.socket()).await
    }

    /// Waits until its status is as expected.
    pub(crate) async fn until(&self, expected: impl Fn(&StatusResponse) -> bool) -> StatusResponse {
        let start = Instant::now();
        let mut client = self.client().await;
        loop {
            let status = client.status(StatusRequest {}).await.unwrap().into_inner();
            if expected(&status) {
                return status;
            }
            assert!(start.elapsed() < HANG, "it never comes to that: {status:#?}\n{}", self.told());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn process(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Sends SIGHUP.
    pub(crate) fn hang_up(&self) {
        self.signal("-HUP");
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.signal("-KILL");
        self.child.take().unwrap().wait().unwrap();
    }

    /// Sends SIGTERM, and expects exit code 0.
    pub(crate) async fn stop(&mut self) {
        self.signal("-TERM");
        let mut child = self.child.take().unwrap();
        let ended = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
        assert!(ended.success(), "{ended}: {}", self.told());
    }

    /// Returns the resources that it uses at the moment.
    pub(crate) fn usage(&self) -> Usage {
        let proc = PathBuf::from(format!("/proc/{}", self.process()));
        let status = std::fs::read_to_string(proc.join("status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
        };
        Usage {
            resident: field("VmRSS:") * 1024,
            files: std::fs::read_dir(proc.join("fd")).unwrap().count(),
            threads: field("Threads:"),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Returns the metrics page.
pub(crate) fn page(metrics: SocketAddr) -> String {
    let mut stream = std::net::TcpStream::connect(metrics).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

/// Connects to a service on a socket.
pub(crate) async fn connect(socket: &Path) -> PricingClient<Channel> {
    let endpoint = Endpoint::try_from(format!("unix://{}", socket.display())).unwrap();
    PricingClient::new(endpoint.connect().await.unwrap())
}

/// Returns a request to price the text of an order.
pub(crate) fn request(text: &str, name: Option<(u64, u64)>) -> QuoteRequest {
    QuoteRequest {
        order: Some(Order { form: Some(Form::Text(text.to_owned())) }),
        order_id: name.map(|(owner, dseq)| OrderId { owner: format!("akash1{owner}"), dseq, gseq: 1, oseq: 1 }),
        ..QuoteRequest::default()
    }
}

/// Returns a plugin of the examples, as it is in the repository.
pub(crate) fn built_plugin(name: &str) -> Vec<u8> {
    let path = format!("{}/../examples-plugins/built/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

/// The behaviour of the inventory operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InventoryMode {
    /// Sends a valid snapshot every second.
    Good,
    /// Sends a cluster without nodes.
    Empty,
    /// Sends impossible numbers.
    Absurd,
    /// Ends every stream after one snapshot.
    Cut,
}

/// An inventory operator.
pub(crate) struct InventoryPeer {
    address: String,
    mode: watch::Sender<InventoryMode>,
}

struct Operator(watch::Receiver<InventoryMode>);

impl InventoryPeer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (mode, watched) = watch::channel(InventoryMode::Good);
        let server = tonic::transport::Server::builder().add_service(ClusterRpcServer::new(Operator(watched)));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Self { address, mode }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn set(&self, mode: InventoryMode) {
        self.mode.send_replace(mode);
    }
}

#[tonic::async_trait]
impl ClusterRpc for Operator {
    type StreamClusterStream = Pin<Box<dyn Stream<Item = Result<akash::Cluster, Status>> + Send>>;

    async fn stream_cluster(&self, _request: Request<()>) -> Result<Response<Self::StreamClusterStream>, Status> {
        let mode = self.0.clone();
        let snapshots = futures_stream(mode);
        Ok(Response::new(Box::pin(snapshots)))
    }
}

fn futures_stream(mode: watch::Receiver<InventoryMode>) -> impl Stream<Item = Result<akash::Cluster, Status>> + Send {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let mut mode = mode;
        loop {
            let now = *mode.borrow_and_update();
            let cluster = match now {
                InventoryMode::Good | InventoryMode::Cut => cluster("64", "8"),
                InventoryMode::Empty => akash::Cluster::default(),
                InventoryMode::Absurd => cluster("-17179869145", "18446744073709551615"),
            };
            if sender.send(Ok(cluster)).await.is_err() || now == InventoryMode::Cut {
                return;
            }
            tokio::select! {
                _ = mode.changed() => {}
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    });
    tokio_stream::wrappers::ReceiverStream::new(receiver)
}

/// Returns a cluster of four nodes with T4s.
pub(crate) fn cluster(cpu: &str, gpus: &str) -> akash::Cluster {
    let quantity = |text: &str| Some(Quantity { string: text.to_owned() });
    let pair = |total: &str| {
        Some(akash::ResourcePair { allocatable: quantity(total), allocated: quantity("0"), capacity: quantity(total) })
    };
    let card = || akash::GpuInfo {
        vendor: "nvidia".to_owned(),
        name: "t4".to_owned(),
        interface: "PCIe".to_owned(),
        memory_size: "16Gi".to_owned(),
        ..akash::GpuInfo::default()
    };
    let node = |number: u32| akash::Node {
        name: format!("node-{number}"),
        resources: Some(akash::NodeResources {
            cpu: Some(akash::Cpu { quantity: pair(cpu) }),
            memory: Some(akash::Memory { quantity: pair("256Gi") }),
            gpu: Some(akash::Gpu { quantity: pair(gpus), info: (0..8).map(|_| card()).collect() }),
            ephemeral_storage: pair("1Ti"),
            ..akash::NodeResources::default()
        }),
        capabilities: None,
    };
    akash::Cluster { nodes: (1..=4).map(node).collect(), storage: Vec::new() }
}

/// The behaviour of the source of USD/AKT.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FeedMode {
    /// Answers with this value.
    Value(&'static str),
    /// Answers with an HTML page.
    Html,
    /// Answers with one byte per second.
    Drip,
}

/// A source of USD/AKT.
pub(crate) struct FeedPeer {
    address: String,
    mode: Arc<Mutex<FeedMode>>,
}

impl FeedPeer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/price", listener.local_addr().unwrap());
        let mode = Arc::new(Mutex::new(FeedMode::Value("0.50")));
        let current = Arc::clone(&mode);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mode = *current.lock().unwrap();
                tokio::spawn(async move { drop(answer(stream, mode).await) });
            }
        });
        Self { address, mode }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn set(&self, mode: FeedMode) {
        *self.mode.lock().unwrap() = mode;
    }
}

async fn answer(mut stream: TcpStream, mode: FeedMode) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await?;
    let body = match mode {
        FeedMode::Value(usd) => format!("{{\"usd\":{usd}}}"),
        FeedMode::Html => "<html>try again later</html>".to_owned(),
        FeedMode::Drip => "{\"usd\":0.50}".to_owned(),
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    for byte in body.as_bytes().chunks(if matches!(mode, FeedMode::Drip) { 1 } else { usize::MAX }) {
        stream.write_all(byte).await?;
        if matches!(mode, FeedMode::Drip) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    stream.shutdown().await
}
