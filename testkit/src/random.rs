//! A small generator of pseudo-random numbers, the same on every machine.

/// Pseudo-random numbers from a seed (xorshift64*).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // Spreads small seeds, and keeps away from the state of zero that the generator cannot leave.
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from 0 to `most`.
    pub fn up_to(&mut self, most: u64) -> u64 {
        (self.bits() >> 11) % most.saturating_add(1)
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least.saturating_add(self.up_to(most.saturating_sub(least)))
    }

    /// Whether something happens that does so once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.up_to(n.saturating_sub(1)) == 0
    }

    /// One of some items; none of none.
    pub fn one_of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let last = items.len().checked_sub(1)?;
        items.get(usize::try_from(self.up_to(u64::try_from(last).ok()?)).ok()?)
    }

    /// Puts items into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let other = self.up_to(u64::try_from(end).unwrap_or(0));
            items.swap(end, usize::try_from(other).unwrap_or(end));
        }
    }
}
