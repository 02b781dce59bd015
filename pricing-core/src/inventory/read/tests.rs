use super::*;
use crate::inventory::finding::{Action, Resource};
use crate::inventory::validate::{Validated, validate};

const PROTOBUF: &str = r#"{"nodes":[{"name":"n1","resources":{
    "cpu":{"quantity":{"allocatable":{"string":"16"},"allocated":{"string":"2050m"},"capacity":{"string":"16"}},"info":[{"id":"0"}]},
    "memory":{"quantity":{"allocatable":{"string":"64Gi"},"allocated":{"string":"998Mi"},"capacity":{"string":"64Gi"}}},
    "gpu":{"quantity":{"allocatable":{"string":"2"},"allocated":{"string":"1"},"capacity":{"string":"2"}},
           "info":[{"vendor":"nvidia","vendorId":"10de","name":"a100","modelid":"20b2","interface":"SXM4","memorySize":"80Gi"},
                   {"vendor":"nvidia","name":"a100","interface":"SXM4","memorySize":"80Gi"}]},
    "ephemeralStorage":{"allocatable":{"string":"1e9"},"allocated":{},"capacity":null},
    "volumesAttached":{"allocatable":{"string":"0"}},"rdma":{"new":[1,{"x":null}]}},
    "capabilities":{"storageClasses":["beta2","beta3"]}}],
  "storage":[{"quantity":{"allocatable":{"string":"10Gi"},"allocated":{"string":"1Gi"}},"info":{"class":"beta3","iops":"0"}}]}"#;

const GO: &str = r#"{"nodes":[{"name":"n1","resources":{
    "cpu":{"quantity":{"allocatable":"16","allocated":"2050m"}},
    "memory":{"quantity":{"allocatable":"64Gi","allocated":"998Mi"}},
    "gpu":{"quantity":{"allocatable":"2","allocated":"1"},
           "info":[{"vendor":"nvidia","name":"a100","interface":"SXM4","memory_size":"80Gi"},
                   {"vendor":"nvidia","vendor_id":"10de","name":"a100","interface":"SXM4","memory_size":"80Gi"}]},
    "ephemeral_storage":{"allocatable":"1000000000"}},
    "capabilities":{"storage_classes":["beta2","beta3"]}}],
  "storage":[{"quantity":{"allocatable":"10Gi","allocated":"1Gi"},"info":{"class":"beta3"}}]}"#;

fn validated(text: &str) -> Validated {
    validate(read(text).unwrap())
}

fn error(text: &str) -> InputError {
    read(text).unwrap_err()
}

#[test]
fn both_dialects_say_the_same() {
    let protobuf = validated(PROTOBUF);
    assert_eq!(protobuf, validated(GO));
    assert_eq!(protobuf, validated(&format!("\u{feff}{GO}")));
    assert_eq!(protobuf.findings, []);
    let node = &protobuf.cluster.nodes()[0];
    assert_eq!((node.cpu.total.get(), node.cpu.available.get()), (16_000, 13_950));
    assert_eq!(node.memory.available.get(), (64 << 30) - (998 << 20));
    assert_eq!((node.gpus.total, node.gpus.available, node.cards.len()), (2, 1, 2));
    assert_eq!(node.ephemeral.available.get(), 1_000_000_000);
    assert_eq!(node.storage_classes, ["beta2", "beta3"]);
    assert_eq!(protobuf.cluster.cards()[0].kind.to_string(), "nvidia/a100/80Gi/sxm");
    assert_eq!(protobuf.cluster.storage()[0].capacity.available.get(), 9 << 30);
    assert_eq!(protobuf.cluster.leased_ips(), None);
}

