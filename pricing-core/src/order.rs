//! Orders: what a tenant asks for, whichever format it came in.
//!
//! Three formats are read, and all become an [`Order`]: the SDL that tenants write ([`sdl`]), the chain's group specs
//! ([`group_spec`]), and the request that a provider sends to its bid price script ([`script_request`]).

mod conditions;
pub mod detect;
mod endpoint;
pub mod group_spec;
mod memory;
mod requirements;
pub mod script_request;
#[cfg(feature = "sdl")]
pub mod sdl;
pub(crate) mod storage;
mod text_size;

pub use conditions::Conditions;
pub use endpoint::{Endpoint, EndpointKind, Endpoints, leased_ips};
pub use requirements::{Fabric, PlacementRequirements, SignedBy, Tee};
pub use storage::{StorageClass, StorageClassError, Volume};
pub use text_size::MAX_INPUT_BYTES;

use std::sync::Arc;

use crate::gpu::GpuRequest;
use crate::keyword::keywords;
use crate::money::{ArithmeticOverflow, DEFAULT_PRICE_PRECISION, Denom, Price};
use crate::quantity::{Bytes, MilliCpu};
use crate::text::Untrusted;

/// The most replicas that a group may have, all units together. The chain itself allows far fewer.
pub const MAX_REPLICAS: u64 = 1_000_000;
/// The most volumes, or GPU alternatives, that a resource unit may list.
pub const MAX_LISTED: u64 = 1_000;

/// A key and its value, as the chain stores them on resources and placements.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attribute {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// One kind of pod: its resources, its number of replicas, and the most that the tenant pays for one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceUnit {
    /// The unit's number on the chain, from 1.
    pub id: u32,
    /// CPU per replica.
    pub cpu: MilliCpu,
    /// Attributes of the CPU, such as `arch`.
    pub cpu_attributes: Vec<Attribute>,
    /// Memory per replica, without `ram` volumes.
    pub memory: Bytes,
    /// Attributes of the memory.
    pub memory_attributes: Vec<Attribute>,
    /// GPUs per replica.
    pub gpu: GpuRequest,
    /// Volumes per replica.
    pub storage: Vec<Volume>,
    /// Endpoints of the unit, all replicas together.
    pub endpoints: Endpoints,
    /// The number of replicas.
    pub count: u32,
    /// The most that one replica may cost per block. None in a script request, which states only the group's maximum.
    pub price: Option<Price>,
}

/// A group spec: resource units that are leased together from one provider. Clones share their units, since millions of
/// orders of a simulation differ in nothing but their maximum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSpec {
    name: Untrusted,
    requirements: Arc<PlacementRequirements>,
    resources: Arc<[ResourceUnit]>,
}

/// Why well-formed resource units do not make a valid group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// The group has no resource units.
    #[error("the group has no resource units")]
    Empty,
    /// No unit has a replica.
    #[error("resource unit {0} has a count of 0, and no other unit has more")]
    NoReplicas(u32),
    /// A unit has more of something than the limit allows.
    #[error("resource unit {unit} has {number} {what}; at most {most} are taken")]
    TooMany {
        /// The unit.
        unit: u32,
        /// What there is too much of, in the plural.
        what: &'static str,
        /// How many it has.
        number: u64,
        /// How many it may have.
        most: u64,
    },
    /// Two units have the same id.
    #[error("two resource units have the id {0}")]
    DuplicateId(u32),
    /// A unit asks for GPUs but does not say which.
    #[error("resource unit {0} asks for GPUs without saying which; expected at least one `vendor/...` attribute")]
    GpuWithoutAttributes(u32),
    /// The units are priced in different denoms.
    #[error("the resource units are priced in `{0}` and `{1}`; a group has one denom")]
    MixedDenoms(Denom, Denom),
    /// Some units have a price and others do not.
    #[error("resource unit {0} has no price, others have")]
    PartlyPriced(u32),
    /// The sum of the units' prices is too large.
    #[error("the sum of the units' prices is out of range")]
    PriceOutOfRange,
}

