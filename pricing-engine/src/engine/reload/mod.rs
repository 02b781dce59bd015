//! Taking a new configuration while running: all of it or nothing.
//!
//! Files are read until they have settled: three looks in a row, a moment apart, find the same files with the same size,
//! times and content. What is taken is what was looked at, so that a file that is written in place is never seen half.
//! The watch looks for as long as it takes; a reload that somebody asks for gives up after some seconds, and so does a
//! start. Meanwhile, and whenever something is refused, orders are priced by the configuration before.
//!
//! What could cost money has to be accepted first: see [`crate::guard`].

mod remembered;
mod settle;

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;

use super::{Active, Engine};
use crate::config::{self, ConfigError, Files, Loaded, Stamp};
use crate::digest::Digest;
use crate::feed::Feed;
use crate::guard::{self, Accepted, Refusal};
use crate::inventory::Plan;
use crate::telemetry;
pub(super) use remembered::LastAccepted;
use settle::{CALM, Look, Next, Settling};

/// How soon files that changed are looked at again, to see whether they are whole.
const SOON: Duration = Duration::from_millis(250);
/// The same, where somebody waits.
const SOONER: Duration = Duration::from_millis(100);
/// How often they are looked at where somebody waits.
const LOOKS: u32 = 50;
/// How often a configuration that never looks at files is asked whether it does now.
const IDLE: Duration = Duration::from_secs(1);

/// How often the configuration was taken and refused, and what waits.
#[derive(Clone, Debug, Default)]
pub(super) struct Reloads {
    pub(super) taken: u64,
    pub(super) refused: u64,
    pub(super) problem: Option<String>,
    /// Files changed, and have not settled.
    pub(super) settling: bool,
    /// What was refused and can be accepted.
    pub(super) unaccepted: Option<Arc<Refusal>>,
    /// The files that were refused last; none when the files were taken since.
    pub(super) refused_files: Option<Files>,
}

impl Reloads {
    /// Counts a configuration that was refused, and tells why. `files`: what it was read from, when that had settled.
    pub(super) fn refuse(&mut self, files: Option<Files>, error: &ConfigError) {
        self.refused_files = files;
        self.refused = self.refused.saturating_add(1);
        self.problem = Some(error.to_string());
        self.unaccepted = match error {
            ConfigError::Unaccepted(refusal) => Some(Arc::new(Refusal::clone(refusal))),
            _ => None,
        };
        match &self.unaccepted {
            Some(refusal) => tracing::warn!(
                digest = %refusal.digest,
                changes = refusal.listed(),
                accept = refusal.command,
                "the configuration has to be accepted first; the one before stays in use"
            ),
            None => tracing::error!(%error, "the configuration was refused; the one before stays in use"),
        }
    }
}

/// The files of a configuration once they have settled. Blocks for a moment.
///
/// # Errors
/// When they change all the time.
pub(super) fn settled(path: &Path) -> Result<Files, ConfigError> {
    let mut files = Files::read(path);
    let mut calm: u32 = 0;
    for _ in 0..LOOKS {
        thread::sleep(SOONER);
        let now = Files::read(path);
        calm = if now == files { calm.saturating_add(1) } else { 0 };
        if calm >= CALM {
            return Ok(now);
        }
        files = now;
    }
    let message = "the files keep changing, so that nothing of them was taken; have them replaced at once (written beside, \
                   then renamed), and try again";
    Err(ConfigError::Unreadable { file: path.to_owned(), message: message.to_owned() })
}

impl Engine {
    /// Reads the configuration, the rates and the plugins again, and takes them when all are good and nothing has to be
    /// accepted first. Blocks for a moment.
    ///
    /// # Errors
    /// What is wrong with them; nothing was changed then.
    pub fn reload(&self) -> Result<Arc<Active>, ConfigError> {
        self.reload_accepting(None)
    }

