//! A service with 100 nodes in its own process, for measurements from outside.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "a benchmark without its input must stop, and the server's process reports on its output"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pricing_host::compile::Compiler;
use pricing_proto::bidprice::v1::{Order, QuoteRequest, order};
use pricing_service::Service;
use tokio_util::sync::CancellationToken;

/// A server process, which runs this same program.
#[derive(Debug)]
pub struct Server {
    child: Child,
    folder: tempfile::TempDir,
    /// The TCP address. It also listens on a Unix socket.
    pub tcp: SocketAddr,
}

/// Runs the server if this process was started as one. Returns whether it was.
#[must_use]
pub fn served() -> bool {
    let config = std::env::args().skip_while(|argument| argument != "--serve").nth(1);
    config.is_some_and(|config| {
        serve(Path::new(&config));
        true
    })
}

/// Runs the server until its standard input ends.
fn serve(config: &Path) {
    let runtime = pricing_service::runtime().unwrap();
    let stop = CancellationToken::new();
    let service = {
        let _within = runtime.enter();
        Service::start(config, Compiler::InProcess).unwrap()
    };
    let serving = runtime.spawn(pricing_service::serve(service.clone(), stop.clone()));
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    println!("{:?}", service.load());
    stop.cancel();
    runtime.block_on(serving).unwrap().unwrap();
}

impl Server {
    /// Starts a server, and waits until it listens.
    #[must_use]
    pub fn start(plugin: Option<&[u8]>) -> Self {
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
        while UnixStream::connect(server.socket()).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }

    /// Returns the path of its Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// Returns its resident memory, in KiB.
    #[must_use]
    pub fn rss(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Returns the processor time that it has used so far.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, rest) = stat.rsplit_once(')').unwrap();
        let ticks: u64 = rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        // Linux counts 100 ticks per second.
        Duration::from_millis(ticks * 10)
    }

    /// Formats its memory, threads and open files.
    #[must_use]
    pub fn usage(&self) -> String {
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

    /// Stops the server, and returns the counts that it printed.
    #[must_use]
    pub fn stop(mut self) -> String {
        self.child.stdin.take().unwrap().flush().unwrap();
        let mut said = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        self.child.wait().unwrap();
        said.trim().to_owned()
    }
}

/// Returns an order of three services, one of which has two replicas with a card of any kind each.
#[must_use]
pub fn request() -> QuoteRequest {
    asked(group("group", &[unit(1, 2, 1, 4000), unit(2, 1, 0, 4000), unit(3, 1, 0, 4000)]))
}

/// Returns the largest order that is accepted: 100 groups of 48 units, each with a card of any kind.
#[must_use]
pub fn large_request() -> QuoteRequest {
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

/// Returns an inventory of 100 nodes. Each has cards of one kind, of which some or all are in use.
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
        // The first nodes are full, so that the search has work to do.
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
