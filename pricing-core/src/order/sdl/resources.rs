//! Compute profiles: the CPU, memory, GPUs and volumes of a replica.

use std::collections::BTreeSet;

use super::field::Field;
use super::profiles::attribute_value;
use super::scalar::Scalar;
use super::units;
use crate::gpu::{GpuRequest, GpuSelector};
use crate::input::InputError;
use crate::order::storage::{DEFAULT_CLASS, SDL_CLASSES};
use crate::order::{Attribute, StorageClass, Volume};
use crate::quantity::{Bytes, MilliCpu};
use crate::text::excerpt;

/// The name of a volume that is given none.
const UNNAMED_VOLUME: &str = "default";
/// The one vendor that the chain takes.
const VENDOR: &str = "nvidia";

/// What one replica needs.
#[derive(Debug)]
pub(super) struct Compute<'a> {
    pub(super) cpu: MilliCpu,
    pub(super) cpu_attributes: Vec<Attribute>,
    pub(super) memory: Bytes,
    pub(super) gpu: GpuRequest,
    pub(super) storage: Vec<StoredVolume<'a>>,
}

/// A volume, and where the document says so.
#[derive(Debug)]
pub(super) struct StoredVolume<'a> {
    pub(super) field: Field<'a>,
    pub(super) volume: Volume,
}

impl<'a> Compute<'a> {
    /// Reads a compute profile.
    pub(super) fn read(field: Field<'a>) -> Result<Self, InputError> {
        let resources = field.object(&["resources"])?.required("resources")?;
        let resources = resources.object(&["cpu", "memory", "storage", "gpu"])?;
        let (cpu, cpu_attributes) = cpu(&resources.required("cpu")?)?;
        let memory = resources.required("memory")?.object(&["size"])?.required("size")?;
        let gpu = match resources.optional("gpu") {
            Some(gpu) => gpu_request(&gpu)?,
            None => GpuRequest::default(),
        };
        let storage = volumes(&resources.required("storage")?)?;
        Ok(Self { cpu, cpu_attributes, memory: units::size(&memory)?, gpu, storage })
    }
}

fn cpu(field: &Field<'_>) -> Result<(MilliCpu, Vec<Attribute>), InputError> {
    let cpu = field.object(&["units", "attributes"])?;
    let units = units::cpu(&cpu.required("units")?)?;
    let mut attributes = Vec::new();
    let given = cpu.optional("attributes").map(|given| given.object(&["arch"])).transpose()?;
    if let Some(arch) = given.and_then(|given| given.optional("arch")) {
        attributes.push(Attribute { key: "arch".to_owned(), value: attribute_value(&arch)? });
    }
    Ok((units, attributes))
}

fn gpu_request(field: &Field<'_>) -> Result<GpuRequest, InputError> {
    let gpu = field.object(&["units", "attributes"])?;
    let units = units::gpu(&gpu.required("units")?)?;
    match gpu.optional("attributes") {
        None if units == 0 => Ok(GpuRequest::default()),
        None => Err(field
            .name_error("GPUs are asked for without saying which")
            .hint(format!("add `attributes`, `vendor`, `{VENDOR}`; with nothing below it any model will do"))),
        Some(attributes) if units == 0 => {
            Err(attributes.name_error("attributes of GPUs, but no `units` of them").hint("say how many in `units`"))
        }
        Some(attributes) => Ok(GpuRequest { units, alternatives: alternatives(&attributes)? }),
    }
}

/// The kinds of card that will do: what is listed, or any where nothing is.
fn alternatives(field: &Field<'_>) -> Result<Vec<GpuSelector>, InputError> {
    let vendors = field.object(&["vendor"])?.required("vendor")?;
    let models = vendors.object(&[VENDOR])?.required(VENDOR)?;
    let listed = if models.is_null() { Vec::new() } else { models.list()? };
    if listed.is_empty() {
        return Ok(vec![GpuSelector::new(VENDOR, "*", None, None)]);
    }
    listed.iter().map(selector).collect()
}

