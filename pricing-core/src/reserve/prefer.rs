//! Which card model a resource unit gets where several models fit.

use core::cmp::Ordering;
use core::fmt;

use crate::gpu::GpuKind;
use crate::keyword::keywords;

keywords! {
    /// Which card model a resource unit gets if several models fit. It never changes which orders are placed.
    #[derive(Default)]
    Prefer {
        /// The model on the first node that fits, as the provider's daemon takes it.
        #[default]
        Order "order"
        /// The model with the lowest rate. If the request leaves several variants of a model open, the highest of their
        /// rates counts.
        Cheapest "cheapest"
        /// The model whose nodes are left with the fewest free cards (best fit), so that nodes that are entirely free
        /// stay so for larger orders.
        Packing "packing"
    }
}

impl Prefer {
    /// The preference, with an order of kinds for [`Prefer::Cheapest`].
    pub fn by(self, cheaper_first: &dyn KindOrder) -> Preference<'_> {
        match self {
            Self::Order => Preference::Order,
            Self::Cheapest => Preference::Cheapest(cheaper_first),
            Self::Packing => Preference::Packing,
        }
    }
}

/// An order of kinds of cards. The schedulers know no money, so a rate card tells them only which kind comes first.
pub trait KindOrder: fmt::Debug {
    /// Compares two kinds. The lesser one is preferred.
    fn compare(&self, one: &GpuKind, other: &GpuKind) -> Ordering;
}

/// A preference with all that it depends on. See [`Prefer`].
#[derive(Clone, Copy, Debug)]
pub enum Preference<'a> {
    /// The model on the first node that fits.
    Order,
    /// The model that comes first in an order of kinds.
    Cheapest(&'a dyn KindOrder),
    /// The model whose nodes are left with the fewest free cards.
    Packing,
}
