//! `BidScreening`, `Screen` and `Quote` with a configured provider: the daemon's checks, in its order and in its words.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use std::fs;
use std::path::Path;

use pricing_proto::akash::base::attributes::v1::{Attribute, PlacementRequirements, SignedBy};
use pricing_proto::akash::base::resources::v1beta4::{Cpu, Endpoint, Gpu, Memory, ResourceValue, Resources, Storage};
use pricing_proto::akash::deployment::v1beta4::{GroupSpec, ResourceUnit};
use pricing_proto::akash::market::v1::DeploymentReclamation;
use pricing_proto::akash::market::v1beta5;
use pricing_proto::akash::provider::v1::provider_rpc_client::ProviderRpcClient;
use pricing_proto::akash::provider::v1::{BidScreeningRequest, BidScreeningResponse};
use pricing_proto::bidprice::v1::{Order, QuoteRequest, ScreenRequest, order::Form};
use pricing_proto::cosmos::base::v1beta1::DecCoin;
use serde_json::{Value, json};

use crate::common::{Running, outcome};

const AUDITOR: &str = "akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63";
const PROVIDER: &str = r#"
[provider]
attributes = { region = "us-west", "capabilities/gpu/vendor/nvidia/model/t4" = "true" }
audited_by = ["akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63"]
blocked_hostnames = ["blocked.example.com", ".bobsdefi.com"]
reclamation_window = "24h"
[rates.gpu]
t4 = "80"
[inventory]
file = "inventory.json"
max_age = "10years"
"#;
const MI: u64 = 1 << 20;
const GI: u64 = 1 << 30;

/// Returns an inventory of a node with 16 threads, 64 GiB and two T4.
fn inventory() -> Value {
    let pair = |amount: &str| json!({ "allocatable": { "string": amount }, "allocated": { "string": "0" }, "capacity": { "string": amount } });
    let card = json!({ "vendor": "nvidia", "vendorId": "10de", "name": "t4", "modelid": "1eb8", "interface": "PCIe", "memorySize": "16Gi" });
    json!({ "nodes": [{
        "name": "n1",
        "resources": {
            "cpu": { "quantity": pair("16"), "info": [] },
            "memory": { "quantity": pair("64Gi"), "info": [] },
            "gpu": { "quantity": pair("2"), "info": [card, card] },
            "ephemeralStorage": pair("500Gi"),
            "volumesAttached": pair("0"),
            "volumesMounted": pair("0"),
        },
        "capabilities": { "storageClasses": ["beta2"] },
    }], "storage": [] })
}

async fn service(config: &str) -> Running {
    let put = |folder: &Path| fs::write(folder.join("inventory.json"), inventory().to_string()).unwrap();
    let running = Running::start_beside(config, put).await;
    // The file is read in the background.
    running.until(|status| status.inventory.as_ref().is_some_and(|inventory| inventory.nodes > 0)).await;
    running
}

fn value(number: u64) -> Option<ResourceValue> {
    Some(ResourceValue { val: number.to_string().into_bytes() })
}

/// The contents of a group.
#[derive(Clone)]
struct Wanted {
    cpu: u64,
    memory: u64,
    gpu: u64,
    models: Vec<String>,
    volumes: Vec<u64>,
    count: u32,
    units: u32,
    denom: String,
    maximum: String,
    attributes: Vec<(String, String)>,
    all_of: Vec<String>,
    any_of: Vec<String>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            cpu: 100,
            memory: 16 * MI,
            gpu: 0,
            models: Vec::new(),
            volumes: vec![128 * MI],
            count: 1,
            units: 1,
            denom: "uact".to_owned(),
            maximum: "1000000.0".to_owned(),
            attributes: Vec::new(),
            all_of: Vec::new(),
            any_of: Vec::new(),
        }
    }
}

