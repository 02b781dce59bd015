//! A configuration is taken while the service runs: all of it or nothing.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

mod common;

use common::{ORDER, Running, outcome, quote};
use pricing_proto::bidprice::v1::ReloadRequest;

/// The default rates, with a thread at so many USD a month.
fn rates(cpu: &str) -> String {
    format!("[rates]\ncpu = \"{cpu}\"\nmemory = \"0\"\nendpoint = \"0\"\n[rates.storage]\nephemeral = \"0\"\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_by_rpc_changes_the_price() {
    let running = Running::start(&format!("{}\n[reload]\nwatch = \"0s\"", rates("429.909"))).await;
    let mut client = running.client().await;
    assert_eq!(outcome(&quote(&mut client, ORDER).await.unwrap()), "2000 uact");
    running.configure(&format!("{}\n[reload]\nwatch = \"0s\"", rates("859.818")));
    let reloaded = client.reload(ReloadRequest {}).await.unwrap().into_inner();
    assert_eq!(reloaded.rates_digest, running.status().await.rates.unwrap().digest);
    assert_eq!(outcome(&quote(&mut client, ORDER).await.unwrap()), "4000 uact");
    running.stop().await.unwrap();
}
