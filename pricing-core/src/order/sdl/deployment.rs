//! The section `deployment`: which service runs where, with which profile, how many times.

use std::collections::BTreeMap;

use super::field::Field;
use crate::input::InputError;

/// Where a service runs, by placement.
#[derive(Debug)]
pub(super) struct Deployment<'a> {
    pub(super) field: Field<'a>,
    pub(super) placements: BTreeMap<&'a str, Replicas<'a>>,
}

/// A compute profile, and how many of it.
#[derive(Debug)]
pub(super) struct Replicas<'a> {
    pub(super) field: Field<'a>,
    pub(super) profile: &'a str,
    pub(super) profile_field: Field<'a>,
    pub(super) count: u32,
}

/// Reads the section, by service.
pub(super) fn read<'a>(section: &Field<'a>) -> Result<BTreeMap<&'a str, Deployment<'a>>, InputError> {
    let mut services = BTreeMap::new();
    for (service, field) in section.map()? {
        let mut placements = BTreeMap::new();
        for (placement, replicas) in field.map()? {
            placements.insert(placement, self::replicas(replicas)?);
        }
        services.insert(service, Deployment { field, placements });
    }
    Ok(services)
}

fn replicas(field: Field<'_>) -> Result<Replicas<'_>, InputError> {
    let replicas = field.object(&["profile", "count"])?;
    let profile_field = replicas.required("profile")?;
    let profile = profile_field.text()?;
    let count = replicas.required("count")?.integer_u32(1..=u32::MAX)?;
    Ok(Replicas { field, profile, profile_field, count })
}
