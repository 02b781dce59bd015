//! A plugin that takes long to inspect and compile does not block pricing, and the status shows it.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use pricing_host::compile::Compiler;
use pricing_host::{HostSettings, PluginHost, PluginSettings, SizeClass};
use pricing_proto::bidprice::v1::ReloadRequest;
use tonic::Code;

use crate::common::{ORDER, Running, outcome, quote};

const CONFIG: &str = "[plugin]\nfile = \"pricer.wat\"\ndeadline = \"10s\"\ncache = \"cache\"\n[reload]\nwatch = \"0s\"";

/// Returns a plugin that bids `amount`.
fn plugin(amount: &str) -> Vec<u8> {
    let text =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../pricing-cli/tests/plugins/price.wat")).unwrap();
    text.replace("1.5", amount).into_bytes()
}

/// Puts a plugin into the cache, so that it is not compiled again.
fn keep(cache: &Path, file: &Path) {
    let host = HostSettings { cache: Some(cache.to_owned()), ..HostSettings::new(Compiler::InProcess) };
    PluginHost::new(host).open(file, PluginSettings::new(SizeClass::Standard)).unwrap();
}

/// Returns a compiler that waits for the file `go`, and then runs `ending`.
fn patient(folder: &Path, ending: &str) -> Compiler {
    let wait = format!("until test -e '{}'; do sleep 0.02; done; {ending}", folder.join("go").display());
    Compiler::Child { program: "/bin/sh".into(), args: vec!["-c".into(), wait.into()] }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_inspected_while_orders_are_priced() {
    let running = Running::start_with(CONFIG, |folder| {
        let file = folder.join("pricer.wat");
        fs::write(&file, plugin("1.5")).unwrap();
        keep(&folder.join("cache"), &file);
        patient(folder, "exit 3")
    })
    .await;
    assert!(running.status().await.loading.is_empty());
    running.put("pricer.wat", plugin("2.5"));
    let mut client = running.client().await;
    let reload = tokio::spawn(async move { client.reload(ReloadRequest::default()).await });
    let status = running.until(|status| !status.loading.is_empty()).await;
    assert_eq!(status.loading.len(), 1);
    assert!(status.loading[0].file.ends_with("/pricer.wat") && status.loading[0].seconds >= 0.0);
    // Meanwhile, the previous plugin prices the orders.
    for _ in 0..5 {
        assert_eq!(outcome(&quote(&mut running.client().await, ORDER).await.unwrap()), "1.5 uact");
    }
    fs::write(running.folder().join("go"), "").unwrap();
    let error = reload.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert!(error.message().contains("made the compiler fail"), "{error}");
    let status = running.status().await;
    assert!(status.loading.is_empty() && status.plugin.unwrap().problem.is_some());
    assert_eq!(outcome(&quote(&mut running.client().await, ORDER).await.unwrap()), "1.5 uact");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_stops_does_not_wait_for_a_compiler() {
    let running = Running::start_with(&CONFIG.replace("\"0s\"", "\"100ms\""), |folder| {
        let file = folder.join("pricer.wat");
        fs::write(&file, plugin("1.5")).unwrap();
        keep(&folder.join("cache"), &file);
        patient(folder, "exit 3")
    })
    .await;
    running.put("pricer.wat", plugin("2.5"));
    running.until(|status| !status.loading.is_empty()).await;
    let folder = running.folder().to_owned();
    tokio::time::timeout(Duration::from_secs(60), running.stop()).await.unwrap().unwrap();
    // Ends the thread that still waits.
    let _ = fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join("go"), ""));
}
