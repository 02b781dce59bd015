//! `bidprice doctor` on whole installations: a good one, each problem on its own, and several at once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test must say so at once")]

mod daemon;
mod sources;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::SystemTime;

use rustix::process::{Signal, geteuid};
use tempfile::TempDir;
use testkit::free_address::FreeAddress;

use crate::serve::{Running, bidprice, json, stdout};

/// The configuration of every installation. The sections that cases replace are added to it.
const BASE: &str = "[listen]\nsocket = \"bidprice.sock\"\n[rates]\nfile = \"rates.toml\"\n[bid_log]\nfolder = \"log\"\n\
                    [reload]\nwatch = \"0s\"\n";
const INVENTORY: &str = "[inventory]\nfile = \"inventory.json\"\nmax_age = \"10years\"\n";
const FIXED: &str = "[feed]\nusd_per_akt = \"0.50\"\n";

/// An installation whose configuration is `config`.
fn installed(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus");
    fs::copy(format!("{corpus}/inventory/mixed.json"), folder.path().join("inventory.json")).unwrap();
    fs::write(folder.path().join("rates.toml"), "[rates]\ncpu = 2\n[rates.gpu]\n\"*\" = 50\n").unwrap();
    fs::write(folder.path().join("bidprice.toml"), config).unwrap();
    folder
}

fn doctor(folder: &Path) -> Output {
    bidprice(folder, &["doctor", "--config", "bidprice.toml"])
}

/// The lines of the problems.
fn problems(shown: &str) -> Vec<&str> {
    shown.lines().filter_map(|line| line.strip_prefix("  problem  ")).collect()
}

/// Expects one problem, in a line that has each of these words.
fn expect_problem(folder: &Path, words: &[&str]) {
    let output = doctor(folder);
    let shown = stdout(&output);
    assert_eq!(output.status.code(), Some(3), "{words:?}: {output:?}");
    let [problem] = problems(&shown)[..] else { panic!("{words:?} is not the only problem:\n{shown}") };
    for word in words {
        assert!(problem.contains(word), "`{word}` is missing in:\n{problem}");
    }
    assert!(shown.contains("something must be mended: 1 problem, "), "{shown}");
}

/// An HTTP server that answers every request with the same headers and body. Returns its address.
fn server(headers: impl Fn() -> String + Send + 'static, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.extend(byte);
            }
            let length = body.len();
            // The peer may have gone.
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\n{}connection: close\r\ncontent-length: {length}\r\n\r\n{body}",
                headers()
            );
        }
    });
    address
}

/// A server that accepts connections, and never answers.
fn hung() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (listener, address)
}

fn date() -> String {
    format!("date: {}\r\n", httpdate::fmt_http_date(SystemTime::now()))
}

fn feed(source: &str) -> String {
    format!("[feed]\ncache = \"feed.cache\"\ntimeout = \"5m\"\n[[feed.source]]\nurl = \"{source}\"\npath = \"usd\"\n")
}

/// Every file below a folder, with its size and its time of change.
fn files(folder: &Path) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = fs::symlink_metadata(&path).unwrap();
        if found.is_dir() {
            all.extend(files(&path));
        }
        // The time at which a folder changed tells of a file that was made and removed.
        all.insert(path, (found.len(), found.mtime(), found.mtime_nsec()));
    }
    all
}

const BLOCK: &str = r#"{"block":{"header":{"chain_id":"akashnet-2","height":"100","time":"2026-11-29T12:00:00Z"}}}"#;

#[test]
fn a_good_installation_is_well_and_left_as_it_is() {
    let (tcp, metrics) = (FreeAddress::new(), FreeAddress::new());
    let source = server(date, "{\"usd\":0.5}");
    let node = server(date, BLOCK);
    let config =
        BASE.replace("sock\"\n", &format!("sock\"\ntcp = \"{}\"\nmetrics = \"{}\"\n", tcp.get(), metrics.get()));
    let plugin = "[plugin]\nfile = \"plugin.wasm\"\ncache = \"cache\"\ndeadline = \"4s\"\n";
    let outcomes = format!(
        "[outcomes]\nrest = [\"{node}\"]\nprovider = \"akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63\"\ntimeout = \"5m\"\n"
    );
    let folder = installed(&[&config, INVENTORY, plugin, &outcomes, &feed(&source)].concat());
    fs::write(folder.path().join("plugin.wasm"), crate::service::built_plugin("ratio-guard")).unwrap();
    let before = files(folder.path());
    let output = doctor(folder.path());
    let shown = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for words in [
        "configuration\n  ok       bidprice.toml: every key is understood; the rates are sha256:",
        "warning  bidprice.sock: there is no socket: the service does not run; start it, by `bidprice serve --config",
        &format!("ok       `listen.tcp` {}: it can be listened on", tcp.get()),
        &format!("ok       `listen.metrics` {}: it can be listened on", metrics.get()),
        "ok       `inventory.file`: the file inventory.json: ",
        "old, and 10years is the limit; 7 nodes, ",
        "ok       `feed`: an AKT is worth 0.50 USD now; 1 of 1 source answered well",
        "ok       plugin.wasm: it loads, and answers a probe; sha256:",
        "ok       `bid_log.folder`: log: it is missing, and a start makes it (mode 700)",
        "it answers, at height 100",
        "by the answer's date: this system's clock is ",
        "ok       environment: not the daemon's",
        "\nall is well, with ",
    ] {
        assert!(shown.contains(words), "`{words}` is missing in:\n{shown}");
    }
    assert_eq!(files(folder.path()), before, "the doctor has left something behind");
}

