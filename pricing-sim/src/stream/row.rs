//! Converts a row of named text columns to orders. CSV, Parquet, JSON lines and data frames share this.
//!
//! | column | what it says |
//! |---|---|
//! | `id` | what the order is called; `order-N` of the N-th row otherwise |
//! | `at` | when it arrives: seconds (`12.5`), or RFC 3339, in UTC where it names no offset |
//! | `lifetime` | how long its lease lasts: seconds, or such as `8h` |
//! | `until` | when its lease ends, as `at`; instead of `lifetime` |
//! | `owner` | who ordered |
//! | `order` | the order: an SDL, a group spec (one or an array) or a bid script request, as text; instead of the columns below down to `leased_ips`. Several groups are several orders, `ID/GROUP` |
//! | `cpu` | threads a replica: `1.5`, `500m` |
//! | `memory` | memory a replica: `16Gi`, or bytes |
//! | `gpu_units` | cards a replica; none otherwise |
//! | `gpu` | their kinds, each a [`GpuKey`](pricing_core::gpu::GpuKey), with `&#124;` between alternatives; without a vendor that of whoever makes the model, `*` for any of nvidia's |
//! | `storage` | ephemeral storage a replica, as `memory` |
//! | `storage_persistent`, `storage_class` | a persistent volume a replica and its class; `default` otherwise |
//! | `count` | replicas; 1 otherwise |
//! | `endpoints` | endpoints of every kind, all replicas together; as many as leased IPs otherwise |
//! | `leased_ips` | those of them that are leased IPs |
//! | `max_price` | the most that the tenant pays per block for the whole order; replaces what `order` says |
//! | `denom` | its denom, and that of an order without a maximum |
//!
//! An empty cell counts as missing.

use std::collections::BTreeMap;
use std::sync::Arc;

use pricing_core::gpu::GpuRequest;
use pricing_core::input::InputError;
use pricing_core::money::{Denom, Price, parse_decimal};
use pricing_core::order::{
    Attribute, Endpoint, EndpointKind, Endpoints, GroupSpec, MAX_LISTED, MAX_REPLICAS, Order, OrderFormat,
    PlacementRequirements, ResourceUnit, StorageClass, Volume, detect,
};
use pricing_core::text::{excerpt, nearest};

use super::{Arrival, DEFAULT_DENOM, cell, with_maximum};
use crate::time::Millis;

/// All columns.
pub const NAMES: [&str; 18] = [
    "id",
    "at",
    "lifetime",
    "until",
    "owner",
    "order",
    "cpu",
    "memory",
    "gpu_units",
    "gpu",
    "storage",
    "storage_persistent",
    "storage_class",
    "count",
    "endpoints",
    "leased_ips",
    "max_price",
    "denom",
];
/// The columns that `order` replaces.
const FLAT: [&str; 10] = [
    "cpu",
    "memory",
    "gpu_units",
    "gpu",
    "storage",
    "storage_persistent",
    "storage_class",
    "count",
    "endpoints",
    "leased_ips",
];
/// The most cards that a replica can ask for; more than any node has.
const MAX_UNITS: u64 = 1_000_000;

/// Defaults for orders that leave something out.
#[derive(Clone, Copy, Debug)]
pub struct Defaults<'a> {
    /// The denom of orders that name none.
    pub denom: &'a str,
    /// The owner of orders that name none.
    pub owner: Option<&'a str>,
    /// The arrival time of orders that have none. Without a default, such an order is an error.
    pub at: Option<Millis>,
}

impl Default for Defaults<'_> {
    fn default() -> Self {
        Self { denom: DEFAULT_DENOM, owner: None, at: None }
    }
}

/// The columns of a table of orders.
///
/// ```
/// use pricing_sim::stream::row::{Columns, Defaults};
/// let columns = Columns::new(["id", "at", "lifetime", "cpu", "memory", "gpu_units", "gpu"])?;
/// let cells = [Some("a"), Some("0"), Some("8h"), Some("8"), Some("64Gi"), Some("1"), Some("h100|a100/80Gi")];
/// let arrivals = columns.arrivals(&cells, 1, &Defaults::default())?;
/// assert_eq!((&*arrivals[0].id, arrivals[0].until), ("a", Some(28_800_000)));
/// # Ok::<(), pricing_core::input::InputError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Columns {
    /// The position of each column in a row.
    places: BTreeMap<&'static str, usize>,
}

