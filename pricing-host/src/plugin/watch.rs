//! Replacement: a new file takes over after it passed a probe, and a bad one never does.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Called, Plugin, Version, Versions, probe};
use crate::fault::Fault;
use crate::host::{OpenError, Rejected, digest, read};
use crate::inspect::Digest;
use crate::metrics::PluginEvent;

/// When a refused file is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// What a look at the file came to.
#[derive(Debug)]
pub enum Refresh {
    /// It is the same.
    Unchanged,
    /// It took over; calls in flight end on the old one.
    Swapped {
        /// The digest of the file that was in use.
        from: String,
        /// The digest of the one that is now.
        to: String,
    },
    /// It was refused, and the old one keeps working.
    Refused(OpenError),
}

/// What a file looked like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    stamp: Option<Stamp>,
    /// When a file that was refused is tried again although it is the same: what it was refused for may have been the
    /// machine's doing.
    again: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    changed: (i64, i64),
    length: u64,
    inode: u64,
}

impl Seen {
    /// What the file looks like now.
    pub(crate) fn of(path: &Path) -> Self {
        let stamp = |metadata: std::fs::Metadata| Stamp {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            length: metadata.len(),
            inode: metadata.ino(),
        };
        Self { stamp: std::fs::metadata(path).ok().map(stamp), again: None }
    }

    /// Whether a file that looks like this now is to be tried.
    fn is_outdated(&self, now: &Self) -> bool {
        self.stamp != now.stamp || self.again.is_some_and(|again| Instant::now() >= again)
    }
}

impl Plugin {
    /// Has other bytes take over, if they are a plugin that passes the probe. No call is lost: those in flight end on
    /// the old version.
    ///
    /// # Errors
    /// Why the bytes were refused; the old version keeps working.
    pub fn replace(&self, file: &[u8]) -> Result<Refresh, Fault> {
        let _one_at_a_time = self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.replace_by(file)
    }

    /// Looks at the plugin's file, and has it take over if it changed and passes the probe.
    #[must_use]
    pub fn refresh(&self) -> Refresh {
        let Some(path) = self.inner.file.as_deref() else { return Refresh::Unchanged };
        let mut seen = self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Seen::of(path);
        if !seen.is_outdated(&now) {
            return Refresh::Unchanged;
        }
        *seen = now;
        let swapped = read(path, self.inner.settings.class).map_err(OpenError::from).and_then(|file| {
            let rejected = |fault| Rejected { name: self.name(), digest: digest(path, &file), fault };
            self.replace_by(&file).map_err(|fault| rejected(fault).into())
        });
        swapped.unwrap_or_else(|error| {
            seen.again = Instant::now().checked_add(RETRY);
            self.tell(PluginEvent::SwapRefused { message: &error.to_string() });
            Refresh::Refused(error)
        })
    }

    fn replace_by(&self, file: &[u8]) -> Result<Refresh, Fault> {
        let current = self.current();
        if current.digest == Digest::of(file).to_string() {
            return Ok(Refresh::Unchanged);
        }
        let source = self.inner.file.as_ref().map_or(current.name.as_str().into(), |path| path.to_string_lossy());
        let version = self.inner.host.load(&current.name, &source, file, &self.inner.settings)?;
        probe::probe(&version, &self.inner.settings.limits)
            .result
            .map_err(|fault| Fault { message: format!("the probe failed: {}", fault.message), ..fault })?;
        Ok(self.swap(&current, version))
    }

    fn swap(&self, current: &Arc<Version>, version: Version) -> Refresh {
        let (from, to) = (current.digest.clone(), version.digest.clone());
        let versions = Versions { current: Arc::new(version), previous: Some(Arc::clone(current)) };
        *self.inner.versions.write().unwrap_or_else(PoisonError::into_inner) = versions;
        self.tell(PluginEvent::Swapped { from: &from, to: &to });
        Refresh::Swapped { from, to }
    }

    /// Calls the plugin with a small made-up order. Whatever it answers is fine, as long as it answers.
    ///
    /// # Errors
    /// The fault that the call ended in.
    pub fn probe(&self) -> Result<(), Fault> {
        self.probe_call().result.map(|_| ())
    }

    /// Makes the call of [`Self::probe`], and tells all of what came of it.
    #[must_use]
    pub fn probe_call(&self) -> Called {
        probe::probe(&self.current(), &self.inner.settings.limits)
    }

    /// Looks at the plugin's file again and again, on a thread of its own, until the watcher is dropped.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn watch(&self, every: Duration) -> std::io::Result<Watcher> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let (plugin, stopped) = (self.clone(), Arc::clone(&stop));
        let look = move || {
            let (stop, changed) = &*stopped;
            loop {
                let guard = stop.lock().unwrap_or_else(PoisonError::into_inner);
                let waited = changed.wait_timeout_while(guard, every, |stop| !*stop);
                if *waited.unwrap_or_else(PoisonError::into_inner).0 {
                    return;
                }
                // What comes of it is told to the metrics.
                let _ = plugin.refresh();
            }
        };
        std::thread::Builder::new()
            .name("plugin-watcher".to_owned())
            // It calls the probe.
            .stack_size(crate::engine::THREAD_STACK.saturating_mul(2))
            .spawn(look)?;
        Ok(Watcher { stop })
    }
}

/// A thread that looks at a plugin's file, until this is dropped. A look that is under way then still ends, by itself.
#[derive(Debug)]
pub struct Watcher {
    stop: Arc<(Mutex<bool>, Condvar)>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_one();
    }
}
