//! Quantities that carry their units in their types, and the Kubernetes notation for them.

pub(crate) mod amount;
mod kubernetes;
mod line;
pub mod written;

use core::fmt;

pub use kubernetes::{Quantity, QuantityError};
pub use line::LineQuantity;

/// Thousandths of a CPU thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MilliCpu(u64);

/// Bytes of memory or storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(u64);

macro_rules! quantity_newtype {
    ($name:ident, $what:literal) => {
        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);

            /// The most that 64 bits can count.
            pub const MAX: Self = Self(u64::MAX);

            #[doc = concat!("Takes a number of ", $what, ".")]
            #[must_use]
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            #[doc = concat!("The number of ", $what, ".")]
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// Whether it is nothing.
            #[must_use]
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }

            /// The sum. None if it is more than 64 bits can count.
            #[must_use]
            pub const fn checked_add(self, other: Self) -> Option<Self> {
                match self.0.checked_add(other.0) {
                    Some(sum) => Some(Self(sum)),
                    None => None,
                }
            }

            /// The difference. None if `other` is more.
            #[must_use]
            pub const fn checked_sub(self, other: Self) -> Option<Self> {
                match self.0.checked_sub(other.0) {
                    Some(rest) => Some(Self(rest)),
                    None => None,
                }
            }

            /// The sum, at most what 64 bits can count.
            #[must_use]
            pub const fn saturating_add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }

            /// The difference, at least zero.
            #[must_use]
            pub const fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }

            /// The amount `times` over, at most what 64 bits can count.
            #[must_use]
            pub const fn saturating_mul(self, times: u64) -> Self {
                Self(self.0.saturating_mul(times))
            }
        }

        impl amount::Amount for $name {
            #[inline]
            fn sum(self, other: Self) -> Self {
                self.saturating_add(other)
            }

            #[inline]
            fn less(self, other: Self) -> Self {
                self.saturating_sub(other)
            }

            #[inline]
            fn times(self, replicas: u64) -> Self {
                self.saturating_mul(replicas)
            }

            #[inline]
            fn room_for(self, one: Self) -> Option<u64> {
                self.0.checked_div(one.0)
            }
        }

        impl From<$name> for u64 {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}
quantity_newtype!(MilliCpu, "thousandths of a thread");
quantity_newtype!(Bytes, "bytes");

impl MilliCpu {
    /// The same in threads.
    #[must_use]
    pub fn threads(self) -> LineQuantity {
        LineQuantity::new(self.0.into(), 1000)
    }
}

impl Bytes {
    /// The same in GiB.
    #[must_use]
    pub fn gib(self) -> LineQuantity {
        LineQuantity::new(self.0.into(), 1 << 30)
    }
}