impl Columns {
    /// Checks the names of a table's columns, in the table's order.
    ///
    /// # Errors
    /// When one is unknown or duplicated.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, InputError> {
        let mut places = BTreeMap::new();
        for (place, name) in names.into_iter().enumerate() {
            let known = column(name.trim())?;
            if places.insert(known, place).is_some() {
                return Err(InputError::new(format_args!("there are two columns `{known}`")));
            }
        }
        Ok(Self { places })
    }

    /// All columns, in the order of [`NAMES`].
    #[must_use]
    pub fn all() -> Self {
        Self { places: NAMES.into_iter().zip(0..).collect() }
    }

    /// The position of a column in a row. None if the table does not have it.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// The orders of a row: one, or one for each group of `order`. Rows are counted from 1.
    ///
    /// # Errors
    /// When the row is not an order. The error's path is the column.
    pub fn arrivals(
        &self,
        cells: &[Option<&str>],
        row: usize,
        defaults: &Defaults<'_>,
    ) -> Result<Vec<Arrival>, InputError> {
        Row { columns: self, cells }.arrivals(row, defaults)
    }
}

/// Looks up a column by name.
///
/// # Errors
/// When there is no such column.
pub(super) fn column(name: &str) -> Result<&'static str, InputError> {
    NAMES.into_iter().find(|known| *known == name).ok_or_else(|| {
        let unknown = InputError::new(format_args!("`{}` is not a column of orders", excerpt(name)));
        match nearest(name, NAMES) {
            Some(meant) => unknown.hint(format!("did you mean `{meant}`?")),
            None => unknown.hint(format!("there are `{}`", NAMES.join("`, `"))),
        }
    })
}

/// One row of a table.
#[derive(Clone, Copy)]
struct Row<'a> {
    columns: &'a Columns,
    cells: &'a [Option<&'a str>],
}

