//! A node of a made-up chain: a small HTTP server that answers as the chain's REST does, and fails as a test wants.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::chain::{Chain, Filters, List, Style, Version, block, page};

/// A way to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A status, with a `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// Half of the body that was announced.
    Cut,
    /// Half of a body whose length was not announced.
    Short,
    /// No answer.
    Hang,
    /// The connection is closed.
    Close,
    /// A body that is not what was asked for.
    Body(String),
    /// The answer, with a header that says that it is of this height.
    OfHeight(u64),
}

/// How the node behaves.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// The chain.
    pub chain: Chain,
    /// The height at which it is.
    pub at: u64,
    /// The version that it has. The other one is unknown to it (501).
    pub version: Version,
    /// What becomes of a request, by its number from 0.
    pub failures: BTreeMap<usize, Failure>,
    /// Answers every page with the first one's key.
    pub repeats_key: bool,
    /// Answers every page with a new key, and nothing else.
    pub never_ends: bool,
    /// Lies about `total`.
    pub total: Option<String>,
    /// Ignores filters.
    pub ignores_filters: bool,
    /// Milliseconds by which its clock is wrong, as on another chain.
    pub other_chain: bool,
    /// Refuses keys of pages.
    pub refuses_keys: bool,
}

impl Behaviour {
    /// A node that answers everything.
    #[must_use]
    pub fn good(chain: Chain) -> Self {
        Self {
            at: chain.height,
            chain,
            version: Version::V1Beta5,
            failures: BTreeMap::new(),
            repeats_key: false,
            never_ends: false,
            total: None,
            ignores_filters: false,
            other_chain: false,
            refuses_keys: false,
        }
    }
}

/// The server, which stops when it is dropped.
#[derive(Debug)]
pub struct ChainNode {
    address: SocketAddr,
    behaviour: Arc<Mutex<Behaviour>>,
    requests: Arc<Mutex<Vec<String>>>,
    count: watch::Sender<usize>,
    task: JoinHandle<()>,
}

impl ChainNode {
    /// Listens on loopback.
    pub async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (behaviour, requests) = (Arc::new(Mutex::new(behaviour)), Arc::new(Mutex::new(Vec::new())));
        let count = watch::Sender::new(0);
        let (shared, noted, counter) = (Arc::clone(&behaviour), Arc::clone(&requests), count.clone());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&shared), Arc::clone(&noted), counter.clone()));
            }
        });
        Self { address, behaviour, requests, count, task }
    }

    /// The address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes how the node behaves.
    pub fn behave(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour.lock().unwrap()
    }

    /// The paths and queries of the requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Forgets the requests so far, so that the next one has the number 0.
    pub fn forget(&self) {
        let mut requests = self.requests.lock().unwrap();
        requests.clear();
        self.count.send_replace(0);
    }

    /// Waits until a request with this number, from 0, has arrived.
    pub async fn wait_for(&self, number: usize) {
        let mut count = self.count.subscribe();
        count.wait_for(|count| *count > number).await.unwrap();
    }
}

impl Drop for ChainNode {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    behaviour: Arc<Mutex<Behaviour>>,
    requests: Arc<Mutex<Vec<String>>>,
    count: watch::Sender<usize>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let number = {
        let mut requests = requests.lock().unwrap();
        requests.push(path.clone());
        count.send_replace(requests.len());
        requests.len() - 1
    };
    let behaviour = behaviour.lock().unwrap().clone();
    // The client may close the connection at any time.
    let _ = answer(&mut stream, &behaviour, number, &path).await;
}

