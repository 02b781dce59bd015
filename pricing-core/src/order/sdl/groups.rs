//! Builds the group specs of a checked document.
//!
//! Services are taken in the order of their names, and so are a service's placements. Each placement becomes a group.
//! Each service in it becomes a resource unit, except that in 2.1 services with the same compute profile share one.

use std::collections::BTreeMap;

use super::deployment::Replicas;
use super::document::{Document, Version};
use super::limits;
use super::resources::Compute;
use super::services::{Expose, Service};
use super::warnings::RefusingReader;
use crate::input::InputError;
use crate::money::Price;
use crate::order::requirements::TEE_ATTRIBUTE;
use crate::order::{Attribute, Endpoint, EndpointKind, Endpoints, GroupSpec, PlacementRequirements, ResourceUnit};
use crate::text::excerpt;

/// The port of the shared HTTP ingress.
const HTTP_PORT: u32 = 80;

/// A group under construction.
struct Draft<'a> {
    requirements: PlacementRequirements,
    units: Vec<UnitDraft>,
    /// The index of each compute profile's unit. Only used in 2.1.
    shared: BTreeMap<&'a str, usize>,
}

struct UnitDraft {
    endpoints: Vec<Endpoint>,
    services: usize,
    unit: ResourceUnit,
}

/// Builds the groups, sorted by name. [`check::relations`](super::check::relations) has made sure that every reference
/// resolves, so the `continue`s are never taken.
pub(super) fn build(document: &Document<'_>) -> Result<Vec<GroupSpec>, InputError> {
    let numbers = address_numbers(document);
    let mut drafts: BTreeMap<&str, Draft<'_>> = BTreeMap::new();
    for (name, deployment) in &document.deployment {
        let Some(service) = document.services.get(name) else { continue };
        for (placement_name, replicas) in &deployment.placements {
            let Some(placement) = document.profiles.placement.get(placement_name) else { continue };
            let Some(compute) = document.profiles.compute.get(replicas.profile) else { continue };
            let draft = drafts.entry(placement_name).or_insert_with(|| Draft {
                requirements: placement.requirements.clone(),
                units: Vec::new(),
                shared: BTreeMap::new(),
            });
            draft.require_tee(service);
            let endpoints = endpoints(service, &numbers);
            let unit_price = placement.pricing.get(replicas.profile);
            limits::check(compute, unit_price)?;
            let price = unit_price.map(|unit_price| unit_price.price.clone());
            draft.add(document.version, replicas, compute, endpoints, price)?;
        }
    }
    let groups: Vec<GroupSpec> =
        drafts.into_iter().map(|(name, draft)| draft.finish(document, name)).collect::<Result<_, _>>()?;
    denoms_agree(document, &groups);
    Ok(groups)
}

/// Warns if the groups have different denoms, which the command line refuses.
fn denoms_agree(document: &Document<'_>, groups: &[GroupSpec]) {
    let denoms = groups.iter().filter_map(|group| group.resources().first()?.price.as_ref()).map(Price::denom);
    let mut denoms: Vec<_> = denoms.collect();
    denoms.sort();
    denoms.dedup();
    if denoms.len() > 1 {
        document.deployment_field.warn_of_name(RefusingReader::CommandLine, "the groups are priced in several denoms");
    }
}

/// Returns the hostnames at which the services of a placement want to be reached.
pub(super) fn hostnames(document: &Document<'_>, placement: &str) -> Vec<String> {
    let placed = document.deployment.iter().filter(|(_, deployment)| deployment.placements.contains_key(placement));
    let services = placed.filter_map(|(name, _)| document.services.get(name));
    services.flat_map(|service| &service.exposes).flat_map(|expose| &expose.accept).cloned().collect()
}

impl<'a> Draft<'a> {
    fn require_tee(&mut self, service: &Service<'_>) {
        let Some(tee) = &service.tee else { return };
        let attribute = Attribute { key: TEE_ATTRIBUTE.to_owned(), value: tee.kind.to_owned() };
        if !self.requirements.attributes.contains(&attribute) {
            self.requirements.attributes.push(attribute);
            self.requirements.attributes.sort();
        }
    }

