//! Negative quantities of an inventory count as 0 in a running service, with a finding.

use serde_json::json;

use crate::common::{Running, outcome, quote};

/// An order of a thread and a T4.
const ORDER: &str = r#"{"resources":[{"memory":1073741824,"cpu":1000,"gpu":{"units":1,"attributes":{"vendor":{"nvidia":{"model":"t4"}}}},"storage":[],"count":1,"endpoint_quantity":0,"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"1000000.000000000000000000"},"price_precision":6}"#;

/// A node with a T4, of which so many cards are allocatable.
fn inventory(cards: &str) -> String {
    let amount = |amount: &str| json!({"quantity": {"allocatable": amount}});
    let card = json!({"vendor": "nvidia", "name": "t4", "interface": "PCIe", "memory_size": "16Gi"});
    json!({"nodes": [{"name": "a", "resources": {
        "cpu": amount("8"), "memory": amount("8Gi"), "ephemeral_storage": {"allocatable": "100Gi"},
        "gpu": {"quantity": {"allocatable": cards}, "info": [card]}}}]})
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_bid_on_less_than_nothing_whoever_places() {
    for scheduler in ["provider", "kubernetes", "sound"] {
        let config = format!(
            "[inventory]\nfile = \"inventory.json\"\nmax_age = \"10years\"\n[rates]\ncpu = 0\nmemory = 0\n[rates.gpu]\n\
             t4 = \"429.909\"\n[reserve]\nscheduler = \"{scheduler}\"\n"
        );
        for (cards, expected) in [("1", "1000 uact"), ("-1", "insufficient-capacity"), ("-8", "insufficient-capacity")]
        {
            let put = |folder: &std::path::Path| {
                std::fs::write(folder.join("inventory.json"), inventory(cards)).unwrap();
            };
            let running = Running::start_beside(&config, put).await;
            let status = running.until(|status| status.inventory.as_ref().is_some_and(|it| it.nodes == 1)).await;
            let findings = status.inventory.unwrap().findings;
            assert_eq!(findings > 0, cards != "1", "{scheduler}, {cards}: {findings}");
            let asked = quote(&mut running.client().await, ORDER).await.unwrap();
            assert_eq!(outcome(&asked), expected, "{scheduler}, {cards}");
            running.stop().await.unwrap();
        }
    }
}
