//! Volumes and storage classes.

use core::fmt;

use super::Attribute;
use crate::quantity::Bytes;

/// Where a volume's bytes live.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorageClass {
    /// On the node's own disk, gone with the pod.
    Ephemeral,
    /// In the node's memory.
    Ram,
    /// On a storage class of the cluster: `beta1` (HDD), `beta2` (SSD), `beta3` (NVMe), `default`, or a provider's own.
    Persistent(String),
}

impl StorageClass {
    /// Reads the class that the bid price script contract names.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "ephemeral" => Self::Ephemeral,
            "ram" => Self::Ram,
            other => Self::Persistent(other.to_owned()),
        }
    }

    /// The class by its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Ephemeral => "ephemeral",
            Self::Ram => "ram",
            Self::Persistent(name) => name,
        }
    }
}

impl fmt::Display for StorageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One volume of a resource unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// The name that the tenant gave it.
    pub name: String,
    /// Its size.
    pub size: Bytes,
    /// Where it lives.
    pub class: StorageClass,
    /// The attributes that say so, as the order has them.
    pub attributes: Vec<Attribute>,
}
