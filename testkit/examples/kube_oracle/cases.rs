//! Random clusters and orders, as the JSON that their readers take.

use pricing_core::reserve::kubernetes::KubernetesVersion;
use serde_json::{Value, json};
use testkit::random::Random;

const GIB: u64 = 1 << 30;
const CLASSES: [&str; 3] = ["beta1", "beta2", "beta3"];
/// Vendor, model, RAM and interface of a card.
const CARDS: [[&str; 4]; 7] = [
    ["nvidia", "a100", "40Gi", "SXM4"],
    ["nvidia", "a100", "80Gi", "SXM4"],
    ["nvidia", "a100", "80Gi", "PCIe"],
    ["nvidia", "t4", "16Gi", "PCIe"],
    ["nvidia", "h100", "80Gi", "SXM5"],
    ["nvidia", "rtx3060", "12Gi", "PCIe"],
    ["amd", "mi100", "32Gi", "PCIe"],
];
const FABRIC_RESOURCE: &str = "rdma/hca";

/// A cluster, an order, and how the scheduler is configured.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The nodes of the inventory.
    pub(crate) nodes: Vec<Value>,
    /// The resource units of the group.
    pub(crate) units: Vec<Value>,
    /// The release of Kubernetes.
    pub(crate) version: KubernetesVersion,
    /// A `KubeSchedulerConfiguration`. Empty is the default.
    pub(crate) config: String,
    /// How many pods without requests run on each node.
    pub(crate) pods_without_requests: u32,
}

impl Case {
    pub(crate) fn random(random: &mut Random, version: KubernetesVersion) -> Self {
        let most = if random.one_in(10) { 40 } else { 8 };
        let nodes = (0..random.between(1, most)).map(|number| node(random, number)).collect();
        let interconnect = random.one_in(6);
        let units = (1..=random.between(1, 3)).map(|id| unit(random, id, interconnect)).collect();
        let pods_without_requests = if random.one_in(3) { random.between(1, 30) } else { 0 };
        Self {
            nodes,
            units,
            version,
            config: config(random),
            pods_without_requests: u32::try_from(pods_without_requests).unwrap_or(0),
        }
    }

    pub(crate) fn cluster(&self) -> Value {
        json!({"nodes": self.nodes})
    }

    pub(crate) fn group(&self) -> Value {
        let requirements = json!({"signed_by": {"all_of": [], "any_of": []}, "attributes": []});
        json!({"name": "group", "requirements": requirements, "resources": self.units})
    }

    /// The case as one line that can be kept.
    pub(crate) fn json(&self) -> Value {
        json!({
            "cluster": self.cluster(), "group": self.group(), "version": self.version.name(), "config": self.config,
            "pods_without_requests": self.pods_without_requests,
        })
    }

    /// The cases that lack one thing of this one.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let without = |list: &[Value], index: usize| {
            let others = list.iter().enumerate().filter(|(other, _)| *other != index);
            others.map(|(_, item)| item.clone()).collect::<Vec<_>>()
        };
        let nodes = (0..self.nodes.len()).map(|index| Self { nodes: without(&self.nodes, index), ..self.clone() });
        let units = (0..self.units.len()).map(|index| Self { units: without(&self.units, index), ..self.clone() });
        let mut smaller: Vec<Self> = nodes.chain(units).filter(|case| !case.units.is_empty()).collect();
        for (index, unit) in self.units.iter().enumerate() {
            if let Some(count) = unit.get("count").and_then(Value::as_u64).filter(|count| *count > 1) {
                let mut case = self.clone();
                if let Some(count_of) = case.units.get_mut(index).and_then(|unit| unit.get_mut("count")) {
                    *count_of = json!(count.saturating_sub(1));
                }
                smaller.push(case);
            }
        }
        if self.pods_without_requests > 0 {
            smaller.push(Self { pods_without_requests: 0, ..self.clone() });
        }
        if !self.config.is_empty() {
            smaller.push(Self { config: String::new(), ..self.clone() });
        }
        smaller
    }
}

