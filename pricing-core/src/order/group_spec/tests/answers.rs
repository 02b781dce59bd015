//! Group specs in the output of the chain's tools and of the provider's daemon.

use super::super::read;
use crate::order::OrderFormat;
use crate::order::detect::{self, detect};

const SPEC: &str =
    r#"{"name":"g","requirements":{"signed_by":{"all_of":[],"any_of":[]},"attributes":[]},"resources":[UNIT]}"#;
const UNIT: &str = r#"{"resource":{"id":1,"cpu":{"units":{"val":"1000"}},"memory":{"size":{"val":"1073741824"}},"storage":[{"name":"default","size":{"val":"5368709120"}}],"gpu":{"units":{"val":"1"},"attributes":[{"key":"vendor/nvidia/model/t4","value":"true"}]},"endpoints":[{"sequence_number":0}]},"count":2,"price":{"denom":"uakt","amount":"10.000000000000000000"}}"#;

fn spec() -> String {
    SPEC.replace("UNIT", UNIT)
}

/// Returns how many groups a text has. All must equal the one of [`spec`] except for the name.
fn groups(text: &str) -> usize {
    assert_eq!(detect(text), Ok(OrderFormat::GroupSpec), "{text}");
    let orders = detect::read(text, None).unwrap_or_else(|error| panic!("{text}: {error}"));
    let one = read(&spec()).unwrap().remove(0);
    assert!(orders.iter().all(|order| order.group.resources() == one.resources()), "{text}");
    orders.len()
}

#[test]
fn answers_of_the_chain_are_orders() {
    let spec = spec();
    let id = r#""id":{"owner":"akash1x","dseq":"5","gseq":1,"oseq":1}"#;
    let order = format!(r#"{{{id},"state":"open","spec":{spec},"created_at":"7"}}"#);
    let group = format!(r#"{{{id},"state":"open","group_spec":{spec},"created_at":"7"}}"#);
    let deployment = format!(
        r#"{{"deployment":{{{id},"state":"active","hash":"aGFzaA=="}},"groups":[{group},{group}],"escrow_account":{{"id":{{}}}}}}"#
    );
    let message = format!(
        r#"{{"@type":"/akash.deployment.v1beta4.MsgCreateDeployment",{id},"groups":[{spec}],"hash":"aGFzaA==","deposit":{{"amount":{{}}}}}}"#
    );
    for (text, number) in [
        (order.clone(), 1),
        (format!(r#"{{"order":{order}}}"#), 1),
        (format!(r#"{{"orders":[{order},{order}],"pagination":{{"next_key":null,"total":"2"}}}}"#), 2),
        (format!(r#"{{"orders":[{{"order":{order}}}]}}"#), 1),
        (format!(r#"[{{"order":{order}}}]"#), 1),
        (format!("[{order}]"), 1),
        (deployment.clone(), 2),
        (format!(r#"{{"deployments":[{deployment},{deployment}],"pagination":{{}}}}"#), 4),
        (message.clone(), 1),
        (format!(r#"{{"body":{{"messages":[{message}],"memo":""}},"auth_info":{{}},"signatures":[]}}"#), 1),
        (format!(r#"{{"messages":[{message},{message}]}}"#), 2),
    ] {
        assert_eq!(groups(&text), number, "{text}");
    }
}

#[test]
fn the_answer_of_a_node_is_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/chain-rest/orders.json");
    #[expect(clippy::disallowed_methods, reason = "the corpus is on disk; only tests read it")]
    let text = std::fs::read_to_string(path).unwrap();
    let orders = detect::read(&text, None).unwrap();
    let shown: Vec<_> = orders.iter().map(|order| order.group.name().into_exact()).collect();
    assert_eq!(shown, ["dcloud"]);
}

#[test]
fn the_daemons_log_has_orders() {
    let array = format!("[{UNIT}]");
    let quoted = serde_json::to_string(&array).unwrap();
    for text in [
        array.clone(),
        format!("resources={array}"),
        format!("INF reservation requested module=provider-cluster order=akash1x/5/1/1 resources={array} cmp=x\n"),
        format!("DBG reservation requested \u{1b}[36mresources=\u{1b}[0m{array}"),
        format!("reservation requested resources={quoted} x=1"),
        format!(r#"{{"level":"debug","resources":{array},"message":"reservation requested"}}"#),
    ] {
        assert_eq!(groups(&text), 1, "{text}");
    }
    for text in ["resources=[1]", "resources=[{}]", "resources=", "x: resources=[{\"a\":1}]"] {
        assert_eq!(detect(text), Ok(OrderFormat::Sdl), "{text}");
    }
}

#[test]
fn numbers_may_be_base64_of_their_digits() {
    let encoded = spec().replace("\"1000\"", "\"MTAwMA==\"").replace("\"1073741824\"", "\"MTA3Mzc0MTgyNA\"");
    let encoded =
        encoded.replace("\"5368709120\"", "\"NTM2ODcwOTEyMA==\"").replace("\"val\":\"1\"", "\"val\":\"MQ==\"");
    assert_eq!(groups(&encoded), 1);
    for bad in ["MTAwMA=x", "M", "MTA=MA==", "LTE=", "MS41", "bm9uZQ=="] {
        let error = read(&spec().replace("\"1000\"", &format!("\"{bad}\""))).unwrap_err();
        assert_eq!(error.path(), Some("resources[0].resource.cpu.units.val"), "{bad}: {error}");
    }
}

#[test]
fn what_is_no_order_there_is_refused_with_its_path() {
    let spec = spec();
    let broken = spec.replace("model/t4", "model");
    for (text, path) in [
        (
            format!(r#"{{"orders":[{{"spec":{broken}}}]}}"#),
            "orders[0].spec.resources[0].resource.gpu.attributes[0].key",
        ),
        (
            format!(r#"{{"groups":[{{"group_spec":{spec}}},{{"group_spec":{broken}}}]}}"#),
            "groups[1].group_spec.resources[0].resource.gpu.attributes[0].key",
        ),
        (format!(r#"{{"orders":[{{"spec":{spec}}},{{"id":1}}]}}"#), "orders[1]"),
        (r#"{"messages":[{"@type":"/akash.market.v1beta5.MsgCreateBid"}]}"#.to_owned(), "messages[0]"),
    ] {
        assert_eq!(read(&text).unwrap_err().path(), Some(path), "{text}");
    }
    for text in [r#"{"orders":[]}"#, r#"{"groups":[]}"#, r#"{"order":{}}"#, r#"{"orders":5}"#] {
        assert!(read(text).is_err(), "{text}");
    }
}
