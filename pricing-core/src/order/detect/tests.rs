//! Tests of recognising orders.

use super::*;

const SDL: &str = "version: '2.0'
services: {a: {image: x}}
profiles:
  compute: {p: {resources: {cpu: {units: 1}, memory: {size: 1Gi}, storage: {size: 1Gi}}}}
  placement:
    w: {pricing: {p: {denom: uakt, amount: 2}}}
    e: {pricing: {p: {denom: uact, amount: 3}}}
deployment: {a: {w: {profile: p, count: 2}, e: {profile: p, count: 1}}}
";

#[test]
fn the_content_says_the_format() {
    use OrderFormat::{GroupSpec, Script, Sdl};
    for (text, format) in [
        (SDL, Sdl),
        ("", Sdl),
        ("hello", Sdl),
        ("---\nversion: '2.0'", Sdl),
        ("# {\nversion: '2.0'", Sdl),
        (r#"{"version":"2.0","services":{},"profiles":{},"deployment":{}}"#, Sdl),
        ("{version: '2.0', services: {}, profiles: {}, deployment: {}}", Sdl),
        ("\u{feff} {\"services\": {}}", Sdl),
        (r#"[{"name":"g","requirements":{},"resources":[]}]"#, GroupSpec),
        (r#"{"name":"g","requirements":{},"resources":[{"resource":{},"count":1,"price":{}}]}"#, GroupSpec),
        (r#"{"name":"g","resources":[]}"#, GroupSpec),
        (r#"{"resources":[{"resource":{"cpu":{}},"count":1,"price":{}}]}"#, GroupSpec),
        (r#"{"id":{},"state":"open","spec":{}}"#, GroupSpec),
        (r#"[{"group_spec":{}}]"#, GroupSpec),
        (r#"{"groupSpec":{}}"#, GroupSpec),
        (r#"{"resources":[{"cpu":1,"memory":2,"count":1}],"price":{},"price_precision":6}"#, Script),
        (r#"{"resources":[],"price":{"denom":"uakt","amount":"1"}}"#, Script),
        (r#"{"resources":[{"cpu":1,"memory":2,"gpu":{},"storage":[],"count":1}]}"#, Script),
        (r#"[{"memory":1,"cpu":2,"gpu":{"units":0},"storage":[],"count":1,"endpoint_quantity":2}]"#, Script),
    ] {
        assert_eq!(detect(text), Ok(format), "{text}");
    }
}

#[test]
fn json_that_is_no_order_is_refused() {
    for text in ["{}", "[]", "[1]", "{\"a\":1}"] {
        assert!(detect(text).unwrap_err().message().contains("neither"), "{text}");
    }
    let error = detect("{\"resources\": [\n  oops]}").unwrap_err();
    assert_eq!((error.line(), error.column()), (Some(2), Some(3)));
    assert!(detect(&" ".repeat(MAX_INPUT_BYTES + 1)).is_err());
    assert!(read(&" ".repeat(MAX_INPUT_BYTES + 1), Some(OrderFormat::Script)).is_err());
}

#[cfg(feature = "sdl")]
#[test]
fn each_group_is_an_order_with_its_maximum() {
    let orders = read(SDL, None).unwrap();
    let shown: Vec<String> = orders
        .iter()
        .map(|order| {
            let price = order.max_price.as_ref().unwrap();
            format!("{} {} {}", order.group.name(), price.amount(), price.denom())
        })
        .collect();
    assert_eq!(shown, ["e 3 uact", "w 4 uakt"]);
    assert!(orders.iter().all(|order| order.format == OrderFormat::Sdl));
    let json = group_spec::to_json(&orders.iter().map(|order| order.group.clone()).collect::<Vec<_>>()).to_string();
    let again = read(&json, None).unwrap();
    assert!(again.iter().all(|order| order.format == OrderFormat::GroupSpec));
    assert_eq!(again[0].group, orders[0].group);
    assert!(read(SDL, Some(OrderFormat::GroupSpec)).is_err());
    assert!(read(&json, Some(OrderFormat::Sdl)).is_err());
}

#[cfg(not(feature = "sdl"))]
#[test]
fn without_the_feature_an_sdl_is_an_error_that_says_so() {
    assert_eq!(read(SDL, None).unwrap_err().message(), "this program was built without SDL");
}