impl<'a> Row<'a> {
    /// The text of a cell. None if it is empty or missing.
    fn get(&self, name: &str) -> Option<&'a str> {
        let cell = self.cells.get(self.columns.place(name)?).copied().flatten()?;
        // The indentation of an SDL's first line is significant.
        let shown = if name == "order" { cell } else { cell.trim() };
        (!cell.trim().is_empty()).then_some(shown)
    }

    /// Parses a cell, and adds the column to an error.
    fn read<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&'a str) -> Result<T, InputError>,
    ) -> Result<Option<T>, InputError> {
        self.get(name).map(read).transpose().map_err(|error| error.at(name))
    }

    fn needed<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&'a str) -> Result<T, InputError>,
    ) -> Result<T, InputError> {
        self.read(name, read)?.ok_or_else(|| InputError::new(format_args!("an order needs `{name}`")).at(name))
    }

    fn arrivals(&self, row: usize, defaults: &Defaults<'_>) -> Result<Vec<Arrival>, InputError> {
        let at = match (self.get("at"), defaults.at) {
            (None, Some(at)) => at,
            _ => self.needed("at", cell::time)?,
        };
        let until = self.until(at)?;
        let id = self.get("id").map_or_else(|| format!("order-{row}"), str::to_owned);
        let owner: Option<Arc<str>> = self.get("owner").or(defaults.owner).map(Arc::from);
        let orders = self.orders(&id)?;
        if let (Some(_), count @ 2..) = (self.get("max_price"), orders.len()) {
            let message = format!("the order has {count} groups; a maximum of the row is for one");
            return Err(InputError::new(message).at("max_price").hint("write the maxima in `order`"));
        }
        let several = orders.len() > 1;
        let arrival = |order: Order| {
            let id = if several { format!("{id}/{}", order.group.name().exact()) } else { id.clone() };
            let (order, has_maximum) = self.priced(order, defaults)?;
            Ok(Arrival { id: Arc::from(id), at, until, owner: owner.clone(), order: Arc::new(order), has_maximum })
        };
        orders.into_iter().map(arrival).collect()
    }

    /// The end of the lease.
    fn until(&self, at: Millis) -> Result<Option<Millis>, InputError> {
        let until = self.read("until", cell::time)?;
        let lifetime = self.read("lifetime", cell::length)?;
        match (until, lifetime) {
            (Some(_), Some(_)) => {
                Err(InputError::new("the row says both how long the lease lasts and when it ends").at("lifetime"))
            }
            (Some(until), None) if until < at => {
                Err(InputError::new("the lease ends before the order arrives").at("until"))
            }
            (None, Some(lifetime)) => Ok(Some(at.saturating_add(lifetime))),
            (until, None) => Ok(until),
        }
    }

    fn orders(&self, id: &str) -> Result<Vec<Order>, InputError> {
        let Some(text) = self.get("order") else { return Ok(vec![self.flat(id)?]) };
        if let Some(flat) = FLAT.into_iter().find(|name| self.get(name).is_some()) {
            let message = format!("the row has both `order` and `{flat}`");
            return Err(InputError::new(message).at(flat).hint("`order` says all of what is asked for"));
        }
        detect::read(text, None).map_err(inner)
    }

    /// The order that the columns replaced by `order` describe.
    fn flat(&self, id: &str) -> Result<Order, InputError> {
        let unit = ResourceUnit {
            id: 1,
            cpu: self.needed("cpu", cell::threads)?,
            cpu_attributes: Vec::new(),
            memory: self.needed("memory", cell::bytes)?,
            memory_attributes: Vec::new(),
            gpu: self.gpu()?,
            storage: self.storage()?,
            endpoints: self.endpoints()?,
            count: self
                .read("count", |text| cell::whole(text, 1, MAX_REPLICAS))?
                .map_or(1, |count| u32::try_from(count).unwrap_or(u32::MAX)),
            price: None,
        };
        GroupSpec::new(id.to_owned(), PlacementRequirements::default(), vec![unit])
            .and_then(|group| Order::from_group(group, OrderFormat::GroupSpec))
            .map_err(InputError::new)
    }

    fn gpu(&self) -> Result<GpuRequest, InputError> {
        let units = self.read("gpu_units", |text| cell::whole(text, 0, MAX_UNITS))?;
        let named = self.read("gpu", |text| cell::cards(units.unwrap_or(0), text))?;
        match (units, named) {
            (None | Some(0), None) => Ok(GpuRequest::default()),
            (Some(0), Some(_)) => Ok(GpuRequest::default()),
            (Some(_), Some(named)) => Ok(named),
            (None, Some(_)) => Err(InputError::new("`gpu` names cards, but not how many").at("gpu_units")),
            (Some(_), None) => {
                let message = "`gpu_units` says how many cards, but nothing says which";
                Err(InputError::new(message).at("gpu").hint("write `*` for any of nvidia's"))
            }
        }
    }

    fn storage(&self) -> Result<Vec<Volume>, InputError> {
        let mut volumes = Vec::new();
        if let Some(size) = self.read("storage", cell::bytes)?.filter(|size| size.get() > 0) {
            let name = "default".to_owned();
            volumes.push(Volume { name, size, class: StorageClass::Ephemeral, attributes: Vec::new() });
        }
        let size = self.read("storage_persistent", cell::bytes)?;
        let class = self.get("storage_class");
        let Some(size) = size else {
            return match class {
                Some(_) => Err(InputError::new("`storage_class` needs a volume").at("storage_persistent")),
                None => Ok(volumes),
            };
        };
        if size.get() > 0 {
            let attribute = |key: &str, value: &str| Attribute { key: key.to_owned(), value: value.to_owned() };
            let attributes = vec![attribute("class", class.unwrap_or("default")), attribute("persistent", "true")];
            let class = StorageClass::from_attributes(&attributes)
                .map_err(|error| InputError::new(error).at("storage_class"))?;
            volumes.push(Volume { name: "persistent".to_owned(), size, class, attributes });
        }
        Ok(volumes)
    }

    fn endpoints(&self) -> Result<Endpoints, InputError> {
        let leased = self.read("leased_ips", |text| cell::whole(text, 0, MAX_LISTED))?.unwrap_or(0);
        let all = self.read("endpoints", |text| cell::whole(text, 0, MAX_LISTED))?.unwrap_or(leased);
        let Some(others) = all.checked_sub(leased) else {
            let message = format!("leased IPs are endpoints too: {leased} of them cannot be among {all}");
            return Err(InputError::new(message).at("endpoints"));
        };
        let shared = (0..others).map(|_| Endpoint { kind: EndpointKind::SharedHttp, sequence_number: 0 });
        let leased = (1..).zip(0..leased);
        let leased = leased.map(|(sequence_number, _)| Endpoint { kind: EndpointKind::LeasedIp, sequence_number });
        Ok(Endpoints::Listed(shared.chain(leased).collect()))
    }

    /// Sets the maximum of the order: the row's, or its own, or one that never applies.
    fn priced(&self, mut order: Order, defaults: &Defaults<'_>) -> Result<(Order, bool), InputError> {
        let denom = self.get("denom");
        let amount = self.read("max_price", |text| parse_decimal(text).map_err(InputError::new))?;
        let Some(amount) = amount else { return Ok(with_maximum(order, denom.unwrap_or(defaults.denom))) };
        let own = order.max_price.as_ref().map(|price| price.denom().as_str().to_owned());
        let denom = denom.map(str::to_owned).or(own).unwrap_or_else(|| defaults.denom.to_owned());
        let price = Price::new(Denom::new(denom), amount).map_err(|error| InputError::new(error).at("max_price"))?;
        order.max_price = Some(price);
        Ok((order, true))
    }
}

/// Converts an error in the text of an order to one about the row that contains it.
fn inner(error: InputError) -> InputError {
    let place = match (error.line(), error.column()) {
        (Some(line), Some(column)) => format!(" (line {line}, column {column} of the order)"),
        _ => String::new(),
    };
    let path = match error.path() {
        Some(path) if path.starts_with('[') => format!("order{path}"),
        Some(path) => format!("order.{path}"),
        None => "order".to_owned(),
    };
    let outer = InputError::new(format_args!("{}{place}", error.message())).at(path);
    match error.hint_text() {
        Some(hint) => outer.hint(hint),
        None => outer,
    }
}

#[cfg(test)]
mod tests;
