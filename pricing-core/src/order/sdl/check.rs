//! Checks that the sections of an SDL agree with each other.

use std::collections::{BTreeMap, BTreeSet};

use super::deployment::Replicas;
use super::document::{Document, Version};
use super::resources::Compute;
use super::services::Service;
use super::warnings::RefusingReader;
use crate::input::InputError;
use crate::order::StorageClass;
use crate::text::{excerpt, nearest};

/// The most volumes, mounts, cards and ports that all deployments may have together.
///
/// Deployments share profiles and services, so a small file can multiply them. A real one has dozens.
const MAX_PARTS: usize = 100_000;

/// Checks every reference from one section to another, and the rules that span sections. The parts are counted before
/// the loop goes through them, so a hostile file costs no more than [`MAX_PARTS`].
pub(super) fn relations(document: &Document<'_>) -> Result<(), InputError> {
    for (name, service) in &document.services {
        if !document.deployment.contains_key(name) {
            let message = format_args!("the service `{}` is not deployed", excerpt(name));
            service.field.warn_of_name(RefusingReader::Console, message);
        }
    }
    let mut parts = 0_usize;
    for (name, deployment) in &document.deployment {
        let Some(service) = document.services.get(name) else {
            return Err(undefined(|m| deployment.field.name_error(m), "service", name, document.services.keys()));
        };
        for (placement, replicas) in &deployment.placements {
            let compute = profile(document, placement, replicas)?;
            parts = parts.saturating_add(weight(service, compute));
            if parts > MAX_PARTS {
                let message = format_args!("the deployments come to more than {MAX_PARTS} volumes, cards and ports");
                return Err(replicas.field.name_error(message));
            }
            mounts(document.version, service, compute)?;
            persistent_volumes_are_mounted(document.version, name, service, compute)?;
            tee_fits(service, compute)?;
        }
    }
    addresses(document)?;
    tees_agree(document)?;
    somebody_reaches_it(document);
    if document.deployment.values().all(|deployment| deployment.placements.is_empty()) {
        return Err(document.deployment_field.name_error("nothing is deployed"));
    }
    Ok(())
}

/// Returns an error about a name that another section does not define.
fn undefined<'a>(
    error: impl FnOnce(String) -> InputError,
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a &'a str>,
) -> InputError {
    let error = error(format!("no {what} is called `{}`", excerpt(name)));
    match nearest(name, known.copied()) {
        Some(known) => error.hint(format!("did you mean `{known}`?")),
        None => error,
    }
}

/// Returns the compute profile of a deployment. The placement must exist and have a price for the profile.
fn profile<'d, 'a>(
    document: &'d Document<'a>,
    placement: &str,
    replicas: &Replicas<'a>,
) -> Result<&'d Compute<'a>, InputError> {
    let profiles = &document.profiles;
    let Some(infra) = profiles.placement.get(placement) else {
        return Err(undefined(|m| replicas.field.name_error(m), "placement", placement, profiles.placement.keys()));
    };
    let name = replicas.profile;
    let Some(compute) = profiles.compute.get(name) else {
        return Err(undefined(|m| replicas.profile_field.error(m), "compute profile", name, profiles.compute.keys()));
    };
    if !infra.pricing.contains_key(name) {
        let message = format_args!("the placement has no price for the compute profile `{}`", excerpt(name));
        return Err(infra.field.name_error(message).hint("add it to `pricing`"));
    }
    Ok(compute)
}

/// Returns how many parts one deployment of a service has, counting the deployment itself.
fn weight(service: &Service<'_>, compute: &Compute<'_>) -> usize {
    let ports = service.exposes.iter().map(|expose| expose.to.len()).fold(0_usize, usize::saturating_add);
    [service.exposes.len(), ports, service.mounts.len(), compute.storage.len(), compute.gpu.alternatives.len()]
        .into_iter()
        .fold(1, usize::saturating_add)
}

fn mounts(version: Version, service: &Service<'_>, compute: &Compute<'_>) -> Result<(), InputError> {
    let volumes: BTreeMap<&str, &StorageClass> =
        compute.storage.iter().map(|stored| (stored.volume.name.as_str(), &stored.volume.class)).collect();
    let mut paths = BTreeMap::new();
    for mount in &service.mounts {
        let Some(class) = volumes.get(mount.volume) else {
            return Err(undefined(|message| mount.field.name_error(message), "volume", mount.volume, volumes.keys()));
        };
        if let Some(other) = paths.insert(mount.path, mount.volume) {
            let message = format_args!("`{}` is the mount of `{}` already", excerpt(mount.path), excerpt(other));
            return Err(mount.field.name_error(message));
        }
        if version == Version::V2_1 && mount.read_only && **class == StorageClass::Ram {
            mount.field.warn_of_name(RefusingReader::CommandLine, "a `ram` volume cannot be mounted read-only");
        }
    }
    Ok(())
}

