//! The JSON of a bid script request, borrowed where possible. Unknown fields are ignored, because newer daemons add
//! some.

use core::fmt;
use core::marker::PhantomData;
use std::borrow::Cow;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::MAX_PRICE_PRECISION;
use crate::text::Untrusted;

/// The most digits that the whole part of an amount may have.
const MAX_AMOUNT_DIGITS: usize = 28;
/// The most decimals that an amount may have, as on the chain.
const MAX_AMOUNT_DECIMALS: usize = 18;

/// A string, borrowed from the request unless it has escapes.
pub type Text<'a> = Untrusted<Cow<'a, str>>;

/// The most vendors that a resource may list.
const MAX_VENDORS: usize = 64;

/// A non-negative whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextOrInteger(pub u64);

struct WholeVisitor;
impl Visitor<'_> for WholeVisitor {
    type Value = TextOrInteger;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 0 to 18446744073709551615")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<TextOrInteger, E> {
        Ok(TextOrInteger(number))
    }
}

impl<'de> Deserialize<'de> for TextOrInteger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(WholeVisitor)
    }
}

/// The number of decimals of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Precision(pub(super) u32);

impl<'de> Deserialize<'de> for Precision {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let TextOrInteger(number) = TextOrInteger::deserialize(deserializer)?;
        let decimals = u32::try_from(number).ok().filter(|decimals| *decimals <= MAX_PRICE_PRECISION);
        let message = || Error::custom(format_args!("`{number}` is out of range; expected 0 to {MAX_PRICE_PRECISION}"));
        decimals.map(Self).ok_or_else(message)
    }
}

/// A JSON object and nothing else. Deserialisers that serde derives would also accept an array of the fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// The object form of a request.
#[derive(serde::Deserialize)]
pub(super) struct RequestObject<'a> {
    #[serde(borrow)]
    pub(super) resources: Vec<Object<Resource<'a>>>,
    #[serde(borrow)]
    pub(super) price: Object<MaxPrice<'a>>,
    pub(super) price_precision: Option<Precision>,
    #[serde(default)]
    pub(super) confidential_compute: Option<bool>,
}

/// The tenant's maximum per block, for the whole group.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct MaxPrice<'a> {
    /// The denom to answer in.
    #[serde(borrow)]
    pub denom: Text<'a>,
    /// The amount: plain decimal text with at most 18 decimals, not counting trailing zeros.
    #[serde(borrow, deserialize_with = "plain_decimal")]
    pub amount: Text<'a>,
}

fn plain_decimal<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
    let text = Text::deserialize(deserializer)?;
    let (whole, fraction) = text.exact().split_once('.').unwrap_or((text.exact(), "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(Error::custom(format_args!("`{text}` is not an amount; expected decimal text such as `12.5`")));
    }
    let decimals = fraction.trim_end_matches('0').len();
    if whole.trim_start_matches('0').len() > MAX_AMOUNT_DIGITS || decimals > MAX_AMOUNT_DECIMALS {
        return Err(Error::custom(format_args!("`{text}` has more digits than an amount can have")));
    }
    Ok(text)
}

/// One resource unit of a request.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Resource<'a> {
    /// Bytes of memory per replica.
    pub memory: TextOrInteger,
    /// Thousandths of a CPU thread per replica.
    pub cpu: TextOrInteger,
    /// GPUs per replica.
    #[serde(borrow)]
    pub gpu: Option<Object<ResourceGpu<'a>>>,
    /// Volumes per replica.
    #[serde(borrow)]
    pub storage: Option<Vec<Object<VolumeRequest<'a>>>>,
    /// The number of replicas.
    pub count: TextOrInteger,
    /// Endpoints of all kinds, all replicas together.
    pub endpoint_quantity: Option<TextOrInteger>,
    /// Leased IPs, all replicas together.
    pub ip_lease_quantity: Option<TextOrInteger>,
}

