//! The JSON structure of group specs, and its conversion to the domain types.

use serde::Deserialize;

use super::number::{Amount, Bytes64, Kind, TextOrInteger};
use crate::gpu::{GpuRequest, GpuSelector, INTERCONNECT_KEY};
use crate::input::InputError;
use crate::money::{Denom, Price};
use crate::order::conditions::Reclamation;
use crate::order::{
    Attribute, Conditions, Endpoint, Endpoints, PlacementRequirements, ResourceUnit, SignedBy, StorageClass, Volume,
};
use crate::quantity::{Bytes, MilliCpu};
use crate::text::{Untrusted, excerpt};

/// An order or a group of the chain, or a request for bid screening. Fields other than these do not matter here.
#[derive(Deserialize)]
pub(super) struct Wrapper {
    #[serde(alias = "group_spec", alias = "groupSpec")]
    spec: GroupSpec,
    #[serde(default)]
    reclamation: Option<Reclamation>,
    #[serde(default)]
    hostnames: Option<Vec<String>>,
}

impl Wrapper {
    /// Wraps a spec that stands by itself.
    pub(super) fn bare(spec: GroupSpec) -> Self {
        Self { spec, reclamation: None, hostnames: None }
    }

    /// Converts to the domain's group and conditions. `path` is the spec's place in the text.
    pub(super) fn into_domain(self, path: &str) -> Result<(crate::order::GroupSpec, Conditions), InputError> {
        let conditions = Conditions {
            min_reclamation: self.reclamation.map(|reclamation| reclamation.min_window.0),
            hostnames: self.hostnames.unwrap_or_default().into_iter().map(Untrusted::new).collect(),
        };
        Ok((self.spec.into_domain(path)?, conditions))
    }
}

/// A group of which only the resource units are known, as in the log of the provider's daemon.
#[derive(Deserialize)]
pub(super) struct Units {
    resources: Vec<Unit>,
}

impl Units {
    /// Wraps bare resource units.
    pub(super) fn bare(resources: Vec<Unit>) -> Self {
        Self { resources }
    }