impl Wanted {
    fn spec(&self) -> GroupSpec {
        let attribute = |(key, value): &(String, String)| Attribute { key: key.clone(), value: value.clone() };
        let unit = |id| ResourceUnit {
            resource: Some(Resources {
                id,
                cpu: Some(Cpu { units: value(self.cpu), attributes: Vec::new() }),
                memory: Some(Memory { quantity: value(self.memory), attributes: Vec::new() }),
                storage: (0..).zip(&self.volumes).map(|(place, size)| volume(place, *size)).collect(),
                gpu: Some(Gpu {
                    units: value(self.gpu),
                    attributes: self.models.iter().map(|key| attribute(&(key.clone(), "true".to_owned()))).collect(),
                }),
                endpoints: vec![Endpoint { kind: 0, sequence_number: 0 }],
            }),
            count: self.count,
            price: Some(DecCoin { denom: self.denom.clone(), amount: self.maximum.clone() }),
        };
        GroupSpec {
            name: "g".to_owned(),
            requirements: Some(PlacementRequirements {
                signed_by: Some(SignedBy { all_of: self.all_of.clone(), any_of: self.any_of.clone() }),
                attributes: self.attributes.iter().map(attribute).collect(),
            }),
            resources: (1..=self.units).map(unit).collect(),
        }
    }
}

fn volume(place: u32, size: u64) -> Storage {
    Storage { name: format!("v{place}"), quantity: value(size), attributes: Vec::new() }
}

async fn screened(running: &Running, spec: Option<GroupSpec>, hostnames: &[&str]) -> BidScreeningResponse {
    let request =
        BidScreeningRequest { group_spec: spec, hostnames: hostnames.iter().map(|name| (*name).to_owned()).collect() };
    ProviderRpcClient::new(running.channel().await).bid_screening(request).await.unwrap().into_inner()
}

/// Returns the reason why there would be no bid.
async fn refused(running: &Running, wanted: &Wanted, hostnames: &[&str]) -> String {
    let response = screened(running, Some(wanted.spec()), hostnames).await;
    assert!(!response.passed && response.resource_offers.is_empty(), "{response:?}");
    response.reasons.join("; ")
}

/// Converts a case of the corpus to the terms of these tests.
fn of_case(input: &Value) -> (Option<Wanted>, Vec<&str>) {
    let number = |key: &str, otherwise: u64| input[key].as_u64().unwrap_or(otherwise);
    let texts = |key: &str| input[key].as_array().into_iter().flatten().map(|text| text.as_str().unwrap());
    let mut wanted = Wanted {
        cpu: number("cpu", 100),
        memory: number("memory", 16 * MI),
        gpu: number("gpu", 0),
        count: u32::try_from(number("count", 1)).unwrap(),
        all_of: texts("signed_by").map(str::to_owned).collect(),
        ..Wanted::default()
    };
    if let Some(volumes) = input["volumes"].as_array() {
        wanted.volumes = volumes.iter().map(|size| size.as_u64().unwrap()).collect();
    } else if let Some(size) = input["ephemeral"].as_u64() {
        wanted.volumes = vec![size];
    }
    if input["reserve"] == "not enough GPUs" {
        wanted.gpu = 4;
        wanted.models = vec!["vendor/nvidia/model/t4".to_owned()];
    }
    let is_nothing = input.get("group_spec").is_some_and(Value::is_null);
    ((!is_nothing).then_some(wanted), texts("hostnames").collect())
}

#[tokio::test]
async fn every_case_of_the_daemons_screening_comes_out() {
    let running = service(PROVIDER).await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/screening/cases.jsonl");
    let mut cases = 0;
    for line in fs::read_to_string(path).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let (id, expect) = (&case["id"], &case["expect"]);
        let (mut wanted, hostnames) = of_case(&case["input"]);
        if case["source"]["test"] == "Test_ScreenBid_DenomMismatch" {
            wanted.as_mut().unwrap().denom = "ufoo".to_owned();
        }
        let response = screened(&running, wanted.map(|wanted| wanted.spec()), &hostnames).await;
        assert_eq!(response.passed, expect["passed"].as_bool().unwrap(), "case {id}: {response:?}");
        match expect["reason_contains"].as_str() {
            Some(text) => {
                assert!(response.reasons.iter().any(|reason| reason.contains(text)), "case {id}: {response:?}");
            }
            None => assert!(response.reasons.is_empty(), "case {id}: {response:?}"),
        }
        if response.passed || expect["price"] == "still given" {
            let price = response.price.unwrap();
            assert!(price.denom == "uact" && price.amount.trim_start_matches('0').len() > 1, "case {id}: {price:?}");
        }
        cases += 1;
    }
    assert!(cases >= 10, "{cases} cases");
}

