//! The quantity of a line of a quote, which is exact.

use core::fmt;

/// An exact quantity: `count / divisor` units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineQuantity {
    count: u128,
    divisor: u64,
}

impl LineQuantity {
    /// `count / divisor` units. The divisor must be a product of 2s and 5s, so that the decimal is finite.
    pub(crate) const fn new(count: u128, divisor: u64) -> Self {
        Self { count, divisor }
    }

    /// One, for lines that do not count anything.
    pub const ONE: Self = Self { count: 1, divisor: 1 };

    /// The number of the order's own units: thousandths of a thread, bytes, cards.
    #[must_use]
    pub fn count(self) -> u128 {
        self.count
    }

    /// The decimal rounded half up to one place, for people. It is the exact one where that has one place or none.
    #[must_use]
    pub fn rounded(self) -> String {
        let divisor = u128::from(self.divisor.max(1));
        let tenths = self.count.saturating_mul(10).saturating_add(divisor / 2).checked_div(divisor).unwrap_or(0);
        Self::new(tenths, 10).to_string()
    }

    /// How many of these make one unit.
    pub(crate) fn divisor(self) -> u64 {
        self.divisor
    }
}

impl fmt::Display for LineQuantity {
    /// Writes the exact decimal. Divisors are products of 2s and 5s, so it is finite.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divisor = u128::from(self.divisor.max(1));
        write!(f, "{}", self.count.checked_div(divisor).unwrap_or(0))?;
        let mut rest = self.count.checked_rem(divisor).unwrap_or(0);
        if rest > 0 {
            f.write_str(".")?;
        }
        while rest > 0 {
            // The rest is below 2^30, so ten times it fits.
            rest = rest.saturating_mul(10);
            write!(f, "{}", rest.checked_div(divisor).unwrap_or(0))?;
            rest = rest.checked_rem(divisor).unwrap_or(0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::{Bytes, MilliCpu};

    #[test]
    fn quantities_print_exactly() {
        let quantity = |count, divisor| LineQuantity::new(count, divisor).to_string();
        assert_eq!(quantity(1500, 1000), "1.5");
        assert_eq!(quantity(10, 1000), "0.01");
        assert_eq!(quantity(16_000_000_000, 1 << 30), "14.9011611938476562500".trim_end_matches('0'));
        assert_eq!(quantity(1, 1 << 30), "0.000000000931322574615478515625");
        assert_eq!(quantity(0, 1000), "0");
        assert_eq!(quantity(8 << 30, 1 << 30), "8");
        assert_eq!([MilliCpu::new(2050).threads().to_string(), Bytes::new(3 << 29).gib().to_string()], ["2.05", "1.5"]);
    }

    #[test]
    fn quantities_are_rounded_for_people() {
        let rounded = |count, divisor| LineQuantity::new(count, divisor).rounded();
        assert_eq!([rounded(2049, 1000), rounded(2050, 1000), rounded(2000, 1000)], ["2", "2.1", "2"]);
        assert_eq!([rounded(68_308_434_944, 1 << 30), rounded(0, 1000), rounded(49, 1000)], ["63.6", "0", "0"]);
    }
}
