//! The metrics page, as an independent client sees it.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a broken test must say so at once, and a skipped one too"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use crate::common::{HANG, ORDER, Running, outcome, quote, request};
use pricing_engine::metrics::CONTENT_TYPE;
use pricing_proto::bidprice::v1::ScreenRequest;
use testkit::free_address::FreeAddress;

fn config(address: SocketAddr) -> String {
    format!("[listen]\nsocket = \"bidprice.sock\"\nmetrics = \"{address}\"\n[rates.gpu]\n\"*\" = \"100\"")
}

/// Returns whether curl is installed. If it is not, a line says so, since the test then checks nothing.
fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("SKIPPED: `curl` is not on this machine");
    }
    found
}

/// Requests a page with curl. Returns the status, the content type and the body. The user's settings of curl are
/// ignored.
async fn curl(address: SocketAddr, path: &str, more: &[&str]) -> (String, String, String) {
    let mut command = Command::new("curl");
    command.args(["--disable", "--silent", "--show-error", "--noproxy", "*"]).args(more);
    command.args(["--write-out", "\n%{http_code} %{content_type}"]).arg(format!("http://{address}{path}"));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, last) = text.rsplit_once('\n').unwrap();
    let (status, kind) = last.split_once(' ').unwrap();
    (status.to_owned(), kind.to_owned(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_reads_what_was_decided() {
    if !has_curl() {
        return;
    }
    let free = FreeAddress::new();
    let address = free.get();
    let running = Running::start(&config(address)).await;
    let mut client = running.client().await;
    assert!(outcome(&quote(&mut client, ORDER).await.unwrap()).ends_with(" uact"));
    let wildcard =
        ORDER.replace(r#""gpu":{"units":0}"#, r#""gpu":{"units":1,"attributes":{"vendor":{"nvidia":{"model":"t4"}}}}"#);
    quote(&mut client, &wildcard).await.unwrap();
    let order = request(ORDER).order;
    client.screen(ScreenRequest { order, owner: String::new() }).await.unwrap();
    client.quote(request("no order")).await.unwrap_err();
    // The thread is free a moment after the answer was sent.
    running.until_load(|load| load.busy == 0).await;
    let (status, kind, page) = curl(address, "/metrics", &[]).await;
    assert_eq!((status.as_str(), kind.as_str()), ("200", CONTENT_TYPE));
    for line in [
        r#"bidprice_decisions_total{call="quote",decision="bid",code="",gpu="none"} 1"#,
        r#"bidprice_decisions_total{call="quote",decision="bid",code="",gpu="nvidia/t4"} 1"#,
        r#"bidprice_decisions_total{call="screen",decision="pass",code="",gpu="none"} 1"#,
        r#"bidprice_refused_total{reason="invalid"} 1"#,
        r#"bidprice_request_seconds_count{call="quote"} 3"#,
        "bidprice_pricing_seconds_count 2",
        "bidprice_inflight 0",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
    }
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn other_paths_and_methods_are_refused() {
    if !has_curl() {
        return;
    }
    let free = FreeAddress::new();
    let address = free.get();
    let running = Running::start(&config(address)).await;
    assert_eq!(curl(address, "/healthz", &[]).await.0, "200");
    assert_eq!(curl(address, "/", &[]).await.0, "404");
    assert_eq!(curl(address, "/metrics/", &[]).await.0, "404");
    assert_eq!(curl(address, "/metrics", &["--request", "POST", "--data", "x"]).await.0, "405");
    assert_eq!(curl(address, "/metrics", &["--head"]).await.0, "200");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_and_half_open_connections_keep_nobody_out_nor_the_service_from_ending() {
    if !has_curl() {
        return;
    }
    let free = FreeAddress::new();
    let address = free.get();
    let running = Running::start(&config(address)).await;
    let idle: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut half = TcpStream::connect(address).unwrap();
    half.write_all(b"GET /metrics HTTP/1.1\r\nHos").unwrap();
    assert_eq!(curl(address, "/metrics", &[]).await.0, "200");
    tokio::time::timeout(HANG, running.stop()).await.unwrap().unwrap();
    drop(idle);
    half.set_read_timeout(Some(HANG)).unwrap();
    // It was closed, or received the end of the stream.
    let _ = half.read(&mut [0; 64]);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_beyond_this_machine_need_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bidprice.toml");
    std::fs::write(&path, "[listen]\nsocket = \"s\"\nmetrics = \"0.0.0.0:9311\"\n").unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let run = pricing_service::run(&path, pricing_host::compile::Compiler::InProcess, stop);
    let error = run.await.unwrap_err().to_string();
    assert!(error.contains("at `listen.metrics`") && error.contains("metrics_public"), "{error}");
}
