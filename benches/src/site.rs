//! What a service with 100 nodes is asked, and what it prices with.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a benchmark without its input must stop")]

use std::fs;
use std::path::{Path, PathBuf};

use pricing_proto::bidprice::v1::{Order, QuoteRequest, order};

/// What everything here prices with. Further sections may be put behind it.
const CONFIG: &str = r#"
[inventory]
file = "inventory.json"
max_age = "1h"
[feed]
usd_per_akt = "0.5"
[rates.gpu]
"t4" = "80"
"a100.80Gi" = "1000"
"h100" = "1900"
"*" = "130"
"#;

/// Nothing is logged.
pub const QUIET: &str = "[tracing]\nlevel = \"off\"\n";

/// Every decision is logged, as a line and in a bid log.
pub const RECORDED: &str = "[tracing]\nlevel = \"info\"\n[bid_log]\nfolder = \"bids\"\n";

/// Writes a configuration and the inventory that it names into a folder, and returns the configuration's path.
#[must_use]
pub fn write(folder: &Path, more: &str) -> PathBuf {
    fs::write(folder.join("inventory.json"), inventory()).unwrap();
    let path = folder.join("bidprice.toml");
    fs::write(&path, format!("{CONFIG}{more}")).unwrap();
    path
}

/// Returns an order of three services, one of which has two replicas with a card of any kind each.
#[must_use]
pub fn request() -> QuoteRequest {
    asked(group("group", &[unit(1, 2, 1, 4000), unit(2, 1, 0, 4000), unit(3, 1, 0, 4000)]))
}

/// Returns the largest order that is accepted: 100 groups of 48 units, each with a card of any kind.
#[must_use]
pub fn large_request() -> QuoteRequest {
    let units: Vec<String> = (1..=48).map(|id| unit(id, 1, 1, 100)).collect();
    let groups: Vec<String> = (0..100).map(|number| group(&format!("group{number}"), &units)).collect();
    QuoteRequest { alternatives: true, ..asked(format!("[{}]", groups.join(","))) }
}

fn asked(text: String) -> QuoteRequest {
    let order = Some(Order { form: Some(order::Form::Text(text)) });
    QuoteRequest { order, owner: "akash1tenantqqqqqqqqqqqqqqqqqqqqqqqqqq7wpl8u".to_owned(), ..QuoteRequest::default() }
}

fn group(name: &str, units: &[String]) -> String {
    format!(
        r#"{{"name":"{name}","requirements":{{"signed_by":{{"all_of":[],"any_of":[]}},"attributes":[]}},
        "resources":[{}]}}"#,
        units.join(",")
    )
}

fn unit(id: u32, count: u32, gpus: u32, cpu: u32) -> String {
    let attributes = if gpus > 0 { r#"[{"key":"vendor/nvidia/model/*","value":"true"}]"# } else { "[]" };
    format!(
        r#"{{"resource":{{"id":{id},"cpu":{{"units":{{"val":"{cpu}"}},"attributes":[]}},
         "memory":{{"quantity":{{"val":"8589934592"}},"attributes":[]}},
         "storage":[{{"name":"default","quantity":{{"val":"21474836480"}},"attributes":[]}}],
         "gpu":{{"units":{{"val":"{gpus}"}},"attributes":{attributes}}},
         "endpoints":[{{"kind":"SHARED_HTTP","sequence_number":0}}]}},
         "count":{count},"price":{{"denom":"uakt","amount":"1000000000"}}}}"#
    )
}

/// Returns an inventory of 100 nodes. Each has cards of one kind, of which some or all are in use.
fn inventory() -> String {
    const CARDS: [(u32, &str, &str, &str); 5] = [
        (4, "t4", "16Gi", "PCIe"),
        (8, "a100", "80Gi", "SXM4"),
        (4, "a100", "40Gi", "PCIe"),
        (8, "h100", "80Gi", "SXM5"),
        (2, "rtx4090", "24Gi", "PCIe"),
    ];
    let pair = |allocatable: String, allocated: String| {
        format!(
            r#"{{"allocatable":{{"string":"{allocatable}"}},"allocated":{{"string":"{allocated}"}},"capacity":{{"string":"{allocatable}"}}}}"#
        )
    };
    let nodes = (0..100_u32).zip(CARDS.iter().cycle()).map(|(place, (number, name, ram, interface))| {
        // The first nodes are full, so that the search has work to do.
        let used = if place < 60 { *number } else { place % number };
        let card = format!(
            r#"{{"vendor":"nvidia","name":"{name}","modelid":"{name}","interface":"{interface}","memorySize":"{ram}"}}"#
        );
        let cards = vec![card; usize::try_from(*number).unwrap()].join(",");
        format!(
            r#"{{"name":"node{place}","resources":{{"cpu":{{"quantity":{},"info":[]}},"memory":{{"quantity":{},"info":[]}},
            "gpu":{{"quantity":{},"info":[{cards}]}},"ephemeralStorage":{},"volumesAttached":{},"volumesMounted":{}}},
            "capabilities":{{"storageClasses":["beta3"]}}}}"#,
            pair("64".to_owned(), format!("{}", if place < 40 { 63 } else { place % 50 })),
            pair("512Gi".to_owned(), format!("{}Gi", place * 3)),
            pair(number.to_string(), used.to_string()),
            pair("2Ti".to_owned(), "100Gi".to_owned()),
            pair("0".to_owned(), "0".to_owned()),
            pair("0".to_owned(), "0".to_owned()),
        )
    });
    let nodes: Vec<String> = nodes.collect();
    format!(r#"{{"nodes":[{}],"storage":[]}}"#, nodes.join(","))
}
