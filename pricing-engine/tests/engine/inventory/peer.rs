//! A fake provider daemon and inventory operator, controlled by a test.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use pricing_proto::akash::inventory::v1 as inventory;
use pricing_proto::akash::inventory::v1::cluster_rpc_server::{ClusterRpc, ClusterRpcServer};
use pricing_proto::akash::provider::v1 as provider;
use pricing_proto::akash::provider::v1::provider_rpc_server::{ProviderRpc, ProviderRpcServer};
use pricing_proto::k8s::io::apimachinery::pkg::api::resource::Quantity;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_stream::wrappers::{BroadcastStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt};
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

pub(crate) type Cluster = inventory::Cluster;

fn pair(allocatable: &str, allocated: &str) -> Option<inventory::ResourcePair> {
    let quantity = |text: &str| Some(Quantity { string: text.to_owned() });
    Some(inventory::ResourcePair {
        allocatable: quantity(allocatable),
        allocated: quantity(allocated),
        capacity: quantity(allocatable),
    })
}

/// Returns an unused node with this CPU, memory and number of T4 cards.
pub(crate) fn node(name: &str, cpu: &str, memory: &str, gpus: &str) -> inventory::Node {
    let card = inventory::GpuInfo {
        vendor: "nvidia".to_owned(),
        name: "t4".to_owned(),
        interface: "PCIe".to_owned(),
        memory_size: "16Gi".to_owned(),
        ..Default::default()
    };
    let described = gpus.parse().unwrap_or(0_usize).min(8);
    inventory::Node {
        name: name.to_owned(),
        resources: Some(inventory::NodeResources {
            cpu: Some(inventory::Cpu { quantity: pair(cpu, "0") }),
            memory: Some(inventory::Memory { quantity: pair(memory, "0") }),
            gpu: Some(inventory::Gpu { quantity: pair(gpus, "0"), info: vec![card; described] }),
            ephemeral_storage: pair("100Gi", "0"),
            ..Default::default()
        }),
        capabilities: None,
    }
}

pub(crate) fn cluster(names: &[&str]) -> Cluster {
    Cluster { nodes: names.iter().map(|name| node(name, "8", "64Gi", "1")).collect(), storage: Vec::new() }
}

/// The peer's behaviour when a stream is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Sends the state at once, and every change.
    #[default]
    Healthy,
    /// Sends nothing.
    Frozen,
    /// Sends the state, and ends the stream.
    Flapping,
    /// Does not implement streams.
    Streamless,
}

#[derive(Debug)]
struct Desk {
    manner: Mutex<Manner>,
    state: Mutex<Cluster>,
    live: broadcast::Sender<Option<Cluster>>,
    opened: AtomicU64,
    asked: AtomicU64,
    open: AtomicUsize,
    leased_ips: AtomicBool,
}

/// The peer, which stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    desk: Arc<Desk>,
    _serving: AbortOnDropHandle<()>,
}

impl Peer {
    pub(crate) async fn start(state: Cluster) -> Self {
        Self::serve(state, None, "127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_tls(state: Cluster, certificate: &str, key: &str) -> Self {
        let tls = ServerTlsConfig::new().identity(Identity::from_pem(certificate, key));
        Self::serve(state, Some(tls), "127.0.0.1:0".parse().unwrap()).await
    }

    /// Starts a peer at the address of an earlier one.
    pub(crate) async fn serve(state: Cluster, tls: Option<ServerTlsConfig>, at: SocketAddr) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Arc::new(Desk {
            manner: Mutex::default(),
            state: Mutex::new(state),
            live: broadcast::channel(64).0,
            opened: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            leased_ips: AtomicBool::new(true),
        });
        let mut server = Server::builder();
        if let Some(tls) = tls {
            server = server.tls_config(tls).unwrap();
        }
        let services = Services(Arc::clone(&desk));
        let serving = server
            .add_service(ClusterRpcServer::new(services.clone()))
            .add_service(ProviderRpcServer::new(services))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let serving = tokio::spawn(async move { serving.await.unwrap() });
        Self { address, desk, _serving: AbortOnDropHandle::new(serving) }
    }

