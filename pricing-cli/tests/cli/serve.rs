//! The service as operators run it: signals, exit codes, probes, stderr.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test must say so at once")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use pricing_engine::telemetry::HAS_OTLP;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::programs::HANG;
use testkit::free_address::FreeAddress;

pub(crate) fn bidprice(folder: &Path, args: &[&str]) -> Output {
    crate::programs::bidprice().current_dir(folder).args(args).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// A service in a child process.
pub(crate) struct Running {
    pub(crate) folder: TempDir,
    pub(crate) child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("bidprice.toml"), config).unwrap();
        Self::start_in(folder)
    }

    /// Starts it in an existing folder.
    pub(crate) fn start_in(folder: TempDir) -> Self {
        let mut child = crate::programs::bidprice()
            .current_dir(folder.path())
            .args(["serve", "--config", "bidprice.toml"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines() {
                let _ = sender.send(line.unwrap());
            }
        });
        let running = Self { folder, child, lines };
        running.wait_for("serving");
        running
    }

    /// Waits for a line on stderr that contains a word.
    pub(crate) fn wait_for(&self, word: &str) -> String {
        let until = Instant::now() + HANG;
        loop {
            let line = self.lines.recv_timeout(until.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|error| panic!("`{word}` was never told: {error}"));
            if line.contains(word) {
                return line;
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn ask(&self, args: &[&str]) -> Output {
        let args = [args, &["--socket", "bidprice.sock", "--timeout", "10min"]].concat();
        bidprice(self.folder.path(), &args)
    }

    pub(crate) fn status(&self) -> Value {
        json(&self.ask(&["status", "--output", "json"]))
    }

    fn configure(&self, config: &str) {
        fs::write(self.folder.path().join("new"), config).unwrap();
        fs::rename(self.folder.path().join("new"), self.folder.path().join("bidprice.toml")).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const LISTEN: &str = "[listen]\nsocket = \"bidprice.sock\"\n[reload]\nwatch = \"0s\"\n[feed]\nusd_per_akt = \"0.50\"\n";

#[test]
fn it_is_probed_looked_at_reloaded_and_ends_on_sigterm() {
    let mut running = Running::start(LISTEN);
    let probed = running.ask(&["probe"]);
    assert_eq!((probed.status.code(), stdout(&probed).as_str()), (Some(0), "serving\n"));
    let status = running.status();
    assert_eq!((&status["schema"], &status["reload"]["taken"]), (&Value::from(1), &Value::from(0)));
    let before = status["rates"]["digest"].clone();
    running.configure(&format!("{LISTEN}[rates]\ncpu = 3\n"));
    running.signal(Signal::HUP);
    running.wait_for("the configuration was loaded");
    assert_ne!(running.status()["rates"]["digest"], before);
    running.configure("[listn]");
    running.signal(Signal::HUP);
    let told = running.wait_for("was refused");
    assert!(told.contains("did you mean `listen`?"), "{told}");
    let refused = running.ask(&["reload"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("did you mean `listen`?"), "{refused:?}");
    let shown = stdout(&running.ask(&["status"]));
    assert!(shown.contains("2 refused") && shown.contains("PROBLEM"), "{shown}");
    running.configure(LISTEN);
    let taken = running.ask(&["reload", "--output", "json"]);
    assert_eq!(json(&taken)["rates_digest"], before);
    running.signal(Signal::TERM);
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    let probed = running.ask(&["probe"]);
    assert_eq!(probed.status.code(), Some(1));
    assert!(stderr(&probed).contains("no service answers there"), "{probed:?}");
}

#[test]
fn what_is_told_is_json_when_asked_for_and_a_closed_stderr_ends_nothing() {
    let mut running = Running::start(&format!("{LISTEN}[tracing]\nformat = \"json\"\n"));
    running.signal(Signal::HUP);
    let line: Value = serde_json::from_str(&running.wait_for("the configuration was loaded")).unwrap();
    assert_eq!((&line["level"], line["rates"].is_string()), (&Value::from("INFO"), true));
    // From here on, stderr has no reader.
    let (_, nobody) = channel();
    drop(std::mem::replace(&mut running.lines, nobody));
    for _ in 0..5 {
        assert_eq!(running.ask(&["reload"]).status.code(), Some(0));
    }
    assert_eq!(running.ask(&["probe"]).status.code(), Some(0));
}

#[test]
fn the_level_of_what_is_told_can_be_changed() {
    let running = Running::start(LISTEN);
    running.configure(&format!("{LISTEN}[tracing]\nlevel = \"error\"\n"));
    assert_eq!(running.ask(&["reload"]).status.code(), Some(0));
    running.configure("[nonsense]");
    assert_eq!(running.ask(&["reload"]).status.code(), Some(1));
    // The reload that succeeded logs below the level that it sets.
    let next = running.wait_for("");
    assert!(next.contains("was refused"), "{next}");
}

#[test]
fn an_expired_certificate_is_told_at_the_start_in_the_status_and_by_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(2020, 1, 1);
    let certificate = params.self_signed(&key).unwrap().pem();
    put("c.pem", &certificate);
    put("k.pem", &key.serialize_pem());
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(folder.path().join("k.pem"), mode).unwrap();
    let free = FreeAddress::new();
    let tls = "[listen.tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\nclient_ca = \"c.pem\"\n";
    put("bidprice.toml", &format!("[listen]\nsocket = \"bidprice.sock\"\ntcp = \"{}\"\n{tls}", free.get()));
    let problem = "the certificate expired on 2020-01-01T00:00:00Z; renew it and restart";
    let checked = bidprice(folder.path(), &["config", "check", "bidprice.toml"]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    assert!([stdout(&checked), stderr(&checked)].concat().contains(problem), "{checked:?}");
    let running = Running::start_in(folder);
    let told = running.wait_for(problem);
    assert!(told.contains("WARN"), "{told}");
    assert_eq!(running.status()["certificate"]["problem"], problem);
    let shown = stdout(&running.ask(&["status"]));
    assert!(shown.contains(problem), "{shown}");
}

#[test]
fn a_bad_configuration_exits_1_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let serve = |config: &str| {
        fs::write(folder.path().join("bidprice.toml"), config).unwrap();
        bidprice(folder.path(), &["serve", "--config", "bidprice.toml"])
    };
    let refused = serve("[limits]\nconcurency = 4\n");
    assert_eq!(refused.status.code(), Some(1));
    let told = "error: bidprice.toml: line 2, column 1, at `limits.concurency`: `concurency` is not a key of the configuration (did you mean `concurrency`?)\n";
    assert_eq!(stderr(&refused), told);
    let absent = bidprice(folder.path(), &["serve", "--config", "absent.toml"]);
    assert_eq!(absent.status.code(), Some(1));
    let refused = serve("[listen]\nsocket = \"s\"\n[plugin]\nfile = \"absent.wasm\"\n");
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("line 4, column 1, at `plugin.file`"), "{refused:?}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let refused = serve(&format!("[listen]\nsocket = \"s\"\nmetrics = \"{address}\"\n"));
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains(&format!("cannot listen on {address}")), "{refused:?}");
}

#[test]
fn config_check_tells_of_everything_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let check = |config: &str| {
        fs::write(folder.path().join("bidprice.toml"), config).unwrap();
        bidprice(folder.path(), &["config", "check", "bidprice.toml", "--output", "json"])
    };
    let good = check("[listen]\nsocket = \"s\"\n[rates.gpu]\n\"*\" = 100\n");
    assert_eq!(good.status.code(), Some(0));
    let report = json(&good);
    assert_eq!(report["schema"], 1);
    let severities: Vec<_> = report["problems"].as_array().unwrap().iter().map(|p| p["severity"].clone()).collect();
    assert_eq!(severities, ["warning"]);
    assert!(report["rates_digest"].as_str().unwrap().starts_with("sha256:"));
    let bad = check("[listen]\nsocket = \"s\"\n[limits]\nqueu = 1\nrate = 0\n");
    assert_eq!(bad.status.code(), Some(1));
    let report = json(&bad);
    let keys: Vec<_> =
        report["problems"].as_array().unwrap().iter().map(|p| (p["key"].clone(), p["line"].clone())).collect();
    assert_eq!(keys, [("limits.queu".into(), 4.into()), ("limits.rate".into(), 5.into())]);
    fs::write(folder.path().join("bad.wasm"), b"\0asm garbage").unwrap();
    let bad = check(
        "[listen]\nsocket = \"bad.wasm/s\"\n[plugin]\nfile = \"bad.wasm\"\n[bid_log]\nfolder = \"bad.wasm/log\"\n[inventory]\nfile = \"absent.json\"\n",
    );
    assert_eq!(bad.status.code(), Some(1));
    let report = json(&bad);
    let of = |key: &str| {
        report["problems"]
            .as_array()
            .unwrap()
            .iter()
            .find(|p| p["key"] == key)
            .unwrap_or_else(|| panic!("{key}: {report}"))
            .clone()
    };
    assert_eq!((of("plugin.file")["line"].clone(), of("plugin.file")["severity"].clone()), (4.into(), "error".into()));
    assert_eq!(of("listen.socket")["severity"], "error");
    assert_eq!(of("bid_log.folder")["severity"], "error");
    assert_eq!(of("inventory.file")["severity"], "warning");
    let shown = bidprice(folder.path(), &["config", "check", "bidprice.toml"]);
    assert!(stdout(&shown).contains("bidprice.toml:4:1: error: `plugin.file`: "), "{shown:?}");
    // Nothing was started or created.
    assert!(!folder.path().join("s").exists());
}

