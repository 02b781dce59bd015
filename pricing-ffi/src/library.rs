//! An open engine with its threads, and the calls of `bidprice.v1` on it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pricing_engine::Engine;
use pricing_engine::config::{self, ConfigSource};
use pricing_engine::engine::Answer;
use pricing_engine::inventory::Availability;
use pricing_engine::metrics::{Call, Readings, Refusal};
use pricing_engine::telemetry::{self, Telemetry};
use pricing_host::compile::Compiler;
use pricing_messages::calls::{self, InvalidRequest};
use pricing_messages::status;
use pricing_panics::catch;
use pricing_proto::bidprice::v1::{ReleaseRequest, ReloadRequest};
use prost::Message;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

use crate::code::{Code, Failure};
use crate::turnstile::Turnstile;

/// The threads that keep the inventory, the feed and the configuration up to date. They hardly work: orders are priced
/// on the threads that call.
const THREADS: usize = 2;

/// How long an engine waits for its first inventory when it is opened.
const FIRST_INVENTORY: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);

/// How long work in the background may take to end.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// What writes the engine's log lines to the process's standard error, once an engine was opened. None if the process
/// has a subscriber of its own.
static TELEMETRY: Mutex<Option<Telemetry>> = Mutex::new(None);

/// Asks the engine: with a request, and when it must be answered.
type Ask<Q, A> = fn(&Engine, Q, Instant) -> Result<Answer<A>, InvalidRequest>;

/// An open engine.
pub(crate) struct Library {
    engine: Engine,
    /// Taken when the engine is closed.
    runtime: Mutex<Option<Runtime>>,
    handle: tokio::runtime::Handle,
    /// Ends the tasks in the background.
    stop: CancellationToken,
    turnstile: Turnstile,
    /// Serialises reloads.
    reloading: Mutex<()>,
    last_error: Mutex<String>,
}

