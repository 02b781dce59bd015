//! Exploration: which bids are varied, and by which draw.
//!
//! The draw is a hash of the seed, the order's name and the group. So an order that is asked for again, also after a
//! restart, has the same factor, and asking often does not get a tenant the lowest price. An order without a name is not
//! explored: it would have no such draw, and its outcome could not be found in a history.
//!
//! The bid log has the draw, not the seed, so a replay varies a price as the service did whatever the configuration says.

use pricing_core::quote::{Exploration, Spread};

use crate::config;
use crate::digest::Digest;
use crate::order_name::OrderName;

/// How bids are explored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explore {
    /// The band.
    pub spread: Spread,
    /// Where draws come from.
    pub draws: DrawSource,
}

/// Where draws come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrawSource {
    /// They are hashes of a seed and the order.
    Seed(u64),
    /// A recorded draw, for the only group of a replay.
    Recorded(u64),
}

impl Explore {
    /// How a group of an order is explored. None if it is not.
    #[must_use]
    pub fn of_group(self, name: Option<&OrderName>, group: usize) -> Option<Exploration> {
        let draw = match self.draws {
            DrawSource::Seed(seed) => draw(seed, name?, group),
            DrawSource::Recorded(draw) => draw,
        };
        Some(Exploration { spread: self.spread, draw })
    }
}

impl From<&config::Explore> for Explore {
    fn from(config: &config::Explore) -> Self {
        Self { spread: config.spread.get(), draws: DrawSource::Seed(config.seed.number()) }
    }
}

/// The first 64 bits of a hash. The name comes last, since its length is not fixed.
fn draw(seed: u64, name: &OrderName, group: usize) -> u64 {
    let digest = Digest::of(format!("explore/{seed}/{group}/{}", name.exact()));
    let bytes = digest.bytes();
    bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(dseq: u64) -> OrderName {
        OrderName { owner: "akash1owner".into(), dseq, gseq: 1, oseq: 1 }
    }

    #[test]
    fn draws_are_fixed_and_even() {
        let explore = Explore { spread: Spread::parse("3%").unwrap(), draws: DrawSource::Seed(7) };
        let draw = |dseq, group| explore.of_group(Some(&name(dseq)), group).unwrap().draw;
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
        assert_ne!(draw(1, 0), draw(2, 0));
        assert_eq!(explore.of_group(None, 0), None);
        let mut counts = [0_u32; 5];
        for dseq in 0..5000 {
            counts[usize::try_from(draw(dseq, 0) % 5).unwrap()] += 1;
        }
        // The standard deviation is 28.
        assert!(counts.iter().all(|count| (870..1130).contains(count)), "{counts:?}");
        let recorded = Explore { draws: DrawSource::Recorded(9), ..explore };
        assert_eq!(recorded.of_group(None, 3).unwrap().draw, 9);
    }
}
