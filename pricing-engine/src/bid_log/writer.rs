//! The thread that writes. It alone touches the files; it writes what has gathered since its last write at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::time::{Duration, Instant, SystemTime};

use super::Outcome;
use super::folder::{FileName, Folder};
use super::objects::{Objects, Stamp};
use super::queue::{Item, Queue};
use super::tail::Tail;
use crate::config::{self, Fsync};
use crate::digest::Digest;

/// How long the writer waits after a failure.
const RETRY: Duration = Duration::from_secs(1);
/// How long it waits after a failure while the service stops, and how often it tries then.
const LAST_RETRY: Duration = Duration::from_millis(200);
const LAST_TRIES: u32 = 10;
/// How often what was written is made to survive a power cut.
const SYNC: Duration = Duration::from_secs(1);

/// How often it is looked whether what lines name is still there.
const LOOK: Duration = Duration::from_secs(1);

/// How often it is told that nothing can be written.
const TELL: Duration = Duration::from_secs(60);

/// A file of the log that is not written any more.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) name: FileName,
    /// What its lines name.
    pub(super) names: BTreeSet<Digest>,
    /// Whether these are all: an earlier run's lines are looked through in the background.
    pub(super) scanned: bool,
}

/// What the scan of a file found.
pub(super) type Scanned = (FileName, BTreeSet<Digest>);

pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) folder: Folder,
    pub(super) objects: Objects,
    pub(super) config: config::BidLog,
    /// The files before the one that is written, oldest first.
    pub(super) files: VecDeque<Kept>,
    pub(super) tail: Option<Tail>,
    /// What earlier runs' files name, one after the other.
    pub(super) scanned: Receiver<Scanned>,
    /// Files that are to survive a power cut.
    pub(super) syncer: SyncSender<Arc<File>>,
    /// Earlier files that the syncer was too busy to take.
    pub(super) unsynced: VecDeque<Arc<File>>,
    /// Sizes of what is kept, on disk.
    pub(super) sizes: BTreeMap<Digest, u64>,
    /// When it was last told that nothing can be written.
    pub(super) told: Option<Instant>,
    /// When it was last looked whether what lines name is still there, and how its folder was then.
    pub(super) looked: Instant,
    pub(super) stamp: Option<Stamp>,
}

impl Writer {
    /// Writes until the log is closed and nothing waits.
    pub(super) fn run(mut self) {
        let mut synced = Instant::now();
        let mut failing = false;
        let mut tries = 0_u32;
        loop {
            let dirty = self.tail.as_ref().is_some_and(|tail| tail.dirty);
            let dirty = dirty || !self.unsynced.is_empty();
            let time = if failing {
                RETRY
            } else if dirty {
                SYNC
            } else {
                LOOK
            };
            let mut batch = self.queue.take(Some(time), failing);
            let closed = self.queue.is_closed();
            if batch.is_empty() && closed {
                break;
            }
            let looked = self.look();
            let (written, outcome) = self.commit(&mut batch);
            // An idle log has a problem, too, when nothing could be kept.
            let outcome = outcome.and(looked);
            failing = outcome.is_err();
            self.tell(outcome.as_ref().err());
            self.queue.settle(&written, batch, outcome.err().map(|error| error.to_string()));
            for item in written {
                let _ = answered(item, Outcome::Written);
            }
            if synced.elapsed() >= SYNC {
                self.sync();
                synced = Instant::now();
            }
            if failing && closed {
                tries = tries.saturating_add(1);
                if tries >= LAST_TRIES {
                    break;
                }
                std::thread::sleep(LAST_RETRY);
            }
        }
        if self.config.fsync != Fsync::Never {
            // There is nobody left to tell.
            let last = self.tail.as_ref().map(Tail::file);
            self.unsynced.iter().chain(&last).for_each(|file| drop(file.sync_data()));
        }
        // Another service may have the folder from here on.
        let queue = Arc::clone(&self.queue);
        drop(self);
        queue.end();
    }

    /// Tells that nothing can be written, now and then, and when that is over.
    fn tell(&mut self, problem: Option<&io::Error>) {
        let folder = self.folder.path().display();
        match problem {
            None if self.told.take().is_some() => tracing::info!(%folder, "the bid log is written again"),
            None => {}
            Some(_) if self.told.is_some_and(|told| told.elapsed() < TELL) => {}
            Some(error) => {
                self.told = Some(Instant::now());
                tracing::error!(%error, %folder, "the bid log cannot be written; lines wait in memory");
            }
        }
    }