    /// The same, where somebody has looked at what a configuration changes, and accepts it by its digest.
    ///
    /// # Errors
    /// What is wrong with it, or that the files hold another one now; nothing was changed then.
    pub fn accept(&self, digest: Digest) -> Result<Arc<Active>, ConfigError> {
        self.reload_accepting(Some(digest))
    }

    fn reload_accepting(&self, accepted: Option<Digest>) -> Result<Arc<Active>, ConfigError> {
        let _one_at_a_time = self.inner.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        match settled(&self.inner.path) {
            Ok(files) => self.told(self.take(&files, accepted), Some(files)),
            Err(error) => self.told(Err(error), None),
        }
    }

    /// Takes files that have settled.
    fn reload_from(&self, files: &Files) -> Result<Arc<Active>, ConfigError> {
        let _one_at_a_time = self.inner.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        self.told(self.take(files, None), Some(files.clone()))
    }

    /// Counts how a reload ended, and tells it.
    fn told(
        &self,
        reloaded: Result<Arc<Active>, ConfigError>,
        files: Option<Files>,
    ) -> Result<Arc<Active>, ConfigError> {
        self.inner.metrics.reloaded(reloaded.is_ok());
        let mut reloads = self.inner.reloads.lock().unwrap_or_else(PoisonError::into_inner);
        match &reloaded {
            Ok(active) => {
                reloads.taken = reloads.taken.saturating_add(1);
                reloads.problem = None;
                reloads.unaccepted = None;
                reloads.refused_files = None;
                let rates = active.settings.rates.digest.to_string();
                let plugin = active.plugin.as_ref().map(|opened| opened.plugin().digest());
                tracing::info!(rates, plugin, "the configuration was taken");
            }
            Err(error) => reloads.refuse(files, error),
        }
        reloaded
    }

    fn take(&self, files: &Files, accepted: Option<Digest>) -> Result<Arc<Active>, ConfigError> {
        let loaded = config::load_files(files)?;
        let before = self.active();
        unchangeable(&before.loaded, &loaded)?;
        Feed::check(&loaded.config.feed)?;
        let plan = Plan::of(&loaded.config.inventory)?;
        let inner = &self.inner;
        let offered = Accepted::of(&loaded);
        guard::judge(&self.accepted(), &offered, accepted, &before.loaded.config.listen)?;
        let active = Arc::new(Active::open(loaded, Some(&before), &inner.opening)?);
        self.inner.active.store(Arc::clone(&active));
        self.reconfigure(&before.loaded, &active, plan);
        self.remember(offered);
        Ok(active)
    }

    /// Tells the parts of the service that work in the background of a configuration that was taken. What of it could
    /// be refused was looked at before.
    fn reconfigure(&self, before: &Loaded, active: &Active, plan: Option<Plan>) {
        let after = &active.loaded;
        self.inner.shadow.configure(active.shadow_settings());
        if before.config.feed != after.config.feed
            && let Err(error) = self.inner.feed.reconfigure(&after.config.feed)
        {
            tracing::error!(%error, "the feed stays as it was");
        }
        if before.config.inventory != after.config.inventory {
            self.follow(plan);
        }
        if before.config.tracing.level != after.config.tracing.level
            && let Err(error) = telemetry::set_level(&after.config.tracing.level)
        {
            tracing::error!(%error, "the level of what is told stays as it was");
        }
    }

    /// Has new files of plugins take over. What comes of it is told there.
    fn refresh_plugins(&self) {
        let _one_at_a_time = self.inner.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        for opened in self.active().plugins() {
            let _ = opened.refresh();
        }
    }
}