#[test]
fn each_problem_of_the_configuration_is_told_with_its_place() {
    let whole = [BASE, INVENTORY, FIXED].concat();
    for (config, words) in [
        ("[listn]\n".to_owned() + &whole, &["`listn` (bidprice.toml:1:2): ", "did you mean `listen`?"][..]),
        (whole.clone() + "[limits]\nqueu = 1\n", &["`limits.queu` (bidprice.toml:15:1): ", "did you mean `queue`?"]),
        (whole.clone() + "[limits\n", &["bidprice.toml:14:"]),
        (whole.replace("rates.toml", "absent.toml"), &["absent.toml: ", "No such file"]),
        (whole.replace("rates.toml", "."), &["it is a folder, not a plain file"]),
        (whole.replace("bidprice.sock", &"s".repeat(120)), &["`listen.socket` (bidprice.toml:2:1): ", "107 bytes"]),
        (whole.clone() + "[plugin]\nfile = \"rates.toml\"\n", &["`plugin.file` (bidprice.toml:15:1): rates.toml: "]),
        (whole.clone() + "[plugin]\nfile = \".\"\n", &["`plugin.file` ", "folder"]),
        (
            whole.replace(
                "[rates]\n",
                "tcp = \"127.0.0.1:PORT\"\n[listen.tls]\ncertificate = \"c\"\nkey = \"k\"\nclient_ca = \"a\"\n[rates]\n",
            ),
            &["`listen.tls.certificate` (bidprice.toml:5:1): c: ", "No such file"],
        ),
        (whole.replace("[rates]\n", "tcp = \"0.0.0.0:9310\"\n[rates]\n"), &["`listen.tcp`", "[listen.tls]"]),
    ] {
        let free = FreeAddress::new();
        let config = config.replace("127.0.0.1:PORT", &free.get().to_string());
        expect_problem(installed(&config).path(), words);
    }
    // Its lines and the accepted rate card have no place.
    let shown = stdout(&doctor(installed(&whole.replace("\"log\"", "\"rates.toml\"")).path()));
    for words in
        ["`bid_log.folder` (bidprice.toml:6:1): rates.toml: it is not a folder", "`reload.state` (bidprice.toml:7:2)"]
    {
        assert!(problems(&shown).iter().any(|problem| problem.contains(words)), "`{words}` is missing in:\n{shown}");
    }
    let folder = installed(&whole);
    fs::remove_file(folder.path().join("bidprice.toml")).unwrap();
    expect_problem(folder.path(), &["bidprice.toml: ", "No such file"]);
    fs::create_dir(folder.path().join("bidprice.toml")).unwrap();
    expect_problem(folder.path(), &["bidprice.toml: ", "it is a folder, not a plain file"]);
}

#[test]
fn what_is_in_the_socket_s_place_is_told() {
    let whole = [BASE, INVENTORY, FIXED].concat();
    let folder = installed(&whole);
    let socket = folder.path().join("bidprice.sock");
    fs::write(&socket, "").unwrap();
    let words = ["bidprice.sock: ", "something that is not a socket", "change `listen.socket` for another path"];
    expect_problem(folder.path(), &words);
    fs::remove_file(&socket).unwrap();
    symlink("nowhere", &socket).unwrap();
    expect_problem(folder.path(), &words);
    fs::remove_file(&socket).unwrap();
    // A service that was killed leaves its socket.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let output = doctor(folder.path());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).contains("warning  bidprice.sock: nobody listens: "), "{output:?}");
    // It listens, and is not a service.
    fs::remove_file(&socket).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    expect_problem(folder.path(), &["bidprice.sock: ", "no service answers there", "restart it if it hangs"]);
    drop(listener);
    fs::remove_file(&socket).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    expect_problem(
        folder.path(),
        &["`listen.socket` (bidprice.toml:2:1): ", "others may change the folder", "chmod go-w"],
    );
}

#[test]
fn addresses_that_another_program_has_are_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for key in ["tcp", "metrics"] {
        let config = [BASE, INVENTORY, FIXED].concat();
        let folder = installed(&config.replace("[rates]\n", &format!("{key} = \"{address}\"\n[rates]\n")));
        expect_problem(folder.path(), &[&format!("`listen.{key}` {address}: "), "stop the program that listens there"]);
    }
}

