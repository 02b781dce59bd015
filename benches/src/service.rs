//! A service with 100 nodes in its own process, for measurements from outside.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    reason = "a benchmark without its input must stop, and the server's process reports on its output"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use pricing_engine::config::{Files, load_files};
use pricing_engine::telemetry;
use pricing_host::compile::Compiler;
use pricing_service::Service;
use tokio_util::sync::CancellationToken;

use crate::core_quote::CoreQuote;
use crate::{echo, site};

/// A server process, which runs this same program.
#[derive(Debug)]
pub struct Server {
    child: Child,
    answers: BufReader<ChildStdout>,
    folder: tempfile::TempDir,
    /// The TCP address. It also listens on a Unix socket.
    pub tcp: SocketAddr,
}

/// How many orders a service has priced, and how long that took, by its own count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Priced {
    /// The orders.
    pub orders: u64,
    /// The time from reading the order to its answer's message, without waiting.
    pub took: Duration,
}

impl Priced {
    /// Returns the mean time since an earlier count.
    #[must_use]
    pub fn mean_since(self, before: Self) -> Duration {
        let orders = u32::try_from(self.orders - before.orders).unwrap().max(1);
        (self.took - before.took) / orders
    }
}

/// Runs the server if this process was started as one. Returns whether it was.
#[must_use]
pub fn served() -> bool {
    let of = |role: &str| std::env::args().skip_while(|argument| argument != role).nth(1);
    match (of("--serve"), of("--echo")) {
        (Some(config), _) => serve(Path::new(&config)),
        (None, Some(folder)) => echo::serve(Path::new(&folder)),
        (None, None) => return false,
    }
    true
}

/// Runs the server until its standard input ends. It answers each line of that with one line.
fn serve(config: &Path) {
    let loaded = load_files(&Files::read(&config.into())).unwrap();
    let _telemetry = telemetry::install(&loaded.config.tracing).unwrap();
    let runtime = pricing_service::runtime().unwrap();
    let stop = CancellationToken::new();
    let service = {
        let _within = runtime.enter();
        Service::start(config, Compiler::InProcess).unwrap()
    };
    let serving = runtime.spawn(pricing_service::serve(service.clone(), stop.clone()));
    for line in std::io::stdin().lines() {
        match line.unwrap().as_str() {
            "priced" => println!("{} {}", service.load().priced, service.load().took.as_nanos()),
            "core" => println!("{}", CoreQuote::of(service.engine()).mean().as_nanos()),
            other => println!("`{other}` is unknown"),
        }
    }
    println!("{:?}", service.load());
    stop.cancel();
    runtime.block_on(serving).unwrap().unwrap();
}

impl Server {
    /// Starts a server that logs nothing, and waits until it listens.
    #[must_use]
    pub fn start(plugin: Option<&[u8]>) -> Self {
        Self::configured(plugin, site::QUIET)
    }

    /// Starts a server with further sections in its configuration, and waits until it listens.
    #[must_use]
    pub fn configured(plugin: Option<&[u8]>, more: &str) -> Self {
        let (folder, tcp) = (tempfile::tempdir().unwrap(), free_address());
        let mut config = format!("{more}[listen]\nsocket = \"s\"\ntcp = \"{tcp}\"\n");
        if let Some(plugin) = plugin {
            fs::write(folder.path().join("plugin.wasm"), plugin).unwrap();
            config.push_str("[plugin]\nfile = \"plugin.wasm\"\nfuel = 1000000000\ndeadline = \"1s\"\n");
        }
        let path = site::write(folder.path(), &config);
        Self::spawn("--serve", &path, folder, tcp)
    }

    /// Starts a server that answers every call with `answer` and does nothing else, and waits until it listens.
    #[must_use]
    pub fn echo(answer: &[u8]) -> Self {
        let (folder, tcp) = (tempfile::tempdir().unwrap(), free_address());
        echo::write(folder.path(), tcp, answer);
        let path = folder.path().to_owned();
        Self::spawn("--echo", &path, folder, tcp)
    }

    fn spawn(role: &str, argument: &Path, folder: tempfile::TempDir, tcp: SocketAddr) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(role).arg(argument).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Log lines are written, and nobody reads them.
        command.stderr(fs::File::create(folder.path().join("stderr")).unwrap());
        let mut child = command.spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self { child, answers, folder, tcp };
        while UnixStream::connect(server.socket()).is_err() {
            assert!(server.child.try_wait().unwrap().is_none(), "the server has ended: {}", server.complaints());
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }

    fn complaints(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }

    fn ask(&mut self, what: &str) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{what}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    /// Returns what the service has priced so far.
    #[must_use]
    pub fn priced(&mut self) -> Priced {
        let answer = self.ask("priced");
        let (orders, nanos) = answer.split_once(' ').unwrap();
        Priced { orders: orders.parse().unwrap(), took: Duration::from_nanos(nanos.parse().unwrap()) }
    }

    /// Returns how long the core alone takes for the order of [`site::request`], on the service's own inventory and in its
    /// process. The service should have nothing to do meanwhile.
    #[must_use]
    pub fn core(&mut self) -> Duration {
        Duration::from_nanos(self.ask("core").parse().unwrap())
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
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.answers.read_to_string(&mut said).unwrap();
        self.child.wait().unwrap();
        said.trim().to_owned()
    }
}

/// Returns an address that was free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