/// Refuses changes that only a restart can make.
fn unchangeable(before: &Loaded, after: &Loaded) -> Result<(), ConfigError> {
    let (before, after) = (&before.config, &after.config);
    let sections = [
        ("listen", before.listen != after.listen),
        ("limits.request_bytes", before.limits.request_bytes != after.limits.request_bytes),
        ("limits.connections", before.limits.connections != after.limits.connections),
        ("bid_log", before.bid_log != after.bid_log),
        ("reload.state", before.reload.state != after.reload.state),
        ("tracing.format", before.tracing.format != after.tracing.format),
        ("tracing.otlp", before.tracing.otlp != after.tracing.otlp),
    ];
    match sections.into_iter().find(|(_, changed)| *changed) {
        Some((key, _)) => Err(ConfigError::unusable(
            key,
            "it cannot change while the service runs, so that nothing of the new configuration was taken; restart the \
             service, or put it back as it was",
        )),
        None => Ok(()),
    }
}

impl Engine {
    /// Takes the configuration anew whenever its files changed, and on each hangup where the caller listens for them,
    /// until told to stop.
    pub async fn watch(self, mut hangup: Option<Signal>, stop: CancellationToken) {
        let mut settling = Settling::default();
        let mut soon = false;
        loop {
            let every = self.active().loaded.config.reload.watch.get();
            let wait = if every.is_zero() { IDLE } else { every };
            let hung_up = tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(if soon { SOON.min(wait) } else { wait }) => false,
                () = hung_up(&mut hangup) => true,
            };
            let engine = self.clone();
            let mut state = settling.clone();
            let looked = tokio::task::spawn_blocking(move || {
                if hung_up {
                    tracing::info!("SIGHUP: the configuration is read again");
                    // What comes of it is told there.
                    let _ = engine.reload();
                    return (state, false);
                }
                let soon = !every.is_zero() && look(&engine, &mut state);
                (state, soon)
            });
            // A large plugin may take minutes to compile: an engine that stops does not wait for it.
            tokio::select! {
                () = stop.cancelled() => return,
                looked = looked => {
                    if let Ok(looked) = looked {
                        (settling, soon) = looked;
                    }
                }
            }
        }
    }
}

async fn hung_up(hangup: &mut Option<Signal>) {
    if let Some(signal) = hangup
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

/// Looks at the files, and takes what changed. Says whether to look again soon.
fn look(engine: &Engine, settling: &mut Settling) -> bool {
    engine.write_accepted();
    let active = engine.active();
    let files = Files::read(&engine.inner.path);
    let plugins = active.plugins().map(|opened| Stamp::of(opened.file())).collect();
    let now = Look { files, plugins };
    let used = active.loaded.files.iter().map(|(file, used)| (file.as_path(), Some(*used)));
    let in_use = now.files.digests().eq(used);
    // By a start, or a reload that somebody asked for: then there is nothing new to tell of them.
    let is_refused = engine.reloads().refused_files.as_ref() == Some(&now.files);
    if is_refused && !in_use && !settling.was_refused() {
        settling.took(&now, false, Instant::now());
    }
    let next = settling.next(&now, in_use, Instant::now());
    engine.set_settling(!in_use && !is_refused && matches!(next, Next::Wait | Next::Restless));
    match next {
        Next::Wait => true,
        Next::Restless => {
            let files: Vec<_> = now.files.digests().map(|(file, _)| file.display().to_string()).collect();
            tracing::warn!(
                ?files,
                "files of the configuration keep changing; they are taken when they stay as they are"
            );
            false
        }
        Next::Take => {
            settling.took(&now, engine.reload_from(&now.files).is_ok(), Instant::now());
            false
        }
        Next::Refresh => {
            engine.refresh_plugins();
            // What somebody else's reload was refused for may be gone by now.
            let well = in_use && active.plugins().all(|opened| opened.status().problem.is_none());
            if well && !settling.was_refused() && engine.reloads().problem.is_some() {
                settling.took(&now, engine.reload_from(&now.files).is_ok(), Instant::now());
            }
            false
        }
    }
}

impl Engine {
    /// Whether files changed and have not settled.
    fn set_settling(&self, settling: bool) {
        self.inner.reloads.lock().unwrap_or_else(PoisonError::into_inner).settling = settling;
    }
}