#[test]
fn a_bid_log_that_others_may_read_is_told() {
    let folder = installed(&[BASE, INVENTORY, FIXED].concat());
    let log = folder.path().join("log");
    fs::create_dir(&log).unwrap();
    fs::set_permissions(&log, fs::Permissions::from_mode(0o755)).unwrap();
    expect_problem(folder.path(), &["`bid_log.folder` (bidprice.toml:6:1): ", "log", "run `chmod 700` on it"]);
    fs::set_permissions(&log, fs::Permissions::from_mode(0o700)).unwrap();
    let output = doctor(folder.path());
    let shown = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(shown.contains(" mode 700, that can be written") && shown.contains(" free on its disk"), "{shown}");
}

#[test]
fn several_problems_are_told_together_and_in_json() {
    let config = [BASE, INVENTORY, FIXED, "[plugin]\nfile = \"absent.wasm\"\n"].concat();
    let folder = installed(&config);
    fs::remove_file(folder.path().join("inventory.json")).unwrap();
    let output = doctor(folder.path());
    let shown = stdout(&output);
    assert_eq!((output.status.code(), problems(&shown).len()), (Some(3), 2), "{shown}");
    assert!(shown.contains("something must be mended: 2 problems, "), "{shown}");
    let answer = bidprice(folder.path(), &["doctor", "--config", "bidprice.toml", "--json"]);
    assert_eq!(answer.status.code(), Some(3));
    let answer = json(&answer);
    assert_eq!((&answer["schema"], &answer["state"], &answer["problems"]), (&1.into(), &"problem".into(), &2.into()));
    let checks = answer["checks"].as_array().unwrap();
    let plugin = checks.iter().find(|check| check["subject"] == "`plugin.file`").unwrap();
    assert_eq!(
        (&plugin["group"], &plugin["state"], &plugin["file"]),
        (&"plugin".into(), &"problem".into(), &"bidprice.toml".into())
    );
    assert_eq!(
        (&plugin["line"], &plugin["column"], &plugin["remedy"]),
        (&15.into(), &1.into(), &serde_json::Value::Null)
    );
    let inventory = checks.iter().find(|check| check["group"] == "inventory").unwrap();
    assert!(inventory["remedy"].as_str().unwrap().contains("until then there is no bid"), "{inventory}");
    // Both ways to ask for JSON give the same checks, but for what the moment decides.
    let other = json(&bidprice(folder.path(), &["doctor", "--config", "bidprice.toml", "--output", "json"]));
    assert_eq!(other["checks"].as_array().unwrap().len(), checks.len());
}

#[test]
fn a_service_that_runs_is_asked_for_its_status() {
    let (tcp, metrics) = (FreeAddress::new(), FreeAddress::new());
    let addresses = format!("tcp = \"{}\"\nmetrics = \"{}\"\n", tcp.get(), metrics.get());
    let config = [BASE, INVENTORY, FIXED].concat().replace("[rates]\n", &format!("{addresses}[rates]\n"));
    let mut running = Running::start_in(installed(&config));
    let output = doctor(running.folder.path());
    let shown = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let version = env!("CARGO_PKG_VERSION");
    for words in [
        "ok       bidprice.sock: a service listens; owner ",
        ", mode 600: ",
        &format!("service\n  ok       version: {version}, up for "),
        &format!("ok       `listen.tcp` {}: in use, while the service runs", tcp.get()),
        &format!("ok       `listen.metrics` {}: in use, while the service runs", metrics.get()),
        "a folder, owner ",
    ] {
        assert!(shown.contains(words), "`{words}` is missing in:\n{shown}");
    }
    // The service was not told of another card and another address.
    let path = running.folder.path().join("rates.toml");
    fs::write(path, "[rates]\ncpu = 3\n[rates.gpu]\n\"*\" = 50\n").unwrap();
    let another = FreeAddress::new();
    let config = config.replace(&tcp.get().to_string(), &another.get().to_string());
    fs::write(running.folder.path().join("bidprice.toml"), config).unwrap();
    let shown = stdout(&doctor(running.folder.path()));
    assert!(shown.contains("warning  rates: it prices with the rates sha256:"), "{shown}");
    assert!(shown.contains("the service that runs does not listen there; restart it"), "{shown}");
    running.signal(Signal::KILL);
    running.child.wait().unwrap();
    let shown = stdout(&doctor(running.folder.path()));
    assert!(shown.contains("warning  bidprice.sock: nobody listens: "), "{shown}");
}

#[test]
fn files_that_may_not_be_read_are_told() {
    // Root may read everything.
    if geteuid().is_root() {
        return;
    }
    let folder = installed(&[BASE, INVENTORY, FIXED].concat());
    let close =
        |name: &str, mode| fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    close("inventory.json", 0o000);
    expect_problem(folder.path(), &["`inventory.file`: ", "Permission denied"]);
    close("inventory.json", 0o600);
    close("rates.toml", 0o000);
    expect_problem(folder.path(), &["rates.toml: ", "Permission denied"]);
}
