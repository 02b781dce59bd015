//! What the service can take: `cargo run --release -p benches --bin serve_load`.
//!
//! A service in a process of its own, with 100 nodes, shares the cores with its client. First as many quotes as it
//! can, then half as many a second, then four times as many with a deadline of 250 ms. `--quick` takes less time.
//! Latencies count from the moment at which a call should have begun, so that a client that falls behind hides nothing.
//!
//! `--attack` measures something else: what becomes of ordinary orders while two other callers, each a process of its
//! own, ask all the time for the largest order that is taken, 100 groups of 48 units with cards, with every set of cards.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark without its input must stop, and reports")]

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use benches::load::{Address, Clients};
use benches::plugins::{example, with_body};
use pricing_host::compile::Compiler;
use pricing_proto::bidprice::v1::{Order, QuoteRequest, order};
use pricing_service::server::{self, Service};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_millis(250);

/// The callers who ask for too much, and the requests that each has in flight.
const ATTACKERS: usize = 2;
const ATTACKS: usize = 4;
/// Ordinary orders a second beside them, and how long each is waited for.
const ORDINARY: f64 = 13.1;
const PATIENCE: Duration = Duration::from_secs(1);

/// A server in a process of its own.
struct Server {
    child: Child,
    folder: tempfile::TempDir,
    tcp: SocketAddr,
}

fn main() {
    if let Some(config) = std::env::args().skip_while(|argument| argument != "--serve").nth(1) {
        return serve(Path::new(&config));
    }
    if let Some(socket) = std::env::args().skip_while(|argument| argument != "--attacker").nth(1) {
        return attack(Path::new(&socket));
    }
    let given = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    let time = Duration::from_secs(if given("--quick") { 2 } else { 10 });
    let runtime = Runtime::new().unwrap();
    if given("--attack") {
        return measure_attack(&runtime, time);
    }
    let spin = "(local $n i32) (loop $again (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) \
                (i32.const 1))) (i32.const 2000000))))";
    measure(&runtime, "built-in", None, time);
    measure(&runtime, "plugin owner-specials", example("owner-specials.wasm"), time);
    measure(&runtime, "plugin that counts to 2,000,000", Some(with_body("", spin)), time);
}

fn measure(runtime: &Runtime, name: &str, plugin: Option<Vec<u8>>, time: Duration) {
    let server = Server::start(plugin.as_deref());
    println!("{name}: {}", server.usage());
    let mut saturation: f64 = 0.0;
    for (over, address) in [("unix", Address::Unix(&server.folder.path().join("s"))), ("tcp", Address::Tcp(server.tcp))]
    {
        let clients = runtime.block_on(Clients::connect(&address, request())).unwrap();
        let _ = clients.closed(runtime, 16, Duration::from_millis(500));
        let start = Instant::now();
        let closed = clients.closed(runtime, 16, time);
        let rate = f64::from(u32::try_from(closed.bids.count()).unwrap()) / start.elapsed().as_secs_f64();
        println!("  {over}, 16 in flight: {rate:.0} quotes/s; {}; {}", closed.bids.line(), closed.line());
        let half = clients.open(runtime, rate / 2.0, time, None);
        println!("  {over}, {:.0}/s, half of that: {}; {}", rate / 2.0, half.bids.line(), half.line());
        saturation = saturation.max(rate);
    }
    let clients = runtime.block_on(Clients::connect(&Address::Unix(&server.folder.path().join("s")), request()));
    let clients = clients.unwrap();
    println!("  before overload: {}", server.usage());
    let over = clients.open(runtime, saturation * 4.0, time, Some(DEADLINE));
    println!("  unix, {:.0}/s, four times that, deadline {DEADLINE:?}: {}", saturation * 4.0, over.line());
    println!("    bids    {}", over.bids.line());
    println!("    refused {}", over.refused.line());
    println!("  after overload: {}", server.usage());
    let again = clients.open(runtime, saturation / 2.0, time / 2, None);
    println!("  at half of saturation again: {}; {}", again.bids.line(), again.line());
    println!("  the service counts {}", server.stop());
}

