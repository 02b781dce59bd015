//! A small pseudo-random number generator, the same on every machine.

/// Pseudo-random numbers from a seed (xorshift64*), or from a fuzzer's bytes while they last.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
    tape: Vec<u8>,
}

impl Random {
    /// The lowest bits of xorshift64* are its weakest.
    const UNUSED_BITS: u32 = 11;

    /// Starts from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // Spreads small seeds, and avoids the state 0, which the generator cannot leave.
        Self { state: seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, tape: Vec::new() }
    }

    /// Starts from bytes: each number below 2^16 takes two of them, so that a fuzzer can choose it.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self { tape: bytes.iter().rev().copied().collect(), ..Self::new(0) }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        if let (Some(low), Some(high)) = (self.tape.pop(), self.tape.pop()) {
            return u64::from(u16::from_le_bytes([low, high])) << Self::UNUSED_BITS;
        }
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from 0 to `most`.
    pub fn up_to(&mut self, most: u64) -> u64 {
        (self.bits() >> Self::UNUSED_BITS) % most.saturating_add(1)
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least.saturating_add(self.up_to(most.saturating_sub(least)))
    }

    /// True once in `n` times on average.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.up_to(n.saturating_sub(1)) == 0
    }

    /// One of some items. None if there are none.
    pub fn one_of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let last = items.len().checked_sub(1)?;
        items.get(usize::try_from(self.up_to(u64::try_from(last).ok()?)).ok()?)
    }

    /// Shuffles items.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let other = self.up_to(u64::try_from(end).unwrap_or(0));
            items.swap(end, usize::try_from(other).unwrap_or(end));
        }
    }
}