    /// Looks now and then whether another program took away what lines name. What is in use is written anew then.
    fn look(&mut self) -> io::Result<()> {
        if self.stamp.is_some() && self.looked.elapsed() < LOOK {
            return Ok(());
        }
        self.looked = Instant::now();
        let found = self.objects.stamp();
        if found.as_ref().is_ok_and(|stamp| self.stamp == Some(*stamp)) {
            return Ok(());
        }
        let vanished = match &found {
            Ok(_) => false,
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            // Nobody knows what is there.
            Err(_) => return found.map(|_| ()),
        };
        let gone: Vec<Digest> = self.sizes.keys().filter(|digest| !self.objects.has(**digest)).copied().collect();
        // A folder that could not be made anew was told of before.
        if (vanished && self.stamp.is_some()) || !gone.is_empty() {
            self.lost(&gone, vanished);
        }
        let stamp = match vanished {
            true => self.folder.make_objects().map_err(io::Error::other).and_then(|()| self.objects.stamp()),
            false => found,
        };
        self.stamp = stamp.as_ref().ok().copied();
        stamp.map(|_| ())
    }

    /// Tells that another program took these away, or all of the folder.
    fn lost(&mut self, gone: &[Digest], vanished: bool) {
        let (folder, number) = (self.folder.objects(), gone.len());
        let what = if vanished { String::new() } else { format!("{number} objects in ") };
        let damage = format!(
            "another program took away {what}`{}`; lines that name what is gone cannot be priced again, and what is still \
             in use is written anew",
            folder.display()
        );
        tracing::error!(damage, "the bid log was damaged");
        self.sizes.retain(|digest, _| !gone.contains(digest));
        self.queue.taken_away(gone, damage);
    }

    /// Writes lines in their order. What could not be written stays in the batch.
    fn commit(&mut self, batch: &mut VecDeque<Item>) -> (VecDeque<Item>, io::Result<()>) {
        let mut written = VecDeque::new();
        while !batch.is_empty() {
            if let Err(error) = self.commit_some(batch, &mut written) {
                return (written, Err(error));
            }
        }
        (written, Ok(()))
    }

    /// Writes as many lines as go into one file.
    fn commit_some(&mut self, batch: &mut VecDeque<Item>, written: &mut VecDeque<Item>) -> io::Result<()> {
        self.ready(batch)?;
        let sync = self.config.fsync == Fsync::Each;
        let limit = self.config.file_bytes;
        let Some(tail) = &mut self.tail else { return Err(io::Error::other("there is no file to write to")) };
        let (mut lines, mut count) = (Vec::new(), 0_usize);
        for item in batch.iter() {
            // What a line names is there before the line is. Where that fails, the lines before it are written first.
            match keep(&self.objects, &mut self.sizes, item, self.config.fsync) {
                // When the disk cannot keep up, the next start writes it anew.
                Ok(to_sync) => to_sync.into_iter().for_each(|file| drop(self.syncer.try_send(Arc::new(file)))),
                Err(error) if count == 0 => return Err(error),
                Err(_) => break,
            }
            for name in &item.names {
                tail.name(*name, self.sizes.get(name).copied().unwrap_or(0));
            }
            lines.extend_from_slice(&item.line);
            count = count.saturating_add(1);
            let gathered = u64::try_from(lines.len()).unwrap_or(u64::MAX);
            if tail.size().saturating_add(gathered) >= limit {
                break;
            }
        }
        tail.append(&lines)?;
        let done: VecDeque<Item> = batch.drain(..count).collect();
        for object in done.iter().flat_map(|item| &item.objects) {
            self.queue.kept(object.digest);
        }
        if sync {
            let synced = tail.file().sync_data();
            tail.dirty = false;
            // They are written; that they may not survive a power cut is told, and they are not written again.
            if let Err(error) = synced {
                written.extend(done.into_iter().map(|item| answered(item, Outcome::Late)));
                return Err(error);
            }
        }
        written.extend(done);
        Ok(())
    }