    /// Adds a service's replicas: to the unit of its compute profile if there is one already (only in 2.1), else as a
    /// new unit. Ids count from 1 in the order of the units.
    fn add(
        &mut self,
        version: Version,
        replicas: &Replicas<'a>,
        compute: &Compute<'_>,
        endpoints: Vec<Endpoint>,
        price: Option<Price>,
    ) -> Result<(), InputError> {
        let out_of_range = || replicas.field.error("more replicas or services than the chain can count");
        let index = self.shared.get(replicas.profile).copied();
        if let Some(shared) = index.and_then(|index| self.units.get_mut(index)) {
            shared.unit.count = shared.unit.count.checked_add(replicas.count).ok_or_else(out_of_range)?;
            shared.endpoints.extend(endpoints);
            shared.services = shared.services.saturating_add(1);
            return Ok(());
        }
        if version == Version::V2_1 {
            self.shared.insert(replicas.profile, self.units.len());
        }
        let id = self.units.len().checked_add(1).and_then(|id| u32::try_from(id).ok()).ok_or_else(out_of_range)?;
        let unit = ResourceUnit {
            id,
            cpu: compute.cpu,
            cpu_attributes: compute.cpu_attributes.clone(),
            memory: compute.memory,
            memory_attributes: Vec::new(),
            gpu: compute.gpu.clone(),
            storage: compute.storage.iter().map(|stored| stored.volume.clone()).collect(),
            endpoints: Endpoints::Listed(Vec::new()),
            count: replicas.count,
            price,
        };
        self.units.push(UnitDraft { endpoints, services: 1, unit });
        Ok(())
    }

    fn finish(self, document: &Document<'_>, name: &str) -> Result<GroupSpec, InputError> {
        let mut units = Vec::new();
        for UnitDraft { mut endpoints, services, mut unit } in self.units {
            // The order of endpoints has no meaning. This is the TypeScript implementation's order in 2.0, and Go's in
            // 2.1.
            match document.version {
                Version::V2_0 => endpoints.sort(),
                Version::V2_1 if services > 1 => endpoints.sort_by_key(|endpoint| endpoint.sequence_number),
                Version::V2_1 => {}
            }
            unit.endpoints = Endpoints::Listed(endpoints);
            units.push(unit);
        }
        GroupSpec::new(name.to_owned(), self.requirements, units).map_err(|error| {
            match document.profiles.placement.get(name) {
                Some(placement) => placement.field.name_error(error),
                None => InputError::new(format_args!("group `{}`: {error}", excerpt(name))),
            }
        })
    }
}

/// Returns the sequence number of each address: its last position among all uses of addresses, sorted by name.
fn address_numbers<'a>(document: &Document<'a>) -> BTreeMap<&'a str, u32> {
    let exposes = document.services.values().flat_map(|service| &service.exposes);
    let mut names: Vec<&str> =
        exposes.flat_map(|expose| &expose.to).filter_map(|to| to.ip.as_ref()).map(|ip| ip.name).collect();
    names.sort_unstable();
    names.into_iter().zip(1..).collect()
}

/// Returns the endpoints of a service's ports, in the document's order.
fn endpoints(service: &Service<'_>, numbers: &BTreeMap<&str, u32>) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for expose in &service.exposes {
        for to in expose.to.iter().filter(|to| to.global) {
            endpoints.push(Endpoint { kind: own_kind(expose), sequence_number: 0 });
            if let Some(ip) = &to.ip {
                let sequence_number = numbers.get(ip.name).copied().unwrap_or(0);
                endpoints.push(Endpoint { kind: EndpointKind::LeasedIp, sequence_number });
            }
        }
    }
    endpoints
}

/// Returns the kind of a port's own endpoint. A leased IP is another endpoint beside it.
fn own_kind(expose: &Expose<'_>) -> EndpointKind {
    if !expose.udp && expose.external_port() == HTTP_PORT { EndpointKind::SharedHttp } else { EndpointKind::RandomPort }
}