#[tokio::test]
async fn what_speaks_against_an_order_is_told_in_the_daemons_order() {
    let running = service(PROVIDER).await;
    let mut wanted = Wanted {
        attributes: vec![("region".to_owned(), "eu-west".to_owned())],
        all_of: vec!["akash1nobody".to_owned()],
        volumes: vec![MI; 5],
        cpu: 200_000,
        maximum: "0.000001".to_owned(),
        ..Wanted::default()
    };
    let hostnames = ["blocked.example.com"];
    let told = refused(&running, &wanted, &hostnames).await;
    assert!(told.starts_with("incompatible provider attributes: ") && told.contains("`region` = `eu-west`"), "{told}");
    wanted.attributes = vec![("region".to_owned(), "us-west".to_owned())];
    let told = refused(&running, &wanted, &hostnames).await;
    assert!(told.starts_with("attribute signature requirements not met: "), "{told}");
    wanted.all_of = vec![AUDITOR.to_owned()];
    let told = refused(&running, &wanted, &hostnames).await;
    assert!(told.starts_with("group volumes count exceeds limit: "), "{told}");
    wanted.volumes = vec![MI; 4];
    let told = refused(&running, &wanted, &hostnames).await;
    assert!(told.starts_with("hostnames unavailable: `blocked.example.com` is blocked by this provider"), "{told}");
    let told = refused(&running, &wanted, &["fine.example.com"]).await;
    assert!(told.starts_with("capacity check failed: insufficient capacity: "), "{told}");
    wanted.cpu = 100;
    wanted.maximum = "1000000.0".to_owned();
    let told = refused(&running, &Wanted { maximum: "0.000001".to_owned(), ..wanted.clone() }, &[]).await;
    assert!(told.starts_with("price too high: "), "{told}");
    let passed = screened(&running, Some(wanted.spec()), &[]).await;
    assert!(passed.passed && passed.resource_offers.len() == 1 && passed.price.is_some(), "{passed:?}");
}

#[tokio::test]
async fn a_price_that_is_too_high_is_told_and_equals_the_bid_without_a_maximum() {
    let running = service(PROVIDER).await;
    let wanted = Wanted { gpu: 1, models: vec!["vendor/nvidia/model/t4".to_owned()], ..Wanted::default() };
    let bid = screened(&running, Some(wanted.spec()), &[]).await;
    let dear = screened(&running, Some(Wanted { maximum: "1.0".to_owned(), ..wanted }.spec()), &[]).await;
    assert!(bid.passed && !dear.passed, "{bid:?} {dear:?}");
    assert_eq!(dear.price, bid.price);
    assert!(dear.reasons[0].starts_with("price too high: "), "{dear:?}");
}

#[tokio::test]
async fn capacity_comes_before_the_denom() {
    let running = service(PROVIDER).await;
    let wanted = Wanted { denom: "ufoo".to_owned(), ..Wanted::default() };
    let told = refused(&running, &wanted, &[]).await;
    assert!(told.starts_with("unsupported denomination: "), "{told}");
    let wanted = Wanted { cpu: 200_000, ..wanted };
    let told = refused(&running, &wanted, &[]).await;
    assert!(told.starts_with("capacity check failed: insufficient capacity: "), "{told}");
    let screened = screened(&running, Some(wanted.spec()), &[]).await;
    let (node, lacks) = screened.reasons[1].split_once(": ").unwrap();
    assert!(node.starts_with("node ") && lacks.starts_with("cpu 200 asked for, "), "{screened:?}");
}

#[tokio::test]
async fn cards_without_a_name_are_refused_after_what_is_asked_of_the_provider() {
    let running = service(PROVIDER).await;
    let nameless = Wanted { gpu: 1, ..Wanted::default() };
    let told = refused(&running, &nameless, &[]).await;
    assert!(told.starts_with("incompatible attributes for resources requirements: "), "{told}");
    let told = refused(&running, &nameless, &["a.bobsdefi.com"]).await;
    assert!(told.starts_with("hostnames unavailable: "), "{told}");
}

