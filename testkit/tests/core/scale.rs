//! The daemon's scale pricing, compared with the daemon's own answers and tests.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use std::collections::BTreeMap;
use std::fs;

use pricing_core::order::{Order, OrderFormat, detect};
use pricing_core::quote::scale::{ScaleError, Scales};
use serde_json::{Value, json};

fn lines(name: &str) -> Vec<Value> {
    let path = format!("{}/../corpus/scale/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Reads scales under these keys: CPU, memory, endpoint, IP, storage.
fn scales(written: &Value, [cpu, memory, endpoint, ip, storage]: [&str; 5]) -> Result<Scales, ScaleError> {
    let text = |key: &str| written[key].as_str().unwrap();
    let classes: BTreeMap<String, String> = serde_json::from_value(written[storage].clone()).unwrap();
    Scales::new([text(cpu), text(memory), text(endpoint), text(ip)], &classes)
}

fn order(group: &Value) -> Order {
    detect::read(&group.to_string(), Some(OrderFormat::GroupSpec)).unwrap().remove(0)
}

/// Formats a price as the daemon does: 18 decimals, and the denom.
fn printed(scales: &Scales, order: &Order) -> Result<String, String> {
    let amount = scales.price(order).map_err(|fault| fault.to_string())?.to_string();
    let (whole, fraction) = amount.split_once('.').unwrap_or((&amount, ""));
    Ok(format!("{whole}.{fraction:0<18}{}", order.max_price.as_ref().unwrap().denom()))
}

#[test]
fn every_vector_is_answered_as_the_daemon_answers_it() {
    let vectors = lines("vectors.jsonl");
    assert_eq!(vectors.len(), 143);
    for vector in vectors {
        let (id, expect) = (&vector["id"], &vector["expect"]);
        let scales = scales(&vector["scales"], ["cpu", "memory", "endpoint", "ip", "storage"]);
        if let Some(refused) = expect["config"].as_str() {
            assert_eq!(scales.unwrap_err().to_string(), refused, "vector {id}");
            continue;
        }
        // Scales do not price cards, and these tests do not depend on which cards an order may name.
        let mut group = vector["group"].clone();
        for unit in group["resources"].as_array_mut().unwrap() {
            unit["resource"]["gpu"] = json!({ "units": { "val": "0" }, "attributes": [] });
        }
        let answer = printed(&scales.unwrap(), &order(&group));
        match expect["error"].as_str() {
            Some(error) => assert!(answer.as_ref().unwrap_err().contains(error), "vector {id}: {answer:?}"),
            None => assert_eq!(answer.as_deref(), Ok(expect["price"].as_str().unwrap()), "vector {id}"),
        }
    }
}

/// Returns the group of a case.
fn group(order: &Value) -> Value {
    let volumes = order["storage"].as_array().into_iter().flatten();
    let volumes = volumes.map(|volume| json!({ "name": "v", "quantity": { "val": volume["bytes"].to_string() } }));
    let numbers = order["leased_ip_sequence_numbers"].as_array().into_iter().flatten();
    let endpoints = numbers.map(|number| json!({ "kind": "LEASED_IP", "sequence_number": number }));
    json!({ "name": "g", "resources": [{
        "resource": {
            "id": 1,
            "cpu": { "units": { "val": order["cpu_milli"].to_string() } },
            "memory": { "quantity": { "val": order["memory_bytes"].to_string() } },
            "gpu": { "units": { "val": order["gpu_units"].to_string() } },
            "storage": volumes.collect::<Vec<_>>(),
            "endpoints": endpoints.collect::<Vec<_>>(),
        },
        "count": order["count"],
        "price": order["max_price"],
    }] })
}

#[test]
fn every_case_of_the_daemons_own_tests_comes_out() {
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    for case in lines("cases.jsonl") {
        let (id, kind, expect) = (&case["id"], case["kind"].as_str().unwrap(), &case["expect"]);
        let (input, asked) = (&case["input"], &case["input"]["order"]);
        let keys = ["cpu_per_milli", "memory_per_mib", "endpoint", "ip", "storage_per_mib"];
        match kind {
            "scale-config" => {
                assert_eq!(scales(&input["scales"], keys).is_ok(), expect["ok"].as_bool().unwrap(), "case {id}");
            }
            "scale-price" => {
                let priced = scales(&input["scales"], keys).unwrap().price(&order(&group(asked)));
                match expect["error"].as_str() {
                    Some(error) => assert!(priced.unwrap_err().to_string().contains(error), "case {id}"),
                    None => {
                        let number = |text: &str| text.parse::<f64>().unwrap();
                        let tolerance = expect["tolerance"].as_str().map_or(0.0, number);
                        let (priced, amount) = (priced.unwrap().to_string(), expect["amount"].as_str().unwrap());
                        assert!((number(&priced) - number(amount)).abs() <= tolerance, "case {id}: {priced} {amount}");
                    }
                }
            }
            "leased-ip-count" => {
                let mut written = input["scales"].clone();
                written["ip"] = "1".into();
                let priced = scales(&written, keys).unwrap().price(&order(&group(asked))).unwrap();
                assert_eq!(priced.to_string(), expect["leased_ips_billed"].to_string(), "case {id}");
            }
            // The other cases are about scripts, which `pricing-script` tests.
            _ => assert!(kind.starts_with("script-"), "case {id} is of the unknown kind `{kind}`"),
        }
        *kinds.entry(kind.to_owned()).or_default() += 1;
    }
    assert!(["scale-config", "scale-price", "leased-ip-count"].iter().all(|kind| kinds[*kind] > 1), "{kinds:?}");
}
