//! The fields of the two messages, in both dialects.

use core::fmt;
use core::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::quantity::Quantity;

/// A field that may be absent, `null`, or there.
#[derive(Debug, Default)]
pub(in crate::inventory) enum Section<T> {
    /// The field is not there.
    #[default]
    Absent,
    /// The field is `null`.
    Null,
    /// The field has a value.
    Present(T),
}

impl<T: Default> Section<T> {
    pub(super) fn into_inner(self) -> T {
        match self {
            Self::Absent | Self::Null => T::default(),
            Self::Present(value) => value,
        }
    }

    fn is_there(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Section<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Present))
    }
}

/// A list in which, as everywhere, `null` stands for an empty message.
#[derive(Debug)]
pub(super) struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Default + Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        messages(deserializer).map(Self)
    }
}

/// A message, which is an object and nothing else, or `null`. Derived readers alone would take a list for one.
#[derive(Debug)]
pub(super) struct Message<T>(pub(super) Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Message<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MessageVisitor(PhantomData))
    }
}

struct MessageVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for MessageVisitor<T> {
    type Value = Message<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Message<T>, E> {
        Ok(Message(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Message<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|message| Message(Some(message)))
    }
}

/// A message for which `null` is the empty one.
fn message<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Message::deserialize(deserializer).map(|message| message.0.unwrap_or_default())
}

/// A message for which `null` is none.
fn optional<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Message::deserialize(deserializer).map(|message| message.0)
}

/// A message for which `null` is told from nothing.
fn section<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Section<T>, D::Error> {
    Message::deserialize(deserializer).map(|message| message.0.map_or(Section::Null, Section::Present))
}

/// A text for which `null` is the empty one.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_any(ListVisitor(|text: Option<String>| text.unwrap_or_default()))
}

fn messages<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(ListVisitor(|message: Message<T>| message.0.unwrap_or_default()))
}

/// The most entries of one list: far above any cluster's, and few enough that a file of `{}` does not fill the memory.
const MAX_ENTRIES: usize = 100_000;

/// Reads a list, and `null` as an empty one, turning each entry into what it stands for.
struct ListVisitor<W, T>(fn(W) -> T);

impl<'de, W: Deserialize<'de>, T> Visitor<'de> for ListVisitor<W, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element::<W>()? {
            if list.len() >= MAX_ENTRIES {
                return Err(de::Error::custom(format!("the list has more than {MAX_ENTRIES} entries")));
            }
            list.push((self.0)(entry));
        }
        Ok(list)
    }
}

/// Either message: their fields have no name in common.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Document {
    nodes: Section<List<Node>>,
    storage: Section<List<Pool>>,
    #[serde(deserialize_with = "section")]
    cluster: Section<StatusCluster>,
    errors: Section<IgnoredAny>,
    #[serde(alias = "bidEngine")]
    bid_engine: Section<IgnoredAny>,
    manifest: Section<IgnoredAny>,
    #[serde(alias = "publicHostnames")]
    public_hostnames: Section<IgnoredAny>,
    timestamp: Section<IgnoredAny>,
    bidengine: Section<IgnoredAny>,
    cluster_public_hostname: Section<IgnoredAny>,
}

impl Document {
    pub(super) fn is_cluster(&self) -> bool {
        self.nodes.is_there() || self.storage.is_there()
    }

    pub(super) fn is_status(&self) -> bool {
        let others = [&self.errors, &self.bid_engine, &self.manifest, &self.public_hostnames, &self.timestamp];
        self.cluster.is_there() || others.into_iter().any(Section::is_there)
    }

    /// The REST status counts leases, and lists nodes as available or in use rather than in a cluster.
    pub(super) fn is_rest_status(&self) -> bool {
        let inside = match &self.cluster {
            Section::Present(cluster) => {
                let inventory = &cluster.inventory;
                let lists = [&inventory.available, &inventory.active, &inventory.pending, &inventory.error];
                matches!(cluster.leases, Leases::Count(_)) || lists.into_iter().any(Section::is_there)
            }
            Section::Absent | Section::Null => false,
        };
        !self.is_cluster() && (inside || self.bidengine.is_there() || self.cluster_public_hostname.is_there())
    }

