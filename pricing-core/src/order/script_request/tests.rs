use super::*;
use crate::order::{Endpoint, EndpointKind};

const REQUEST: &str = r#"{"resources":[{"memory":17179869184,"cpu":8000,
  "gpu":{"units":1,"attributes":{"vendor":{"nvidia":{"model":"a100","ram":"80Gi","interface":"sxm"}}}},
  "storage":[{"class":"ephemeral","size":107374182400}],
  "count":2,"endpoint_quantity":2,"ip_lease_quantity":1,"confidential_compute":false}],
 "price":{"denom":"uakt","amount":"1000000.000000000000000000"},"price_precision":8,"more":[1]}"#;

#[test]
fn the_object_form_is_an_order() {
    let order = read(REQUEST).unwrap();
    let [unit] = order.group.resources() else { panic!("one unit") };
    assert_eq!((unit.id, unit.count, unit.cpu.get(), unit.memory.get()), (1, 2, 8000, 16 << 30));
    assert_eq!(unit.gpu.alternatives, [GpuSelector::new("nvidia", "a100", Some("80Gi"), Some("sxm"))]);
    assert_eq!(unit.storage.first().unwrap().class, StorageClass::Ephemeral);
    assert_eq!(unit.endpoints, Endpoints::Counted { endpoints: 2, leased_ips: 1 });
    let max = order.max_price.unwrap();
    assert_eq!((max.denom().as_str(), max.amount().to_string()), ("uakt", "1000000".to_owned()));
    assert_eq!((order.price_precision, order.format), (8, OrderFormat::Script));
}

#[test]
fn the_legacy_form_has_no_maximum_and_a_whole_answer() {
    let order = read(r#" [{"memory":1,"cpu":1,"count":1},{"memory":1,"cpu":1,"gpu":{"units":2,"attributes":{"vendor":{}}},"count":1}]"#).unwrap();
    assert_eq!((order.max_price, order.price_precision), (None, 0));
    let ids: Vec<u32> = order.group.resources().iter().map(|unit| unit.id).collect();
    assert_eq!(ids, [1, 2]);
    assert!(order.group.resources()[1].gpu.alternatives.is_empty());
}

#[test]
fn every_listed_vendor_is_an_alternative() {
    let text = REQUEST.replace(r#"{"nvidia":"#, r#"{"amd":{"model":"*"},"nvidia":"#);
    let order = read(&text).unwrap();
    let keys: Vec<String> =
        order.group.resources()[0].gpu.alternatives.iter().map(GpuSelector::attribute_key).collect();
    assert_eq!(keys, ["vendor/amd/model/*", "vendor/nvidia/model/a100/ram/80Gi/interface/sxm"]);
}

#[test]
fn errors_name_the_path() {
    for (from, to, path) in [
        ("\"cpu\":8000", "\"cpu\":8000.0", "resources[0].cpu"),
        ("\"cpu\":8000", "\"cpu\":\"8000\"", "resources[0].cpu"),
        ("\"count\":2", "\"count\":0", "resources[0].count"),
        ("\"count\":2", "\"count\":4294967296", "resources[0].count"),
        ("\"size\":107374182400", "\"size\":-1", "resources[0].storage[0].size"),
        ("\"model\":\"a100\"", "\"model\":7", "resources[0].gpu.attributes.vendor.nvidia.model"),
        ("\"price_precision\":8", "\"price_precision\":19", "price_precision"),
        ("1000000.000000000000000000", "1e6", "price.amount"),
        ("1000000.000000000000000000", "0.1234567890123456789", "price.amount"),
        ("{\"denom\":\"uakt\",\"amount\":\"1000000.000000000000000000\"}", "7", "price"),
    ] {
        let text = REQUEST.replacen(from, to, 1);
        assert_ne!(text, REQUEST, "{from}");
        let error = read(&text).unwrap_err();
        assert_eq!(error.path(), Some(path), "{error}");
    }
    assert!(read("[]").is_err());
    assert!(read("").is_err());
    assert!(read("null").is_err());
    assert!(read(&" ".repeat(super::super::MAX_INPUT_BYTES + 1)).is_err());
}

#[test]
fn an_order_is_written_as_the_daemon_writes_it() {
    let unit = |id, gpu: &[&str], endpoints: &[(EndpointKind, u32)]| ResourceUnit {
        id,
        cpu: MilliCpu::new(500),
        cpu_attributes: Vec::new(),
        memory: Bytes::new(1 << 30),
        memory_attributes: Vec::new(),
        gpu: GpuRequest {
            units: u64::from(!gpu.is_empty()),
            alternatives: gpu.iter().map(|key| GpuSelector::from_attribute_key(key).unwrap()).collect(),
            ..GpuRequest::default()
        },
        storage: vec![Volume {
            name: "data".to_owned(),
            size: Bytes::new(u64::MAX),
            class: StorageClass::Persistent("beta3".into()),
            attributes: Vec::new(),
        }],
        endpoints: Endpoints::Listed(
            endpoints.iter().map(|&(kind, sequence_number)| Endpoint { kind, sequence_number }).collect(),
        ),
        count: 2,
        price: Some(Price::new(Denom::new("uact"), parse_decimal("1.5").unwrap()).unwrap()),
    };
    let (http, ip) = (EndpointKind::SharedHttp, EndpointKind::LeasedIp);
    let cards = ["vendor/nvidia/model/H100/ram/80Gi", "vendor/amd/model/*", "vendor/nvidia/model/A100/interface/SXM4"];
    let units = vec![
        unit(7, &cards, &[(http, 0), (ip, 1), (ip, 1)]),
        // The same address again.
        unit(9, &[], &[(ip, 1)]),
    ];
    let group = GroupSpec::new("web".to_owned(), PlacementRequirements::default(), units).unwrap();
    let mut order = Order::from_group(group, OrderFormat::Sdl).unwrap();
    let resources = concat!(
        r#"[{"memory":1073741824,"cpu":500,"gpu":{"units":1,"attributes":{"vendor":{"amd":{"model":"*"},"#,
        r#""nvidia":{"model":"A100","interface":"SXM4"}}}},"storage":[{"class":"beta3","size":18446744073709551615}],"#,
        r#""count":2,"endpoint_quantity":3,"ip_lease_quantity":1},"#,
        r#"{"memory":1073741824,"cpu":500,"gpu":{"units":0,"attributes":{}},"#,
        r#""storage":[{"class":"beta3","size":18446744073709551615}],"#,
        r#""count":2,"endpoint_quantity":1,"ip_lease_quantity":1}]"#,
    );
    let object = format!(
        r#"{{"resources":{resources},"price":{{"denom":"uact","amount":"6.000000000000000000"}},"price_precision":6}}"#
    );
    assert_eq!(to_json(&order), object);
    order.max_price = None;
    assert_eq!(to_json(&order), resources);
}
