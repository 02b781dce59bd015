//! Taking a new configuration while running: all of it or nothing.

mod settle;

use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::state::{Active, Service};
use crate::config::{self, ConfigError, Loaded};
use crate::feed::Feed;
use crate::inventory::Plan;
use crate::telemetry;
use settle::{Look, Next, Settling, Stamp};

/// How soon files that changed are looked at again, to see whether they are whole.
const SOON: Duration = Duration::from_millis(250);
/// How often a configuration that never looks at files is asked whether it does now.
const IDLE: Duration = Duration::from_secs(1);

impl Service {
    /// Reads the configuration, the rates and the plugins again, and takes them when all are good.
    ///
    /// # Errors
    /// What is wrong with them; nothing was changed then.
    pub fn reload(&self) -> Result<Arc<Active>, ConfigError> {
        let _one_at_a_time = self.inner.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let reloaded = self.take();
        self.inner.metrics.reloaded(reloaded.is_ok());
        let mut reloads = self.inner.reloads.lock().unwrap_or_else(PoisonError::into_inner);
        match &reloaded {
            Ok(active) => {
                reloads.taken = reloads.taken.saturating_add(1);
                reloads.problem = None;
                let rates = active.settings.rates.digest.to_string();
                let plugin = active.plugin.as_ref().map(|opened| opened.plugin().digest());
                tracing::info!(rates, plugin, "the configuration was taken");
            }
            Err(error) => {
                reloads.refused = reloads.refused.saturating_add(1);
                reloads.problem = Some(error.to_string());
                tracing::error!(%error, "the configuration was refused; the one before stays in use");
            }
        }
        reloaded
    }

    fn take(&self) -> Result<Arc<Active>, ConfigError> {
        let loaded = config::load(&self.inner.path)?;
        let before = self.active();
        unchangeable(&before.loaded, &loaded)?;
        Feed::check(&loaded.config.feed)?;
        let plan = Plan::of(&loaded.config.inventory)?;
        let inner = &self.inner;
        let active = Arc::new(Active::open(loaded, Some(&before), &inner.compiler, &inner.metrics)?);
        self.inner.active.store(Arc::clone(&active));
        self.reconfigure(&before.loaded, &active, plan);
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

/// Listens for SIGHUP. From now on the signal does not end the process.
pub(super) fn hangups() -> Option<Signal> {
    signal(SignalKind::hangup())
        .inspect_err(|error| tracing::error!(%error, "SIGHUP will end the service, not reload it"))
        .ok()
}

/// Takes the configuration on SIGHUP, and when its files changed.
pub(super) async fn watch(service: Service, mut hangup: Option<Signal>, stop: CancellationToken) {
    let mut settling = Settling::default();
    let mut soon = false;
    loop {
        let every = service.active().loaded.config.reload.watch.get();
        let wait = if every.is_zero() { IDLE } else { every };
        let hung_up = tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(if soon { SOON.min(wait) } else { wait }) => false,
            () = hung_up(&mut hangup) => true,
        };
        let service = service.clone();
        let mut state = settling.clone();
        let looked = tokio::task::spawn_blocking(move || {
            if hung_up {
                tracing::info!("SIGHUP: the configuration is read again");
                // What comes of it is told there.
                let _ = service.reload();
                return (state, false);
            }
            let soon = !every.is_zero() && look(&service, &mut state);
            (state, soon)
        });
        // A large plugin may take minutes to compile: a service that stops does not wait for it.
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

async fn hung_up(hangup: &mut Option<Signal>) {
    if let Some(signal) = hangup
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

/// Looks at the files, and takes what changed. Says whether to look again soon.
fn look(service: &Service, settling: &mut Settling) -> bool {
    let active = service.active();
    let files = active.loaded.files.iter().map(|(file, _)| (file.clone(), config::digest_of(file))).collect();
    let plugins = active.plugins().map(|opened| stamp(opened.file())).collect();
    let now = Look { files, plugins };
    let in_use = now.files.iter().zip(&active.loaded.files).all(|((_, now), (_, used))| *now == Some(*used));
    match settling.next(&now, in_use, Instant::now()) {
        Next::Wait => true,
        Next::Restless => {
            let files: Vec<_> = now.files.iter().map(|(file, _)| file.display().to_string()).collect();
            tracing::warn!(
                ?files,
                "files of the configuration keep changing; they are taken when they stay as they are"
            );
            false
        }
        Next::Take => {
            settling.took(&now, service.reload().is_ok(), Instant::now());
            false
        }
        Next::Refresh => {
            service.refresh_plugins();
            // What somebody else's reload was refused for may be gone by now.
            let well = in_use && active.plugins().all(|opened| opened.status().problem.is_none());
            if well && !settling.was_refused() && service.reloads().problem.is_some() {
                settling.took(&now, service.reload().is_ok(), Instant::now());
            }
            false
        }
    }
}

fn stamp(file: &std::path::Path) -> Option<Stamp> {
    let found = std::fs::metadata(file).ok()?;
    Some(Stamp {
        inode: (found.dev(), found.ino()),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
        length: found.len(),
    })
}
