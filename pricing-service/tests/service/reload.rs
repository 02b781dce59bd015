//! A running service loads a new configuration completely, or not at all.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{ORDER, Running, outcome, quote};
use pricing_proto::bidprice::v1::ReloadRequest;
use testkit::free_address::FreeAddress;
use testkit::guests::commands;
use tokio::task::JoinHandle;
use tonic::Code;

/// Returns a card that charges only for CPU, at `cpu` USD per thread and month.
fn rates(cpu: &str) -> String {
    format!("[rates]\ncpu = \"{cpu}\"\nmemory = \"0\"\nendpoint = \"0\"\n[rates.storage]\nephemeral = \"0\"\n")
}

/// Returns the same card, without watching the files.
fn unwatched(cpu: &str) -> String {
    format!("{}\n[reload]\nwatch = \"0s\"", rates(cpu))
}

/// Returns the same card, with frequent checks of the files.
fn watched(cpu: &str) -> String {
    format!("{}\n[reload]\nwatch = \"100ms\"", rates(cpu))
}

/// Prices an order again and again, and collects the outcomes.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    asking: JoinHandle<Vec<String>>,
}

impl Load {
    pub(crate) async fn start(running: &Running) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut client = running.client().await;
        let stopped = Arc::clone(&stop);
        let asking = tokio::spawn(async move {
            let mut told = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                told.push(outcome(&quote(&mut client, ORDER).await.unwrap()));
            }
            told
        });
        Self { stop, asking }
    }

    pub(crate) async fn told(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.asking.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_by_rpc_changes_the_price() {
    let running = Running::start(&unwatched("429.909")).await;
    let mut client = running.client().await;
    assert_eq!(outcome(&quote(&mut client, ORDER).await.unwrap()), "2000 uact");
    running.configure(&unwatched("859.818"));
    let reloaded = client.reload(ReloadRequest::default()).await.unwrap().into_inner();
    assert_eq!(reloaded.rates_digest, running.status().await.rates.unwrap().digest);
    assert_eq!(outcome(&quote(&mut client, ORDER).await.unwrap()), "4000 uact");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_configuration_changes_nothing_under_load_and_says_why_everywhere() {
    let free = FreeAddress::new();
    let address = free.get();
    let listen = format!("[listen]\nsocket = \"bidprice.sock\"\nmetrics = \"{address}\"\n");
    let running = Running::start(&format!("{listen}{}", unwatched("429.909"))).await;
    let load = Load::start(&running).await;
    let mut client = running.client().await;
    for broken in [
        "[limits]\nqueu = 1",
        "[limits",
        "\u{0}",
        "[rates]\ncpu = 1.5",
        "[rates]\nfile = \"absent.toml\"",
        "[plugin]\nfile = \"absent.wasm\"",
    ] {
        running.configure(&format!("{listen}{broken}"));
        let error = client.reload(ReloadRequest::default()).await.unwrap_err();
        assert_eq!(error.code(), Code::FailedPrecondition, "{broken}");
        let status = running.status().await.reload.unwrap();
        assert_eq!(status.problem.as_deref(), Some(error.message()), "{broken}");
    }
    let status = running.status().await.reload.unwrap();
    assert_eq!((status.taken, status.refused), (0, 6));
    let told = load.told().await;
    assert!(!told.is_empty() && told.iter().all(|told| told == "2000 uact"), "{told:?}");
    let page = reqwest_page(address).await;
    assert!(page.contains("bidprice_reloads_total{outcome=\"refused\"} 6"), "{page}");
    // A valid configuration clears the problem.
    running.configure(&format!("{listen}{}", unwatched("859.818")));
    client.reload(ReloadRequest::default()).await.unwrap();
    assert_eq!(running.status().await.reload.unwrap().problem, None);
    running.stop().await.unwrap();
}

/// Returns the metrics page.
pub(crate) async fn reqwest_page(address: std::net::SocketAddr) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_taken_and_a_broken_one_is_not() {
    let running = Running::start(&watched("429.909")).await;
    let load = Load::start(&running).await;
    running.configure(&watched("not a number"));
    let status = running.until(|status| status.reload.as_ref().is_some_and(|reload| reload.refused > 0)).await;
    assert!(status.reload.unwrap().problem.unwrap().contains("at `rates.cpu`"));
    running.configure(&watched("859.818"));
    running
        .until(|status| status.reload.as_ref().is_some_and(|reload| reload.taken > 0 && reload.problem.is_none()))
        .await;
    let mut client = running.client().await;
    assert_eq!(outcome(&quote(&mut client, ORDER).await.unwrap()), "4000 uact");
    let told = load.told().await;
    assert!(told.iter().all(|told| told == "2000 uact" || told == "4000 uact"), "{told:?}");
    // Without a change there are no further reloads.
    let taken = running.status().await.reload.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(running.status().await.reload.unwrap(), taken);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_that_is_put_back_is_no_problem_any_more() {
    let running = Running::start(&watched("429.909")).await;
    running.configure("[nonsense]");
    running.until(|status| status.reload.as_ref().is_some_and(|reload| reload.problem.is_some())).await;
    running.configure(&watched("429.909"));
    running.until(|status| status.reload.as_ref().is_some_and(|reload| reload.problem.is_none())).await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_card_behind_a_swapped_symlink_is_taken() {
    let config = "[rates]\nfile = \"rates/rates.toml\"\n[reload]\nwatch = \"100ms\"";
    let mount = |folder: &std::path::Path, version: &str, cpu: &str| {
        // A ConfigMap of Kubernetes is mounted like this: each version has a folder, and one symlink is renamed.
        let data = folder.join("rates").join(version);
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join("rates.toml"), rates(cpu)).unwrap();
        std::os::unix::fs::symlink(version, folder.join("rates/new")).unwrap();
        fs::rename(folder.join("rates/new"), folder.join("rates/data")).unwrap();
    };
    let running = Running::start_beside(config, |folder| {
        mount(folder, "v1", "429.909");
        std::os::unix::fs::symlink("data/rates.toml", folder.join("rates/rates.toml")).unwrap();
    })
    .await;
    let before = running.status().await.rates.unwrap().digest;
    mount(running.folder(), "v2", "859.818");
    fs::remove_dir_all(running.folder().join("rates/v1")).unwrap();
    running.until(|status| status.rates.as_ref().is_some_and(|rates| rates.digest != before)).await;
    assert_eq!(outcome(&quote(&mut running.client().await, ORDER).await.unwrap()), "4000 uact");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_restart_is_refused_whole_and_says_so() {
    let running = Running::start(&unwatched("429.909")).await;
    running.configure(&format!("{}\n[bid_log]\nfolder = \"log\"", unwatched("859.818")));
    let error = running.client().await.reload(ReloadRequest::default()).await.unwrap_err();
    assert!(error.message().starts_with("bid_log: it cannot change while the service runs"), "{error}");
    assert_eq!(outcome(&quote(&mut running.client().await, ORDER).await.unwrap()), "2000 uact");
    running.stop().await.unwrap();
}

/// Returns a plugin that bids `amount`.
fn plugin(amount: &str) -> Vec<u8> {
    let text =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../pricing-cli/tests/plugins/price.wat")).unwrap();
    text.replace("1.5", amount).into_bytes()
}

const WITH_PLUGIN: &str = "[plugin]\nfile = \"pricer.wat\"\ndeadline = \"10m\"\n[reload]\nwatch = \"100ms\"";

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_replaced_by_garbage_under_load_prices_on_and_says_so() {
    let running = Running::start_beside(WITH_PLUGIN, |folder| {
        fs::write(folder.join("pricer.wat"), plugin("1.5")).unwrap();
    })
    .await;
    let digest = running.status().await.plugin.unwrap().digest;
    let load = Load::start(&running).await;
    running.put("pricer.wat", b"\0asm garbage");
    let problem =
        |status: &pricing_proto::bidprice::v1::StatusResponse| status.plugin.as_ref().unwrap().problem.clone();
    let status = running.until(|status| problem(status).is_some()).await;
    assert_eq!(status.plugin.unwrap().digest, digest);
    let refused = running.client().await.reload(ReloadRequest::default()).await.unwrap_err();
    assert!(refused.message().starts_with("plugin.file: "), "{refused}");
    let told = load.told().await;
    assert!(!told.is_empty() && told.iter().all(|told| told == "1.5 uact"), "{told:?}");
    // A valid plugin takes over, and the problem is gone.
    running.put("pricer.wat", plugin("2.5"));
    let status =
        running.until(|status| problem(status).is_none() && status.plugin.as_ref().unwrap().digest != digest).await;
    assert_eq!(status.plugin.unwrap().breaker, "closed");
    assert_eq!(outcome(&quote(&mut running.client().await, ORDER).await.unwrap()), "2.5 uact");
    running.until(|status| status.reload.as_ref().unwrap().problem.is_none()).await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_fails_its_probe_never_takes_over() {
    let running = Running::start_beside(WITH_PLUGIN, |folder| {
        fs::write(folder.join("pricer.wat"), plugin("1.5")).unwrap();
    })
    .await;
    running.put("pricer.wat", commands::crashes(""));
    running.until(|status| status.plugin.as_ref().unwrap().problem.is_some()).await;
    assert_eq!(outcome(&quote(&mut running.client().await, ORDER).await.unwrap()), "1.5 uact");
    // After the plugin was put back, the problem is gone.
    running.put("pricer.wat", plugin("1.5"));
    running.until(|status| status.plugin.as_ref().unwrap().problem.is_none()).await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_shadow_plugin_leaves_the_good_pricing_plugin_unswapped() {
    let config =
        format!("{}\n[shadow.plugin]\nfile = \"shadow.wat\"\ndeadline = \"10m\"", WITH_PLUGIN.replace("100ms", "0s"));
    let running = Running::start_beside(&config, |folder| {
        fs::write(folder.join("pricer.wat"), plugin("1.5")).unwrap();
        fs::write(folder.join("shadow.wat"), plugin("9.5")).unwrap();
    })
    .await;
    running.put("pricer.wat", plugin("2.5"));
    running.put("shadow.wat", b"(module");
    let refused = running.client().await.reload(ReloadRequest::default()).await.unwrap_err();
    assert!(refused.message().starts_with("shadow.plugin.file: "), "{refused}");
    assert_eq!(outcome(&quote(&mut running.client().await, ORDER).await.unwrap()), "1.5 uact");
    running.put("shadow.wat", plugin("8.5"));
    running.client().await.reload(ReloadRequest::default()).await.unwrap();
    assert_eq!(outcome(&quote(&mut running.client().await, ORDER).await.unwrap()), "2.5 uact");
    running.stop().await.unwrap();
}
