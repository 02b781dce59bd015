//! The pods and nodes of the openb trace: a production GPU cluster, published with "Beware of Fragmentation: Scheduling
//! GPU-Sharing Workloads with Fragmentation Gradient Descent" (Weng and others, USENIX ATC 2023).
//!
//! A pod becomes an order with one resource unit and one replica. It arrives when the pod was created, and its lease
//! ends when the pod was deleted, whether or not the trace's own scheduler ever placed it. It has no storage, no
//! endpoints and no maximum. `gpu_spec` lists the accepted models, separated by `|`; empty means any. A `gpu_milli`
//! below 1000 is a share of a card, which is rounded as [`GpuShare`] says, because the network leases whole cards.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use pricing_core::gpu::{GpuKey, GpuKind, GpuRequest, GpuSelector};
use pricing_core::input::InputError;
use pricing_core::order::{Endpoints, GroupSpec, Order, OrderFormat, PlacementRequirements, ResourceUnit};
use pricing_core::quantity::{Bytes, MilliCpu};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::cell::MAX_TIME;
use super::table::{line, problem};
use super::{Arrival, MAX_ORDERS, Memory, known_id, with_maximum};
use crate::scenario::GpuShare;

/// The trace's models. `G2` and `G3` are its names for models that it does not reveal.
pub const MODELS: [(&str, &str); 7] = [
    ("A10", "nvidia/a10/24Gi/pcie"),
    ("G2", "nvidia/g2"),
    ("G3", "nvidia/g3"),
    ("P100", "nvidia/p100/16Gi/pcie"),
    ("T4", "nvidia/t4/16Gi/pcie"),
    ("V100M16", "nvidia/v100/16Gi/sxm"),
    ("V100M32", "nvidia/v100/32Gi/sxm"),
];

/// A row of the pod list.
#[derive(Debug, Deserialize)]
struct Pod {
    name: String,
    cpu_milli: u64,
    memory_mib: u64,
    num_gpu: u64,
    gpu_milli: u64,
    #[serde(default)]
    gpu_spec: String,
    creation_time: u64,
    deletion_time: Option<u64>,
}

/// A row of the node list.
#[derive(Debug, Deserialize)]
pub(crate) struct NodeRow {
    pub(crate) sn: String,
    pub(crate) cpu_milli: u64,
    pub(crate) memory_mib: u64,
    pub(crate) gpu: u64,
    pub(crate) model: String,
}

/// The trace's models, as kinds of the network.
#[derive(Clone, Debug)]
pub struct Models(BTreeMap<String, GpuKind>);

impl Models {
    /// The documented models, and those that a scenario changes or adds.
    ///
    /// # Errors
    /// When a kind is malformed.
    pub fn new(named: &BTreeMap<String, String>) -> Result<Self, InputError> {
        let known = MODELS.into_iter().map(|(model, kind)| (model.to_owned(), kind));
        let all = known.chain(named.iter().map(|(model, kind)| (model.clone(), kind.as_str())));
        let read = |(model, kind): (String, &str)| {
            let place = format!("openb.models.{model}");
            let key = GpuKey::parse(kind).map_err(|error| InputError::new(error).at(place))?;
            Ok((model, key.kind()))
        };
        all.map(read).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn kind(&self, model: &str) -> Result<&GpuKind, InputError> {
        self.0.get(model).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let hint = format!("known are {}; add others under [openb.models]", known.join(", "));
            InputError::new(format_args!("`{}` is not a model of the trace", pricing_core::text::excerpt(model)))
                .hint(hint)
        })
    }
}

