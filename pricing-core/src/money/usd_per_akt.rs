//! The value of an AKT.

use core::fmt;
use core::str::FromStr;

use rust_decimal::Decimal;

use super::{NumberError, parse_decimal};

/// The value of an AKT in US dollars: above 0 and at most [`UsdPerAkt::MAX`], which is the bound of the generic bid
/// price script (akash-network/helm-charts, `price_script_generic.sh`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsdPerAkt(Decimal);

/// Why a number is not a value of an AKT.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsdPerAktError {
    /// The text is not a number.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// The number is not plausible.
    #[error("USD/AKT must be above 0 and at most {}", UsdPerAkt::MAX)]
    OutOfRange,
}

impl UsdPerAkt {
    /// The highest value that is plausible.
    pub const MAX: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

    /// One dollar.
    pub const ONE: Self = Self(Decimal::ONE);

    /// Checks a value.
    ///
    /// # Errors
    /// When it is 0, negative or above [`UsdPerAkt::MAX`].
    pub fn new(usd: Decimal) -> Result<Self, UsdPerAktError> {
        let is_plausible = usd > Decimal::ZERO && usd <= Self::MAX;
        is_plausible.then_some(Self(usd)).ok_or(UsdPerAktError::OutOfRange)
    }

    /// The value in US dollars.
    #[must_use]
    pub const fn get(self) -> Decimal {
        self.0
    }
}

impl fmt::Display for UsdPerAkt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for UsdPerAkt {
    type Err = UsdPerAktError;

    fn from_str(text: &str) -> Result<Self, UsdPerAktError> {
        Self::new(parse_decimal(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plausible_values_are_values() {
        for good in ["0.000000000000000001", "0.5", "1000000"] {
            assert_eq!(good.parse::<UsdPerAkt>().unwrap().to_string(), good);
        }
        for wrong in ["0", "-1", "1000000.1"] {
            let message = "USD/AKT must be above 0 and at most 1000000";
            assert_eq!(wrong.parse::<UsdPerAkt>().unwrap_err().to_string(), message, "{wrong}");
        }
        assert_eq!("1e3".parse::<UsdPerAkt>().unwrap_err().to_string(), "`1e3` is not a decimal number");
    }
}
