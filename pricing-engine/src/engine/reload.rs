//! Reloads the configuration: all of it or nothing.
//!
//! Files are polled until they have settled: three polls in a row find the same files with the same size, times and
//! content. The content that was polled is then applied, so that a file which is written in place is never applied half
//! written. The watch polls for as long as it takes. A start and a requested reload give up after five seconds. Until
//! the new configuration is applied, and whenever it is refused, orders are priced with the previous one.
//!
//! A change that could cost money has to be accepted first: see [`crate::guard`].

mod last_accepted;
mod settle;

use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;

use super::{Active, Engine, tuning};
use crate::config::{self, ConfigError, ConfigSource, Files, Loaded, Stamp};
use crate::digest::Digest;
use crate::feed::Feed;
use crate::guard::{self, Accepted, Refusal};
use crate::inventory::Plan;
use crate::telemetry;
pub(super) use last_accepted::LastAccepted;
use settle::{CALM, Look, Next, Settling};

/// The time between two polls of the watch while changed files settle.
const SOON: Duration = Duration::from_millis(250);
/// The time between two polls of a start or a requested reload.
const SOONER: Duration = Duration::from_millis(100);
/// The most polls of a start or a requested reload.
const LOOKS: u32 = 50;
/// How often the watch checks whether a configuration with `reload.watch = "0s"` has been replaced.
const IDLE: Duration = Duration::from_secs(1);

/// How many reloads succeeded and failed, and what is pending.
#[derive(Clone, Debug, Default)]
pub(super) struct Reloads {
    pub(super) taken: u64,
    pub(super) refused: u64,
    pub(super) problem: Option<String>,
    /// Whether files have changed and not settled yet.
    pub(super) settling: bool,
    /// The changes that were refused and can be accepted.
    pub(super) unaccepted: Option<Arc<Refusal>>,
    /// The files of the last refusal; `None` after a reload that succeeded.
    pub(super) refused_files: Option<Files>,
}

impl Reloads {
    /// Counts and logs a refused configuration. `files` are those it was read from; `None` if they did not settle.
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
                "the configuration has to be accepted first; the previous one stays in use"
            ),
            None => tracing::error!(%error, "the configuration was refused; the previous one stays in use"),
        }
    }
}

/// Returns the files of a configuration once they have settled. Blocks for up to five seconds.
///
/// # Errors
/// When they keep changing.
pub(super) fn settled(source: &ConfigSource) -> Result<Files, ConfigError> {
    let mut files = Files::read(source);
    let mut calm: u32 = 0;
    for _ in 0..LOOKS {
        thread::sleep(SOONER);
        let now = Files::read(source);
        calm = if now == files { calm.saturating_add(1) } else { 0 };
        if calm >= CALM {
            return Ok(now);
        }
        files = now;
    }
    let message = "the files keep changing, so none of them was loaded; replace them atomically (write a new file, then rename it), and try again";
    Err(ConfigError::Unreadable { file: source.path(), message: message.to_owned() })
}

impl Engine {
    /// Reads the configuration, the rates and the plugins again, and applies them if all are good and nothing has to be
    /// accepted first. Blocks until the files have settled.
    ///
    /// # Errors
    /// When one of them is refused. Nothing has changed then.
    pub fn reload(&self) -> Result<Arc<Active>, ConfigError> {
        self.reload_accepting(None)
    }

    /// Reloads as [`Engine::reload`] does, and accepts the changes of the configuration with this digest.
    ///
    /// # Errors
    /// When it is refused, or when the files now contain another configuration. Nothing has changed then.
    pub fn accept(&self, digest: Digest) -> Result<Arc<Active>, ConfigError> {
        self.reload_accepting(Some(digest))
    }

    fn reload_accepting(&self, accepted: Option<Digest>) -> Result<Arc<Active>, ConfigError> {
        let turn = self.inner.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        match settled(&self.inner.source) {
            Ok(files) => self.reload_in_turn(&turn, &files, accepted),
            Err(error) => self.told(Err(error), None),
        }
    }

    /// Applies files that have settled.
    fn reload_from(&self, files: &Files) -> Result<Arc<Active>, ConfigError> {
        let turn = self.inner.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        self.reload_in_turn(&turn, files, None)
    }

    /// Applies files that have settled. The caller holds the lock that serialises reloads.
    pub(super) fn reload_in_turn(
        &self,
        _turn: &MutexGuard<'_, ()>,
        files: &Files,
        accepted: Option<Digest>,
    ) -> Result<Arc<Active>, ConfigError> {
        // What a configuration starts needs the runtime, and a caller may be on any thread.
        let _runtime = self.inner.runtime.enter();
        self.told(self.take(files, accepted), Some(files.clone()))
    }

