//! The section `deployment`: which service runs in which placement, with which profile and how many replicas.

use std::collections::BTreeMap;

use super::field::Field;
use super::warnings::RefusingReader;
use crate::input::InputError;
use crate::order::MAX_REPLICAS;

/// A service's deployment, by placement.
#[derive(Debug)]
pub(super) struct Deployment<'a> {
    pub(super) field: Field<'a>,
    pub(super) placements: BTreeMap<&'a str, Replicas<'a>>,
}

/// A compute profile and the number of its replicas.
#[derive(Debug)]
pub(super) struct Replicas<'a> {
    pub(super) field: Field<'a>,
    pub(super) profile: &'a str,
    pub(super) profile_field: Field<'a>,
    pub(super) count: u32,
}

/// Reads the section. The keys are services.
pub(super) fn read<'a>(section: &Field<'a>) -> Result<BTreeMap<&'a str, Deployment<'a>>, InputError> {
    let mut services = BTreeMap::new();
    for (service, field) in section.map()? {
        let mut placements = BTreeMap::new();
        // Go accepts a service without placements.
        if field.is_null() {
            field.warn_of_name(RefusingReader::Console, "nothing is given; expected a mapping");
        } else {
            for (placement, replicas) in field.map()? {
                placements.insert(placement, self::replicas(replicas)?);
            }
        }
        services.insert(service, Deployment { field, placements });
    }
    Ok(services)
}

fn replicas(field: Field<'_>) -> Result<Replicas<'_>, InputError> {
    let replicas = field.object(&["profile", "count"])?;
    let profile_field = replicas.required("profile")?;
    let profile = profile_field.text()?;
    let count = match replicas.optional("count") {
        Some(count) => count.integer_u32(1..=u32::MAX, 0..=u32::MAX)?,
        None => {
            field.warn_of_name(RefusingReader::Console, "`count` is missing, so there are no replicas");
            0
        }
    };
    if u64::from(count) > MAX_REPLICAS {
        let message = format_args!("{count} replicas are more than an order may have; the most is {MAX_REPLICAS}");
        return Err(replicas.required("count")?.error(message));
    }
    Ok(Replicas { field, profile, profile_field, count })
}
