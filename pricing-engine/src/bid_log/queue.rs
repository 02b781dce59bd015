//! The queue of lines: bounded, and in order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::objects::Object;
use super::record::Line;
use super::{Outcome, entry};
use crate::digest::Digest;

/// The most lines in the queue.
const MAX_LINES: usize = 100_000;
/// The most bytes of lines in the queue.
const MAX_BYTES: usize = 16 << 20;
/// The most bytes of new objects in the queue: snapshots, rate cards and long orders.
const MAX_OBJECT_BYTES: usize = 64 << 20;
/// A batch ends with the line that reaches this number of bytes.
const MAX_BATCH: usize = 1 << 20;

/// A line in the queue.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) line: Vec<u8>,
    /// The objects that the line names.
    pub(super) names: Vec<Digest>,
    /// Those of them that are not stored yet.
    pub(super) objects: Vec<Object>,
    /// Notifies the caller that waits.
    pub(super) ack: Option<oneshot::Sender<Outcome>>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    items: VecDeque<Item>,
    /// The number of lines in the writer's batch.
    in_hand: usize,
    /// The new objects of the batch.
    objects_in_hand: BTreeSet<Digest>,
    bytes: usize,
    object_bytes: usize,
    /// The new objects of lines in the queue and the batch: a reference count and a size.
    objects: BTreeMap<Digest, (usize, usize)>,
    /// The objects that are stored.
    kept: BTreeSet<Digest>,
    closed: bool,
    ended: bool,
    written: u64,
    lost: u64,
    late: u64,
    problem: Option<String>,
    /// The number of objects that another program has removed.
    objects_lost: u64,
    damage: Option<String>,
    /// Whether the writer is stuck, so that callers do not wait for it.
    stalled: bool,
}

/// The state of the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) written: u64,
    pub(super) waiting: u64,
    pub(super) lost: u64,
    pub(super) late: u64,
    pub(super) objects_lost: u64,
    pub(super) problem: Option<String>,
}

#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

/// The result of queueing a line.
#[derive(Debug)]
pub(super) enum Pushed {
    Waits(oneshot::Receiver<Outcome>),
    /// It is in the queue, and the writer is stuck.
    Stalled,
    Lost,
}

impl Waiting {
    fn total(&self) -> usize {
        self.items.len().saturating_add(self.in_hand)
    }

    fn charge(&mut self, item: &Item) {
        self.bytes = self.bytes.saturating_add(item.line.len());
        for object in &item.objects {
            let (count, size) = self.objects.entry(object.digest).or_insert((0, object.content.memory()));
            if *count == 0 {
                self.object_bytes = self.object_bytes.saturating_add(*size);
            }
            *count = count.saturating_add(1);
        }
    }

    fn discharge(&mut self, item: &Item) {
        self.bytes = self.bytes.saturating_sub(item.line.len());
        for object in &item.objects {
            let Some((count, size)) = self.objects.get_mut(&object.digest) else { continue };
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.object_bytes = self.object_bytes.saturating_sub(*size);
                self.objects.remove(&object.digest);
            }
        }
    }

    /// Drops the oldest lines until the rest is within the bounds. The newest line always stays.
    fn bound(&mut self) {
        while self.items.len() > 1 && (self.total() > MAX_LINES || self.bytes > MAX_BYTES) {
            if let Some(oldest) = self.items.pop_front() {
                self.discharge(&oldest);
                self.lost = self.lost.saturating_add(1);
            }
        }
        if self.object_bytes > MAX_OBJECT_BYTES {
            self.bound_objects();
        }
    }

    /// Drops the oldest lines with new objects until these are within their bound. Objects of the writer's batch or of
    /// the newest line stay in memory anyway, so no line is dropped because of them.
    fn bound_objects(&mut self) {
        let newest = self.items.back().into_iter().flat_map(|item| &item.objects).map(|object| object.digest);
        let stays: BTreeSet<Digest> = newest.chain(self.objects_in_hand.iter().copied()).collect();
        let is_free = |(digest, (_, size)): (&Digest, &(usize, usize))| *size > 0 && !stays.contains(digest);
        let free: BTreeSet<Digest> =
            self.objects.iter().filter(|object| is_free(*object)).map(|(digest, _)| *digest).collect();
        if free.is_empty() {
            return;
        }
        for item in std::mem::take(&mut self.items) {
            let frees = item.objects.iter().any(|object| free.contains(&object.digest));
            if frees && self.object_bytes > MAX_OBJECT_BYTES {
                self.discharge(&item);
                self.lost = self.lost.saturating_add(1);
            } else {
                self.items.push_back(item);
            }
        }
    }
}