    /// The cluster, unless this is a status without one, and the leased IPs that a status has.
    pub(super) fn into_parts(self) -> (Option<Cluster>, Option<Pair>) {
        if self.is_cluster() || !self.is_status() {
            return (Some(Cluster { nodes: self.nodes.into_inner().0, storage: self.storage.into_inner().0 }), None);
        }
        let inventory = self.cluster.into_inner().inventory;
        (inventory.cluster, inventory.leased_ip)
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct StatusCluster {
    #[serde(deserialize_with = "message")]
    inventory: StatusInventory,
    leases: Leases,
}

#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
enum Leases {
    #[expect(dead_code, reason = "that leases are a number is all that matters")]
    Count(u64),
    Other(IgnoredAny),
}

impl Default for Leases {
    fn default() -> Self {
        Self::Other(IgnoredAny)
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct StatusInventory {
    #[serde(deserialize_with = "optional")]
    cluster: Option<Cluster>,
    #[serde(alias = "leasedIp", alias = "leasedIP", deserialize_with = "optional")]
    leased_ip: Option<Pair>,
    available: Section<IgnoredAny>,
    active: Section<IgnoredAny>,
    pending: Section<IgnoredAny>,
    error: Section<IgnoredAny>,
}

/// What a cluster has.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Cluster {
    #[serde(deserialize_with = "messages")]
    pub(super) nodes: Vec<Node>,
    #[serde(deserialize_with = "messages")]
    pub(super) storage: Vec<Pool>,
}

/// A node.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct Node {
    #[serde(deserialize_with = "text")]
    pub(in crate::inventory) name: String,
    #[serde(deserialize_with = "message")]
    pub(in crate::inventory) resources: Resources,
    #[serde(deserialize_with = "message")]
    pub(in crate::inventory) capabilities: Capabilities,
}

/// What a node has.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct Resources {
    #[serde(deserialize_with = "message")]
    pub(in crate::inventory) cpu: Measured,
    #[serde(deserialize_with = "message")]
    pub(in crate::inventory) memory: Measured,
    #[serde(deserialize_with = "section")]
    pub(in crate::inventory) gpu: Section<Gpu>,
    #[serde(alias = "ephemeralStorage", deserialize_with = "optional")]
    pub(in crate::inventory) ephemeral_storage: Option<Pair>,
}

/// CPU or memory. What the hardware is does not matter here.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct Measured {
    #[serde(deserialize_with = "optional")]
    pub(in crate::inventory) quantity: Option<Pair>,
}

/// GPUs: how many, and one description for each card.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct Gpu {
    #[serde(deserialize_with = "optional")]
    pub(in crate::inventory) quantity: Option<Pair>,
    #[serde(deserialize_with = "messages")]
    pub(in crate::inventory) info: Vec<GpuInfo>,
}

/// The description of one card.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct GpuInfo {
    #[serde(deserialize_with = "text")]
    pub(in crate::inventory) vendor: String,
    #[serde(deserialize_with = "text")]
    pub(in crate::inventory) name: String,
    #[serde(deserialize_with = "text")]
    pub(in crate::inventory) interface: String,
    #[serde(alias = "memorySize", deserialize_with = "text")]
    pub(in crate::inventory) memory_size: String,
}

/// What a node can do.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct Capabilities {
    #[serde(alias = "storageClasses", deserialize_with = "texts")]
    pub(in crate::inventory) storage_classes: Vec<String>,
}

/// A storage class of the cluster.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct Pool {
    #[serde(deserialize_with = "optional")]
    pub(in crate::inventory) quantity: Option<Pair>,
    #[serde(deserialize_with = "message")]
    pub(in crate::inventory) info: PoolInfo,
}

/// Which class it is.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct PoolInfo {
    #[serde(deserialize_with = "text")]
    pub(in crate::inventory) class: String,
}

/// How much there is, and how much of it is in use.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(in crate::inventory) struct Pair {
    pub(in crate::inventory) allocatable: Option<Amount>,
    pub(in crate::inventory) allocated: Option<Amount>,
    pub(in crate::inventory) capacity: Option<Amount>,
}

/// A quantity: text, an object around the text, or a number.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::inventory) struct Amount(pub(in crate::inventory) Quantity);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl<'de> Visitor<'de> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity such as \"500m\", \"16Gi\" or {\"string\": \"1\"}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
        Quantity::parse(text).map(Amount).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Amount, E> {
        Ok(Amount(Quantity::from_whole(number)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Amount, E> {
        self.visit_str(&number.to_string())
    }

    /// The JSON parser hands over whatever is no 64-bit integer in this form; it becomes decimal text at once, the
    /// shortest that means the same number.
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Amount, E> {
        let text = number.to_string();
        let fits = text.len() <= 48;
        if fits { self.visit_str(&text) } else { self.visit_str(&format!("{number:e}")) }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Amount, A::Error> {
        let mut value: Option<Option<Amount>> = None;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if key != "string" {
                map.next_value::<IgnoredAny>()?;
            } else if value.replace(map.next_value()?).is_some() {
                return Err(de::Error::duplicate_field("string"));
            }
        }
        Ok(value.flatten().unwrap_or_default())
    }
}
