//! Tests of format detection.

use super::*;
use crate::order::MAX_INPUT_BYTES;
use crate::text::Untrusted;

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
        // Keys may be escaped, and the last of several values of a key counts.
        (r#"{"\u0067roupSpec":{}}"#, GroupSpec),
        (r#"{"resources":[{"cpu":1}],"resources":[{"resource":{}}]}"#, GroupSpec),
        (r#"{"resources":[{"resource":{}}],"resources":[{"cpu":1}]}"#, Script),
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
    for text in [
        "{\"name\":\"g\"",
        "{\"a\":{\"b\":[{\"c\":[1,]}]},\"name\":\"g\"}",
        "{\"name\":\"g\"} x",
        "[{\"name\":\"\u{1}\"}]",
    ] {
        assert!(detect(text).unwrap_err().message().contains("not JSON"), "{text:?}");
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

#[test]
fn what_is_asked_of_the_provider_beside_the_group_is_read() {
    use core::time::Duration;
    let spec = r#"{"name":"g","resources":[{"resource":{"id":1,"cpu":{"units":{"val":"1"}},"memory":{"quantity":{"val":"1"}}},"count":1}]}"#;
    let conditions = |text: &str| read(text, None).unwrap().remove(0).conditions;
    assert_eq!(conditions(spec), Conditions::default());
    let order = format!(r#"{{"spec":{spec},"reclamation":{{"min_window":"86400s"}}}}"#);
    assert_eq!(conditions(&order).min_reclamation, Some(Duration::from_secs(86_400)));
    assert_eq!(conditions(&format!("[{order}]")).min_reclamation, Some(Duration::from_secs(86_400)));
    assert_eq!(conditions(&format!(r#"{{"spec":{spec},"reclamation":null}}"#)), Conditions::default());
    let screening = format!(r#"{{"group_spec":{spec},"hostnames":["a.example.com","b.org"]}}"#);
    let hostnames = conditions(&screening).hostnames;
    assert_eq!(hostnames.iter().map(Untrusted::exact).collect::<Vec<_>>(), ["a.example.com", "b.org"]);
    for text in [spec, &order, &screening] {
        let order = read(text, None).unwrap().remove(0);
        assert_eq!(read(&group_spec::order_to_json(&order).to_string(), None).unwrap(), [order], "{text}");
    }
    for reclamation in [r#"{"min_window":"a day"}"#, r#"{"window":"86400s"}"#, r#""86400s""#] {
        assert!(read(&format!(r#"{{"spec":{spec},"reclamation":{reclamation}}}"#), None).is_err(), "{reclamation}");
    }
}

#[cfg(feature = "sdl")]
#[test]
fn an_sdl_names_its_hostnames_by_group_and_its_window_for_all() {
    let text = r#"
version: "2.1"
services:
  api:
    image: api
    expose: [{ port: 80, accept: [api.example.com, api.org], to: [{ global: true }] }]
  web:
    image: web
    expose: [{ port: 80, accept: [example.com], to: [{ global: true }] }]
profiles:
  compute:
    small: { resources: { cpu: { units: 1 }, memory: { size: 1Gi }, storage: { size: 1Gi } } }
  placement:
    east: { pricing: { small: { denom: uact, amount: 100 } } }
    west: { pricing: { small: { denom: uact, amount: 100 } } }
deployment:
  api: { west: { profile: small, count: 1 }, east: { profile: small, count: 1 } }
  web: { west: { profile: small, count: 1 } }
reclamation:
  min_window: 24h
"#;
    let orders = read(text, None).unwrap();
    let hostnames =
        |order: &Order| order.conditions.hostnames.iter().map(|name| name.exact().to_owned()).collect::<Vec<_>>();
    assert_eq!(
        orders.iter().map(hostnames).collect::<Vec<_>>(),
        [vec!["api.example.com", "api.org"], vec!["api.example.com", "api.org", "example.com"],]
    );
    assert!(
        orders.iter().all(|order| order.conditions.min_reclamation == Some(core::time::Duration::from_secs(86_400)))
    );
    let without = text.replace("reclamation:\n  min_window: 24h\n", "");
    assert!(read(&without, None).unwrap().iter().all(|order| order.conditions.min_reclamation.is_none()));
}
