//! The writer's thread, which alone writes the log's files. It writes the lines of a batch at once (group commit).

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

/// The time between two attempts after a failure.
const RETRY: Duration = Duration::from_secs(1);
/// The same once the log is closed, and the most attempts then.
const LAST_RETRY: Duration = Duration::from_millis(200);
const LAST_TRIES: u32 = 10;
/// How often written lines are synced to the disk.
const SYNC: Duration = Duration::from_secs(1);

/// How often the writer checks that the objects still exist.
const LOOK: Duration = Duration::from_secs(1);

/// How often a failure to write is logged.
const TELL: Duration = Duration::from_secs(60);

/// A complete file of the log.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) name: FileName,
    /// The objects that its lines name.
    pub(super) names: BTreeSet<Digest>,
    /// Whether `names` is complete. The files of earlier runs are scanned in the background.
    pub(super) scanned: bool,
}

/// The result of scanning a file.
pub(super) type Scanned = (FileName, BTreeSet<Digest>);

pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) folder: Folder,
    pub(super) objects: Objects,
    pub(super) config: config::BidLog,
    /// The complete files, oldest first.
    pub(super) files: VecDeque<Kept>,
    pub(super) tail: Option<Tail>,
    /// The results of scanning the files of earlier runs.
    pub(super) scanned: Receiver<Scanned>,
    /// The files to sync.
    pub(super) syncer: SyncSender<Arc<File>>,
    /// Complete files that the syncer was too busy to accept.
    pub(super) unsynced: VecDeque<Arc<File>>,
    /// The stored objects, with their sizes on the disk.
    pub(super) sizes: BTreeMap<Digest, u64>,
    /// When a failure to write was last logged.
    pub(super) told: Option<Instant>,
    /// When the objects were last checked, and the stamp of their folder then.
    pub(super) looked: Instant,
    pub(super) stamp: Option<Stamp>,
}

impl Writer {
    /// Writes until the log is closed and its queue is empty. Once it is closed, failures are tried again a few times
    /// only. The queue is settled before callers are notified, so that its counts include every line whose caller knows
    /// of it.
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
            // A missing folder of objects is a failure, also if there are no lines.
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
            // The log is closed, so an error could only be logged.
            let last = self.tail.as_ref().map(Tail::file);
            self.unsynced.iter().chain(&last).for_each(|file| drop(file.sync_data()));
        }
        // Dropping the writer unlocks the folder. Only then is the end announced.
        let queue = Arc::clone(&self.queue);
        drop(self);
        queue.end();
    }

    /// Logs that nothing can be written, at most once in [`TELL`], and when writing works again.
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

    /// Checks whether another program has removed objects. Those that later lines name are then written again.
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
            // The folder cannot be read, so that nothing is known about the objects.
            Err(_) => return found.map(|_| ()),
        };
        let gone: Vec<Digest> = self.sizes.keys().filter(|digest| !self.objects.has(**digest)).copied().collect();
        // If the folder could not be created before, its loss has been reported already.
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

    /// Reports that another program has removed these objects, or their whole folder.
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

    /// Writes lines in their order. Those that could not be written stay in the batch.
    fn commit(&mut self, batch: &mut VecDeque<Item>) -> (VecDeque<Item>, io::Result<()>) {
        let mut written = VecDeque::new();
        while !batch.is_empty() {
            if let Err(error) = self.commit_some(batch, &mut written) {
                return (written, Err(error));
            }
        }
        (written, Ok(()))
    }

    /// Writes as many lines as fit into the current file.
    fn commit_some(&mut self, batch: &mut VecDeque<Item>, written: &mut VecDeque<Item>) -> io::Result<()> {
        self.ready(batch)?;
        let sync = self.config.fsync == Fsync::Each;
        let limit = self.config.file_bytes;
        let Some(tail) = &mut self.tail else { return Err(io::Error::other("there is no file to write to")) };
        let (mut lines, mut count) = (Vec::new(), 0_usize);
        for item in batch.iter() {
            // A line's objects are stored before the line. If that fails, the previous lines are still written.
            match keep(&self.objects, &mut self.sizes, item, self.config.fsync) {
                // A full syncer is ignored: an object that is lost in a power failure is found to be damaged, and
                // written again.
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
            // The lines are in the file, so they are not written again. Only their sync has failed, which is reported.
            if let Err(error) = synced {
                written.extend(done.into_iter().map(|item| answered(item, Outcome::Late)));
                return Err(error);
            }
        }
        written.extend(done);
        Ok(())
    }

    /// Makes sure that there is a file with room, and starts a new one if there is not.
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

    /// Removes the oldest files beyond `bid_log.files`, and the objects that no line names any more.
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

    /// Removes the objects that no line names: mark and sweep. Nothing is removed until all files have been scanned.
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

    /// Passes written files to the syncer, without waiting for it.
    fn sync(&mut self) {
        while let Some(file) = self.unsynced.pop_front() {
            if let Err(TrySendError::Full(file)) = self.syncer.try_send(file) {
                self.unsynced.push_front(file);
                return;
            }
        }
        let Some(tail) = self.tail.as_mut().filter(|tail| tail.dirty) else { return };
        // If the syncer is busy, the file stays dirty until the next call.
        if self.config.fsync == Fsync::Never || self.syncer.try_send(tail.file()).is_ok() {
            tail.dirty = false;
        }
    }
}

/// Stores a line's new objects. Returns the files that are to be synced.
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

/// Notifies the caller of a line, if it still waits.
fn answered(mut item: Item, outcome: Outcome) -> Item {
    if let Some(ack) = item.ack.take() {
        let _ = ack.send(outcome);
    }
    item
}

/// Syncs files until the channel is closed.
pub(super) fn sync_all(files: &Receiver<Arc<File>>) {
    for file in files {
        if let Err(error) = file.sync_data() {
            tracing::error!(%error, "what was written to the bid log may not survive a power cut");
        }
    }
}