    pub(crate) fn http(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the state, and sends it on open streams.
    pub(crate) fn send(&self, state: Cluster) {
        *self.desk.state.lock().unwrap() = state.clone();
        let _ = self.desk.live.send(Some(state));
    }

    /// Changes the state without sending it.
    pub(crate) fn set(&self, state: Cluster) {
        *self.desk.state.lock().unwrap() = state;
    }

    /// Ends every stream.
    pub(crate) fn cut(&self) {
        let _ = self.desk.live.send(None);
    }

    pub(crate) fn behave(&self, manner: Manner) {
        *self.desk.manner.lock().unwrap() = manner;
    }

    /// Returns how many times a stream was opened.
    pub(crate) fn opened(&self) -> u64 {
        self.desk.opened.load(Ordering::SeqCst)
    }

    /// Returns how many times the status was asked for.
    pub(crate) fn asked(&self) -> u64 {
        self.desk.asked.load(Ordering::SeqCst)
    }

    /// Returns the number of open streams.
    pub(crate) fn open(&self) -> usize {
        self.desk.open.load(Ordering::SeqCst)
    }
}

#[derive(Clone, Debug)]
struct Services(Arc<Desk>);

/// The messages of a stream.
type Items<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A stream that is counted while it is open.
struct Counted<T> {
    first: VecDeque<Result<T, Status>>,
    later: Option<Items<T>>,
    desk: Arc<Desk>,
}

impl<T: Unpin> Stream for Counted<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.pop_front() {
            return Poll::Ready(Some(first));
        }
        match &mut self.later {
            Some(later) => later.as_mut().poll_next(context),
            None => Poll::Ready(None),
        }
    }
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        self.desk.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Services {
    fn stream<T: Send + 'static>(&self, of: fn(&Desk, Cluster) -> T) -> Result<Counted<T>, Status> {
        let desk = &self.0;
        let manner = *desk.manner.lock().unwrap();
        if manner == Manner::Streamless {
            return Err(Status::unimplemented("unknown method"));
        }
        desk.opened.fetch_add(1, Ordering::SeqCst);
        desk.open.fetch_add(1, Ordering::SeqCst);
        let live = BroadcastStream::new(desk.live.subscribe());
        let first = of(desk, desk.state.lock().unwrap().clone());
        let teller = Arc::clone(desk);
        let live = live.map(move |item| match item {
            Ok(Some(cluster)) => Ok(of(&teller, cluster)),
            Ok(None) => Err(Status::unavailable("going down")),
            Err(_) => Err(Status::internal("too slow")),
        });
        let (first, later): (_, Option<Items<T>>) = match manner {
            Manner::Frozen => (None, Some(Box::pin(tokio_stream::pending()))),
            Manner::Flapping => (Some(first), None),
            Manner::Healthy | Manner::Streamless => (Some(first), Some(Box::pin(live))),
        };
        Ok(Counted { first: first.into_iter().map(Ok).collect(), later, desk: Arc::clone(desk) })
    }
}

fn status(desk: &Desk, cluster: Cluster) -> provider::Status {
    let leased_ip = desk.leased_ips.load(Ordering::SeqCst).then(|| pair("5", "2")).flatten();
    let inventory = provider::Inventory { cluster: Some(cluster), reservations: None, leased_ip };
    let cluster = provider::ClusterStatus { leases: None, inventory: Some(inventory) };
    provider::Status { cluster: Some(cluster), ..Default::default() }
}

#[tonic::async_trait]
impl ClusterRpc for Services {
    type StreamClusterStream = Items<Cluster>;

    async fn stream_cluster(&self, _: Request<()>) -> Result<Response<Self::StreamClusterStream>, Status> {
        Ok(Response::new(Box::pin(self.stream(|_, cluster| cluster)?)))
    }
}

#[tonic::async_trait]
impl ProviderRpc for Services {
    type StreamStatusStream = Items<provider::Status>;

    async fn get_status(&self, _: Request<()>) -> Result<Response<provider::Status>, Status> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        Ok(Response::new(status(&self.0, self.0.state.lock().unwrap().clone())))
    }

    async fn stream_status(&self, _: Request<()>) -> Result<Response<Self::StreamStatusStream>, Status> {
        Ok(Response::new(Box::pin(self.stream(status)?)))
    }

    async fn bid_screening(
        &self,
        _: Request<provider::BidScreeningRequest>,
    ) -> Result<Response<provider::BidScreeningResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}
