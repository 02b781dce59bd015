//! The service: an engine, and the limits on who may use it how much.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use pricing_engine::Engine;
use pricing_engine::config::ConfigError;
use pricing_engine::engine::{Active, Answer};
use pricing_engine::metrics::{self, Call, IntakeReading, Readings};
use pricing_host::compile::Compiler;
use pricing_proto::bidprice::v1::{CertificateStatus, StatusResponse};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::certificate::Validity;
use crate::connections::{self, Table};
use crate::gate::{Charge, Gate, Load, Payer};
use crate::intake::Intake;

/// The service. It is cheap to clone, and all clones are the same service.
#[derive(Clone, Debug)]
pub struct Service {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) gate: Gate,
    pub(crate) intake: Intake,
    /// When its own certificate is valid. It is set once the service listens with TLS.
    pub(crate) certificate: OnceLock<Validity>,
    /// The open connections. It is set once the service listens.
    pub(crate) connections: OnceLock<Arc<Table>>,
    /// Cancelled when nothing new is begun any more.
    pub(crate) stopping: CancellationToken,
    /// Permits for reloads: one runs, and one waits.
    pub(crate) reloaders: Arc<Semaphore>,
}

impl Service {
    /// Starts an engine to be served. This must be called within a tokio runtime, which it blocks for a moment.
    ///
    /// # Errors
    /// The errors of [`Engine::start`].
    pub fn start(path: &Path, compiler: Compiler) -> Result<Self, ConfigError> {
        Engine::start(path, compiler).map(Self::new)
    }

    /// Serves an engine. Its owner may continue to use it.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        let inner = Inner {
            gate: Gate::new(&engine.active().loaded.config.limits),
            engine,
            intake: Intake::default(),
            certificate: OnceLock::new(),
            connections: OnceLock::new(),
            stopping: CancellationToken::new(),
            reloaders: Arc::new(Semaphore::new(2)),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Returns the engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// Returns the configuration in use.
    #[must_use]
    pub fn active(&self) -> Arc<Active> {
        self.inner.engine.active()
    }

    /// Estimates the charge for a request of `bytes`.
    pub(crate) fn charge(&self, payer: Payer, bytes: usize, every_set: bool) -> Charge {
        Charge::of(payer, bytes, self.engine().nodes(), every_set, self.active().settings.budget.steps)
    }

    /// Runs `work` on a pricing thread when it is its turn, and answers the call with it.
    ///
    /// # Errors
    /// When the service is overloaded, or the deadline passes first.
    pub(crate) async fn in_turn<R: Send + 'static>(
        &self,
        call: Call,
        deadline: Instant,
        charge: Charge,
        work: impl FnOnce(&Self) -> Result<Answer<R>, Status> + Send + 'static,
    ) -> Result<R, Status> {
        let asked = Instant::now();
        let answered = self.turn(deadline, charge, work).await;
        self.answer(call, asked, answered).await
    }

    /// Runs `work` on a pricing thread when it is its turn.
    ///
    /// # Errors
    /// As [`Self::in_turn`].
    pub(crate) async fn turn<R: Send + 'static>(
        &self,
        deadline: Instant,
        charge: Charge,
        work: impl FnOnce(&Self) -> Result<Answer<R>, Status> + Send + 'static,
    ) -> Result<Answer<R>, Status> {
        let service = self.clone();
        let limits = self.active().loaded.config.limits.clone();
        let work = move || {
            let answer = work(&service);
            let steps = answer.as_ref().map_or(0, |answer| answer.steps);
            (answer, steps)
        };
        self.inner.gate.run(&limits, deadline, charge, work).await.map_err(Status::from).flatten()
    }

    /// Answers a call: waits for its decision to be logged, but not for long, and counts it.
    pub(crate) async fn answer<R>(
        &self,
        call: Call,
        asked: Instant,
        answered: Result<Answer<R>, Status>,
    ) -> Result<R, Status> {
        let answered = match answered {
            Ok(answer) => Ok(answer.when_written().await),
            Err(status) => Err(status),
        };
        self.observe_request(call, asked, answered)
    }

    /// Returns the current load, and counts of what became of the orders so far.
    #[must_use]
    pub fn load(&self) -> Load {
        self.inner.gate.load()
    }

    /// Collects what the engine and the service know for the metrics. They are read only here.
    #[must_use]
    pub fn readings(&self) -> Readings {
        let load = self.load();
        let (intake, connections) = (self.inner.intake.count(), self.connections());
        Readings {
            inflight: whole(load.busy),
            queue: whole(load.waiting),
            intake: IntakeReading {
                connections: whole(connections.open),
                streams: whole(intake.streams),
                buffered_bytes: whole(intake.bytes),
                connections_evicted: connections.evicted,
                streams_evicted: intake.streams_evicted,
                calls_evicted: load.evicted,
            },
            certificate_days: self.inner.certificate.get().map(|certificate| certificate.days_left()),
            refused: vec![
                (metrics::Refusal::Overload, load.overloaded.saturating_add(intake.refused)),
                (metrics::Refusal::Rate, load.over_rate),
                (metrics::Refusal::Deadline, load.late),
                (metrics::Refusal::Connections, connections.refused),
                (metrics::Refusal::Streams, intake.streams_refused),
                (metrics::Refusal::Bytes, intake.bytes_refused),
            ],
            ..self.engine().readings()
        }
    }

    /// Returns the counts of connections, which are zero before the service listens.
    fn connections(&self) -> connections::Count {
        self.inner.connections.get().map(|table| table.count()).unwrap_or_default()
    }

    /// Renders all metrics as text.
    #[must_use]
    pub fn metrics_page(&self) -> String {
        self.engine().metrics().render(&self.readings())
    }

    /// Returns the answer to the `Status` call.
    pub(crate) fn status(&self) -> StatusResponse {
        let certificate = self.inner.certificate.get().copied().map(certificate);
        StatusResponse { certificate, ..pricing_messages::status::status(self.engine().status()) }
    }

    /// Counts a request that was answered or refused.
    fn observe_request<R>(&self, call: Call, asked: Instant, answered: Result<R, Status>) -> Result<R, Status> {
        let metrics = self.engine().metrics();
        metrics.requested(call, asked.elapsed());
        if let Err(status) = &answered {
            if status.code() == Code::InvalidArgument {
                metrics.refused(metrics::Refusal::Invalid);
            }
            tracing::warn!(call = call.name(), code = ?status.code(), error = status.message(), "not answered");
        }
        answered
    }
}

fn certificate(certificate: Validity) -> CertificateStatus {
    CertificateStatus {
        not_before: certificate.from(),
        not_after: certificate.until(),
        days_left: certificate.days_left(),
        problem: certificate.problem(),
    }
}

fn whole(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
