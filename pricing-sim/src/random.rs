//! Random numbers that are drawn by their purpose, not by when they are drawn.
//!
//! Each draw has its own position in a ChaCha stream: the seed is the key, the [`Purpose`] selects the stream, and the
//! order's number the position. Two strategies that see the same orders therefore see the same luck (*common random
//! numbers*, which reduces the variance of their difference), regardless of what each has won before, and splitting the
//! work changes no draw. Logarithms and exponentials come from `libm`, which gives the same bits on every machine.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The purpose of a random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// When the next order arrives.
    Arrival,
    /// How long a lease lasts.
    Lifetime,
    /// What an order asks for.
    Shape,
    /// Which of several orders arrives.
    Choice,
    /// The maximum that a tenant pays.
    Maximum,
    /// A competitor's bid. The competitor's number selects a part of the purpose.
    Competitor,
    /// Which of several cards Kubernetes hands out.
    Card,
    /// Which of several nodes Kubernetes starts a pod on.
    Node,
    /// Which block of a stream is repeated.
    Block,
    /// Which bid a tenant takes.
    Tenant,
}

/// Words of the stream between the draws for two orders: 512 numbers. Only a lot for each of more than 512 replicas takes
/// more. The numbers after these are also the first ones of the next order, so the two are not independent.
const WORDS_BETWEEN: u128 = 1 << 10;

/// The random numbers of one seed.
#[derive(Clone, Debug)]
pub struct Draws {
    base: ChaCha8Rng,
}

impl Draws {
    /// The random numbers of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { base: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The random numbers for one purpose and one order.
    #[must_use]
    pub fn of(&self, purpose: Purpose, order: usize) -> Draw {
        self.of_part(purpose, 0, order)
    }

    /// The random numbers for one part of a purpose, such as one of several competitors, and one order.
    #[must_use]
    pub fn of_part(&self, purpose: Purpose, part: usize, order: usize) -> Draw {
        let wide = |place: usize| u64::try_from(place).unwrap_or(u64::MAX);
        let mut rng = self.base.clone();
        rng.set_stream(wide(part).wrapping_mul(16).wrapping_add(purpose.number()));
        rng.set_word_pos(u128::from(wide(order)).wrapping_mul(WORDS_BETWEEN));
        Draw { rng }
    }
}

impl Purpose {
    fn number(self) -> u64 {
        match self {
            Self::Arrival => 1,
            Self::Lifetime => 2,
            Self::Shape => 3,
            Self::Choice => 4,
            Self::Maximum => 5,
            Self::Competitor => 6,
            Self::Card => 7,
            Self::Node => 8,
            Self::Block => 9,
            Self::Tenant => 10,
        }
    }
}

/// A sequence of random numbers for one purpose and one order.
#[derive(Clone, Debug)]
pub struct Draw {
    rng: ChaCha8Rng,
}

impl Draw {
    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        // 53 bits, which a float holds exactly.
        let bits = self.rng.next_u64() >> 11;
        let (high, low) = (u32::try_from(bits >> 32).unwrap_or(0), u32::try_from(bits & 0xffff_ffff).unwrap_or(0));
        (f64::from(high) * 4_294_967_296.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// Uniform among the integers from 0 to `count - 1`; 0 if there are none.
    pub fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).unwrap_or(u64::MAX).max(1);
        // The upper half of the product (Lemire's method without rejection). Its bias is below count / 2^64.
        let scaled = (u128::from(self.rng.next_u64()) * u128::from(count)) >> 64;
        usize::try_from(scaled).unwrap_or(0)
    }

    /// From the exponential distribution with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }

    /// From the standard normal distribution, by the Box-Muller transform.
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(2.0 * self.exponential());
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// From the log-normal distribution with median 1.
    pub fn log_normal(&mut self, sigma: f64) -> f64 {
        libm::exp(sigma * self.normal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_what_it_is_for_and_on_nothing_else() {
        let draws = Draws::new(7);
        let first = draws.of(Purpose::Lifetime, 3).unit();
        let _ = draws.of(Purpose::Lifetime, 2).unit();
        assert_eq!(draws.of(Purpose::Lifetime, 3).unit().to_bits(), first.to_bits());
        assert_ne!(draws.of(Purpose::Arrival, 3).unit().to_bits(), first.to_bits());
        assert_ne!(draws.of(Purpose::Lifetime, 4).unit().to_bits(), first.to_bits());
        assert_ne!(Draws::new(8).of(Purpose::Lifetime, 3).unit().to_bits(), first.to_bits());
        assert_ne!(draws.of_part(Purpose::Competitor, 1, 3).unit(), draws.of_part(Purpose::Competitor, 2, 3).unit());
    }

    #[test]
    fn draws_never_change_between_versions() {
        let mut draw = Draws::new(1).of(Purpose::Arrival, 0);
        let seen = [draw.unit(), draw.exponential(), draw.normal(), draw.log_normal(0.5)].map(f64::to_bits);
        // The bits of 0.8519..., 0.0522..., 1.0323... and 0.4856...: results that were saved stay comparable.
        assert_eq!(seen, [0x3feb_42dd_4abc_7eb5, 0x3faa_c131_6119_acb4, 0x3ff0_8478_06e2_6dcc, 0x3fdf_1514_92dd_8aa3]);
    }

    #[test]
    fn distributions_have_their_means() {
        let draws = Draws::new(42);
        let mean = |of: &dyn Fn(&mut Draw) -> f64| {
            (0..20_000).map(|order| of(&mut draws.of(Purpose::Shape, order))).sum::<f64>() / 20_000.0
        };
        assert!((mean(&Draw::unit) - 0.5).abs() < 0.01);
        assert!((mean(&Draw::exponential) - 1.0).abs() < 0.03);
        assert!(mean(&Draw::normal).abs() < 0.03);
        assert!((mean(&|draw| f64::from(u32::try_from(draw.below(5)).unwrap())) - 2.0).abs() < 0.05);
    }
}