#[tokio::test]
async fn what_is_not_a_group_is_refused_with_the_reason() {
    let running = service(PROVIDER).await;
    let empty = GroupSpec { name: "empty".to_owned(), ..GroupSpec::default() };
    let response = screened(&running, Some(empty), &[]).await;
    assert!(!response.passed && response.reasons[0].starts_with("group validation error: "), "{response:?}");
}

#[tokio::test]
async fn volumes_are_counted_for_each_resource_unit_as_the_daemon_counts_them() {
    let running = service(PROVIDER).await;
    let many = Wanted { units: 5, ..Wanted::default() };
    assert!(screened(&running, Some(many.spec()), &[]).await.passed);
}

#[tokio::test]
async fn one_of_the_auditors_will_do_where_any_is_asked_for() {
    let running = service(PROVIDER).await;
    let any = Wanted { any_of: vec!["akash1nobody".to_owned(), AUDITOR.to_owned()], ..Wanted::default() };
    assert!(screened(&running, Some(any.spec()), &[]).await.passed);
    let none = Wanted { any_of: vec!["akash1nobody".to_owned()], ..Wanted::default() };
    assert!(refused(&running, &none, &[]).await.starts_with("attribute signature requirements not met: "));
}

#[tokio::test]
async fn without_a_provider_nothing_is_checked() {
    let config = PROVIDER.split_once("[rates.gpu]").map(|(_, rest)| format!("[rates.gpu]{rest}")).unwrap();
    let running = service(&config).await;
    let wanted = Wanted {
        attributes: vec![("region".to_owned(), "eu-west".to_owned())],
        all_of: vec!["akash1nobody".to_owned()],
        volumes: vec![MI; 5],
        ..Wanted::default()
    };
    assert!(screened(&running, Some(wanted.spec()), &["blocked.example.com"]).await.passed);
}

/// Returns the outcomes of a quote and a screening of the chain's order with this reclamation window in seconds.
async fn by_reclamation(running: &Running, seconds: Option<i64>) -> (String, String) {
    let reclamation =
        seconds.map(|seconds| DeploymentReclamation { min_window: Some(prost_types::Duration { seconds, nanos: 0 }) });
    let order = v1beta5::Order { id: None, spec: Some(Wanted::default().spec()), reclamation };
    let order = || Some(Order { form: Some(Form::ChainOrder(order.clone())) });
    let mut client = running.client().await;
    let quotes = client.quote(QuoteRequest { order: order(), ..QuoteRequest::default() }).await.unwrap().into_inner();
    let screened = client.screen(ScreenRequest { order: order(), owner: String::new() }).await.unwrap().into_inner();
    let screened = screened.screened.first().unwrap();
    let screened = screened.reason.as_ref().map_or_else(|| "passed".to_owned(), |reason| reason.code.clone());
    (outcome(quotes.quotes.first().unwrap()), screened)
}

#[tokio::test]
async fn an_order_that_must_be_warned_longer_than_the_provider_warns_is_declined() {
    let running = service(PROVIDER).await;
    for seconds in [None, Some(3_600), Some(86_400)] {
        let (quoted, screened) = by_reclamation(&running, seconds).await;
        assert!(quoted.ends_with(" uact") && screened == "passed", "{seconds:?}: {quoted} {screened}");
    }
    let declined = ("reclamation-window".to_owned(), "reclamation-window".to_owned());
    assert_eq!(by_reclamation(&running, Some(86_401)).await, declined);
    let without = service(&PROVIDER.replace("reclamation_window = \"24h\"\n", "")).await;
    assert_eq!(by_reclamation(&without, Some(3_600)).await, declined);
    assert_eq!(by_reclamation(&without, None).await.1, "passed");
}

#[tokio::test]
async fn a_larger_order_within_the_cluster_passes() {
    let running = service(PROVIDER).await;
    let wanted = Wanted { cpu: 2_000, memory: GI, count: 3, ..Wanted::default() };
    assert!(screened(&running, Some(wanted.spec()), &[]).await.passed);
}