    /// Sees to it that there is a file with room.
    fn ready(&mut self, batch: &VecDeque<Item>) -> io::Result<()> {
        let full = |tail: &Tail| !tail.is_empty() && tail.size() >= self.config.file_bytes;
        if self.tail.as_ref().is_some_and(|tail| !tail.is_over(&self.folder.file(&tail.name)) && !full(tail)) {
            return Ok(());
        }
        let last = self.tail.as_ref().map(|tail| &tail.name).or_else(|| self.files.back().map(|kept| &kept.name));
        let name = FileName::after(last, SystemTime::now());
        let file = self.folder.create(&name)?;
        if self.config.fsync != Fsync::Never {
            File::open(self.folder.path())?.sync_all()?;
        }
        self.sync();
        if let Some(before) = self.tail.replace(Tail::new(name, file, 0)) {
            if before.dirty && self.config.fsync != Fsync::Never {
                self.unsynced.push_back(before.file());
            }
            self.files.push_back(Kept { name: before.name, names: before.names, scanned: before.scanned });
        }
        self.prune(batch);
        Ok(())
    }

    /// Removes the oldest files beyond the number that is kept, and what no line names any more.
    pub(super) fn prune(&mut self, in_hand: &VecDeque<Item>) {
        let most = usize::try_from(self.config.files).unwrap_or(usize::MAX);
        while self.files.len().saturating_add(1) > most {
            let Some(oldest) = self.files.front() else { break };
            match std::fs::remove_file(self.folder.file(&oldest.name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, file = %oldest.name, "an old file of the bid log cannot be removed");
                    break;
                }
                _ => self.files.pop_front(),
            };
        }
        for (name, names) in self.scanned.try_iter() {
            if let Some(tail) = self.tail.as_mut().filter(|tail| tail.name == name) {
                tail.names.extend(names);
                tail.scanned = true;
            } else if let Some(kept) = self.files.iter_mut().find(|kept| kept.name == name) {
                kept.names.extend(names);
                kept.scanned = true;
            }
        }
        self.forget(in_hand);
    }

    /// Removes the objects that no line names. While it is not known what all lines name, everything stays.
    fn forget(&mut self, in_hand: &VecDeque<Item>) {
        let scanned = self.files.iter().all(|kept| kept.scanned) && self.tail.as_ref().is_none_or(|tail| tail.scanned);
        if !scanned {
            return;
        }
        let names = self.files.iter().map(|kept| &kept.names).chain(self.tail.as_ref().map(|tail| &tail.names));
        let named = names.flatten().copied().collect();
        let named = self.queue.forget_unnamed(named, in_hand);
        self.sizes.retain(|digest, _| named.contains(digest));
        self.objects.retain(|digest| named.contains(&digest));
    }

    /// Has what was written survive a power cut, without waiting for it.
    fn sync(&mut self) {
        while let Some(file) = self.unsynced.pop_front() {
            if let Err(TrySendError::Full(file)) = self.syncer.try_send(file) {
                self.unsynced.push_front(file);
                return;
            }
        }
        let Some(tail) = self.tail.as_mut().filter(|tail| tail.dirty) else { return };
        // Behind on its work, the syncer gets the file with the next round.
        if self.config.fsync == Fsync::Never || self.syncer.try_send(tail.file()).is_ok() {
            tail.dirty = false;
        }
    }
}

/// Keeps what a line names, and tells which files are to survive a power cut with it.
fn keep(objects: &Objects, sizes: &mut BTreeMap<Digest, u64>, item: &Item, fsync: Fsync) -> io::Result<Vec<File>> {
    let mut to_sync = Vec::new();
    for object in &item.objects {
        if sizes.contains_key(&object.digest) {
            continue;
        }
        let (size, new) = objects.put(object, fsync == Fsync::Each)?;
        sizes.insert(object.digest, if object.counts { size } else { 0 });
        to_sync.extend(new.filter(|_| fsync == Fsync::Second));
    }
    Ok(to_sync)
}

/// Tells a caller what became of its line. Who does not wait any more needs no answer.
fn answered(mut item: Item, outcome: Outcome) -> Item {
    if let Some(ack) = item.ack.take() {
        let _ = ack.send(outcome);
    }
    item
}

/// Has files survive a power cut, one after the other, until there will be no more.
pub(super) fn sync_all(files: &Receiver<Arc<File>>) {
    for file in files {
        if let Err(error) = file.sync_data() {
            tracing::error!(%error, "what was written to the bid log may not survive a power cut");
        }
    }
}