async fn answer(stream: &mut TcpStream, behaviour: &Behaviour, number: usize, path: &str) -> std::io::Result<()> {
    let (status, body) = match body(behaviour, path) {
        Ok(body) => (200, body.to_string()),
        Err(status) => (status, String::new()),
    };
    let half = body.get(..body.len() / 2).unwrap_or_default();
    let whole = |status: u16, header: &str, body: &str| {
        format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{header}\r\n{body}", body.len())
    };
    let response = match behaviour.failures.get(&number) {
        None => whole(status, "", &body),
        Some(Failure::Status(status, None)) => whole(*status, "", ""),
        Some(Failure::Status(status, Some(seconds))) => whole(*status, &format!("retry-after: {seconds}\r\n"), ""),
        Some(Failure::Cut) => whole(status, "", &body).replace(&body, half),
        Some(Failure::Short) => format!("HTTP/1.1 200 X\r\nconnection: close\r\n\r\n{half}"),
        Some(Failure::Hang) => return std::future::pending().await,
        Some(Failure::Close) => return Ok(()),
        Some(Failure::Body(other)) => whole(200, "", other),
        Some(Failure::OfHeight(at)) => whole(status, &format!("grpc-metadata-x-cosmos-block-height: {at}\r\n"), &body),
    };
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

/// The body, or a status that is not 2xx.
fn body(behaviour: &Behaviour, path: &str) -> Result<Value, u16> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if let Some(height) = path.strip_prefix("/cosmos/base/tendermint/v1beta1/blocks/") {
        return block_at(behaviour, height);
    }
    let (version, list) = match path.strip_prefix("/akash/market/").and_then(|rest| rest.split_once('/')) {
        Some(("v1beta5", list)) => (Version::V1Beta5, list),
        Some(("v1beta4", list)) => (Version::V1Beta4, list),
        _ => return Err(404),
    };
    if version != behaviour.version {
        return Err(501);
    }
    let list = match list {
        "bids/list" => List::Bids,
        "leases/list" => List::Leases,
        "orders/list" => List::Orders,
        _ => return Err(404),
    };
    list_page(behaviour, list, query)
}

fn block_at(behaviour: &Behaviour, height: &str) -> Result<Value, u16> {
    let height = if height == "latest" { behaviour.at } else { height.parse().map_err(|_| 400_u16)? };
    if height > behaviour.at || height < behaviour.chain.lowest_block {
        return Err(400);
    }
    let mut answer = block(if behaviour.other_chain { height + 1 } else { height });
    answer["block"]["header"]["height"] = height.to_string().into();
    Ok(answer)
}

fn list_page(behaviour: &Behaviour, list: List, query: &str) -> Result<Value, u16> {
    let (mut filters, mut key, mut limit) = (Filters::default(), None, 100);
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let value = decoded(value);
        match name {
            "filters.owner" => filters.owner = Some(value),
            "filters.provider" => filters.provider = Some(value),
            "filters.dseq" => filters.dseq = Some(value.parse().map_err(|_| 400_u16)?),
            "filters.gseq" => filters.gseq = Some(value.parse().map_err(|_| 400_u16)?),
            "filters.oseq" => filters.oseq = Some(value.parse().map_err(|_| 400_u16)?),
            "pagination.key" => key = Some(value),
            "pagination.limit" => limit = value.parse().map_err(|_| 400_u16)?,
            _ => return Err(400),
        }
    }
    if behaviour.ignores_filters {
        filters = Filters::default();
    }
    if behaviour.refuses_keys && key.is_some() {
        return Err(400);
    }
    let how = (list, behaviour.version, Style::Full);
    let mut answer = page(&behaviour.chain, behaviour.at, how, &filters, (key.as_deref(), limit));
    if behaviour.repeats_key {
        answer["pagination"]["next_key"] = "AQ==".into();
    }
    if behaviour.never_ends {
        answer = page(&behaviour.chain, 0, how, &filters, (None, limit));
        let number: u64 = key.and_then(|key| key.parse().ok()).unwrap_or(0);
        answer["pagination"]["next_key"] = (number + 1).to_string().into();
    }
    if let Some(total) = &behaviour.total {
        answer["pagination"]["total"] = total.as_str().into();
    }
    Ok(answer)
}

/// Decodes `%` escapes, and `+` for a blank.
fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next().unwrap_or_default(), bytes.next().unwrap_or_default()];
                u8::from_str_radix(&String::from_utf8_lossy(&digits), 16).unwrap_or(b'?')
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(decoded).unwrap_or_default()
}
