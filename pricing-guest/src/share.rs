//! Exact shares of a whole.

use core::cmp::Ordering;

use rust_decimal::Decimal;

use crate::{GpuKind, GpuUsage, Usage, Utilisation};

/// A part of a whole, such as the used cards among all cards. It is stored as a fraction, so one third is exact.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    part: u64,
    whole: u64,
}

impl Share {
    /// Makes a share. None if the whole is 0.
    #[must_use]
    pub fn new(part: u64, whole: u64) -> Option<Self> {
        (whole > 0).then_some(Self { part, whole })
    }

    /// Returns the share as a decimal, with 1 for the whole, rounded to the digits that a decimal holds.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        Decimal::from(self.part).checked_div(Decimal::from(self.whole)).unwrap_or_default()
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Share {}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        let times = |a: u64, b: u64| u128::from(a).saturating_mul(u128::from(b));
        times(self.part, other.whole).cmp(&times(other.part, self.whole))
    }
}

impl Usage {
    /// Returns the share that is in use. None if the total is 0.
    #[must_use]
    pub fn share(&self) -> Option<Share> {
        Share::new(self.used, self.total)
    }
}

impl GpuUsage {
    /// Returns the share of the cards that is in use: the midpoint between the minimum and the maximum.
    #[must_use]
    pub fn share(&self) -> Option<Share> {
        Share::new(self.used_min.checked_add(self.used_max)?, self.total.checked_mul(2)?)
    }
}

impl Utilisation {
    /// Returns the share of a kind's cards that is in use. None if the cluster has no such card. Where the kind leaves
    /// RAM or interface open or has the model `*`, all cards that fit count.
    #[must_use]
    pub fn gpu_share(&self, kind: &GpuKind) -> Option<Share> {
        let mut used_twice: u64 = 0;
        let mut total: u64 = 0;
        for usage in self.gpu_kinds.iter().filter(|usage| kind.fits(&usage.kind)) {
            used_twice = used_twice.checked_add(usage.used_min)?.checked_add(usage.used_max)?;
            total = total.checked_add(usage.total)?;
        }
        Share::new(used_twice, total.checked_mul(2)?)
    }
}

impl GpuKind {
    /// Returns whether a card is of this kind. Any card fits a property that this kind leaves open.
    #[must_use]
    pub fn fits(&self, card: &Self) -> bool {
        let open = |wanted: &Option<String>, has: &Option<String>| wanted.is_none() || wanted == has;
        self.vendor == card.vendor
            && (self.model == "*" || self.model == card.model)
            && open(&self.ram, &card.ram)
            && open(&self.interface, &card.interface)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal;

    fn kind(model: &str, ram: Option<&str>) -> GpuKind {
        GpuKind { vendor: "nvidia".to_owned(), model: model.to_owned(), ram: ram.map(str::to_owned), interface: None }
    }

    fn utilisation() -> Utilisation {
        let none = Usage { total: 0, used: 0 };
        let usage = |kind, total, used_min, used_max| GpuUsage { kind, total, used_min, used_max };
        Utilisation {
            nodes: 2,
            cpu_millis: Usage { total: 3, used: 1 },
            memory_bytes: none,
            ephemeral_bytes: none,
            gpus: Usage { total: 8, used: 3 },
            gpu_kinds: vec![usage(kind("a100", Some("40Gi")), 4, 0, 1), usage(kind("a100", Some("80Gi")), 4, 2, 3)],
        }
    }

    #[test]
    fn shares_are_exact() {
        let third = utilisation().cpu_millis.share().unwrap();
        assert_eq!(third, Share::new(2, 6).unwrap());
        assert!(third > Share::new(3_333_333_333, 10_000_000_000).unwrap());
        assert_eq!(third.decimal().to_string(), "0.3333333333333333333333333333");
        assert!(utilisation().memory_bytes.share().is_none());
        assert!(Share::new(u64::MAX, u64::MAX) == Share::new(1, 1));
    }

    #[test]
    fn uncertain_cards_count_half() {
        let utilisation = utilisation();
        let share = |kind| utilisation.gpu_share(&kind).map(Share::decimal);
        assert_eq!(share(kind("a100", Some("80Gi"))), Some(decimal!("0.625")));
        assert_eq!(share(kind("a100", None)), Some(decimal!("0.375")));
        assert_eq!(share(kind("*", None)), Some(decimal!("0.375")));
        assert_eq!(share(kind("t4", None)), None);
    }

    #[test]
    fn absurd_counts_are_no_share() {
        let absurd = GpuUsage { kind: kind("t4", None), total: u64::MAX, used_min: u64::MAX, used_max: u64::MAX };
        assert_eq!(absurd.share(), None);
    }
}
