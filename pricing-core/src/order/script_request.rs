//! The request that a provider sends to its bid price script, as JSON on stdin.
//!
//! Two forms exist: an object with `resources`, `price` and `price_precision`, and the legacy bare array of resources,
//! which is answered in whole uakt. [`parse`] borrows from the text and serves the drop-in. [`read`] makes the
//! [`Order`] that everything else prices. [`to_json`] writes an order as a request.

#[cfg(test)]
mod tests;
mod wire;
mod write;

pub use wire::{
    GpuAttributes, GpuDetails, MaxPrice, Object, Resource, ResourceGpu, Text, TextOrInteger, Vendors, VolumeRequest,
};
pub use write::to_json;

use wire::RequestObject;

use super::{
    Conditions, Endpoints, GroupSpec, Order, OrderFormat, PlacementRequirements, ResourceUnit, StorageClass, Volume,
};
use crate::gpu::{GpuRequest, GpuSelector};
use crate::input::InputError;
use crate::money::{DEFAULT_PRICE_PRECISION, Denom, Price, denoms, parse_decimal};
use crate::quantity::{Bytes, MilliCpu};

/// The largest number of decimals that a request may ask for.
pub const MAX_PRICE_PRECISION: u32 = 18;
/// The denom in which the legacy form, which names none, is answered.
pub const LEGACY_DENOM: &str = denoms::AKT;
/// The name that is given to a group that has none.
pub const GROUP_NAME: &str = "order";

/// A bid script request that borrows from its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptRequest<'a> {
    /// The resource units.
    pub resources: Vec<Resource<'a>>,
    /// The tenant's maximum for the whole group. None in the legacy form.
    pub price: Option<MaxPrice<'a>>,
    /// The number of decimals of the answer: 6 when absent. The legacy form is answered as a whole number.
    pub price_precision: u32,
    /// Whether the order asks for confidential compute. The legacy form cannot ask for it.
    pub confidential_compute: bool,
}

/// Reads a request in either form, borrowing from the text.
///
/// # Errors
/// When the text is too large, is not JSON, or is in neither form. The error names the path.
pub fn parse(text: &str) -> Result<ScriptRequest<'_>, InputError> {
    if text.len() > super::MAX_INPUT_BYTES {
        return Err(InputError::new(format_args!("the request has more than {} bytes", super::MAX_INPUT_BYTES)));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.bytes().find(|byte| !byte.is_ascii_whitespace()) {
        None => Err(InputError::new("the request is empty").hint("expected a bid script request as JSON")),
        Some(b'[') => {
            let resources: Vec<Object<Resource<'_>>> = decode(text)?;
            let resources = resources.into_iter().map(|Object(resource)| resource).collect();
            Ok(ScriptRequest { resources, price: None, price_precision: 0, confidential_compute: false })
        }
        Some(_) => {
            let Object(envelope) = decode::<Object<RequestObject<'_>>>(text)?;
            Ok(ScriptRequest {
                resources: envelope.resources.into_iter().map(|Object(resource)| resource).collect(),
                price: Some(envelope.price.0),
                price_precision: envelope.price_precision.map_or(DEFAULT_PRICE_PRECISION, |precision| precision.0),
                confidential_compute: envelope.confidential_compute.unwrap_or(false),
            })
        }
    }
}

/// Decodes at full speed. On an error it decodes again with path tracking, which is slower, to name the place.
fn decode<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, InputError> {
    serde_json::from_str(text).map_err(|error| {
        let mut json = serde_json::Deserializer::from_str(text);
        match serde_path_to_error::deserialize::<_, T>(&mut json) {
            Err(error) => InputError::from(error),
            // The value itself decoded, so the error is about what follows it.
            Ok(_) => InputError::new("there is more text after the request")
                .position(error.line().max(1), error.column().max(1)),
        }
    })
}

