//! Compute profiles: the CPU, memory, GPUs and volumes of a replica.

use std::collections::BTreeSet;

use super::attributes;
use super::field::Field;
use super::units;
use super::warnings::RefusingReader;
use crate::gpu::{GpuRequest, GpuSelector};
use crate::input::InputError;
use crate::order::storage::{DEFAULT_CLASS, SDL_CLASSES};
use crate::order::{Attribute, StorageClass, Volume};
use crate::quantity::{Bytes, MilliCpu};
use crate::text::excerpt;
use crate::yaml::{Kind, Scalar};

/// The name of a volume that has none.
const UNNAMED_VOLUME: &str = "default";
/// The only vendor that the chain accepts.
const VENDOR: &str = "nvidia";
/// The only CPU attribute that Go accepts.
const ARCHITECTURE: &str = "arch";
/// The label that the tools write for GPU interconnect without a `group`.
const ANY_PEERS: &str = "auto";

/// The resources of one replica.
#[derive(Debug)]
pub(super) struct Compute<'a> {
    pub(super) cpu: MilliCpu,
    pub(super) cpu_field: Field<'a>,
    pub(super) cpu_attributes: Vec<Attribute>,
    pub(super) memory: Bytes,
    pub(super) memory_field: Field<'a>,
    pub(super) gpu: GpuRequest,
    /// The field that asks for GPUs.
    pub(super) gpu_field: Option<Field<'a>>,
    pub(super) storage: Vec<StoredVolume<'a>>,
}

/// A volume and its field.
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
        let cpu = resources.required("cpu")?.closed_object(&["units", "attributes"])?;
        let cpu_field = cpu.required("units")?;
        let cpu_attributes = match cpu.optional("attributes") {
            Some(attributes) => cpu_attributes(&attributes)?,
            None => Vec::new(),
        };
        let memory_field = resources.required("memory")?.object(&["size"])?.required("size")?;
        let gpu_field = resources.optional("gpu");
        let gpu = match &gpu_field {
            Some(gpu) => gpu_request(gpu)?,
            None => GpuRequest::default(),
        };
        Ok(Self {
            cpu: units::cpu(&cpu_field)?,
            cpu_field,
            cpu_attributes,
            memory: units::size(&memory_field)?,
            memory_field,
            gpu,
            gpu_field,
            storage: volumes(&resources.required("storage")?)?,
        })
    }
}

/// Reads the attributes of the CPU and sorts them by key. Console accepts any key.
fn cpu_attributes(field: &Field<'_>) -> Result<Vec<Attribute>, InputError> {
    let mut attributes = Vec::new();
    for (key, value) in field.map()? {
        if key != ARCHITECTURE {
            let message = format_args!("unknown key `{}`; expected `{ARCHITECTURE}`", excerpt(key));
            value.warn_of_name(RefusingReader::CommandLine, message);
        }
        attributes.push(Attribute { key: key.to_owned(), value: attributes::value_text(&value)? });
    }
    attributes.sort();
    Ok(attributes)
}

fn gpu_request(field: &Field<'_>) -> Result<GpuRequest, InputError> {
    let gpu = field.closed_object(&["units", "attributes"])?;
    let units = match gpu.optional("units") {
        Some(units) => units::gpu(&units)?,
        None => 0,
    };
    match gpu.optional("attributes") {
        None if units == 0 => Ok(GpuRequest::default()),
        None => Err(field
            .name_error("GPUs are asked for without saying which")
            .hint(format!("add `attributes`, `vendor`, `{VENDOR}`; with nothing below it any model will do"))),
        Some(attributes) if units == 0 => {
            Err(attributes.name_error("attributes of GPUs, but no `units` of them").hint("say how many in `units`"))
        }
        Some(attributes) => gpu_attributes(units, &attributes),
    }
}

/// Reads which cards are acceptable, and whether they need an interconnect between nodes.
fn gpu_attributes(units: u64, field: &Field<'_>) -> Result<GpuRequest, InputError> {
    let attributes = field.closed_object(&["vendor", "interconnect"])?;
    let interconnect = match attributes.entry("interconnect") {
        Some(interconnect) => Some(interconnect_group(&interconnect)?.to_owned()),
        None => None,
    };
    Ok(GpuRequest { units, alternatives: alternatives(&attributes.required("vendor")?)?, interconnect })
}

/// Reads the acceptable kinds of card. An empty list means any. The chain refuses a kind that is listed twice.
fn alternatives(vendors: &Field<'_>) -> Result<Vec<GpuSelector>, InputError> {
    let mut listed = Vec::new();
    for (vendor, models) in vendors.map()? {
        if vendor != VENDOR {
            let message = format_args!("`{}` is left out; only cards of `{VENDOR}` are read", excerpt(vendor));
            models.warn_of_name(RefusingReader::Console, message);
        } else if !models.is_null() {
            listed = models.list()?;
        }
    }
    let mut keys = BTreeSet::new();
    let mut selectors = Vec::new();
    for field in &listed {
        let selector = selector(field)?;
        if !keys.insert(selector.attribute_key()) {
            let message = format_args!("the card `{selector}` is listed twice, which the chain refuses");
            return Err(field.error(message).hint("leave one of them out"));
        }
        selectors.push(selector);
    }
    if selectors.is_empty() {
        selectors.push(GpuSelector::new(VENDOR, "*", None, None));
    }
    Ok(selectors)
}

