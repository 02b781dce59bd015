//! Convenience methods on requests.

use rust_decimal::Decimal;

use crate::{Error, GpuKind, Line, Order, Quote, Request, ResourceUnit, parse};

impl Request {
    /// Returns the owner of the order, if known.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// Returns the built-in quote, if there is one.
    #[must_use]
    pub fn quote(&self) -> Option<&Quote> {
        self.builtin.quote.as_ref()
    }

    /// Returns whether the inventory determines the node and the cards of every replica.
    #[must_use]
    pub fn is_placed(&self) -> bool {
        self.targets.iter().flat_map(|target| &target.placements).all(|placement| placement.known)
    }

    /// Returns every kind of card that the order may get, each once: the reserved cards, or, without an inventory, the
    /// kinds that the order asks for.
    #[must_use]
    pub fn gpu_kinds(&self) -> Vec<&GpuKind> {
        let mut kinds: Vec<&GpuKind> = Vec::new();
        for kind in self.targets.iter().flat_map(|target| &target.placements).flat_map(|placement| &placement.cards) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }

    /// Converts USD per month to units of the order's denom per block, for [`Answer::price`](crate::Answer::price).
    ///
    /// # Errors
    /// When the rate of the denom is not known, or the result is too large.
    pub fn price_of(&self, usd_per_month: Decimal) -> Result<Decimal, Error> {
        let usd_per_coin = parse(self.usd_per_coin.as_deref().ok_or(Error::Missing("rate for its denom"))?)?;
        let blocks = parse(&self.blocks_per_month)?;
        let units = 10_u64.checked_pow(self.denom_exponent).map(Decimal::from);
        let price =
            units.and_then(|units| usd_per_month.checked_mul(units)?.checked_div(usd_per_coin.checked_mul(blocks)?));
        price.ok_or(Error::Overflow("the price"))
    }
}

impl Order {
    /// Returns the thousandths of CPU threads of all replicas together.
    #[must_use]
    pub fn cpu_millis(&self) -> u128 {
        self.total(|unit| unit.cpu_millis)
    }

    /// Returns the bytes of memory of all replicas together.
    #[must_use]
    pub fn memory_bytes(&self) -> u128 {
        self.total(|unit| unit.memory_bytes)
    }

    /// Returns the number of cards of all replicas together.
    #[must_use]
    pub fn gpus(&self) -> u128 {
        self.total(|unit| unit.gpu.as_ref().map_or(0, |gpu| gpu.units))
    }

    /// Returns the number of endpoints of all kinds, all replicas together.
    #[must_use]
    pub fn endpoints(&self) -> u128 {
        self.resources.iter().fold(0, |sum: u128, unit| sum.saturating_add(u128::from(unit.endpoints.total)))
    }

    fn total(&self, amount: fn(&ResourceUnit) -> u64) -> u128 {
        self.resources.iter().fold(0, |sum: u128, unit| {
            sum.saturating_add(u128::from(unit.count).saturating_mul(u128::from(amount(unit))))
        })
    }
}

impl Quote {
    /// Returns the sum of the lines, in USD per month.
    ///
    /// # Errors
    /// When the text is not a decimal. The host never sends such a text.
    pub fn total(&self) -> Result<Decimal, Error> {
        parse(&self.usd_per_month)
    }
}

impl Line {
    /// Returns the cost of the line, in USD per month.
    ///
    /// # Errors
    /// When the text is not a decimal. The host never sends such a text.
    pub fn amount(&self) -> Result<Decimal, Error> {
        parse(&self.usd_per_month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sample, decimal};

    #[test]
    fn totals_count_every_replica() {
        let request = Sample::new().unit(2, 1500, 1 << 30).unit(3, 1000, u64::MAX).gpus(2, "a100").request();
        assert_eq!(request.order.cpu_millis(), 6000);
        assert_eq!(request.order.memory_bytes(), (2 << 30) + 3 * u128::from(u64::MAX));
        assert_eq!(request.order.gpus(), 6);
        assert_eq!(request.order.endpoints(), 2);
    }

    #[test]
    fn kinds_are_listed_once() {
        let request = Sample::new()
            .unit(1, 1, 1)
            .gpus(1, "a100")
            .unit(1, 1, 1)
            .gpus(1, "t4")
            .unit(1, 1, 1)
            .gpus(4, "a100")
            .request();
        let models: Vec<&str> = request.gpu_kinds().iter().map(|kind| kind.model.as_str()).collect();
        assert_eq!(models, ["a100", "t4"]);
        assert!(!request.is_placed());
    }

    #[test]
    fn dollars_a_month_are_units_a_block() {
        let mut request = Sample::new().request();
        assert_eq!(request.price_of(decimal!("1")), Err(Error::Missing("rate for its denom")));
        request.usd_per_coin = Some("0.5".to_owned());
        request.blocks_per_month = "400000".to_owned();
        assert_eq!(request.price_of(decimal!("1")), Ok(decimal!("5")));
        request.denom_exponent = 60;
        assert_eq!(request.price_of(decimal!("1")), Err(Error::Overflow("the price")));
        request.denom_exponent = 6;
        request.usd_per_coin = Some("0".to_owned());
        assert_eq!(request.price_of(decimal!("1")), Err(Error::Overflow("the price")));
    }

    #[test]
    fn a_quote_adds_up() {
        let request = Sample::new().total("12.50").request();
        assert_eq!(request.quote().unwrap().total(), Ok(decimal!("12.5")));
        assert!(request.owner().is_none());
        assert_eq!(Sample::new().owner("akash1a").request().owner(), Some("akash1a"));
    }
}