/// What becomes of ordinary orders, alone and beside callers who ask for too much.
fn measure_attack(runtime: &Runtime, time: Duration) {
    let server = Server::start(None);
    let socket = server.folder.path().join("s");
    let clients = runtime.block_on(Clients::connect(&Address::Unix(&socket), request())).unwrap();
    let ordinary = |what: &str| {
        let outcomes = clients.open(runtime, ORDINARY, time, Some(PATIENCE));
        println!("  {what}: {:.1} % of {} bid on in time", outcomes.success(), outcomes.all());
        println!("    {}", outcomes.line());
        println!("    {}", outcomes.bids.line());
    };
    let bytes = large_request().order.map_or(0, |order| prost::Message::encoded_len(&order));
    println!("{ATTACKERS} callers with {ATTACKS} requests of {bytes} bytes in flight each: {}", server.usage());
    ordinary("ordinary orders alone");
    let mut attackers: Vec<Child> = (0..ATTACKERS).map(|_| attacker(&socket)).collect();
    // Until both are at it.
    std::thread::sleep(Duration::from_secs(1));
    ordinary("ordinary orders under attack");
    for attacker in &mut attackers {
        println!("  an attacker's requests: {}", ended(attacker));
    }
    println!("  under attack: {}", server.usage());
    ordinary("ordinary orders afterwards");
    println!("  the service counts {}", server.stop());
}

/// A caller who asks for too much, until its input ends.
fn attacker(socket: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--attacker").arg(socket).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn attack(socket: &Path) {
    let runtime = Runtime::new().unwrap();
    let socket: PathBuf = socket.to_owned();
    let clients = runtime.block_on(Clients::connect(&Address::Unix(&socket), large_request())).unwrap();
    let stop = CancellationToken::new();
    let asking = {
        let stop = stop.clone();
        std::thread::spawn(move || clients.closed_until(&runtime, ATTACKS, move || stop.is_cancelled()))
    };
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    stop.cancel();
    println!("{}", asking.join().unwrap().line());
}

/// Ends a process that runs until its input ends, and answers what it had to say.
fn ended(child: &mut Child) -> String {
    child.stdin.take().unwrap().flush().unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    said.trim().to_owned()
}

/// The server's process: until its input ends.
fn serve(config: &Path) {
    let runtime = Runtime::new().unwrap();
    let stop = CancellationToken::new();
    let service = {
        let _within = runtime.enter();
        Service::start(config, Compiler::InProcess).unwrap()
    };
    let serving = runtime.spawn(server::serve(service.clone(), stop.clone()));
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    println!("{:?}", service.load());
    stop.cancel();
    runtime.block_on(serving).unwrap().unwrap();
}

impl Server {
    fn start(plugin: Option<&[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut config = format!(
            "[listen]\nsocket = \"s\"\ntcp = \"{tcp}\"\n[inventory]\nfile = \"inventory.json\"\nmax_age = \"1h\"\n\
             [feed]\nusd_per_akt = \"0.5\"\n[rates.gpu]\n\"t4\" = \"80\"\n\"a100.80Gi\" = \"1000\"\n\"h100\" = \"1900\"\n\
             \"*\" = \"130\"\n"
        );
        if let Some(plugin) = plugin {
            fs::write(folder.path().join("plugin.wasm"), plugin).unwrap();
            config.push_str("[plugin]\nfile = \"plugin.wasm\"\nfuel = 1000000000\ndeadline = \"1s\"\n");
        }
        fs::write(folder.path().join("inventory.json"), inventory()).unwrap();
        let path = folder.path().join("bidprice.toml");
        fs::write(&path, config).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        let child = command.arg("--serve").arg(path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let server = Self { child, folder, tcp };
        while std::os::unix::net::UnixStream::connect(server.folder.path().join("s")).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }

    /// Memory, threads and open files at the moment.
    fn usage(&self) -> String {
        let folder = format!("/proc/{}", self.child.id());
        let status = fs::read_to_string(format!("{folder}/status")).unwrap();
        let wanted =
            |line: &&str| line.starts_with("VmRSS") || line.starts_with("VmHWM") || line.starts_with("Threads");
        let mut said = String::new();
        for line in status.lines().filter(wanted) {
            let words: Vec<&str> = line.split_whitespace().collect();
            write!(said, "{}, ", words.join(" ")).unwrap();
        }
        let files = fs::read_dir(format!("{folder}/fd")).unwrap().count();
        write!(said, "{files} open files").unwrap();
        said
    }

    fn stop(mut self) -> String {
        ended(&mut self.child)
    }
}

/// An order of three services, one with any two cards.
fn request() -> QuoteRequest {
    asked(group("group", &[unit(1, 2, 1, 4000), unit(2, 1, 0, 4000), unit(3, 1, 0, 4000)]))
}

/// The largest order that is taken: each of its units may have any card.
fn large_request() -> QuoteRequest {
    let units: Vec<String> = (1..=48).map(|id| unit(id, 1, 1, 100)).collect();
    let groups: Vec<String> = (0..100).map(|number| group(&format!("group{number}"), &units)).collect();
    QuoteRequest { alternatives: true, ..asked(format!("[{}]", groups.join(","))) }
}

fn asked(text: String) -> QuoteRequest {
    let order = Some(Order { form: Some(order::Form::Text(text)) });
    QuoteRequest { order, owner: "akash1tenantqqqqqqqqqqqqqqqqqqqqqqqqqq7wpl8u".to_owned(), ..QuoteRequest::default() }
}

fn group(name: &str, units: &[String]) -> String {
    format!(
        r#"{{"name":"{name}","requirements":{{"signed_by":{{"all_of":[],"any_of":[]}},"attributes":[]}},
        "resources":[{}]}}"#,
        units.join(",")
    )
}