/// The rows of a CSV file, each with its line number.
pub(crate) fn rows<T: DeserializeOwned>(text: &str) -> Result<Vec<(T, usize)>, InputError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| problem(&error, text))?.clone();
    if header.is_empty() {
        return Err(InputError::new("the file is empty").hint("its first line names the columns"));
    }
    if let Some(twice) = header.iter().enumerate().find(|(place, name)| header.iter().take(*place).any(|n| n == *name))
    {
        let message = format!("there are two columns `{}`", pricing_core::text::excerpt(twice.1));
        return Err(InputError::new(message).position(1, 1));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| problem(&error, text))?;
        let line = record.position().map_or(0, |at| line(at, text));
        let row = record.deserialize(Some(&header)).map_err(|error| problem(&error, text).position(line, 1))?;
        rows.push((row, line));
        if rows.len() > MAX_ORDERS {
            return Err(InputError::new(format_args!("there are more than {MAX_ORDERS} rows")));
        }
    }
    Ok(rows)
}

/// The pods as orders.
///
/// # Errors
/// When the text is not a pod list.
pub fn pods(text: &str, models: &Models, share: GpuShare, denom: &str) -> Result<Vec<Arrival>, InputError> {
    let mut arrivals = Vec::new();
    let (mut memory, mut ids) = (Memory::default(), HashSet::new());
    for (pod, line) in rows::<Pod>(text)? {
        let arrival = arrival(pod, models, share, denom).map_err(|error| error.position(line, 1))?;
        arrival.iter().try_for_each(|arrival| known_id(&mut ids, arrival)).map_err(|error| error.position(line, 1))?;
        arrival.iter().try_for_each(|arrival| memory.add(arrival))?;
        arrivals.extend(arrival);
    }
    Ok(arrivals)
}

fn arrival(pod: Pod, models: &Models, share: GpuShare, denom: &str) -> Result<Option<Arrival>, InputError> {
    let is_share = pod.num_gpu > 0 && pod.gpu_milli < 1000;
    let units = match share {
        GpuShare::Skip if is_share => return Ok(None),
        GpuShare::Nearest if is_share && pod.gpu_milli < 500 => 0,
        _ => pod.num_gpu,
    };
    let millis = |seconds: u64| {
        let millis = seconds.checked_mul(1000).filter(|millis| *millis <= MAX_TIME);
        millis.ok_or_else(|| InputError::new("the time is out of range"))
    };
    let until = pod.deletion_time.map(millis).transpose()?;
    let at = millis(pod.creation_time)?;
    if until.is_some_and(|until| until < at) {
        return Err(InputError::new(format_args!("`{}` is deleted before it is created", pod.name)));
    }
    let order = order(&pod, units, models)?;
    let (order, has_maximum) = with_maximum(order, denom);
    Ok(Some(Arrival { id: Arc::from(pod.name), at, until, owner: None, order: Arc::new(order), has_maximum }))
}

/// The order of a pod. A pod that needs GPUs but names no model accepts any of nvidia's, the only vendor in the trace.
fn order(pod: &Pod, units: u64, models: &Models) -> Result<Order, InputError> {
    let selector = |kind: &GpuKind| GpuSelector::new(kind.vendor(), kind.model(), kind.ram(), kind.interface());
    let mut alternatives: Vec<GpuSelector> = Vec::new();
    for model in pod.gpu_spec.split('|').filter(|model| !model.is_empty()) {
        let selector = selector(models.kind(model)?);
        if !alternatives.contains(&selector) {
            alternatives.push(selector);
        }
    }
    if units == 0 {
        alternatives.clear();
    } else if alternatives.is_empty() {
        alternatives.push(GpuSelector::new("nvidia", "*", None, None));
    }
    let memory = pod.memory_mib.checked_mul(1 << 20).ok_or_else(|| InputError::new("the memory is out of range"))?;
    let unit = ResourceUnit {
        id: 1,
        cpu: MilliCpu::new(pod.cpu_milli),
        cpu_attributes: Vec::new(),
        memory: Bytes::new(memory),
        memory_attributes: Vec::new(),
        gpu: GpuRequest { units, alternatives, ..GpuRequest::default() },
        storage: Vec::new(),
        endpoints: Endpoints::Listed(Vec::new()),
        count: 1,
        price: None,
    };
    GroupSpec::new(pod.name.clone(), PlacementRequirements::default(), vec![unit])
        .and_then(|group| Order::from_group(group, OrderFormat::GroupSpec))
        .map_err(InputError::new)
}

#[cfg(test)]
mod tests;