    /// Makes a spec with this name and without requirements.
    pub(super) fn named(self, name: &str) -> GroupSpec {
        GroupSpec { name: name.to_owned(), requirements: None, resources: self.resources }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupSpec {
    name: String,
    #[serde(default)]
    requirements: Option<Requirements>,
    resources: Vec<Unit>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirements {
    #[serde(default, alias = "signedBy")]
    signed_by: Option<Signers>,
    #[serde(default)]
    attributes: Option<Vec<KeyValue>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signers {
    #[serde(default, alias = "allOf")]
    all_of: Option<Vec<String>>,
    #[serde(default, alias = "anyOf")]
    any_of: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyValue {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unit {
    resource: Resources,
    count: TextOrInteger<u32>,
    #[serde(default)]
    price: Option<Coin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Coin {
    denom: String,
    amount: Amount,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resources {
    #[serde(default)]
    id: Option<TextOrInteger<u32>>,
    cpu: Number,
    memory: Quantity,
    #[serde(default)]
    storage: Option<Vec<Storage>>,
    #[serde(default)]
    gpu: Option<Number>,
    #[serde(default)]
    endpoints: Option<Vec<EndpointJson>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Number {
    units: Val,
    #[serde(default)]
    attributes: Option<Vec<KeyValue>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quantity {
    #[serde(alias = "size")]
    quantity: Val,
    #[serde(default)]
    attributes: Option<Vec<KeyValue>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Storage {
    #[serde(default)]
    name: String,
    #[serde(alias = "size")]
    quantity: Val,
    #[serde(default)]
    attributes: Option<Vec<KeyValue>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Val {
    val: Bytes64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndpointJson {
    #[serde(default)]
    kind: Kind,
    #[serde(default, alias = "sequenceNumber")]
    sequence_number: TextOrInteger<u32>,
}

impl GroupSpec {
    /// Converts to the domain's group spec. `path` is this spec's place in the text.
    fn into_domain(self, path: &str) -> Result<crate::order::GroupSpec, InputError> {
        let requirements = self.requirements.unwrap_or_default();
        let signed_by = requirements.signed_by.unwrap_or_default();
        let requirements = PlacementRequirements {
            signed_by: SignedBy {
                all_of: signed_by.all_of.unwrap_or_default(),
                any_of: signed_by.any_of.unwrap_or_default(),
            },
            attributes: attributes(requirements.attributes),
        };
        let at = |rest: &str| if path.is_empty() { rest.to_owned() } else { format!("{path}.{rest}") };
        // Older chains have no ids. If no unit has one, the units are numbered from 1.
        let numbered = self.resources.iter().any(|unit| unit.resource.id.is_some_and(|id| id.0 != 0));
        let mut units = Vec::new();
        for (index, (unit, place)) in self.resources.into_iter().zip(1..).enumerate() {
            let id = if numbered { unit.resource.id.map_or(0, |id| id.0) } else { place };
            units.push(unit.into_domain(id, &at(&format!("resources[{index}]")))?);
        }
        crate::order::GroupSpec::new(self.name, requirements, units)
            .map_err(|error| InputError::new(error).at(at("resources")))
    }
}

impl Unit {
    fn into_domain(self, id: u32, path: &str) -> Result<ResourceUnit, InputError> {
        let Resources { cpu, memory, storage, gpu, endpoints, .. } = self.resource;
        let mut volumes = Vec::new();
        for (index, volume) in storage.unwrap_or_default().into_iter().enumerate() {
            volumes.push(volume.into_domain(&format!("{path}.resource.storage[{index}]"))?);
        }
        let endpoint = |e: EndpointJson| Endpoint { kind: e.kind.0, sequence_number: e.sequence_number.0 };
        let price = self.price.map(|coin| Price::new(Denom::new(coin.denom), coin.amount.0)).transpose();
        Ok(ResourceUnit {
            id,
            cpu: MilliCpu::new(cpu.units.val.0),
            cpu_attributes: attributes(cpu.attributes),
            memory: Bytes::new(memory.quantity.val.0),
            memory_attributes: attributes(memory.attributes),
            gpu: gpu_request(gpu, id, &format!("{path}.resource.gpu"))?,
            storage: volumes,
            endpoints: Endpoints::Listed(endpoints.unwrap_or_default().into_iter().map(endpoint).collect()),
            count: self.count.0,
            price: price.map_err(|error| InputError::new(error).at(format!("{path}.price.amount")))?,
        })
    }
}

impl Storage {
    fn into_domain(self, path: &str) -> Result<Volume, InputError> {
        let attributes = attributes(self.attributes);
        let class = StorageClass::from_attributes(&attributes)
            .map_err(|error| InputError::new(error).at(format!("{path}.attributes")))?;
        Ok(Volume { name: self.name, size: Bytes::new(self.quantity.val.0), class, attributes })
    }
}

/// Reads the GPUs of a unit. Each attribute with the value `true` is an alternative, except the interconnect's label. A
/// unit with GPUs and no alternative is refused here, where its path is known.
fn gpu_request(gpu: Option<Number>, id: u32, path: &str) -> Result<GpuRequest, InputError> {
    let Some(gpu) = gpu else { return Ok(GpuRequest::default()) };
    let mut alternatives = Vec::new();
    let mut interconnect = None;
    for (index, attribute) in gpu.attributes.unwrap_or_default().into_iter().enumerate() {
        let at = format!("{path}.attributes[{index}]");
        if attribute.key == INTERCONNECT_KEY {
            if interconnect.replace(attribute.value).is_some() {
                return Err(
                    InputError::new(format_args!("`{INTERCONNECT_KEY}` is listed twice")).at(format!("{at}.key"))
                );
            }
            continue;
        }
        if attribute.value != "true" {
            let message = format_args!("`{}` is not the value of a GPU attribute", excerpt(&attribute.value));
            return Err(InputError::new(message).at(format!("{at}.value")).hint("the chain writes `true`"));
        }
        let selector = GpuSelector::from_attribute_key(&attribute.key);
        alternatives.push(selector.map_err(|error| InputError::new(error).at(format!("{at}.key")))?);
    }
    let units = gpu.units.val.0;
    if units > 0 && alternatives.is_empty() {
        return Err(InputError::new(crate::order::GroupError::GpuWithoutAttributes(id)).at(path));
    }
    Ok(GpuRequest { units, alternatives, interconnect })
}

fn attributes(list: Option<Vec<KeyValue>>) -> Vec<Attribute> {
    list.unwrap_or_default().into_iter().map(|KeyValue { key, value }| Attribute { key, value }).collect()
}
