//! What placing replicas needs of an amount, whatever its unit is.

/// An amount of which replicas take shares: CPU, bytes, or a number of devices.
///
/// A function over any such amount takes all of its arguments in one unit, so memory is never compared with CPU.
pub(crate) trait Amount: Copy + Ord + Default {
    /// The sum, saturating.
    fn sum(self, other: Self) -> Self;

    /// What is left of it after `other` is taken, at least zero.
    fn less(self, other: Self) -> Self;

    /// What a number of replicas take if each takes this, saturating.
    fn times(self, replicas: u64) -> Self;

    /// How many replicas fit into it if each takes `one`. None if each takes nothing, since then it sets no limit.
    fn room_for(self, one: Self) -> Option<u64>;
}

/// A number of devices, such as cards.
impl Amount for u64 {
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
        self.checked_div(one)
    }
}
