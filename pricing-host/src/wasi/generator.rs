//! The generator of the random bytes.

/// A generator, at the position up to which the guest has read.
#[derive(Debug, Default)]
pub(super) struct Generator {
    read: u64,
}

impl Generator {
    /// Fills a buffer with the next bytes.
    ///
    /// Word `n` is `n + 1` times 0x9e3779b97f4a7c15, mixed by two rounds of shift, exclusive or and multiplication (the
    /// SplitMix64 generator from seed 0), in little endian. A byte depends on its position alone, not on the size of
    /// the requests. This gives programs well-distributed hash seeds, but no secrets.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) {
        let to_boundary = usize::try_from(self.read.wrapping_neg() % 8).unwrap_or(0).min(buffer.len());
        let (first, rest) = buffer.split_at_mut(to_boundary);
        self.fill_within_word(first);
        let mut words = rest.chunks_exact_mut(8);
        for bytes in &mut words {
            bytes.copy_from_slice(&word(self.read / 8).to_le_bytes());
            self.read = self.read.wrapping_add(8);
        }
        self.fill_within_word(words.into_remainder());
    }

    fn fill_within_word(&mut self, buffer: &mut [u8]) {
        for place in buffer {
            *place = word(self.read / 8)
                .to_le_bytes()
                .into_iter()
                .nth(usize::try_from(self.read % 8).unwrap_or(0))
                .unwrap_or(0);
            self.read = self.read.wrapping_add(1);
        }
    }
}

fn word(place: u64) -> u64 {
    let mut word = place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_depend_on_their_place_alone() {
        let mut whole = [0; 100];
        Generator::default().fill(&mut whole);
        for piece in 1..=33 {
            let (mut generator, mut pieces) = (Generator::default(), [0; 100]);
            pieces.chunks_mut(piece).for_each(|chunk| generator.fill(chunk));
            assert_eq!(pieces, whole);
        }
        assert_eq!(u64::from_le_bytes(*whole.first_chunk().unwrap()), 0xe220_a839_7b1d_cdaf);
    }
}
