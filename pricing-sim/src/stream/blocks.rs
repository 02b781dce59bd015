//! The block bootstrap: a stream that is drawn from the blocks of another one.
//!
//! A stream is cut into blocks of equal length. Each seed fills the window with blocks that are drawn with replacement
//! (Künsch's block bootstrap, with blocks that do not overlap). Orders of a block keep their time within it, so a block
//! of a day keeps the times of day, and what arrives together stays together. The draws depend on the seed and on the
//! position of a block alone, so all strategies and all cells of a sweep see the same orders.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::check::wrong;
use super::{Arrival, MAX_ORDERS, Stream, StreamError};
use crate::random::{Draws, Purpose};
use crate::time::{Millis, Window};

/// The most blocks of a stream.
const MAX_BLOCKS: u64 = 1_000_000;

/// A stream in blocks.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    stream: Arc<Stream>,
    length: Millis,
    /// The orders of each block.
    blocks: Vec<Range<usize>>,
    /// How many blocks are drawn.
    positions: usize,
}

impl Blocks {
    /// Cuts a stream into blocks, which fill its window. As many are drawn as fill `window`, by default the stream's.
    ///
    /// # Errors
    /// When a block has no length, or there are too many.
    pub(super) fn new(stream: Arc<Stream>, length: Millis, window: Option<Millis>) -> Result<Self, StreamError> {
        let Window { start, end } = stream.window;
        let count = |span: Millis| {
            let count = if length == 0 { u64::MAX } else { span.div_ceil(length) };
            let fits = usize::try_from(count).ok().filter(|_| count <= MAX_BLOCKS);
            fits.ok_or_else(|| wrong(format!("`orders.resample` cuts the stream into more than {MAX_BLOCKS} blocks")))
        };
        let number = count(end.saturating_sub(start))?;
        let positions = count(window.unwrap_or(end.saturating_sub(start)))?;
        let mut blocks = Vec::with_capacity(number);
        let mut from = 0;
        for block in 1..=u64::try_from(number).unwrap_or(MAX_BLOCKS) {
            let end = start.saturating_add(block.saturating_mul(length));
            let to = stream.arrivals.partition_point(|arrival| arrival.at < end);
            blocks.push(from..to);
            from = to;
        }
        Ok(Self { stream, length, blocks, positions })
    }

    /// The stream that the blocks are from.
    pub(super) fn basis(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// The window that the drawn blocks fill.
    pub(super) fn window(&self) -> Window {
        let positions = u64::try_from(self.positions).unwrap_or(MAX_BLOCKS);
        let start = self.stream.window.start;
        Window { start, end: start.saturating_add(positions.saturating_mul(self.length)) }
    }

    /// The orders of a seed, and for each of them its index in the original stream.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn orders(&self, draws: &Draws) -> Result<(Vec<Arrival>, Vec<usize>), StreamError> {
        let (mut arrivals, mut origin) = (Vec::new(), Vec::new());
        let mut drawn: BTreeMap<usize, u32> = BTreeMap::new();
        for position in 0..self.positions {
            let block = draws.of(Purpose::Block, position).below(self.blocks.len());
            let time = drawn.entry(block).or_insert(0);
            *time = time.saturating_add(1);
            for order in self.blocks.get(block).cloned().unwrap_or_default() {
                let Some(arrival) = self.stream.arrivals.get(order) else { continue };
                arrivals.push(self.moved(arrival, block, position, *time));
                origin.push(order);
            }
            if arrivals.len() > MAX_ORDERS {
                return Err(wrong(format!("`orders.resample` draws more than {MAX_ORDERS} orders")));
            }
        }
        Ok((arrivals, origin))
    }

    /// An order of a block, at the position for which the block was drawn. The `time`-th time it has another id.
    fn moved(&self, arrival: &Arrival, block: usize, position: usize, time: u32) -> Arrival {
        let start = |place: usize| u64::try_from(place).unwrap_or(u64::MAX).saturating_mul(self.length);
        let shifted = |at: Millis| at.saturating_sub(start(block)).saturating_add(start(position));
        let id = if time > 1 { Arc::from(format!("{}#{time}", arrival.id)) } else { Arc::clone(&arrival.id) };
        Arrival { id, at: shifted(arrival.at), until: arrival.until.map(shifted), ..arrival.clone() }
    }
}