impl Library {
    /// Starts an engine.
    ///
    /// # Errors
    /// When the configuration is refused, or the system has no threads for it.
    pub(crate) fn open(source: ConfigSource) -> Result<Self, Failure> {
        let refused = |error: config::ConfigError| Failure::argument(error.to_string());
        let loaded = config::load_files(&config::Files::read(&source)).map_err(refused)?;
        install_telemetry(&loaded.config.tracing);
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).thread_name("bidprice").enable_all().build();
        let runtime =
            runtime.map_err(|error| Failure::new(Code::Internal, format!("there are no threads: {error}")))?;
        let engine = {
            let _within = runtime.enter();
            Engine::start(source, Compiler::InProcess).map_err(refused)?
        };
        let stop = CancellationToken::new();
        await_inventory(&engine);
        runtime.spawn(engine.clone().watch(None, stop.clone()));
        runtime.spawn(engine.clone().tune(stop.clone()));
        Ok(Self {
            engine,
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            stop,
            turnstile: Turnstile::default(),
            reloading: Mutex::default(),
            last_error: Mutex::default(),
        })
    }

    /// The message of the last failure.
    pub(crate) fn last_error(&self) -> &Mutex<String> {
        &self.last_error
    }

    /// Prices an order.
    pub(crate) fn quote(self: &Arc<Self>, request: &[u8], timeout: Option<Duration>) -> Result<Vec<u8>, Failure> {
        self.answer(Call::Quote, request, timeout, |engine, request, deadline| {
            calls::quote(engine, Call::Quote, request, deadline)
        })
    }

    /// Screens an order.
    pub(crate) fn screen(self: &Arc<Self>, request: &[u8], timeout: Option<Duration>) -> Result<Vec<u8>, Failure> {
        self.answer(Call::Screen, request, timeout, calls::screen)
    }

    /// Answers a request when it is its turn.
    fn answer<Q: Message + Default + 'static, A: Message + 'static>(
        self: &Arc<Self>,
        call: Call,
        request: &[u8],
        timeout: Option<Duration>,
        ask: Ask<Q, A>,
    ) -> Result<Vec<u8>, Failure> {
        let asked = Instant::now();
        let deadline = self.deadline(asked, timeout);
        let answered = self.message(request).and_then(|request| self.answer_until(deadline, request, ask));
        let metrics = self.engine.metrics();
        metrics.requested(call, asked.elapsed());
        if let Err(failure) = &answered {
            if failure.code == Code::BadMessage {
                metrics.refused(Refusal::Invalid);
            }
            tracing::warn!(call = call.name(), code = ?failure.code, error = failure.message, "not answered");
        }
        Ok(answered?.encode_to_vec())
    }

    /// Answers a request before its deadline. The built-in pricer looks at the clock by itself, so it runs on the calling
    /// thread. A plugin has a deadline of its own, which may be later, so it runs on another one.
    fn answer_until<Q: Send + 'static, A: Send + 'static>(
        self: &Arc<Self>,
        deadline: Instant,
        request: Q,
        ask: Ask<Q, A>,
    ) -> Result<A, Failure> {
        let answered = if self.engine.active().plugin.is_none() {
            let answer = self.answer_in_turn(deadline, request, ask)?;
            self.handle.block_on(answer.when_written())
        } else {
            let library = Arc::clone(self);
            let work = move || catch(|| library.answer_in_turn(deadline, request, ask));
            let work = self.handle.spawn_blocking(work);
            let in_time = async {
                let answered = timeout_at(deadline.into(), work).await.ok()?;
                let answered = answered.map_err(|error| error.to_string());
                Some(match answered.and_then(|caught| caught.map_err(|panic| panic.to_string())) {
                    Ok(Ok(answer)) => Ok(answer.when_written().await),
                    Ok(Err(failure)) => Err(failure),
                    Err(message) => Err(Failure::new(Code::Internal, message)),
                })
            };
            match self.handle.block_on(in_time) {
                Some(answered) => answered?,
                None => {
                    self.turnstile.count_late();
                    return Err(late());
                }
            }
        };
        if Instant::now() >= deadline {
            self.turnstile.count_late();
            return Err(late());
        }
        Ok(answered)
    }

    fn answer_in_turn<Q, A>(&self, deadline: Instant, request: Q, ask: Ask<Q, A>) -> Result<Answer<A>, Failure> {
        let active = self.engine.active();
        let limits = &active.loaded.config.limits;
        let _turn = self.turnstile.enter(limits.concurrency.unwrap_or_else(cores), limits.queue, deadline)?;
        Ok(ask(&self.engine, request, deadline)?)
    }

    /// When a call that begins now must be answered: after its own timeout, but no later than `limits.deadline`.
    fn deadline(&self, now: Instant, timeout: Option<Duration>) -> Instant {
        let longest = self.engine.active().loaded.config.limits.deadline.get();
        now.checked_add(timeout.unwrap_or(longest).min(longest)).unwrap_or(now)
    }

    /// Releases the capacity that is held for an order.
    pub(crate) fn release(&self, request: &[u8]) -> Result<Vec<u8>, Failure> {
        let request: ReleaseRequest = self.message(request)?;
        Ok(calls::release(&self.engine, request)?.encode_to_vec())
    }

    /// Reads the configuration again. Blocks until its files have settled.
    pub(crate) fn reload(&self, request: &[u8]) -> Result<Vec<u8>, Failure> {
        let request: ReloadRequest = self.message(request)?;
        let accepted = calls::accepted(&request)?;
        let _one_at_a_time = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let reloaded = calls::reload(&self.engine, accepted);
        reloaded.map(|answer| answer.encode_to_vec()).map_err(|error| Failure::new(Code::Refused, error.to_string()))
    }

    /// What the engine prices with at the moment, and its health.
    pub(crate) fn status(&self) -> Vec<u8> {
        status::status(self.engine.status()).encode_to_vec()
    }

    /// The metrics, as Prometheus reads them.
    pub(crate) fn metrics(&self) -> String {
        let count = self.turnstile.count();
        let whole = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let readings = Readings {
            inflight: whole(count.running),
            queue: whole(count.waiting),
            refused: vec![(Refusal::Overload, count.refused), (Refusal::Deadline, count.late)],
            ..self.engine.readings()
        };
        self.engine.metrics().render(&readings)
    }

    fn message<Q: Message + Default>(&self, bytes: &[u8]) -> Result<Q, Failure> {
        let most = self.engine.active().loaded.config.limits.request_bytes;
        if bytes.len() > most {
            let message = format!("the request has {} bytes; `limits.request_bytes` is {most}", bytes.len());
            return Err(Failure::new(Code::BadMessage, message));
        }
        let malformed = |error: prost::DecodeError| Failure::new(Code::BadMessage, format!("not a message: {error}"));
        Q::decode(bytes).map_err(malformed)
    }

    /// Lets the calls that are running end, within `limits.drain`, and stops everything else.
    pub(crate) fn close(&self) {
        let drain = self.engine.active().loaded.config.limits.drain.get();
        self.turnstile.close(drain);
        self.stop.cancel();
        self.engine.shutdown();
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_timeout(LAST_WAIT);
        }
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").finish_non_exhaustive()
    }
}

/// Waits until the inventory has sent its first snapshot, so that the first order can be placed, but not for long: what
/// sends none is a fault of the quotes, and an engine without it opens.
fn await_inventory(engine: &Engine) {
    let start = Instant::now();
    let is_awaited = || matches!(engine.live(Instant::now()).availability, Availability::Unusable(_));
    while is_awaited() && start.elapsed() < FIRST_INVENTORY {
        thread::sleep(POLL);
    }
}

fn late() -> Failure {
    Failure::new(Code::Deadline, "the deadline has passed")
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Writes log lines as the first engine's section `tracing` says. A process that has a subscriber keeps its own.
fn install_telemetry(config: &config::Tracing) {
    let mut telemetry = TELEMETRY.lock().unwrap_or_else(PoisonError::into_inner);
    if telemetry.is_none() {
        *telemetry = telemetry::install(config).ok();
    }
}
