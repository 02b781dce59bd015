//! Which cards an order asks for, in the words of the metrics' labels.

use pricing_core::gpu::GpuSelector;
use pricing_core::order::{ResourceUnit, group_spec};
use pricing_core::text::excerpt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The cards of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cards {
    /// The model that the order asks for, such as `nvidia/h100`. `none` without cards, `mixed` with several models,
    /// `ambiguous` if the order leaves the model open, and `unknown` if its group spec is not known.
    pub gpu: String,
    /// How many cards, all replicas together.
    pub cards: u64,
}

/// The cards that a resource unit asks for.
enum Asked<'a> {
    One(&'a str, &'a str),
    Several,
}

impl Cards {
    /// Those of an order whose group spec is not known.
    #[must_use]
    pub fn unknown() -> Self {
        Self { gpu: "unknown".to_owned(), cards: 0 }
    }

    /// Those of a group spec.
    #[must_use]
    pub fn of_spec(spec: &RawValue) -> Self {
        let group = group_spec::read(spec.get()).ok().and_then(|groups| groups.into_iter().next());
        group.map_or_else(Self::unknown, |group| Self::of_units(group.resources()))
    }

    fn of_units(units: &[ResourceUnit]) -> Self {
        let number = |unit: &ResourceUnit| unit.gpu.units.saturating_mul(u64::from(unit.count));
        let cards = units.iter().map(number).fold(0, u64::saturating_add);
        let mut kind: Option<(&str, &str)> = None;
        let mut is_mixed = false;
        for unit in units.iter().filter(|unit| unit.gpu.units > 0) {
            match asked(&unit.gpu.alternatives) {
                Asked::Several => return Self { gpu: "ambiguous".to_owned(), cards },
                Asked::One(vendor, model) => {
                    is_mixed |= kind.is_some_and(|known| known != (vendor, model));
                    kind = Some((vendor, model));
                }
            }
        }
        let gpu = match kind {
            None => "none".to_owned(),
            Some(_) if is_mixed => "mixed".to_owned(),
            Some((vendor, model)) => excerpt(&format!("{vendor}/{model}")),
        };
        Self { gpu, cards }
    }

    /// The class of the number of cards, for labels and tables.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self.cards {
            0 => "0",
            1 => "1",
            2..=4 => "2-4",
            5..=8 => "5-8",
            _ => "9+",
        }
    }
}

/// The model of a request that names a single one, with whatever RAM or interface.
fn asked(alternatives: &[GpuSelector]) -> Asked<'_> {
    let mut models = alternatives.iter().map(|selector| (selector.vendor(), selector.model()));
    match models.next() {
        Some((vendor, Some(model))) if models.all(|other| other == (vendor, Some(model))) => Asked::One(vendor, model),
        _ => Asked::Several,
    }
}
