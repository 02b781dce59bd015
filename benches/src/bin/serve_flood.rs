//! Measures how much memory callers can make the service hold: `cargo run --release -p benches --bin serve_flood`.
//!
//! A service with the default limits, in its own process, is flooded in several ways: with streams that stay open,
//! requests that are never completed, and answers that nobody reads. For each flood this prints the memory before it,
//! at its peak, and afterwards, and the time that an ordinary order took meanwhile. An argument selects the floods
//! whose names contain it.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark without its input must stop, and reports")]

use std::time::{Duration, Instant};

use benches::load::{Address, connect, framed, head};
use benches::service::{Server, served};
use benches::site::request;
use benches::stats::Samples;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::Uri;
use pricing_proto::bidprice::v1::{Order, QuoteRequest, Target, order};
use prost::bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

/// The connections of a flood, and the calls on each. A few of the service's connections are left for other callers.
const CONNECTIONS: usize = 250;
const STREAMS: usize = 199;

/// The duration of a flood.
const TIME: Duration = Duration::from_secs(10);

/// The longest time to wait for the memory to be released.
const BACK: Duration = Duration::from_secs(30);

/// The parts of a call that keep it open.
type Kept = (Option<ResponseFuture>, Option<RecvStream>, Option<SendStream<Bytes>>);

/// One kind of flood.
struct Flood {
    name: &'static str,
    path: &'static str,
    /// The part of the request that is sent.
    sent: Bytes,
    /// Whether it is the whole request.
    whole: bool,
    /// Whether the caller waits for the answer's head, and then does not read the rest.
    waits: bool,
}

fn main() {
    if served() {
        return;
    }
    let runtime = Runtime::new().unwrap();
    let word = std::env::args().nth(1).unwrap_or_default();
    for flood in floods().into_iter().filter(|flood| flood.name.contains(&word)) {
        let server = Server::start(None);
        runtime.block_on(measure(&server, flood.name, flood.run(&server)));
        println!("  {}", server.stop());
    }
    let silence = "connections that say nothing";
    if silence.contains(&word) {
        let server = Server::start(None);
        runtime.block_on(measure(&server, silence, silent(&server)));
        println!("  {}", server.stop());
    }
}

fn floods() -> Vec<Flood> {
    const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    const QUOTE: &str = "/bidprice.v1.Pricing/Quote";
    let order = framed(&request());
    let text = format!("{}{}", " ".repeat(4_000_000), "x");
    let large =
        framed(&QuoteRequest { order: Some(Order { form: Some(order::Form::Text(text)) }), ..QuoteRequest::default() });
    let swollen = framed(&QuoteRequest { targets: vec![Target::default(); 1_000_000], ..request() });
    let flood = |name, path, sent: &Bytes, whole, waits| Flood { name, path, sent: sent.clone(), whole, waits };
    vec![
        flood("reflection streams", REFLECTION, &Bytes::new(), false, true),
        flood("health watches", "/grpc.health.v1.Health/Watch", &Bytes::from_static(&[0; 5]), true, true),
        flood("quote streams", "/bidprice.v1.Pricing/QuoteStream", &order, false, true),
        flood("heads without a body", QUOTE, &Bytes::new(), false, false),
        flood("orders but for their last byte", QUOTE, &order.slice(..order.len() - 1), false, false),
        flood("half of a large order", QUOTE, &large.slice(..2_000_000), false, false),
        flood("half of a status request", "/bidprice.v1.Pricing/Status", &Bytes::from_static(&[0; 4]), false, false),
        flood("large orders", QUOTE, &large, true, false),
        flood("orders that swell when they are read", QUOTE, &swollen, true, false),
    ]
}

