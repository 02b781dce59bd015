//! Replacement: a new file takes over after it has passed a probe, and a bad one never does.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Plugin, PluginCall, Versions, probe};
use crate::fault::Fault;
use crate::file;
use crate::inspect::Digest;
use crate::metrics::PluginEvent;
use crate::rejected::{OpenError, Rejected};
use crate::version::Version;

/// The time after which a rejected file is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// The result of checking the file.
#[derive(Debug)]
pub enum Refresh {
    /// It has not changed.
    Unchanged,
    /// It took over. Calls in flight end on the old version.
    Swapped {
        /// The digest of the old version.
        from: String,
        /// The digest of the new version.
        to: String,
    },
    /// It was rejected, and the old version stays in use.
    Refused(OpenError),
}

/// The metadata by which a change of a file is noticed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileMetadata {
    stamp: Option<Stamp>,
    /// When a rejected file is tried again although it has not changed: the machine may have caused the rejection.
    again: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    changed: (i64, i64),
    length: u64,
    inode: u64,
}

impl FileMetadata {
    /// The current metadata of a file.
    pub(crate) fn of(path: &Path) -> Self {
        let stamp = |metadata: std::fs::Metadata| Stamp {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            length: metadata.len(),
            inode: metadata.ino(),
        };
        Self { stamp: std::fs::metadata(path).ok().map(stamp), again: None }
    }

    /// Whether a file with this metadata should be tried.
    fn is_outdated(&self, now: &Self) -> bool {
        self.stamp != now.stamp || self.again.is_some_and(|again| Instant::now() >= again)
    }
}

impl Plugin {
    /// Replaces the plugin by other bytes, if these are a plugin that passes the probe. No call is lost: those in
    /// flight end on the old version.
    ///
    /// # Errors
    /// The reason why the bytes were rejected. The old version stays in use.
    pub fn replace(&self, file: &[u8]) -> Result<Refresh, Fault> {
        let _one_at_a_time = self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.replace_by(file)
    }

    /// Checks the plugin's file, and replaces the plugin if the file has changed and passes the probe.
    #[must_use]
    pub fn refresh(&self) -> Refresh {
        let Some(path) = self.inner.file.as_deref() else { return Refresh::Unchanged };
        let mut seen = self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = FileMetadata::of(path);
        if !seen.is_outdated(&now) {
            return Refresh::Unchanged;
        }
        *seen = now;
        let swapped = file::read(path, self.inner.settings.class).map_err(OpenError::from).and_then(|content| {
            let rejected = |fault| Rejected { name: self.name(), digest: file::digest(path, &content), fault };
            self.replace_by(&content).map_err(|fault| rejected(fault).into())
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

    /// Calls the plugin with a small synthetic order. Any answer is fine.
    ///
    /// # Errors
    /// The fault that the call ended with.
    pub fn probe(&self) -> Result<(), Fault> {
        self.probe_call().result.map(|_| ())
    }

    /// Makes the call of [`Self::probe`], and returns its full result.
    #[must_use]
    pub fn probe_call(&self) -> PluginCall {
        probe::probe(&self.current(), &self.inner.settings.limits)
    }

    /// Checks the plugin's file periodically on a thread of its own, until the watcher is dropped.
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
                // The result goes to the metrics.
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

/// A thread that checks a plugin's file until this is dropped. A check in progress then still ends by itself.
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