fn quantity(text: impl ToString) -> Value {
    json!({"string": text.to_string()})
}

/// What is allocatable and allocated. `step` is what amounts are whole multiples of.
fn pair(random: &mut Random, allocatable: u64, step: u64, unit: &str) -> Value {
    let steps = allocatable.checked_div(step).unwrap_or(0);
    let allocated = match random.up_to(9) {
        0..=3 => 0,
        4..=7 => random.up_to(steps).saturating_mul(step),
        8 => random.up_to(allocatable),
        // More than there is, as inventories sometimes report.
        _ => allocatable.saturating_add(random.up_to(steps).saturating_mul(step)),
    };
    let text = |amount: u64| quantity(format_args!("{amount}{unit}"));
    json!({"allocatable": text(allocatable), "allocated": text(allocated), "capacity": text(allocatable)})
}

fn node(random: &mut Random, number: u64) -> Value {
    let cpu = random.one_of(&[4_000, 8_000, 16_000, 32_000, 64_000, 7_910]).copied().unwrap_or(8_000);
    let memory = random.one_of(&[16, 32, 64, 128, 256]).copied().unwrap_or(64_u64).saturating_mul(GIB);
    // Nodes keep some memory to themselves.
    let memory = if random.one_in(3) { memory.saturating_sub(random.up_to(GIB)) } else { memory };
    let cards = if random.one_in(5) { 0 } else { random.between(1, 8) };
    let kind = random.one_of(&CARDS).copied().unwrap_or(["nvidia", "t4", "16Gi", "PCIe"]);
    let other = random.one_of(&CARDS).copied().unwrap_or(kind);
    let is_mixed = random.one_in(8) && other[0] == kind[0];
    let card = |[vendor, model, ram, interface]: [&str; 4]| {
        let id = if vendor == "amd" { "1002" } else { "10de" };
        json!({"vendor": vendor, "vendorId": id, "name": model, "modelid": "x", "interface": interface, "memorySize": ram})
    };
    let info: Vec<Value> =
        (0..cards).map(|index| card(if is_mixed && index.is_multiple_of(2) { other } else { kind })).collect();
    let classes: Vec<&str> = CLASSES.into_iter().filter(|_| random.one_in(2)).collect();
    let none = json!({"allocatable": quantity(0), "allocated": quantity(0), "capacity": quantity(0)});
    let has_fabric = random.one_in(3);
    let hcas = if has_fabric { random.up_to(8) } else { 0 };
    let interconnect = if has_fabric { pair(random, hcas, 1, "") } else { none.clone() };
    let (fabric, resource) = if has_fabric { ("infiniband", FABRIC_RESOURCE) } else { ("", "") };
    let resources = json!({
        "cpu": {"quantity": pair(random, cpu, 250, "m")},
        "memory": {"quantity": pair(random, memory, GIB / 2, "")},
        "gpu": {"quantity": pair(random, cards, 1, ""), "info": info},
        "ephemeralStorage": pair(random, GIB * 200, GIB, ""),
        "volumesAttached": none,
        "volumesMounted": none,
        "gpuInterconnect": interconnect,
    });
    let capabilities =
        json!({"storageClasses": classes, "interconnectFabric": fabric, "interconnectResourceName": resource});
    json!({"name": format!("n{number}"), "resources": resources, "capabilities": capabilities})
}

