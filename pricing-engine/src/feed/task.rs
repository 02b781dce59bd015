//! The background task: when the sources are asked, and how a value is published and persisted.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::{ArcSwap, Guard};
use rust_decimal::Decimal;
use rustix::rand::{GetRandomFlags, getrandom};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::cache::{self, CacheError};
use super::fetch::Client;
use super::reading::Snapshot;
use super::source::Settings;
use super::state::{State, Verdict};

/// The longest interval after a round without a value.
const RETRY: Duration = Duration::from_secs(60);
/// How long the task waits for a write of the cache.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

/// The state that the task and the handles share.
#[derive(Debug)]
pub(crate) struct Shared {
    snapshot: ArcSwap<Snapshot>,
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    state: State,
    cache_problem: Option<String>,
    cache_failures: u64,
}

impl Inner {
    fn snapshot(&self) -> Arc<Snapshot> {
        let Settings { fixed, max_age, .. } = self.settings;
        Arc::new(Snapshot::of(fixed, max_age, &self.state, self.cache_problem.as_deref(), self.cache_failures))
    }
}

impl Shared {
    /// Starts with the value in the cache.
    pub(crate) fn new(settings: Settings, now: Instant, clock: SystemTime) -> Self {
        let mut inner =
            Inner { state: State::new(&settings.sources), settings, cache_problem: None, cache_failures: 0 };
        if let (Some(path), None) = (&inner.settings.cache, inner.settings.fixed) {
            match cache::read_cache(path, inner.settings.max_age, clock) {
                Ok(cached) => inner.state.restore(cached.usd_per_akt, cached.age, now),
                Err(CacheError::Absent) => {}
                Err(error) => {
                    tracing::warn!(cache = %path.display(), %error, "the feed's cache is not used");
                    inner.cache_problem = Some(format!("the cache {} was not used: {error}", path.display()));
                }
            }
        }
        Self { snapshot: ArcSwap::new(inner.snapshot()), inner: Mutex::new(inner), changed: Notify::new() }
    }

    /// Returns the state after the newest round.
    pub(crate) fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Switches to other settings, and wakes the task.
    pub(crate) fn reconfigure(&self, settings: Settings) {
        self.change(|inner| {
            inner.state.replace_sources(&settings.sources);
            if inner.settings.cache != settings.cache {
                inner.cache_problem = None;
            }
            inner.settings = settings;
        });
        self.changed.notify_one();
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let result = change(&mut inner);
        // This is stored under the lock, so that an older snapshot never replaces a newer one.
        self.snapshot.store(inner.snapshot());
        result
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs rounds until `end` is cancelled. A round starts after the interval, when the settings change, or when one is
/// requested.
pub(crate) async fn run(
    shared: Arc<Shared>,
    mut requests: mpsc::Receiver<oneshot::Sender<()>>,
    end: CancellationToken,
) {
    let mut worker = Worker::default();
    let mut waiting: Vec<oneshot::Sender<()>> = Vec::new();
    loop {
        let round = end.run_until_cancelled(worker.round(&shared)).await;
        let Some(taken) = round else { return };
        for waiting in waiting.drain(..) {
            // The one who waited may have gone.
            let _ = waiting.send(());
        }
        let wait = pause(shared.lock().settings.interval, taken, random());
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
            () = shared.changed.notified() => {}
            Some(request) = requests.recv() => waiting.push(request),
        }
        while let Ok(request) = requests.try_recv() {
            waiting.push(request);
        }
    }
}

/// The task's state between rounds.
#[derive(Default)]
struct Worker {
    client: Option<Client>,
    writing: Option<JoinHandle<Result<(), CacheError>>>,
    quiet: bool,
}

impl Worker {
    /// Asks every source once. Returns whether a value was accepted, or is fixed.
    async fn round(&mut self, shared: &Shared) -> bool {
        let settings = shared.lock().settings.clone();
        if settings.fixed.is_some() {
            return true;
        }
        let Some(client) = self.client().await else { return false };
        let answers = client.round(&settings.sources, settings.timeout).await;
        let answers =
            answers.into_iter().map(|fetched| (fetched.source, fetched.value.map_err(|error| error.to_string())));
        let answers = answers.collect();
        let verdict = shared.change(|inner| inner.state.observe(answers, Instant::now()));
        self.tell(&verdict);
        let Verdict::Taken(value) = verdict else { return false };
        if let Some(path) = settings.cache {
            let outcome = self.write(path.clone(), value).await;
            shared.change(|inner| note_write(inner, &path, outcome));
        }
        true
    }

    /// Returns the client. If the system has no authorities, it is built again for each round.
    async fn client(&mut self) -> Option<Client> {
        if self.client.as_ref().is_none_or(|client| !client.has_authorities()) {
            // Building it reads files, which blocks.
            self.client = match tokio::task::spawn_blocking(Client::new).await {
                Ok(Ok(client)) => Some(client),
                Ok(Err(error)) => {
                    tracing::error!(error, "the feed cannot ask its sources");
                    None
                }
                Err(_) => None,
            };
        }
        self.client.clone()
    }

    /// Writes the cache on a thread for blocking work: a disk that hangs must not stop the task.
    async fn write(&mut self, path: PathBuf, value: Decimal) -> Result<(), String> {
        let hangs = || Err("the last write has not ended".to_owned());
        if self.writing.as_ref().is_some_and(|writing| !writing.is_finished()) {
            return hangs();
        }
        let writing = self.writing.insert(tokio::task::spawn_blocking(move || cache::write(&path, value)));
        match tokio::time::timeout(WRITE_PATIENCE, writing).await {
            Err(_) => hangs(),
            Ok(outcome) => {
                self.writing = None;
                outcome.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
            }
        }
    }

    /// Logs a round without a value. Further ones are logged at the debug level, until a round has a value again.
    fn tell(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Taken(value) if self.quiet => tracing::info!(%value, "the feed has a value again"),
            Verdict::Taken(_) => {}
            _ if self.quiet => tracing::debug!(%verdict, "the feed has no new value"),
            _ => tracing::warn!(%verdict, "the feed has no new value"),
        }
        self.quiet = !matches!(verdict, Verdict::Taken(_));
    }
}

fn note_write(inner: &mut Inner, path: &std::path::Path, outcome: Result<(), String>) {
    inner.cache_problem = outcome.err().map(|error| {
        tracing::warn!(cache = %path.display(), error, "the feed's cache cannot be written");
        inner.cache_failures = inner.cache_failures.saturating_add(1);
        format!("the cache {} cannot be written: {error}", path.display())
    });
}

/// Returns the time to the next round: the interval, 10 % more or less.
fn pause(interval: Duration, taken: bool, random: u32) -> Duration {
    let interval = if taken { interval } else { interval.min(RETRY) };
    let percent = random.checked_rem(21).unwrap_or(10).saturating_add(90);
    interval.checked_mul(percent).map_or(interval, |sum| sum / 100)
}

/// Returns a random number; 0 if the system has none.
fn random() -> u32 {
    let mut bytes = [0; 4];
    let _ = getrandom(&mut bytes, GetRandomFlags::NONBLOCK);
    u32::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_varies_by_a_tenth_and_is_shorter_after_a_failure() {
        let seconds = |interval, taken, random| pause(Duration::from_secs(interval), taken, random).as_millis();
        assert_eq!(seconds(100, true, 0), 90_000);
        assert_eq!(seconds(100, true, 20), 110_000);
        assert_eq!(seconds(3600, true, 10), 3_600_000);
        assert_eq!(seconds(3600, false, 10), 60_000);
        assert_eq!(seconds(30, false, 10), 30_000);
    }
}
