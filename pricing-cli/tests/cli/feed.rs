//! `bidprice feed update` with a real socket, and `bidprice-script` with the file that it wrote.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use testkit::free_address::FreeAddress;

/// Starts a source that answers with each body in turn, and then stops listening. Returns its address.
fn source(bodies: &'static [&'static str]) -> String {
    let free = FreeAddress::new();
    let mut listener = TcpListener::bind(free.get()).ok();
    let url = format!("http://{}/", free.get());
    // The port stays reserved, so that nobody else listens there afterwards.
    std::mem::forget(free);
    thread::spawn(move || {
        for (number, body) in (1..).zip(bodies) {
            let (mut stream, _) = listener.as_ref().unwrap().accept().unwrap();
            if number == bodies.len() {
                // It stops listening before it sends the last answer.
                listener = None;
            }
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            let length = body.len();
            // The peer may have closed the connection already.
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        }
    });
    url
}

struct Output {
    exit: Option<i32>,
    stdout: String,
    stderr: String,
}

fn bidprice(args: &[&str]) -> Output {
    let output = crate::programs::bidprice().args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output { exit: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs an update with as much time as its sources need.
fn update(args: &[&str]) -> Output {
    bidprice(&[&["feed", "update", "--timeout", "10min"], args].concat())
}

/// Runs `bidprice-script` with a cache file on the example request.
fn script(cache: &Path) -> String {
    let request = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/request.json");
    let mut command = Command::new(crate::programs::bidprice_script());
    command.env_clear().env("BIDPRICE_RATE_CACHE", cache).env("PRICE_TARGET_GPU_MAPPINGS", "t4=80,h100=1900");
    let output = command.stdin(Stdio::from(File::open(request).unwrap())).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_an_update_writes_is_what_the_drop_in_prices_with() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("akt price");
    let url = source(&[r#"{"akt":{"usd":"0.50"}}"#]);
    let path = cache.to_str().unwrap();
    let output = update(&["--source", &url, "--path", "akt.usd", "--cache", path]);
    assert_eq!(output.exit, Some(0), "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.starts_with("0.50 USD for an AKT, written to "), "{}", output.stdout);
    assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(script(&cache), "501.036266");
    let shown = bidprice(&["feed", "show", "--cache", path, "--output", "json"]);
    assert!(shown.stdout.starts_with("{\n  \"schema\": 1,\n  \"usd_per_akt\": \"0.5\",\n"), "{}", shown.stdout);
}

#[test]
fn an_update_takes_its_sources_and_its_cache_from_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (source(&["[0.50]"]), source(&["[0.52]"]));
    let config = folder.path().join("bidprice.toml");
    let sources =
        format!("[[feed.source]]\nurl = \"{a}\"\npath = \"0\"\n[[feed.source]]\nurl = \"{b}\"\npath = \"0\"\n");
    fs::write(&config, format!("[feed]\ncache = \"feed.cache\"\n{sources}")).unwrap();
    let output = update(&["--config", config.to_str().unwrap(), "--output", "json"]);
    assert_eq!(output.exit, Some(0), "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.starts_with("{\n  \"schema\": 1,\n  \"usd_per_akt\": \"0.51\",\n"), "{}", output.stdout);
    assert_eq!(fs::read_to_string(folder.path().join("feed.cache")).unwrap(), "0.51\n");
}

#[test]
fn an_update_that_gets_no_value_exits_4_and_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("feed.cache");
    let path = cache.to_str().unwrap();
    let url = source(&["0.5", "5", "<html>\u{1b}[2J"]);
    let update = || update(&["--source", &url, "--path", "", "--cache", path, "--output=json"]);
    assert_eq!(update().exit, Some(0));
    let before = fs::metadata(&cache).unwrap().modified().unwrap();
    for expected in ["5 is more than 20 % away from the last value 0.5", "is not JSON", "no connection"] {
        let output = update();
        assert_eq!(output.exit, Some(4), "{}{}", output.stdout, output.stderr);
        assert!(output.stdout.starts_with("{\n  \"schema\": 1,\n  \"usd_per_akt\": null,\n"), "{}", output.stdout);
        assert!(
            output.stdout.contains(expected) && output.stdout.contains("\"rate-unavailable\""),
            "{}",
            output.stdout
        );
    }
    assert_eq!(fs::read_to_string(&cache).unwrap(), "0.5\n");
    assert_eq!(fs::metadata(&cache).unwrap().modified().unwrap(), before);
}

#[test]
fn an_update_whose_file_cannot_be_written_exits_1() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("absent/feed.cache");
    let url = source(&["0.5"]);
    let output = update(&["--source", &url, "--path", "", "--cache", cache.to_str().unwrap()]);
    assert_eq!(output.exit, Some(1), "{}{}", output.stdout, output.stderr);
    assert!(output.stderr.contains("it cannot be written"), "{}", output.stderr);
}

#[test]
fn a_command_line_that_makes_no_sense_exits_2_and_asks_nobody() {
    let cache = ["--cache", "/nonexistent/feed.cache"];
    for (args, expected) in [
        (&["--source", "http://127.0.0.1:1/"][..], "--path"),
        (&["--path", "usd"], "--source"),
        (&["--source", "http://a/", "--source", "http://b/", "--path", "usd"], "2 --source and 1 --path"),
        (&["--source", "ftp://127.0.0.1/", "--path", "usd"], "--source `ftp://127.0.0.1/`: `url` must begin with"),
        (&["--source", "http://a/", "--path", "a..b"], "has an empty step"),
        (&["--source", "http://a/", "--path", "a", "--config", "x.toml"], "cannot be used with"),
        (&["--timeout", "0s"], "expected between 1ms and 10min"),
    ] {
        let output = bidprice(&[&["feed", "update"], &cache[..], args].concat());
        assert_eq!(output.exit, Some(2), "{args:?}: {}{}", output.stdout, output.stderr);
        assert!(output.stderr.contains(expected), "{args:?}: {}", output.stderr);
    }
    let output = bidprice(&["feed", "update"]);
    assert_eq!(output.exit, Some(2));
    assert!(output.stderr.contains("no file is named for the value"), "{}", output.stderr);
}