fn unit(id: u32, count: u32, gpus: u32, cpu: u32) -> String {
    let attributes = if gpus > 0 { r#"[{"key":"vendor/nvidia/model/*","value":"true"}]"# } else { "[]" };
    format!(
        r#"{{"resource":{{"id":{id},"cpu":{{"units":{{"val":"{cpu}"}},"attributes":[]}},
        "memory":{{"quantity":{{"val":"8589934592"}},"attributes":[]}},
        "storage":[{{"name":"default","quantity":{{"val":"21474836480"}},"attributes":[]}}],
        "gpu":{{"units":{{"val":"{gpus}"}},"attributes":{attributes}}},
        "endpoints":[{{"kind":"SHARED_HTTP","sequence_number":0}}]}},
        "count":{count},"price":{{"denom":"uakt","amount":"1000000000"}}}}"#
    )
}

/// 100 nodes: most with cards of one kind, partly used.
fn inventory() -> String {
    const CARDS: [(u32, &str, &str, &str); 5] = [
        (4, "t4", "16Gi", "PCIe"),
        (8, "a100", "80Gi", "SXM4"),
        (4, "a100", "40Gi", "PCIe"),
        (8, "h100", "80Gi", "SXM5"),
        (2, "rtx4090", "24Gi", "PCIe"),
    ];
    let pair = |allocatable: String, allocated: String| {
        format!(
            r#"{{"allocatable":{{"string":"{allocatable}"}},"allocated":{{"string":"{allocated}"}},"capacity":{{"string":"{allocatable}"}}}}"#
        )
    };
    let nodes = (0..100_u32).zip(CARDS.iter().cycle()).map(|(place, (number, name, ram, interface))| {
        // The first nodes are full, so that there is something to search.
        let used = if place < 60 { *number } else { place % number };
        let card = format!(
            r#"{{"vendor":"nvidia","name":"{name}","modelid":"{name}","interface":"{interface}","memorySize":"{ram}"}}"#
        );
        let cards = vec![card; usize::try_from(*number).unwrap()].join(",");
        format!(
            r#"{{"name":"node{place}","resources":{{"cpu":{{"quantity":{},"info":[]}},"memory":{{"quantity":{},"info":[]}},
            "gpu":{{"quantity":{},"info":[{cards}]}},"ephemeralStorage":{},"volumesAttached":{},"volumesMounted":{}}},
            "capabilities":{{"storageClasses":["beta3"]}}}}"#,
            pair("64".to_owned(), format!("{}", if place < 40 { 63 } else { place % 50 })),
            pair("512Gi".to_owned(), format!("{}Gi", place * 3)),
            pair(number.to_string(), used.to_string()),
            pair("2Ti".to_owned(), "100Gi".to_owned()),
            pair("0".to_owned(), "0".to_owned()),
            pair("0".to_owned(), "0".to_owned()),
        )
    });
    let nodes: Vec<String> = nodes.collect();
    format!(r#"{{"nodes":[{}],"storage":[]}}"#, nodes.join(","))
}