    /// Counts and logs the result of a reload.
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
                let kubernetes = active.loaded.scheduler.to_string();
                tracing::info!(rates, plugin, kubernetes, "the configuration was loaded");
            }
            Err(error) => reloads.refuse(files, error),
        }
        reloaded
    }

    /// Applies files. Everything that can fail comes before the active configuration is replaced; [`Active::open`] is
    /// last, since a refreshed plugin takes over at once.
    fn take(&self, files: &Files, accepted: Option<Digest>) -> Result<Arc<Active>, ConfigError> {
        let loaded = config::load_files(files)?;
        let before = self.active();
        unchangeable(&before.loaded, &loaded)?;
        Feed::check(&loaded.config.feed)?;
        let tune_problem = tuning::check(&loaded, self.inner.tuner.as_ref())?;
        let plan = Plan::of(&loaded.config.inventory)?;
        let inner = &self.inner;
        let offered = Accepted::of(&loaded);
        guard::judge(&self.accepted(), &offered, accepted, &before.loaded.config.listen)?;
        let active = Arc::new(Active::open(loaded, Some(&before), &inner.opening)?);
        self.inner.active.store(Arc::clone(&active));
        self.reconfigure(&before.loaded, &active, plan);
        self.keep_tune_problem(tune_problem);
        self.remember(offered);
        Ok(active)
    }

    /// Passes an applied configuration to the background tasks. Everything that could be refused was checked before, so
    /// a failure here is logged only.
    fn reconfigure(&self, before: &Loaded, active: &Active, plan: Option<Plan>) {
        let after = &active.loaded;
        self.inner.shadow.configure(active.shadow_settings());
        if before.config.feed != after.config.feed
            && let Err(error) = self.inner.feed.reconfigure(&after.config.feed)
        {
            tracing::error!(%error, "the feed stays as it was");
        }
        if before.config.inventory != after.config.inventory {
            self.switch_inventory(plan);
        }
        if before.config.tracing.level != after.config.tracing.level
            && let Err(error) = telemetry::set_level(&after.config.tracing.level)
        {
            tracing::error!(%error, "the log level stays as it was");
        }
    }

    /// Replaces plugins whose files have changed. Each plugin reports its own problem.
    fn refresh_plugins(&self) {
        let _one_at_a_time = self.inner.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        for opened in self.active().plugins() {
            let _ = opened.refresh();
        }
    }
}

/// Refuses changes that need a restart.
fn unchangeable(before: &Loaded, after: &Loaded) -> Result<(), ConfigError> {
    let (before, after) = (&before.config, &after.config);
    let sections = [
        ("listen", before.listen != after.listen),
        ("limits.request_bytes", before.limits.request_bytes != after.limits.request_bytes),
        ("limits.connections", before.limits.connections != after.limits.connections),
        ("bid_log", before.bid_log != after.bid_log),
        ("outcomes", before.outcomes != after.outcomes),
        ("reload.state", before.reload.state != after.reload.state),
        ("tracing.format", before.tracing.format != after.tracing.format),
        ("tracing.otlp", before.tracing.otlp != after.tracing.otlp),
    ];
    match sections.into_iter().find(|(_, changed)| *changed) {
        Some((key, _)) => Err(ConfigError::unusable(
            key,
            "it cannot change while the service runs, so the new configuration was not loaded; restart the service, or restore the old value",
        )),
        None => Ok(()),
    }
}

impl Engine {
    /// Reloads the configuration whenever its files change, and on each `SIGHUP` if the caller listens for it, until
    /// `stop` is cancelled.
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
                    // The reload logs its own result.
                    let _ = engine.reload();
                    return (state, false);
                }
                let soon = !every.is_zero() && look(&engine, &mut state);
                (state, soon)
            });
            // A large plugin may take minutes to compile. Stopping does not wait for it.
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

/// Returns whether files contain the configuration in use.
pub(super) fn is_in_use(files: &Files, active: &Active) -> bool {
    files.digests().eq(active.loaded.files.iter().map(|(file, used)| (file.as_path(), Some(*used))))
}

/// Polls the files, and applies what has changed. Returns whether to poll again soon.
fn look(engine: &Engine, settling: &mut Settling) -> bool {
    engine.write_accepted();
    let active = engine.active();
    let files = Files::read(&engine.inner.source);
    let plugins = active.plugins().map(|opened| Stamp::of(opened.file())).collect();
    let now = Look { files, plugins };
    let in_use = is_in_use(&now.files, &active);
    // A start or a requested reload has refused these files already, so they are not tried and reported again.
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
            tracing::warn!(?files, "files of the configuration keep changing; they are loaded once they stay the same");
            false
        }
        Next::Take => {
            settling.took(&now, engine.reload_from(&now.files).is_ok(), Instant::now());
            false
        }
        Next::Refresh => {
            engine.refresh_plugins();
            // The reason for which a requested reload was refused may be gone by now.
            let well = in_use && active.plugins().all(|opened| opened.status().problem.is_none());
            if well && !settling.was_refused() && engine.reloads().problem.is_some() {
                settling.took(&now, engine.reload_from(&now.files).is_ok(), Instant::now());
            }
            false
        }
    }
}

impl Engine {
    /// Sets whether files have changed and not settled yet.
    fn set_settling(&self, settling: bool) {
        self.inner.reloads.lock().unwrap_or_else(PoisonError::into_inner).settling = settling;
    }
}