/// Checks that persistent volumes have a mount. Go requires only that the service has some mount in 2.0, and nothing in
/// 2.1.
fn persistent_volumes_are_mounted(
    version: Version,
    name: &str,
    service: &Service<'_>,
    compute: &Compute<'_>,
) -> Result<(), InputError> {
    let with_path = service.mounts.iter().filter(|mount| !mount.path.is_empty());
    let mounted: BTreeSet<&str> = with_path.map(|mount| mount.volume).collect();
    for stored in &compute.storage {
        let volume = &stored.volume;
        let persistent = matches!(volume.class, StorageClass::Persistent(_));
        if !persistent || mounted.contains(volume.name.as_str()) {
            continue;
        }
        let (name, volume) = (excerpt(name), excerpt(&volume.name));
        let message = format!("the service `{name}` does not mount the persistent volume `{volume}`");
        if version == Version::V2_0 && service.mounts.is_empty() {
            let hint = format!("add `mount` in `services.{name}.params.storage.{volume}`");
            return Err(stored.field.error(message).hint(hint));
        }
        stored.field.warn(RefusingReader::Console, message);
    }
    Ok(())
}

fn tee_fits(service: &Service<'_>, compute: &Compute<'_>) -> Result<(), InputError> {
    match &service.tee {
        Some(tee) if tee.needs_gpu() && compute.gpu.units == 0 => {
            Err(tee.field.error(format_args!("`{}` needs GPUs, and the compute profile has none", tee.kind)))
        }
        _ => Ok(()),
    }
}

/// Checks that endpoints are declared, that each is used, and that no port of one is used twice. Console and Go
/// identify a port differently: Console by the external port, Go by what `as` says, 0 if absent. So each has its own
/// table, and a clash in one of them is only a warning.
fn addresses(document: &Document<'_>) -> Result<(), InputError> {
    let mut used = BTreeSet::new();
    let (mut ports, mut written_ports) = (BTreeMap::new(), BTreeMap::new());
    for (name, service) in &document.services {
        for expose in &service.exposes {
            for ip in expose.to.iter().filter_map(|to| to.ip.as_ref()) {
                if !document.endpoints.contains_key(ip.name) {
                    return Err(undefined(|m| ip.field.error(m), "endpoint", ip.name, document.endpoints.keys()));
                }
                used.insert(ip.name);
                let to_console = ports.insert((ip.name, expose.external_port(), expose.udp), name);
                let to_go = written_ports.insert((ip.name, expose.written_external_port(), expose.proto), name);
                let Some(other) = to_console.or(to_go) else { continue };
                let protocol = if expose.udp { "UDP" } else { "TCP" };
                let (port, other) = (expose.external_port(), excerpt(other));
                let message = format!("{protocol} port {port} of this endpoint is in use by `{other}`");
                match (to_console, to_go) {
                    (Some(_), None) => ip.field.warn(RefusingReader::Console, message),
                    // Go compares only `as`.
                    (None, Some(_)) => ip.field.warn(RefusingReader::CommandLine, message),
                    _ => return Err(ip.field.error(message)),
                }
            }
        }
    }
    match document.endpoints.iter().find(|(name, _)| !used.contains(*name)) {
        Some((name, field)) => Err(field.name_error(format_args!("the endpoint `{}` is never used", excerpt(name)))),
        None => Ok(()),
    }
}

/// Warns if no service is exposed globally, which the command line refuses.
fn somebody_reaches_it(document: &Document<'_>) {
    let deployed = document.deployment.keys().filter_map(|name| document.services.get(name));
    let mut ends = deployed.flat_map(|service| &service.exposes).flat_map(|expose| &expose.to);
    if !ends.any(|to| to.global) {
        let message = "no service is reached from anywhere (`global: true`)";
        document.deployment_field.warn_of_name(RefusingReader::CommandLine, message);
    }
}

/// Checks that the services of a group ask for the same trusted execution environment, because the group has one
/// provider.
fn tees_agree(document: &Document<'_>) -> Result<(), InputError> {
    let mut kinds = BTreeMap::new();
    for (name, deployment) in &document.deployment {
        let Some(tee) = document.services.get(name).and_then(|service| service.tee.as_ref()) else { continue };
        for placement in deployment.placements.keys() {
            let kind = *kinds.entry(*placement).or_insert(tee.kind);
            if kind != tee.kind {
                let placement = excerpt(placement);
                let message = format_args!("`{}`, but another service in `{placement}` has `{kind}`", tee.kind);
                return Err(tee.field.error(message).hint("one placement has one kind"));
            }
        }
    }
    Ok(())
}