/// Starts a collector. Returns its address, and what it receives.
fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
    use std::io::Write;

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut line, mut head, mut length) = (String::new(), String::new(), 0);
            loop {
                line.clear();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                    break;
                }
                if let Some((_, value)) = line.to_ascii_lowercase().split_once("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_ok() {
                let _ = sender.send((head, body));
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        }
    });
    (address, received)
}

#[test]
fn a_build_without_the_collector_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("{LISTEN}[tracing]\notlp = \"http://127.0.0.1:4318\"\n");
    fs::write(folder.path().join("bidprice.toml"), config).unwrap();
    let checked = bidprice(folder.path(), &["config", "check", "bidprice.toml"]);
    let refused = stdout(&checked).contains("built without OpenTelemetry") && stdout(&checked).contains("`otlp`");
    assert_eq!((checked.status.code(), refused), if HAS_OTLP { (Some(0), false) } else { (Some(1), true) });
}

#[test]
fn spans_reach_a_collector_at_the_latest_when_the_service_ends() {
    if !HAS_OTLP {
        return;
    }
    let (address, received) = collector();
    let mut running = Running::start(&format!("{LISTEN}[tracing]\notlp = \"{address}\"\n"));
    screen(&running);
    running.signal(Signal::TERM);
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    let (head, body) = received.recv_timeout(HANG).unwrap();
    assert!(head.starts_with("POST /v1/traces "), "{head}");
    let has = |word: &str| body.windows(word.len()).any(|window| window == word.as_bytes());
    assert!(has("request") && has("bidprice") && has("screen"), "{}", String::from_utf8_lossy(&body));
}

#[test]
fn a_dead_collector_holds_up_neither_answers_nor_the_end() {
    if !HAS_OTLP {
        return;
    }
    // It accepts connections, and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut running = Running::start(&format!("{LISTEN}[tracing]\notlp = \"http://{address}\"\n"));
    for _ in 0..20 {
        screen(&running);
    }
    assert_eq!(running.ask(&["probe"]).status.code(), Some(0));
    running.signal(Signal::TERM);
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
}

/// Makes the service screen a small order.
fn screen(running: &Running) {
    use pricing_proto::bidprice::v1::pricing_client::PricingClient;
    use pricing_proto::bidprice::v1::{Order, ScreenRequest, order};

    let text = r#"{"resources":[{"memory":1073741824,"cpu":1000,"gpu":{"units":0},"storage":[],"count":1,"endpoint_quantity":0,"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"1000000"}}"#;
    let uri = format!("unix://{}", running.folder.path().join("bidprice.sock").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let channel = tonic::transport::Endpoint::from_shared(uri).unwrap().connect().await.unwrap();
        let order = Some(Order { form: Some(order::Form::Text(text.to_owned())) });
        PricingClient::new(channel).screen(ScreenRequest { order, owner: String::new() }).await.unwrap();
    });
}