impl GroupSpec {
    /// Makes a group from its units.
    ///
    /// A unit may have no replicas if another unit has some: the chain allows that.
    ///
    /// # Errors
    /// When the group has no replicas, an id repeats, a unit exceeds a limit, or the prices cannot be added up.
    pub fn new(
        name: String,
        requirements: PlacementRequirements,
        resources: Vec<ResourceUnit>,
    ) -> Result<Self, GroupError> {
        let first = resources.first().ok_or(GroupError::Empty)?.id;
        let mut ids = std::collections::BTreeSet::new();
        let mut replicas = 0_u64;
        for unit in &resources {
            replicas = replicas.saturating_add(u64::from(unit.count));
            let alone = u64::from(unit.count) > MAX_REPLICAS;
            let what = if alone { "replicas" } else { "replicas, counted with those of the units before it" };
            let number = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
            let limits = [
                (what, if alone { u64::from(unit.count) } else { replicas }, MAX_REPLICAS),
                ("volumes", number(unit.storage.len()), MAX_LISTED),
                ("GPU alternatives", number(unit.gpu.alternatives.len()), MAX_LISTED),
            ];
            if let Some((what, number, most)) = limits.into_iter().find(|(_, number, most)| number > most) {
                return Err(GroupError::TooMany { unit: unit.id, what, number, most });
            }
            if !ids.insert(unit.id) {
                return Err(GroupError::DuplicateId(unit.id));
            }
        }
        if replicas == 0 {
            return Err(GroupError::NoReplicas(first));
        }
        let (requirements, resources) = (Arc::new(requirements), Arc::from(resources));
        let group = Self { name: Untrusted::new(name), requirements, resources };
        group.summed_price()?;
        Ok(group)
    }

    /// Returns the group's name, which is the name of the placement in the SDL.
    #[must_use]
    pub fn name(&self) -> Untrusted<&str> {
        self.name.by_ref()
    }

    /// Returns what the group asks of the provider itself.
    #[must_use]
    pub fn requirements(&self) -> &PlacementRequirements {
        &self.requirements
    }

    /// Returns the resource units in their original order. There is at least one.
    #[must_use]
    pub fn resources(&self) -> &[ResourceUnit] {
        &self.resources
    }

    /// Returns the unit with this id.
    #[must_use]
    pub fn unit(&self, id: u32) -> Option<&ResourceUnit> {
        self.resources.iter().find(|unit| unit.id == id)
    }

    /// Drops the units that have no replicas: nothing is reserved or paid for them.
    fn without_empty_units(mut self) -> Self {
        if self.resources.iter().any(|unit| unit.count == 0) {
            self.resources = self.resources.iter().filter(|unit| unit.count > 0).cloned().collect();
        }
        self
    }

    /// Returns the tenant's maximum for the group per block, the sum of unit price x count. None when no unit has a
    /// price.
    fn summed_price(&self) -> Result<Option<Price>, GroupError> {
        let mut sum: Option<Price> = None;
        let any_priced = self.resources.iter().any(|unit| unit.price.is_some());
        for unit in self.resources.iter() {
            let Some(price) = &unit.price else {
                if any_priced {
                    return Err(GroupError::PartlyPriced(unit.id));
                }
                continue;
            };
            let out_of_range = |_: ArithmeticOverflow| GroupError::PriceOutOfRange;
            let cost = price.times(unit.count).map_err(out_of_range)?;
            sum = Some(match sum {
                None => cost,
                Some(sum) if sum.denom() == cost.denom() => sum.plus(&cost).map_err(out_of_range)?,
                Some(sum) => return Err(GroupError::MixedDenoms(sum.denom().clone(), cost.denom().clone())),
            });
        }
        Ok(sum)
    }
}

keywords! {
    /// The format in which an order came in.
    OrderFormat {
        /// A tenant's SDL.
        Sdl "sdl"
        /// The chain's group spec as JSON.
        GroupSpec "group-spec"
        /// The request of the bid price script contract. Its amounts are the committed ones.
        Script "script"
    }
}

/// An order to price: one group, the tenant's maximum, and the precision of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is asked for.
    pub group: GroupSpec,
    /// The most that the tenant pays per block for the whole group, and the denom to bid in. None in the legacy script
    /// request, which is answered in uakt.
    pub max_price: Option<Price>,
    /// Decimals of the bid.
    pub price_precision: u32,
    /// The format in which the order came in.
    pub format: OrderFormat,
    /// What the order asks of the provider beside its group spec.
    pub conditions: Conditions,
}

impl Order {
    /// Makes an order from a group spec. The maximum is the sum of its units' prices, and there are no conditions.
    ///
    /// # Errors
    /// When the units' prices cannot be added up.
    pub fn from_group(group: GroupSpec, format: OrderFormat) -> Result<Self, GroupError> {
        let group = group.without_empty_units();
        let max_price = group.summed_price()?;
        let conditions = Conditions::default();
        Ok(Self { group, max_price, price_precision: DEFAULT_PRICE_PRECISION, format, conditions })
    }
}