fn selector(field: &Field<'_>) -> Result<GpuSelector, InputError> {
    let card = field.object(&["model", "ram", "interface"])?;
    let model_field = card.required("model")?;
    let model = model_field.text()?;
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if model.is_empty() || (model != "*" && !model.chars().all(word)) {
        return Err(model_field
            .error(format_args!("`{}` is not the name of a model", excerpt(model)))
            .hint("letters, digits, `-`, `_` and `.`, such as `rtx4090`; `*` is any"));
    }
    let ram = card.optional("ram").map(|ram| units::gpu_ram(&ram)).transpose()?;
    let interface = card.optional("interface").map(|bus| bus.one_of(&["pcie", "sxm"])).transpose()?;
    Ok(GpuSelector::new(VENDOR, model, ram.as_deref(), interface))
}

/// The volumes, in the document's order: one, or a list.
fn volumes<'a>(field: &Field<'a>) -> Result<Vec<StoredVolume<'a>>, InputError> {
    let fields = if field.is_list() { field.list()? } else { vec![field.clone()] };
    let mut names = BTreeSet::new();
    let mut volumes = Vec::new();
    for field in fields {
        let volume = volume(field)?;
        if !names.insert(volume.volume.name.clone()) {
            let name = excerpt(&volume.volume.name);
            return Err(volume
                .field
                .error(format_args!("a second volume is called `{name}`"))
                .hint(format!("a volume without a name is called `{UNNAMED_VOLUME}`")));
        }
        volumes.push(volume);
    }
    Ok(volumes)
}

fn volume(field: Field<'_>) -> Result<StoredVolume<'_>, InputError> {
    let volume = field.object(&["name", "size", "attributes"])?;
    let name = volume.optional("name").map_or(Ok(""), |name| name.text())?;
    let name = if name.is_empty() { UNNAMED_VOLUME } else { name };
    let size = units::size(&volume.required("size")?)?;
    let (class, attributes) = match volume.optional("attributes") {
        Some(attributes) => storage_class(&attributes)?,
        None => (StorageClass::Ephemeral, Vec::new()),
    };
    Ok(StoredVolume { field, volume: Volume { name: name.to_owned(), size, class, attributes } })
}

/// The class, and the attributes that the chain keeps of it.
fn storage_class(field: &Field<'_>) -> Result<(StorageClass, Vec<Attribute>), InputError> {
    let given = field.object(&["class", "persistent"])?;
    let persistent = given.optional("persistent").map_or(Ok(false), |value| truth(&value))?;
    let class_field = given.optional("class");
    let class = class_field.as_ref().map(|class| class.one_of(&SDL_CLASSES)).transpose()?;
    let class = match (class, persistent) {
        (None, true) => Some(DEFAULT_CLASS),
        (Some("ram"), true) => return Err(field.error("a `ram` volume cannot be persistent")),
        (Some(name), false) if name != "ram" => {
            return Err(field
                .error(format_args!("the class `{name}` is for persistent volumes"))
                .hint("add `persistent: true`, or leave `class` out"));
        }
        (class, _) => class,
    };
    let attribute = |key: &str, value: &str| Attribute { key: key.to_owned(), value: value.to_owned() };
    let mut attributes: Vec<Attribute> = class.map(|class| attribute("class", class)).into_iter().collect();
    attributes.push(attribute("persistent", if persistent { "true" } else { "false" }));
    let class = match class {
        None => StorageClass::Ephemeral,
        Some(name) => StorageClass::from_name(name),
    };
    Ok((class, attributes))
}

/// A truth value, as a word or in quotes, in the spellings that the chain takes.
fn truth(field: &Field<'_>) -> Result<bool, InputError> {
    match field.scalar() {
        Some(Scalar::Bool(value)) => Ok(*value),
        Some(Scalar::Text(text)) => match text.as_str() {
            "true" | "yes" | "on" => Ok(true),
            "false" | "no" | "off" => Ok(false),
            _ => Err(field.error(format_args!("`{}` is not `true` or `false`", excerpt(text)))),
        },
        _ => field.boolean(),
    }
}