/// Reads a request in either form as an order. The units' ids count from 1.
///
/// # Errors
/// When the text is not a request, or cannot become an order. The error names the path.
pub fn read(text: &str) -> Result<Order, InputError> {
    parse(text)?.to_order()
}

impl ScriptRequest<'_> {
    /// Converts the request to the order that it asks to price.
    ///
    /// # Errors
    /// When the request cannot become an order. The error names the path.
    pub fn to_order(&self) -> Result<Order, InputError> {
        // The legacy form has no `resources` around its array.
        let root = if self.price.is_some() { "resources" } else { "" };
        let units = (0..).zip(&self.resources).map(|(index, resource)| {
            resource
                .to_unit(index)
                .map_err(|(field, message)| InputError::new(message).at(format!("{root}[{index}]{field}")))
        });
        let units = units.collect::<Result<Vec<_>, _>>()?;
        let requirements = match self.confidential_compute {
            true => PlacementRequirements::confidential(),
            false => PlacementRequirements::default(),
        };
        let group = GroupSpec::new(GROUP_NAME.to_owned(), requirements, units)
            .map_err(|error| InputError::new(error).at(root))?;
        let max_price = self.price.as_ref().map(MaxPrice::to_price).transpose()?;
        Ok(Order {
            group,
            max_price,
            price_precision: self.price_precision,
            format: OrderFormat::Script,
            conditions: Conditions::default(),
        })
    }
}

impl MaxPrice<'_> {
    fn to_price(&self) -> Result<Price, InputError> {
        let at_amount = |error| InputError::new(error).at("price.amount");
        let amount = parse_decimal(self.amount.exact()).map_err(at_amount)?;
        Price::new(Denom::new(self.denom.exact()), amount).map_err(at_amount)
    }
}

/// An error in a field of a resource: the field's path within the resource, and the message.
type FieldError = (String, String);

impl Resource<'_> {
    /// Converts a resource to the unit whose id is its position, counted from 1: a request has no ids. Volumes have no
    /// names, endpoints are only counted, and there is no price, because the request states the group's alone.
    fn to_unit(&self, index: u32) -> Result<ResourceUnit, FieldError> {
        let id = index.checked_add(1).ok_or_else(|| (String::new(), "there are too many resources".to_owned()))?;
        let count = u32::try_from(self.count.0).map_err(|_| {
            (".count".to_owned(), format!("`{}` replicas are more than an order can have", self.count.0))
        })?;
        if count == 0 {
            return Err((".count".to_owned(), "a resource needs at least one replica".to_owned()));
        }
        let storage = self.storage().iter().map(|Object(volume)| Volume {
            name: String::new(),
            size: Bytes::new(volume.size.0),
            class: StorageClass::from_name(volume.class.exact()),
            attributes: Vec::new(),
        });
        Ok(ResourceUnit {
            id,
            cpu: MilliCpu::new(self.cpu.0),
            cpu_attributes: Vec::new(),
            memory: Bytes::new(self.memory.0),
            memory_attributes: Vec::new(),
            gpu: self.gpu_request(),
            storage: storage.collect(),
            endpoints: Endpoints::Counted { endpoints: self.endpoints(), leased_ips: self.leased_ips() },
            count,
            price: None,
        })
    }

    /// Returns the GPUs that the resource asks for. The vendors that it lists are alternatives.
    #[must_use]
    pub fn gpu_request(&self) -> GpuRequest {
        let alternatives = self.vendors().into_iter().flat_map(Vendors::iter).map(|(vendor, details)| {
            let text = |text: &'_ Option<Text<'_>>| text.as_ref().map(|text| text.exact().to_owned());
            let model = details.model.as_ref().map(Text::exact).filter(|model| !model.is_empty()).unwrap_or("*");
            GpuSelector::new(vendor, model, text(&details.ram).as_deref(), text(&details.interface).as_deref())
        });
        GpuRequest { units: self.gpu_units(), alternatives: alternatives.collect(), interconnect: None }
    }
}
