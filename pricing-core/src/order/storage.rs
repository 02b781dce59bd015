//! Volumes and storage classes.

use core::fmt;

use super::Attribute;
use crate::quantity::Bytes;
use crate::text::Untrusted;

/// The class of a persistent volume that does not name one.
pub(crate) const DEFAULT_CLASS: &str = "default";
/// The classes that the chain accepts.
#[cfg(feature = "sdl")]
pub(crate) const SDL_CLASSES: [&str; 5] = [DEFAULT_CLASS, "beta1", "beta2", "beta3", "ram"];

/// Where a volume's data lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StorageClass {
    /// On the node's own disk. The data is lost with the pod.
    Ephemeral,
    /// In the node's memory.
    Ram,
    /// On a storage class of the cluster: `beta1` (HDD), `beta2` (SSD), `beta3` (NVMe), `default`, or a provider's own.
    Persistent(Untrusted),
}

/// Why a volume's attributes do not give a storage class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageClassError {
    /// A persistent volume names a class that does not persist.
    #[error("a persistent volume cannot be of class `{0}`")]
    NotPersistent(String),
    /// The attribute `persistent` is not a truth value.
    #[error("`{0}` is not a value of `persistent`; expected `true` or `false`")]
    Persistence(String),
}

impl StorageClass {
    /// Reads a class as the bid price script contract names it.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "ephemeral" => Self::Ephemeral,
            "ram" => Self::Ram,
            other => Self::Persistent(other.into()),
        }
    }

    /// Reads the class from the attributes that the chain stores for a volume.
    ///
    /// # Errors
    /// When a persistent volume names a class that cannot persist, or `persistent` is not a truth value.
    pub fn from_attributes(attributes: &[Attribute]) -> Result<Self, StorageClassError> {
        let find = |key: &str| attributes.iter().find(|attribute| attribute.key == key).map(|a| a.value.as_str());
        let class = find("class").filter(|class| !class.is_empty());
        match (find("persistent"), class) {
            (Some("true"), None) => Ok(Self::Persistent(DEFAULT_CLASS.into())),
            (Some("true"), Some(name @ ("ram" | "ephemeral"))) => {
                Err(StorageClassError::NotPersistent(name.to_owned()))
            }
            (Some("true"), Some(name)) => Ok(Self::Persistent(name.into())),
            (None | Some("" | "false"), Some("ram")) => Ok(Self::Ram),
            (None | Some("" | "false"), _) => Ok(Self::Ephemeral),
            (Some(other), _) => Err(StorageClassError::Persistence(crate::text::excerpt(other))),
        }
    }

    /// Returns the name of the class.
    #[must_use]
    pub fn name(&self) -> Untrusted<&str> {
        match self {
            Self::Ephemeral => "ephemeral".into(),
            Self::Ram => "ram".into(),
            Self::Persistent(name) => name.by_ref(),
        }
    }
}

impl fmt::Display for StorageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.name(), f)
    }
}

/// One volume of a resource unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// The name that the tenant gave the volume.
    pub name: String,
    /// The size of the volume.
    pub size: Bytes,
    /// The storage class.
    pub class: StorageClass,
    /// The attributes that the class was read from, as in the order.
    pub attributes: Vec<Attribute>,
}