impl<'a> Resource<'a> {
    /// Returns the volumes per replica.
    #[must_use]
    pub fn storage(&self) -> &[Object<VolumeRequest<'a>>] {
        self.storage.as_deref().unwrap_or_default()
    }

    /// Returns the vendors that the request names, if any.
    #[must_use]
    pub fn vendors(&self) -> Option<&Vendors<'a>> {
        self.gpu.as_ref()?.0.attributes.as_ref()?.0.vendor.as_ref()
    }

    /// Returns the number of cards per replica.
    #[must_use]
    pub fn gpu_units(&self) -> u64 {
        self.gpu.as_ref().and_then(|gpu| gpu.0.units).map_or(0, |units| units.0)
    }

    /// Returns the number of endpoints of all kinds, all replicas together.
    #[must_use]
    pub fn endpoints(&self) -> u64 {
        self.endpoint_quantity.map_or(0, |quantity| quantity.0)
    }

    /// Returns the number of leased IPs, all replicas together.
    #[must_use]
    pub fn leased_ips(&self) -> u64 {
        self.ip_lease_quantity.map_or(0, |quantity| quantity.0)
    }
}

/// One volume.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct VolumeRequest<'a> {
    /// The storage class.
    #[serde(borrow)]
    pub class: Text<'a>,
    /// The size in bytes.
    pub size: TextOrInteger,
}

/// The GPUs of a resource unit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct ResourceGpu<'a> {
    /// Cards per replica.
    pub units: Option<TextOrInteger>,
    /// Which cards are acceptable.
    #[serde(borrow)]
    pub attributes: Option<Object<GpuAttributes<'a>>>,
}

/// The attributes of a resource unit's GPUs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct GpuAttributes<'a> {
    /// Models by vendor.
    #[serde(borrow)]
    pub vendor: Option<Vendors<'a>>,
}

/// What is asked of one vendor's cards.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub struct GpuDetails<'a> {
    /// The model, or `*`.
    #[serde(borrow)]
    pub model: Option<Text<'a>>,
    /// The RAM.
    #[serde(borrow)]
    pub ram: Option<Text<'a>>,
    /// The interface.
    #[serde(borrow)]
    pub interface: Option<Text<'a>>,
}

/// The vendors that a request names. The last of several entries for one vendor counts, as in the network's other JSON
/// readers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vendors<'a>(Vec<(Text<'a>, GpuDetails<'a>)>);

impl<'a> Vendors<'a> {
    /// Returns what is asked of this vendor's cards.
    #[must_use]
    pub fn get(&self, vendor: &str) -> Option<&GpuDetails<'a>> {
        self.0.iter().rev().find(|(name, _)| *name == *vendor).map(|(_, details)| details)
    }

    /// Iterates over the vendors in the request's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &GpuDetails<'a>)> {
        self.0.iter().map(|(vendor, details)| (vendor.exact(), details))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Vendors<'a> {
    // A map type would lose the request's order. A repeated vendor replaces the earlier entry, or removes it when the
    // value is `null`. The bound on the vendors keeps the repeated `retain` cheap.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct VendorsVisitor;
        impl<'de> Visitor<'de> for VendorsVisitor {
            type Value = Vendors<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a vendor's name for each key")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut vendors: Vec<(Text<'de>, GpuDetails<'de>)> = Vec::new();
                while let Some(vendor) = map.next_key::<Text<'de>>()? {
                    let details = map.next_value::<Option<Object<GpuDetails<'de>>>>()?;
                    vendors.retain(|(other, _)| *other != vendor);
                    if vendors.len() >= MAX_VENDORS {
                        return Err(serde::de::Error::custom(format_args!("more than {MAX_VENDORS} vendors")));
                    }
                    if let Some(Object(details)) = details {
                        vendors.push((vendor, details));
                    }
                }
                Ok(Vendors(vendors))
            }
        }
        deserializer.deserialize_map(VendorsVisitor)
    }
}