/// Returns the label of the units that are interconnected: `auto` for `[]`, or the name that the tenant chose.
fn interconnect_group<'a>(field: &Field<'a>) -> Result<&'a str, InputError> {
    if field.is_list() && field.list()?.is_empty() {
        return Ok(ANY_PEERS);
    }
    if !field.is_map() {
        return Err(field.error("expected `[]`, or a mapping with `group`"));
    }
    let group = field.object(&["group"])?.required("group")?;
    let name = group.filled_text()?;
    if name == ANY_PEERS {
        return Err(group.error(format_args!("`{ANY_PEERS}` is what `[]` means; expected another name")));
    }
    Ok(name)
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

/// Reads the volumes in the document's order. The field is one volume or a list of them.
fn volumes<'a>(field: &Field<'a>) -> Result<Vec<StoredVolume<'a>>, InputError> {
    let is_list = field.is_list();
    let fields = if is_list { field.list()? } else { vec![field.clone()] };
    let mut names = BTreeSet::new();
    let mut volumes = Vec::new();
    for field in fields {
        let mut volume = volume(field)?;
        if !is_list {
            // Go ignores the name of a single volume that is not in a list.
            volume.volume.name = volume.field.reading(volume.volume.name, UNNAMED_VOLUME.to_owned());
        }
        if !names.insert(volume.volume.name.clone()) {
            let message = format_args!("a second volume is called `{}`", excerpt(&volume.volume.name));
            volume.field.warn(RefusingReader::CommandLine, message);
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

/// Returns the class and the attributes that the chain stores for it.
///
/// The combinations are those of the chain's Go reader. Where Console accepts another one, its result is used with a
/// warning.
fn storage_class(field: &Field<'_>) -> Result<(StorageClass, Vec<Attribute>), InputError> {
    // Both readers refuse a repeated key here.
    field.map()?;
    let given = field.closed_object(&["class", "persistent"])?;
    let persistent_field = given.entry("persistent");
    let persistent = persistent_field.as_ref().map_or(Ok(false), truth)?;
    let class_field = given.optional("class");
    let class = class_field.as_ref().map(class_name).transpose()?.filter(|class| !class.is_empty());
    let attribute = |key: &str, value: &str| Attribute { key: key.to_owned(), value: value.to_owned() };
    let persistence = attribute("persistent", if persistent { "true" } else { "false" });
    // Go compares the text as written, so `no` is not `false` here.
    let written = persistent_field.as_ref().and_then(Field::scalar).map_or("false", Scalar::text);
    match (class, persistent) {
        (None, true) => {
            Ok((StorageClass::from_name(DEFAULT_CLASS), vec![attribute("class", DEFAULT_CLASS), persistence]))
        }
        (None, false) => Ok((StorageClass::Ephemeral, vec![persistence])),
        (Some(name @ ("ram" | "ephemeral")), true) => {
            Err(field.error(format_args!("a `{name}` volume cannot be persistent")))
        }
        (Some("ram"), false) => {
            if written != "false" {
                field.warn(RefusingReader::CommandLine, "a `ram` volume with a `persistent` that is not `false`");
            }
            Ok((StorageClass::Ram, vec![attribute("class", "ram"), persistence]))
        }
        (Some(name), true) => Ok((StorageClass::from_name(name), vec![attribute("class", name), persistence])),
        // A volume that is not persistent is ephemeral on the chain, whatever its class says.
        (Some(name), false) => {
            let message =
                format_args!("the class `{}` is for persistent volumes, so this one is ephemeral", excerpt(name));
            if written == "false" {
                field.warn(RefusingReader::CommandLine, message);
            } else {
                field.note(message);
            }
            let persistence = persistent_field.is_some().then_some(persistence);
            Ok((StorageClass::Ephemeral, [attribute("class", name)].into_iter().chain(persistence).collect()))
        }
    }
}

/// Returns the name of a class. Console accepts any name.
fn class_name<'a>(field: &Field<'a>) -> Result<&'a str, InputError> {
    let name = field.text()?;
    if !name.is_empty() && !SDL_CLASSES.contains(&name) {
        field.warn(RefusingReader::CommandLine, field.unknown_word(name, &SDL_CLASSES).message());
    }
    Ok(name)
}

/// Reads a truth value, bare or quoted, in the spellings that the chain accepts.
fn truth(field: &Field<'_>) -> Result<bool, InputError> {
    match field.scalar().map(|scalar| (scalar.kind(), scalar.text())) {
        Some((Kind::Bool(value), text)) => {
            if !["true", "false"].contains(&text) {
                field.warn(RefusingReader::CommandLine, format_args!("`{}` is not `true` or `false`", excerpt(text)));
            }
            Ok(value)
        }
        Some((Kind::Text, "true" | "yes" | "on")) => Ok(true),
        Some((Kind::Text, "false" | "no" | "off")) => Ok(false),
        Some((Kind::Text, text)) => Err(field.error(format_args!("`{}` is not `true` or `false`", excerpt(text)))),
        _ => Err(field.expected("`true` or `false`")),
    }
}
