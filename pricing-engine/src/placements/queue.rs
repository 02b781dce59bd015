//! The queue of the thread that checks predictions. Who sends never waits, so it is bounded in events and in size, and what
//! must not be lost with an event goes beside it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::watch::{Fate, MAX_SIZE};
use super::{PredictedQuote, Prediction};
use crate::inventory::Snapshot;

/// The most events that wait. Without room for a snapshot, the next one is compared with the one before it.
const MAX_EVENTS: usize = 256;

/// Something that happened.
#[derive(Debug)]
pub(super) enum Event {
    /// An order was bid on.
    Quoted(Box<PredictedQuote>),
    /// The same, with the nodes looked up.
    Predicted(Box<Prediction>),
    /// An order was bid on whose pods may start on too many nodes. These are left out.
    TooLarge(Box<Prediction>),
    /// The inventory was received.
    Snapshot { snapshot: Arc<Snapshot>, is_first: bool, now: Instant },
    /// A pull that began at a moment is complete.
    Pulled { began: Instant, fates: BTreeMap<String, Fate> },
    /// Predictions may be due.
    Judge { now: Instant },
    /// The engine stops.
    Stop,
}

impl Event {
    /// About how much memory its predictions take, as a number of entries.
    fn size(&self) -> usize {
        match self {
            Self::Quoted(quote) => Prediction::size_of(&quote.placements),
            Self::Predicted(prediction) | Self::TooLarge(prediction) => prediction.size(),
            Self::Snapshot { .. } | Self::Pulled { .. } | Self::Judge { .. } | Self::Stop => 0,
        }
    }
}

/// What both ends know.
#[derive(Debug, Default)]
struct Shared {
    /// The sum of the sizes of the events that wait.
    size: AtomicUsize,
    /// Whether there was no room for the first snapshot of a source. The next one is the first one then.
    lost_first: AtomicBool,
    /// Whether the thread is to stop, and there was no room for the event.
    stops: AtomicBool,
}

/// The end of those who send. Clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    events: SyncSender<Event>,
    shared: Arc<Shared>,
    /// Receives nothing. Its sender is dropped when the thread ends.
    end: Arc<Mutex<Receiver<()>>>,
}

/// The end of the thread.
#[derive(Debug)]
pub(super) struct Received {
    events: Receiver<Event>,
    shared: Arc<Shared>,
    #[expect(dead_code, reason = "dropping it says that the thread has ended")]
    ended: SyncSender<()>,
}

/// A new queue.
pub(super) fn queue() -> (Queue, Received) {
    let (events, received) = sync_channel(MAX_EVENTS);
    let (ended, end) = sync_channel(1);
    let shared = Arc::new(Shared::default());
    let queue = Queue { events, shared: Arc::clone(&shared), end: Arc::new(Mutex::new(end)) };
    (queue, Received { events: received, shared, ended })
}

impl Queue {
    /// Sends an event. Returns whether there was room.
    pub(super) fn send(&self, event: Event) -> bool {
        let event = match event {
            Event::Snapshot { snapshot, is_first, now } => {
                let lost_first = self.shared.lost_first.swap(false, Ordering::Relaxed);
                Event::Snapshot { snapshot, is_first: is_first || lost_first, now }
            }
            event => event,
        };
        let size = event.size();
        let before = self.shared.size.fetch_add(size, Ordering::Relaxed);
        let is_first = matches!(event, Event::Snapshot { is_first: true, .. });
        let fits = size == 0 || before.saturating_add(size) <= MAX_SIZE;
        let is_sent = fits && self.events.try_send(event).is_ok();
        if !is_sent {
            self.shared.size.fetch_sub(size, Ordering::Relaxed);
            if is_first {
                self.shared.lost_first.store(true, Ordering::Relaxed);
            }
        }
        is_sent
    }

    /// Tells the thread to stop after the events that wait, and waits until it has ended, for a bounded time. Blocks.
    pub(super) fn stop(&self, patience: Duration) {
        if self.events.try_send(Event::Stop).is_err() {
            // Without room, the thread is at work, and sees the flag after the present event.
            self.shared.stops.store(true, Ordering::Relaxed);
        }
        let _ = self.end.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(patience);
    }
}

impl Received {
    /// The next event, if there is one within a time. An error if the engine stops.
    pub(super) fn next(&self, patience: Duration) -> Result<Option<Event>, Stopped> {
        let event = match self.events.recv_timeout(patience) {
            Err(RecvTimeoutError::Disconnected) | Ok(Event::Stop) => return Err(Stopped),
            Err(RecvTimeoutError::Timeout) => None,
            Ok(event) => Some(event),
        };
        if self.shared.stops.load(Ordering::Relaxed) {
            return Err(Stopped);
        }
        let size = event.as_ref().map_or(0, Event::size);
        self.shared.size.fetch_sub(size, Ordering::Relaxed);
        Ok(event)
    }
}

/// The engine stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stopped;
