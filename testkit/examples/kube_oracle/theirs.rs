//! A case as the nodes and pods that kube-scheduler is given.
//!
//! What a pod requests is worked out here once more, from the order's own JSON, so that a mistake in ours shows.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cases::Case;
use crate::ours::Placed;

type Texts = BTreeMap<String, String>;

/// The case as kube-scheduler's program reads it.
pub(crate) fn case(case: &Case, placed: &Placed) -> Value {
    let nodes: Vec<Value> = case.nodes.iter().map(|node| self::node(node, case.pods_without_requests)).collect();
    let units = case.units.iter().zip(&placed.reservation.targets);
    let pods: Vec<Value> = units
        .flat_map(|(unit, target)| {
            let label = target.selector().map(|selector| gpu_label(&selector.vendor, &selector.model));
            let vendor = target.selector().map_or_else(String::new, |selector| selector.vendor);
            let count = unit.get("count").and_then(Value::as_u64).unwrap_or(0);
            (0..count).map(move |_| pod(unit, label.clone(), &vendor))
        })
        .collect();
    json!({"id": 0, "nodes": nodes, "pods": pods, "config": case.config})
}

fn gpu_label(vendor: &str, model: &str) -> String {
    format!("gpu.vendor.{vendor}.model.{model}")
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn card_resource(vendor: &str) -> &'static str {
    if vendor == "amd" { "amd.com/gpu" } else { "nvidia.com/gpu" }
}

fn node(node: &Value, pods_without_requests: u32) -> Value {
    let cards = node.pointer("/resources/gpu/info").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let card = card_resource(cards.first().map_or("nvidia", |card| text(card, "/vendor")));
    let mut paths = vec![
        ("cpu", "/resources/cpu/quantity"),
        ("memory", "/resources/memory/quantity"),
        ("ephemeral-storage", "/resources/ephemeralStorage"),
        (card, "/resources/gpu/quantity"),
    ];
    let interconnect = text(node, "/capabilities/interconnectResourceName");
    if !interconnect.is_empty() {
        paths.push((interconnect, "/resources/gpuInterconnect"));
    }
    let amounts = |which: &str| -> Texts {
        let amount = |path: &str| text(node, &format!("{path}/{which}/string")).to_owned();
        paths.iter().map(|(name, path)| ((*name).to_owned(), amount(path))).collect()
    };
    let models = cards.iter().map(|card| gpu_label(text(card, "/vendor"), text(card, "/name")));
    let classes = node.pointer("/capabilities/storageClasses").and_then(Value::as_array).into_iter().flatten();
    let labels: Vec<String> =
        models.chain(classes.filter_map(Value::as_str).map(|class| format!("class.{class}"))).collect();
    json!({
        "name": text(node, "/name"), "allocatable": amounts("allocatable"), "used": amounts("allocated"),
        "labels": labels, "pods_without_requests": pods_without_requests,
    })
}

fn pod(unit: &Value, label: Option<String>, vendor: &str) -> Value {
    let gpus = text(unit, "/resource/gpu/units/val");
    let mut requests = Texts::new();
    requests.insert("cpu".to_owned(), format!("{}m", text(unit, "/resource/cpu/units/val")));
    requests.insert("memory".to_owned(), text(unit, "/resource/memory/quantity/val").to_owned());
    let group = interconnect_group(unit);
    if gpus != "0" {
        requests.insert(card_resource(vendor).to_owned(), gpus.to_owned());
        if group.is_some() {
            requests.insert("rdma/hca".to_owned(), gpus.to_owned());
        }
    }
    let mut labels: Vec<String> = label.into_iter().collect();
    for volume in unit.pointer("/resource/storage").and_then(Value::as_array).into_iter().flatten() {
        match attribute(volume, "class") {
            // The last volume without a class decides.
            None => drop(requests.insert("ephemeral-storage".to_owned(), text(volume, "/quantity/val").to_owned())),
            Some(class) if attribute(volume, "persistent") == Some("true") => labels.push(format!("class.{class}")),
            Some(_) => {}
        }
    }
    let group = group.filter(|group| !group.is_empty());
    json!({
        "service": format!("unit-{}", unit.pointer("/resource/id").unwrap_or(&Value::Null)), "requests": requests,
        "node_labels": labels, "interconnect_group": group,
    })
}

fn attribute<'a>(of: &'a Value, key: &str) -> Option<&'a str> {
    let attributes = of.get("attributes").and_then(Value::as_array).into_iter().flatten();
    attributes.filter(|attribute| text(attribute, "/key") == key).map(|attribute| text(attribute, "/value")).next()
}

fn interconnect_group(unit: &Value) -> Option<&str> {
    attribute(unit.pointer("/resource/gpu")?, "interconnect/group")
}
