//! Estimates how much memory an order takes, so that a program that keeps many orders can bound them.

use super::{Attribute, Endpoints, Order, PlacementRequirements, ResourceUnit, StorageClass, Volume};
use crate::gpu::GpuSelector;
use crate::heap::{list, texts};

impl Order {
    /// Returns about how many bytes of memory the order takes, with everything in it.
    #[must_use]
    pub fn memory(&self) -> usize {
        let group = &self.group;
        let denom = self.max_price.as_ref().map(|price| price.denom().as_str());
        size_of::<Self>()
            .saturating_add(texts(denom.into_iter().chain([group.name().into_exact()])))
            .saturating_add(of_requirements(group.requirements()))
            .saturating_add(list(&self.conditions.hostnames, |hostname| texts([hostname.exact()])))
            .saturating_add(list(group.resources(), of_unit))
    }
}

fn of_requirements(requirements: &PlacementRequirements) -> usize {
    let signed_by = &requirements.signed_by;
    let names = [&signed_by.all_of, &signed_by.any_of].map(|names| list(names, |name| texts([name.as_str()])));
    names.into_iter().fold(of_attributes(&requirements.attributes), usize::saturating_add)
}

fn of_attributes(attributes: &[Attribute]) -> usize {
    list(attributes, |attribute| texts([attribute.key.as_str(), attribute.value.as_str()]))
}

fn of_unit(unit: &ResourceUnit) -> usize {
    let endpoints = match &unit.endpoints {
        Endpoints::Listed(endpoints) => list(endpoints, |_| 0),
        Endpoints::Counted { .. } => 0,
    };
    let denom = unit.price.as_ref().map(|price| price.denom().as_str());
    of_attributes(&unit.cpu_attributes)
        .saturating_add(of_attributes(&unit.memory_attributes))
        .saturating_add(list(&unit.gpu.alternatives, GpuSelector::memory))
        .saturating_add(texts(unit.gpu.interconnect.as_deref()))
        .saturating_add(list(&unit.storage, of_volume))
        .saturating_add(endpoints)
        .saturating_add(texts(denom))
}

fn of_volume(volume: &Volume) -> usize {
    let class = match &volume.class {
        StorageClass::Persistent(class) => class.exact(),
        StorageClass::Ephemeral | StorageClass::Ram => "",
    };
    texts([volume.name.as_str(), class]).saturating_add(of_attributes(&volume.attributes))
}

#[cfg(test)]
mod tests {
    use crate::order::detect;

    #[test]
    fn more_alternatives_take_more_memory_and_so_do_longer_texts() {
        let memory = |kinds: usize, name: usize| {
            let kind = |number| format!(r#"{{"key":"vendor/nvidia/model/m{number:0name$}","value":"true"}}"#);
            let kinds: Vec<String> = (0..kinds).map(kind).collect();
            let text = format!(
                r#"{{"name":"g","requirements":{{}},"resources":[{{"resource":{{"id":1,"cpu":{{"units":{{"val":"1"}}}},
                "memory":{{"quantity":{{"val":"1"}}}},"storage":[],"endpoints":[],
                "gpu":{{"units":{{"val":"1"}},"attributes":[{}]}}}},"count":1}}]}}"#,
                kinds.join(",")
            );
            detect::read(&text, None).unwrap().remove(0).memory()
        };
        assert!(memory(1, 4) < 2_000);
        assert!(memory(900, 4) > 900 * 100);
        assert!(memory(900, 400) > 900 * 500);
    }
}
