//! A running service predicts where pods start, and reads the scheduler's configuration again.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a broken test must say so at once")]

use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::{Quote, ReloadRequest};
use serde_json::json;
use tonic::Code;
use tonic::transport::Channel;

use crate::common::{Running, outcome, quote};

/// An order of a thread and an A100.
const ORDER: &str = r#"{"resources":[{"memory":1073741824,"cpu":1000,"gpu":{"units":1,"attributes":{"vendor":{"nvidia":{"model":"a100"}}}},"storage":[],"count":1,"endpoint_quantity":0,"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"1000000.000000000000000000"},"price_precision":6}"#;

const PACKING: &str = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- \
                       pluginConfig:\n  - name: NodeResourcesFit\n    args:\n      scoringStrategy:\n        type: \
                       MostAllocated\n";

/// A node with an A100 of 40 GB, and a larger one with an A100 of 80 GB.
fn inventory() -> String {
    let node = |name: &str, threads: u64, ram: &str| {
        let amount = |amount: String| json!({"quantity": {"allocatable": amount}});
        let card = json!({"vendor": "nvidia", "name": "a100", "interface": "PCIe", "memory_size": ram});
        json!({"name": name, "resources": {
            "cpu": amount(threads.to_string()), "memory": amount(format!("{threads}Gi")),
            "ephemeral_storage": {"allocatable": "100Gi"},
            "gpu": {"quantity": {"allocatable": "1"}, "info": [card]}}})
    };
    json!({"nodes": [node("small", 8, "40Gi"), node("large", 64, "80Gi")]}).to_string()
}

fn config(policy: &str, kubernetes: &str) -> String {
    format!(
        "[inventory]\nfile = \"inventory.json\"\nmax_age = \"10years\"\n[rates]\ncpu = 0\nmemory = 0\n[rates.gpu]\n\
         \"a100.40Gi\" = \"429.909\"\n\"a100.80Gi\" = \"859.818\"\n[policy]\n{policy}\n[kubernetes]\n{kubernetes}\n\
         [reload]\nwatch = \"0s\"\n"
    )
}

/// The RAM, the probability and the node of each kind.
fn kinds(quote: &Quote) -> Vec<String> {
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let kinds = quote.targets[0].kinds.iter();
    kinds.map(|kind| [&kind.ram, &kind.probability, &kind.node].map(shown).join(" ")).collect()
}

/// Accepts a configuration that is refused because its prediction of where pods start decides over prices.
/// Returns the warnings about the scheduler's configuration.
async fn accept_reload(client: &mut PricingClient<Channel>) -> Vec<String> {
    let refused = client.reload(ReloadRequest::default()).await.unwrap_err();
    assert!(refused.message().contains("`kubernetes`"), "{}", refused.message());
    let (_, digest) = refused.message().split_once("sha256:").unwrap();
    let accept = format!("sha256:{}", digest.get(..64).unwrap());
    client.reload(ReloadRequest { accept }).await.unwrap().into_inner().warnings
}

#[tokio::test(flavor = "multi_thread")]
async fn the_price_follows_the_schedulers_configuration_through_reloads() {
    let likely = "ambiguous_gpu = \"likely\"";
    let put = |folder: &std::path::Path| {
        std::fs::write(folder.join("inventory.json"), inventory()).unwrap();
        std::fs::write(folder.join("scheduler.yaml"), PACKING).unwrap();
    };
    let running = Running::start_beside(&config(likely, ""), put).await;
    running.until(|status| status.inventory.as_ref().is_some_and(|inventory| inventory.nodes == 2)).await;
    let mut client = running.client().await;
    let asked = quote(&mut client, ORDER).await.unwrap();
    assert_eq!(kinds(&asked), ["40Gi 0.000000 small", "80Gi 1.000000 large"]);
    assert_eq!(
        (outcome(&asked), asked.prediction_given_up, asked.pending.is_none()),
        ("2000 uact".into(), false, true)
    );

    running.configure(&config(likely, "scheduler_config = \"scheduler.yaml\""));
    accept_reload(&mut client).await;
    let packed = quote(&mut client, ORDER).await.unwrap();
    assert_eq!(kinds(&packed), ["40Gi 1.000000 small", "80Gi 0.000000 large"]);
    assert_eq!(outcome(&packed), "1000 uact");

    let scheduler = running.status().await.kubernetes.unwrap();
    assert_eq!((scheduler.predict, &*scheduler.version, &*scheduler.strategy), (true, "1.34", "MostAllocated"));
    assert!(scheduler.file.unwrap().ends_with("scheduler.yaml") && scheduler.digest.unwrap().starts_with("sha256:"));
    assert_eq!(scheduler.warnings, Vec::<String>::new());

    // What is not understood is told by the reload, and by the status.
    running.put("scheduler.yaml", PACKING.replace("profiles:", "profils: []\nprofiles:"));
    let warnings = accept_reload(&mut client).await;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for part in ["scheduler.yaml: line 3, column 1", "unknown key `profils`", "did you mean `profiles`?"] {
        assert!(warnings[0].contains(part), "{warnings:?}");
    }
    assert_eq!(running.status().await.kubernetes.unwrap().warnings, warnings);

    // The file alone is broken: the reload is refused, and the old one stays.
    running.put("scheduler.yaml", "kind: Pod\n");
    let error = client.reload(ReloadRequest::default()).await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert!(error.message().contains("scheduler.yaml"), "{}", error.message());
    assert_eq!(outcome(&quote(&mut client, ORDER).await.unwrap()), "1000 uact");

    running.configure(&config(likely, "predict = false"));
    accept_reload(&mut client).await;
    let unknown = quote(&mut client, ORDER).await.unwrap();
    assert_eq!(kinds(&unknown), ["40Gi - small", "80Gi - large"]);
    assert_eq!(outcome(&unknown), "1500 uact", "without a prediction it is the expected price");
    running.stop().await.unwrap();
}