/// Runs a flood while it samples memory and makes ordinary calls, and prints the results.
async fn measure(server: &Server, name: &str, flood: impl Future<Output = usize>) {
    let mut quotes = Samples::default();
    let mut refused = 0;
    quote(server, &mut quotes, &mut refused).await;
    sleep(Duration::from_secs(1)).await;
    let idle = server.rss();
    let (mut highest, began) = (idle, Instant::now());
    let mut quotes = Samples::default();
    let held = {
        let mut flood = std::pin::pin!(flood);
        loop {
            match timeout(Duration::from_millis(100), &mut flood).await {
                Ok(held) => break held,
                Err(_) => {
                    highest = highest.max(server.rss());
                    quote(server, &mut quotes, &mut refused).await;
                }
            }
        }
    };
    let lasted = began.elapsed();
    let ended = Instant::now();
    let mut after = server.rss();
    while after > idle + idle / 10 && ended.elapsed() < BACK {
        sleep(Duration::from_millis(250)).await;
        after = server.rss();
    }
    let times = kib(highest) / kib(idle);
    println!(
        "{name}: {held} calls or connections were open at the end of {lasted:.1?}\n  memory {} MB before, {} MB at its \
         highest ({times:.1} times), {} MB {:.1?} after\n  an order meanwhile: {}; {refused} without a bid",
        mb(idle),
        mb(highest),
        mb(after),
        ended.elapsed(),
        quotes.line()
    );
}

fn mb(number: u64) -> String {
    format!("{:.1}", kib(number) / 1024.0)
}

fn kib(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

/// Asks for a price over a new connection.
async fn quote(server: &Server, quotes: &mut Samples, refused: &mut usize) {
    let began = Instant::now();
    let asked = async {
        let mut send = connect(&Address::Unix(&server.socket())).await.ok()?.ready().await.ok()?;
        let uri: Uri = "http://localhost/bidprice.v1.Pricing/Quote".parse().ok()?;
        let (response, mut body) = send.send_request(head(&uri, None).ok()?, false).ok()?;
        body.send_data(framed(&request()), true).ok()?;
        let mut answer = response.await.ok()?.into_body();
        answer.data().await?.ok()
    };
    match timeout(Duration::from_secs(10), asked).await {
        Ok(Some(_)) => quotes.add(began.elapsed()),
        _ => *refused += 1,
    }
}

impl Flood {
    /// Floods for a while. Returns how many calls were open at the end.
    async fn run(self, server: &Server) -> usize {
        let uri: Uri = format!("http://localhost{}", self.path).parse().unwrap();
        let mut connections = Vec::new();
        let until = Instant::now() + TIME;
        for _ in 0..CONNECTIONS {
            if let Ok(send) = connect(&Address::Tcp(server.tcp)).await {
                connections.push(send);
            }
        }
        let mut kept: Vec<Kept> = Vec::new();
        for _ in 0..STREAMS {
            for send in &mut connections {
                if Instant::now() < until {
                    kept.extend(self.call(send, &uri).await);
                }
            }
        }
        sleep(until.saturating_duration_since(Instant::now())).await;
        let mut open = 0;
        for (response, _, _) in &mut kept {
            // Calls that were answered or reset are ready.
            let over = match response {
                Some(response) => timeout(Duration::ZERO, response).await.is_ok(),
                None => false,
            };
            open += usize::from(!over);
        }
        open
    }

    async fn call(&self, send: &mut SendRequest<Bytes>, uri: &Uri) -> Option<Kept> {
        const PATIENCE: Duration = Duration::from_millis(20);
        let mut send = timeout(PATIENCE, send.clone().ready()).await.ok()?.ok()?;
        let (mut response, mut body) = send.send_request(head(uri, None).ok()?, false).ok()?;
        body.send_data(self.sent.clone(), self.whole).ok()?;
        if !self.waits {
            return Some((Some(response), None, Some(body)));
        }
        match timeout(PATIENCE, &mut response).await {
            Ok(Ok(answer)) if answer.headers().contains_key("grpc-status") => None,
            Ok(Ok(answer)) => Some((None, Some(answer.into_body()), Some(body))),
            Ok(Err(_)) => None,
            Err(_) => Some((Some(response), None, Some(body))),
        }
    }
}

/// Opens connections that send nothing, or only the HTTP/2 preface.
async fn silent(server: &Server) -> usize {
    let mut open = Vec::new();
    let until = Instant::now() + TIME;
    while Instant::now() < until {
        if let Ok(mut stream) = UnixStream::connect(server.socket()).await {
            if open.len() % 2 == 0 {
                let _ = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
            }
            open.push(stream);
        }
        if open.len() > 600 {
            open.drain(..300);
        }
        sleep(Duration::from_millis(1)).await;
    }
    open.len()
}