fn unit(random: &mut Random, id: u64, interconnect: bool) -> Value {
    let gpus = if random.one_in(4) { 0 } else { random.between(1, 3) };
    let mut attributes = vec![];
    if gpus > 0 {
        for [vendor, model, ..] in CARDS.iter().take(3).chain(random.one_of(&CARDS)) {
            let key = format!("vendor/{vendor}/model/{model}");
            attributes.push(json!({"key": key, "value": "true"}));
        }
        if random.one_in(2) {
            attributes = vec![json!({"key": "vendor/nvidia/model/*", "value": "true"})];
        }
        attributes.dedup();
        if interconnect {
            let label = random.one_of(&["auto", "east", ""]).copied().unwrap_or("auto");
            attributes.push(json!({"key": "interconnect/group", "value": label}));
        }
    }
    attributes.sort_by_key(ToString::to_string);
    let cpu = random.one_of(&[100, 250, 500, 1_000, 1_300, 4_000]).copied().unwrap_or(1_000);
    let memory = random.one_of(&[GIB / 4, GIB / 2, GIB, 3 * GIB, 8 * GIB + 1, 200 << 20]).copied().unwrap_or(GIB);
    json!({
        "resource": {
            "id": id,
            "cpu": {"units": {"val": cpu.to_string()}},
            "memory": {"quantity": {"val": memory.to_string()}},
            "storage": storage(random),
            "gpu": {"units": {"val": gpus.to_string()}, "attributes": attributes},
            "endpoints": [],
        },
        "count": random.between(1, 4),
        "price": {"denom": "uact", "amount": "100000.000000000000000000"},
    })
}

fn storage(random: &mut Random) -> Vec<Value> {
    let volume = |name: &str, size: u64, attributes: Value| json!({"name": name, "quantity": {"val": size.to_string()}, "attributes": attributes});
    let mut volumes = vec![volume("default", random.between(1, 20).saturating_mul(GIB), json!([]))];
    if random.one_in(4) {
        volumes.push(volume("scratch", random.between(1, 20).saturating_mul(GIB), json!([])));
    }
    if random.one_in(4) {
        let class = json!([{"key": "class", "value": "ram"}, {"key": "persistent", "value": "false"}]);
        volumes.push(volume("shm", GIB / 4, class));
    }
    if random.one_in(4) {
        let class = random.one_of(&CLASSES).copied().unwrap_or("beta2");
        let class = json!([{"key": "class", "value": class}, {"key": "persistent", "value": "true"}]);
        volumes.push(volume("data", random.between(1, 20).saturating_mul(GIB), class));
    }
    volumes
}

/// A configuration with one of the strategies, in half of the cases, and sometimes other weights.
fn config(random: &mut Random) -> String {
    if random.one_in(2) {
        return String::new();
    }
    let kinds = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"];
    let kind = random.one_of(&kinds).copied().unwrap_or("LeastAllocated");
    let mut resources = format!("{{name: cpu, weight: {}}}", random.between(1, 5));
    if random.one_in(2) {
        resources = format!("{resources}, {{name: memory, weight: {}}}", random.between(1, 5));
    }
    if random.one_in(2) {
        resources = format!("{resources}, {{name: nvidia.com/gpu, weight: {}}}", random.between(1, 5));
    }
    let shape = match random.up_to(2) {
        0 => "{utilization: 0, score: 0}, {utilization: 100, score: 10}",
        1 => "{utilization: 0, score: 10}, {utilization: 100, score: 0}",
        _ => "{utilization: 10, score: 2}, {utilization: 40, score: 9}, {utilization: 90, score: 3}",
    };
    let shape = if kind == "RequestedToCapacityRatio" {
        format!("          requestedToCapacityRatio: {{shape: [{shape}]}}\n")
    } else {
        String::new()
    };
    let plugins = match random.up_to(5) {
        0 => "    plugins:\n      score:\n        disabled: [{name: PodTopologySpread}]\n",
        1 => "    plugins:\n      multiPoint:\n        enabled: [{name: NodeResourcesFit, weight: 5}]\n",
        _ => "",
    };
    format!(
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n  - schedulerName: \
         default-scheduler\n{plugins}    pluginConfig:\n      - name: NodeResourcesFit\n        args:\n          \
         scoringStrategy:\n            type: {kind}\n            resources: [{resources}]\n  {shape}"
    )
}