impl Queue {
    pub(super) fn new(next: u64) -> Self {
        let waiting = Waiting { next, ..Waiting::default() };
        Self { waiting: Mutex::new(waiting), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers a line, and appends it to the queue.
    pub(super) fn push(&self, line: Line) -> (u64, Pushed) {
        let Line { kind, body, objects } = line;
        let names = objects.iter().map(|object| object.digest).collect();
        let (ack, acked) = oneshot::channel();
        let mut waiting = self.lock();
        let sequence = waiting.next;
        if waiting.closed {
            waiting.lost = waiting.lost.saturating_add(1);
            return (sequence, Pushed::Lost);
        }
        waiting.next = sequence.saturating_add(1);
        let mut line = entry::head(kind, sequence).into_bytes();
        line.extend_from_slice(&body);
        let objects = objects.into_iter().filter(|object| !waiting.kept.contains(&object.digest)).collect();
        let item = Item { line, names, objects, ack: Some(ack) };
        waiting.charge(&item);
        waiting.items.push_back(item);
        waiting.bound();
        let stalled = waiting.stalled;
        drop(waiting);
        self.changed.notify_all();
        (sequence, if stalled { Pushed::Stalled } else { Pushed::Waits(acked) })
    }

    /// Counts a line that could not be serialised.
    pub(super) fn lose(&self) {
        let mut waiting = self.lock();
        waiting.lost = waiting.lost.saturating_add(1);
    }

    /// Counts a late line. With `stalled`, no further caller waits until the writer makes progress.
    pub(super) fn late(&self, stalled: bool) {
        let mut waiting = self.lock();
        waiting.late = waiting.late.saturating_add(1);
        waiting.stalled |= stalled;
    }

    /// Waits for lines, for at most `time`, and takes the next batch, which may be empty. With `rest` it waits for all
    /// of `time`, also if there are lines. It does not wait once the log is closed.
    pub(super) fn take(&self, time: Option<Duration>, rest: bool) -> VecDeque<Item> {
        let until = time.and_then(|time| Instant::now().checked_add(time));
        let mut waiting = self.lock();
        loop {
            if waiting.closed || (!rest && !waiting.items.is_empty()) {
                break;
            }
            waiting = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => break,
                Some(left) => self.changed.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        let mut batch = VecDeque::new();
        let mut bytes = 0_usize;
        while let Some(item) = waiting.items.pop_front() {
            bytes = bytes.saturating_add(item.line.len());
            batch.push_back(item);
            if bytes >= MAX_BATCH {
                break;
            }
        }
        waiting.in_hand = batch.len();
        waiting.objects_in_hand = batch.iter().flat_map(|item| &item.objects).map(|object| object.digest).collect();
        batch
    }

    /// Settles a batch: `written` was written, and `rest` goes back to the front of the queue because of `problem`.
    pub(super) fn settle(&self, written: &VecDeque<Item>, rest: VecDeque<Item>, problem: Option<String>) {
        let mut waiting = self.lock();
        waiting.in_hand = 0;
        waiting.objects_in_hand.clear();
        for item in written {
            waiting.discharge(item);
        }
        waiting.written = waiting.written.saturating_add(u64::try_from(written.len()).unwrap_or(0));
        waiting.stalled = problem.is_some();
        waiting.problem = problem;
        for item in rest.into_iter().rev() {
            waiting.items.push_front(item);
        }
        waiting.bound();
    }

    /// Records that an object is stored, so that later lines do not carry it.
    pub(super) fn kept(&self, digest: Digest) {
        self.lock().kept.insert(digest);
    }

    /// Records that another program has removed objects, or their whole folder. Later lines carry them again.
    pub(super) fn taken_away(&self, gone: &[Digest], damage: String) {
        let mut waiting = self.lock();
        for digest in gone {
            waiting.kept.remove(digest);
        }
        // The number of objects from earlier runs is unknown, so a folder counts as one.
        let number = u64::try_from(gone.len()).unwrap_or(u64::MAX).max(1);
        waiting.objects_lost = waiting.objects_lost.saturating_add(number);
        waiting.damage = Some(damage);
    }

    /// Forgets the objects that neither `named`, the writer's batch nor a line in the queue names. Returns those that
    /// are named.
    pub(super) fn forget_unnamed(&self, mut named: BTreeSet<Digest>, in_hand: &VecDeque<Item>) -> BTreeSet<Digest> {
        let mut waiting = self.lock();
        named.extend(waiting.items.iter().chain(in_hand).flat_map(|item| item.names.iter().copied()));
        waiting.kept.retain(|digest| named.contains(digest));
        named
    }

    /// Closes the queue to further lines.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Records that the writer has ended. Lines that are still in the queue are lost.
    pub(super) fn end(&self) {
        let mut waiting = self.lock();
        let left = u64::try_from(waiting.items.len()).unwrap_or(0);
        waiting.lost = waiting.lost.saturating_add(left);
        waiting.items.clear();
        waiting.ended = true;
        waiting.closed = true;
        drop(waiting);
        self.changed.notify_all();
    }

    /// Waits until the writer has ended. Returns whether it has.
    pub(super) fn wait_for_end(&self, time: Duration) -> bool {
        let wait = self.changed.wait_timeout_while(self.lock(), time, |waiting| !waiting.ended);
        wait.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    pub(super) fn counts(&self) -> Counts {
        let waiting = self.lock();
        Counts {
            written: waiting.written,
            waiting: u64::try_from(waiting.total()).unwrap_or(u64::MAX),
            lost: waiting.lost,
            late: waiting.late,
            objects_lost: waiting.objects_lost,
            problem: waiting.problem.clone().or_else(|| waiting.damage.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bid_log::objects::Content;

    fn line(bytes: usize, object: Option<&str>) -> Line {
        let object =
            object.map(|text| Object { digest: Digest::of(text), content: Content::Text(text.into()), counts: true });
        Line { kind: "decision", body: vec![b'x'; bytes], objects: object.into_iter().collect() }
    }

    fn now() -> Option<Duration> {
        Some(Duration::ZERO)
    }

    #[test]
    fn lines_that_failed_are_tried_again_before_later_ones() {
        let queue = Queue::new(7);
        assert_eq!(queue.push(line(1, None)).0, 7);
        let mut batch = queue.take(now(), false);
        assert_eq!(queue.push(line(1, None)).0, 8);
        queue.settle(&VecDeque::new(), std::mem::take(&mut batch), Some("no space left".to_owned()));
        // Callers do not wait for a full disk.
        assert!(matches!(queue.push(line(1, None)), (9, Pushed::Stalled)));
        let batch = queue.take(now(), false);
        let all: Vec<Item> = batch.into_iter().collect();
        let numbers: Vec<Option<u64>> = all.iter().map(|item| entry::sequence_of(&item.line)).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        queue.settle(&all.into(), VecDeque::new(), None);
        let counts = queue.counts();
        assert_eq!((counts.lost, counts.problem), (0, None));
        assert!(matches!(queue.push(line(1, None)), (10, Pushed::Waits(_))));
    }

    #[test]
    fn beyond_the_bound_the_oldest_is_lost_and_counted() {
        let queue = Queue::new(1);
        for _ in 0..40 {
            let _ = queue.push(line(1 << 20, None));
        }
        let counts = queue.counts();
        assert_eq!(counts.waiting.saturating_add(counts.lost), 40);
        assert_eq!(counts.waiting, 15);
        let first = queue.take(now(), false).pop_front();
        assert_eq!(first.and_then(|item| entry::sequence_of(&item.line)), Some(26));
    }

    #[test]
    fn what_lines_bring_along_counts_once_and_only_until_it_is_kept() {
        let queue = Queue::new(1);
        let snapshot = "s".repeat(40 << 20);
        for _ in 0..10 {
            let _ = queue.push(line(10, Some(&snapshot)));
        }
        assert_eq!(queue.counts().lost, 0);
        let other = "o".repeat(40 << 20);
        let _ = queue.push(line(10, Some(&other)));
        // The other snapshot only fits without all ten lines.
        assert_eq!(queue.counts().lost, 10);
        queue.kept(Digest::of(&snapshot));
        let _ = queue.push(line(10, Some(&snapshot)));
        assert_eq!(queue.counts().lost, 10);
        let last = queue.take(now(), false).pop_back();
        assert!(last.is_some_and(|item| item.objects.is_empty() && item.names == [Digest::of(&snapshot)]));
    }

    #[test]
    fn no_line_is_lost_for_a_large_plugin_or_a_snapshot_that_is_in_hand() {
        let queue = Queue::new(1);
        let snapshot: std::sync::Arc<str> = "s".repeat(MAX_OBJECT_BYTES + 1).into();
        let plugin: std::sync::Arc<[u8]> = vec![0; MAX_OBJECT_BYTES + 1].into();
        let digests = (Digest::of(&*snapshot), Digest::of(&*plugin));
        for number in 0..100 {
            let mut line = line(10, None);
            let content = Content::Text(snapshot.clone());
            line.objects.push(Object { digest: digests.0, content, counts: true });
            line.objects.push(Object { digest: digests.1, content: Content::Bytes(plugin.clone()), counts: false });
            let _ = queue.push(line);
            if number == 50 {
                assert_eq!(queue.take(now(), false).len(), 51);
            }
        }
        let _ = queue.push(line(10, None));
        assert_eq!((queue.counts().waiting, queue.counts().lost), (101, 0));
    }

    #[test]
    fn what_a_waiting_line_names_is_not_forgotten() {
        let queue = Queue::new(1);
        for text in ["waits", "in hand", "old"] {
            queue.kept(Digest::of(text));
        }
        let _ = queue.push(line(1, Some("in hand")));
        let batch = queue.take(now(), false);
        let _ = queue.push(line(1, Some("waits")));
        let named = queue.forget_unnamed(BTreeSet::from([Digest::of("file")]), &batch);
        assert_eq!(named, ["waits", "in hand", "file"].map(Digest::of).into());
        let _ = queue.push(line(1, Some("old")));
        assert!(queue.take(now(), false).pop_back().is_some_and(|item| item.objects.len() == 1));
    }

    #[test]
    fn a_closed_log_takes_nothing_and_says_so() {
        let queue = Queue::new(1);
        let _ = queue.push(line(1, None));
        queue.close();
        assert!(matches!(queue.push(line(1, None)).1, Pushed::Lost));
        assert_eq!(queue.take(None, false).len(), 1);
        queue.end();
        assert!(queue.wait_for_end(Duration::ZERO));
        assert_eq!(queue.counts().lost, 1);
    }
}
