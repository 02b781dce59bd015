//! Both dialects give the same group spec.

use super::super::{read, to_json};
use crate::order::{EndpointKind, Endpoints, StorageClass};

const REST: &str = r#"[{
  "name": "west",
  "requirements": {
    "signed_by": {"all_of": ["a"], "any_of": ["b"]},
    "attributes": [{"key": "host", "value": "akash"}]
  },
  "resources": [{
    "resource": {
      "id": 1,
      "cpu": {"units": {"val": "1000"}, "attributes": [{"key": "arch", "value": "amd64"}]},
      "memory": {"quantity": {"val": "2147483648"}, "attributes": []},
      "storage": [{"name": "default", "quantity": {"val": "5"}, "attributes": [
        {"key": "class", "value": "beta2"}, {"key": "persistent", "value": "true"}]}],
      "gpu": {"units": {"val": "1"}, "attributes": [{"key": "vendor/nvidia/model/a100", "value": "true"}]},
      "endpoints": [{"kind": "SHARED_HTTP", "sequence_number": 0}, {"kind": "LEASED_IP", "sequence_number": 2}]
    },
    "count": 3,
    "price": {"denom": "uakt", "amount": "10.500000000000000000"}
  }]
}]"#;

#[test]
fn both_dialects_mean_the_same() {
    let rest = read(REST).unwrap();
    let camel = REST
        .replace("signed_by", "signedBy")
        .replace("all_of", "allOf")
        .replace("any_of", "anyOf")
        .replace("sequence_number", "sequenceNumber");
    assert_eq!(read(&camel).unwrap(), rest);
    let go = REST
        .replace("quantity", "size")
        .replace("\"kind\": \"SHARED_HTTP\", ", "")
        .replace("\"LEASED_IP\"", "2")
        .replace(", \"attributes\": []", "");
    assert_eq!(read(&go).unwrap(), rest);
    let nulls = REST.replace("\"attributes\": []", "\"attributes\": null");
    assert_eq!(read(&nulls).unwrap(), rest);
    let integers = REST.replace("\"1000\"", "1000").replace("\"count\": 3", "\"count\": \"3\"");
    assert_eq!(read(&integers).unwrap(), rest);
    let unnumbered = REST.replace("\"id\": 1,", "");
    assert_eq!(read(&unnumbered).unwrap(), rest);
    assert_eq!(read(&REST.replace("\"id\": 1,", "\"id\": 0,")).unwrap(), rest);
}

#[test]
fn a_group_spec_may_be_bare_or_wrapped() {
    let rest = read(REST).unwrap();
    let bare = REST.trim().trim_start_matches('[').trim_end_matches(']');
    for text in [
        bare.to_owned(),
        format!("\u{feff}{bare}"),
        format!("{{\"spec\": {bare}}}"),
        format!("{{\"group_spec\": {bare}, \"state\": \"open\"}}"),
        format!(
            "{{\"id\": {{\"owner\": \"a\", \"dseq\": \"1\"}}, \"state\": \"open\", \"spec\": {bare}, \"created_at\": \"5\"}}"
        ),
        format!("[{{\"groupSpec\": {bare}}}]"),
    ] {
        assert_eq!(read(&text).unwrap(), rest, "{text}");
    }
}

#[test]
fn what_is_read_is_what_is_meant() {
    let groups = read(REST).unwrap();
    let unit = &groups[0].resources()[0];
    assert_eq!((unit.id, unit.cpu.get(), unit.memory.get(), unit.count), (1, 1000, 2 << 30, 3));
    assert_eq!(unit.storage[0].class, StorageClass::Persistent("beta2".into()));
    assert_eq!(unit.price.as_ref().unwrap().amount().to_string(), "10.5");
    let Endpoints::Listed(list) = &unit.endpoints else { panic!("listed") };
    assert_eq!((list[0].kind, list[1].kind), (EndpointKind::SharedHttp, EndpointKind::LeasedIp));
    let least = r#"{"name":"g","resources":[
        {"resource":{"cpu":{"units":{"val":"1"}},"memory":{"size":{"val":"2"}}},"count":1},
        {"resource":{"cpu":{"units":{"val":"1"}},"memory":{"size":{"val":"2"}},"gpu":null},"count":1}]}"#;
    let group = read(least).unwrap().remove(0);
    let ids: Vec<u32> = group.resources().iter().map(|unit| unit.id).collect();
    assert_eq!(ids, [1, 2]);
    assert!(group.resources()[0].price.is_none());
}

#[test]
fn storage_attributes_say_the_class() {
    let volume = |attributes: &str| {
        let from = r#"{"key": "class", "value": "beta2"}, {"key": "persistent", "value": "true"}"#;
        read(&REST.replace(from, attributes)).map(|groups| groups[0].resources()[0].storage[0].class.clone())
    };
    for (attributes, class) in [
        ("", StorageClass::Ephemeral),
        (r#"{"key":"persistent","value":"true"}"#, StorageClass::Persistent("default".into())),
        (r#"{"key":"persistent","value":"false"}"#, StorageClass::Ephemeral),
        (r#"{"key":"class","value":"ram"}"#, StorageClass::Ram),
        (r#"{"key":"persistent","value":"false"},{"key":"class","value":"ram"}"#, StorageClass::Ram),
        (r#"{"key":"class","value":"beta3"}"#, StorageClass::Ephemeral),
    ] {
        assert_eq!(volume(attributes).unwrap(), class, "{attributes}");
    }
    let error = volume(r#"{"key":"persistent","value":"true"},{"key":"class","value":"ram"}"#).unwrap_err();
    assert_eq!(error.path(), Some("[0].resources[0].resource.storage[0].attributes"));
}

#[test]
fn what_is_printed_is_the_rest_dialect() {
    let printed = to_json(&read(REST).unwrap());
    let expected: serde_json::Value = serde_json::from_str(REST).unwrap();
    assert_eq!(printed, expected);
}