#[test]
fn a_status_is_the_cluster_inside_it_with_leased_ips() {
    let status = |cluster: &str, ips: &str| {
        validated(&format!(
            r#"{{"errors":null,"cluster":{{"leases":{{"active":3}},"inventory":{{"cluster":{cluster},{ips}}}}}}}"#
        ))
    };
    let ips = r#""reservations":{"pending":{},"active":{"count":1}},"leased_ip":{"allocatable":"5","allocated":"3"}"#;
    let read = status(GO, ips);
    assert_eq!(read.cluster.leased_ips(), Some(2));
    assert_eq!(read.cluster.nodes(), validated(GO).cluster.nodes());
    let unlimited = r#""leasedIp":{"allocatable":{"string":"-1"},"allocated":{"string":"3"}}"#;
    assert!(status(PROTOBUF, unlimited).cluster.leased_ips().unwrap() > 1 << 62);
    assert_eq!(status(GO, r#""leased_ip":{"allocatable":null}"#).cluster.leased_ips(), None);
    assert_eq!(status(GO, r#""leased_ip":null"#).cluster.leased_ips(), None);
    assert_eq!(status(GO, r#""leased_ip":{"allocatable":"0"}"#).cluster.leased_ips(), Some(0));
    let nonsense = status(GO, r#""leased_ip":{"allocatable":"18446744073709551615"}"#);
    assert_eq!(nonsense.cluster.leased_ips(), Some(0));
    assert_eq!((nonsense.findings[0].resource, nonsense.findings[0].action), (Resource::LeasedIp, Action::Clamped));
}

#[test]
fn a_status_without_inventory_is_unusable_and_says_so() {
    for text in [r#"{"cluster":null}"#, r#"{"cluster":{"inventory":null}}"#, r#"{"errors":["no inventory"]}"#] {
        let read = validated(text);
        assert!(!read.cluster.is_usable(), "{text}");
        assert_eq!(read.findings.len(), 1, "{text}");
    }
}

#[test]
fn nothing_is_a_cluster_without_nodes() {
    for text in ["{}", r#"{"nodes":null}"#, r#"{"nodes":[],"storage":null}"#, r#"{"nodes":[null]}"#] {
        assert!(!validated(text).cluster.is_usable(), "{text}");
    }
}

#[test]
fn null_may_stand_for_any_message() {
    let text = r#"{"nodes":[{"name":null,"resources":null,"capabilities":null},
        {"name":"n2","resources":{"cpu":null,"memory":{"quantity":null},"gpu":null,"ephemeral_storage":null}},
        {"name":"n3","resources":{"cpu":{"quantity":{"allocatable":4}},"memory":{"quantity":{"allocatable":1.5e3,"capacity":null}},
         "gpu":{"quantity":null,"info":[null]}},"capabilities":{"storage_classes":null}}],
        "storage":[null,{"quantity":null,"info":{"class":"beta1"}}]}"#;
    let read = validated(text);
    let node = &read.cluster.nodes()[0];
    assert_eq!((&*node.name, node.cpu.total.get(), node.memory.total.get()), ("n3", 4_000, 1_500));
    assert_eq!(read.cluster.storage()[0].capacity.total.get(), 0);
}

#[test]
fn numbers_are_quantities_too() {
    let cpu = |number: &str| {
        let text = format!(
            r#"{{"nodes":[{{"name":"n","resources":{{"cpu":{{"quantity":{{"allocatable":{number}}}}},"memory":{{"quantity":{{"allocatable":1}}}}}}}}]}}"#
        );
        validated(&text).cluster.nodes().first().map(|node| node.cpu.total.get())
    };
    for (number, milli) in [("16", 16_000), ("0.5", 500), ("2.0505", 2_050), ("1e2", 100_000)] {
        assert_eq!(cpu(number), Some(milli), "{number}");
    }
    for number in ["-3", "18446744073709551615", "1e300", "1e-300", "-1e300"] {
        assert!(cpu(number).is_none_or(|milli| milli == 0), "{number}");
    }
}

#[test]
fn a_malformed_quantity_is_an_error_with_its_path() {
    let path = "nodes[0].resources.memory.quantity.allocated";
    for (from, to, path) in [
        (r#""998Mi""#, r#""998MB""#, path.to_owned()),
        (r#""998Mi""#, "true", path.to_owned()),
        (r#""998Mi""#, "[]", path.to_owned()),
        (r#""998Mi""#, r#""""#, path.to_owned()),
        (r#""998Mi""#, r#"{"string":"x"}"#, format!("{path}.string")),
        (r#""2050m""#, r#""2050 m""#, "nodes[0].resources.cpu.quantity.allocated".to_owned()),
    ] {
        let error = error(&GO.replacen(from, to, 1));
        assert_eq!(error.path(), Some(path.as_str()), "{to}: {error}");
        assert!(error.line().is_some(), "{error}");
    }
    let inside = error(&format!(r#"{{"cluster":{{"inventory":{{"cluster":{}}}}}}}"#, GO.replacen("16", "16 cores", 1)));
    assert_eq!(inside.path(), Some("cluster.inventory.cluster.nodes[0].resources.cpu.quantity.allocatable"));
}

#[test]
fn a_rest_status_is_refused_with_the_right_address() {
    for text in [
        r#"{"cluster":{"leases":1,"inventory":{"active":[{"cpu":100,"gpu":1}],"available":{"nodes":[{"name":"n1","allocatable":{"cpu":8000,"gpu":4}}]}}},
            "bidengine":{"orders":0},"manifest":{"deployments":0},"cluster_public_hostname":"provider.example.com","address":"akash1x"}"#,
        r#"{"cluster":{"leases":0,"inventory":null},"bidengine":{"orders":0}}"#,
        r#"{"cluster":{"leases":0}}"#,
        r#"{"cluster":{"inventory":{"available":{}}}}"#,
    ] {
        let error = error(text).to_string();
        assert!(
            error.contains("8443") && error.contains("akash.provider.v1.ProviderRPC") && error.contains("8444"),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_inventory_is_an_error() {
    let deep = format!(r#"{{"nodes":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let unknown = |nodes: &str| format!(r#"{{"x":{}{},"nodes":{nodes}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert!(read(&unknown("[]")).is_ok());
    for text in [
        "",
        " ",
        "null",
        "[]",
        "1",
        "\"x\"",
        "{",
        "{}{}",
        r#"{"nodes":[]} x"#,
        r#"{"services":{}}"#,
        "{nodes: []}",
        r#"{"nodes":{}}"#,
        r#"{"nodes":[1]}"#,
        r#"{"nodes":[],"nodes":[]}"#,
        r#"{"nodes":[{"name":"a","name":"b"}]}"#,
        r#"{"nodes":[{"resources":{"ephemeral_storage":{},"ephemeralStorage":{}}}]}"#,
        r#"{"nodes":[{"name":"n","resources":{"cpu":{"quantity":{"allocatable":{"string":"1","string":"2"}}}}}]}"#,
        r#"{"nodes":[{"name":7}]}"#,
        r#"{"cluster":[]}"#,
        &deep,
        &unknown("7"),
    ] {
        let error = error(text).to_string();
        let shown: String = text.chars().take(80).collect();
        for type_name in ["struct", "Document", "Vec", "Option", "enum"] {
            assert!(!error.contains(type_name), "{shown}: {error}");
        }
    }
    assert!(error(&format!(r#"{{"nodes":[{}{{}}]}}"#, "{},".repeat(100_001))).to_string().contains("100000 entries"));
}
