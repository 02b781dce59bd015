//! What the service can take: `cargo run --release -p benches --bin serve_load`.
//!
//! A service in a process of its own, with 100 nodes, shares the cores with its client. First as many quotes as it
//! can, then half as many a second, then four times as many with a deadline of 250 ms. `--quick` takes less time.
//! Latencies count from the moment at which a call should have begun, so that a client that falls behind hides nothing.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark without its input must stop, and reports")]

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
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
    let quick = std::env::args().any(|argument| argument == "--quick");
    let time = Duration::from_secs(if quick { 2 } else { 10 });
    let runtime = Runtime::new().unwrap();
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
        self.child.stdin.take().unwrap().flush().unwrap();
        let mut said = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        self.child.wait().unwrap();
        said.trim().to_owned()
    }
}

/// An order of three services, one with any two cards.
fn request() -> QuoteRequest {
    let unit = |id: u32, count: u32, gpus: u32| {
        let attributes = if gpus > 0 { r#"[{"key":"vendor/nvidia/model/*","value":"true"}]"# } else { "[]" };
        format!(
            r#"{{"resource":{{"id":{id},"cpu":{{"units":{{"val":"4000"}},"attributes":[]}},
            "memory":{{"quantity":{{"val":"8589934592"}},"attributes":[]}},
            "storage":[{{"name":"default","quantity":{{"val":"21474836480"}},"attributes":[]}}],
            "gpu":{{"units":{{"val":"{gpus}"}},"attributes":{attributes}}},
            "endpoints":[{{"kind":"SHARED_HTTP","sequence_number":0}}]}},
            "count":{count},"price":{{"denom":"uakt","amount":"1000000000"}}}}"#
        )
    };
    let text = format!(
        r#"{{"name":"group","requirements":{{"signed_by":{{"all_of":[],"any_of":[]}},"attributes":[]}},
        "resources":[{},{},{}]}}"#,
        unit(1, 2, 1),
        unit(2, 1, 0),
        unit(3, 1, 0)
    );
    let order = Some(Order { form: Some(order::Form::Text(text)) });
    QuoteRequest { order, owner: "akash1tenantqqqqqqqqqqqqqqqqqqqqqqqqqq7wpl8u".to_owned(), ..QuoteRequest::default() }
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
