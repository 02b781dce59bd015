//! The chain's ids.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The most bytes of an address. The chain's have at most 65.
pub(super) const MAX_ADDRESS: usize = 128;

/// The id of an order. Ids are ordered by owner, and then by their numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId {
    /// The tenant's address, as the chain wrote it.
    pub owner: Arc<str>,
    /// The number of the deployment, which is the height at which the tenant made it.
    pub dseq: u64,
    /// The number of the group in the deployment, from 1.
    pub gseq: u32,
    /// The number of the order for the group, from 1.
    pub oseq: u32,
}

impl fmt::Display for OrderId {
    /// Writes `OWNER/DSEQ/GSEQ/OSEQ`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.owner, self.dseq, self.gseq, self.oseq)
    }
}

/// A text is not the id of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the id of an order, OWNER/DSEQ/GSEQ/OSEQ")]
pub struct OrderIdError;

impl FromStr for OrderId {
    type Err = OrderIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('/');
        let mut next = || parts.next().ok_or(OrderIdError);
        let id = Self {
            owner: next()?.into(),
            dseq: next()?.parse().map_err(|_| OrderIdError)?,
            gseq: next()?.parse().map_err(|_| OrderIdError)?,
            oseq: next()?.parse().map_err(|_| OrderIdError)?,
        };
        if parts.next().is_some() || !is_address(&id.owner) { Err(OrderIdError) } else { Ok(id) }
    }
}

/// Whether a text can stand for an account: not empty, not long, and nothing but letters, digits and signs of ASCII
/// other than the separator of ids. Its checksum is not looked at, because a history repeats what the chain says.
pub(super) fn is_address(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
    !text.is_empty() && text.len() <= MAX_ADDRESS && text.bytes().all(is_plain)
}

/// Texts that occur again and again, each in memory once.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(HashSet<Arc<str>>);

impl Names {
    pub(super) fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        let id: OrderId = "akash1owner/17345678/1/2".parse().unwrap();
        assert_eq!((&*id.owner, id.dseq, id.gseq, id.oseq), ("akash1owner", 17_345_678, 1, 2));
        assert_eq!(id.to_string(), "akash1owner/17345678/1/2");
        for wrong in ["", "a/1/1", "a/1/1/1/1", "/1/1/1", "a b/1/1/1", "a/x/1/1", "a/1/-1/1"] {
            assert_eq!(wrong.parse::<OrderId>(), Err(OrderIdError), "{wrong}");
        }
    }

    #[test]
    fn a_name_is_in_memory_once() {
        let mut names = Names::default();
        assert!(Arc::ptr_eq(&names.shared("a"), &names.shared("a")));
    }
}
