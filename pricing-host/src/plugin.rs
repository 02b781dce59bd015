//! A loaded plugin: its calls, what happens when they fail, and its replacement.

mod alternatives;
mod job;
mod probe;
mod profile;
mod watch;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use pricing_core::quote::plugin::{self, Answer, Draft};
use pricing_core::quote::{FallbackBy, PluginUse, Quote, QuoteRequest, Reason, ReasonCode};

use crate::breaker::BreakerState;
use crate::engine::THREAD_STACK;
use crate::fallback::fall_back;
use crate::fault::Fault;
use crate::inspect::Kind;
use crate::limits::CallLimits;
use crate::load::Origin;
use crate::metrics::{CallEvent, PluginEvent};
use crate::request::Request;
use crate::sandbox::{Sampler, Usage};
use crate::settings::PluginSettings;
use crate::shared::Shared;
use crate::version::Version;

pub use job::{QuoteFuture, QuoteJob, SharedSupply};
pub use profile::{FunctionShare, Profile};
pub(crate) use watch::FileMetadata;
pub use watch::{Refresh, Watcher};

/// A loaded plugin. Cheap to clone; all clones share one plugin.
#[derive(Clone, Debug)]
pub struct Plugin {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    host: Arc<Shared>,
    settings: PluginSettings,
    file: Option<PathBuf>,
    versions: RwLock<Versions>,
    /// What the watched file looked like last. The lock also serialises replacements.
    seen: Mutex<FileMetadata>,
}

#[derive(Clone, Debug)]
struct Versions {
    current: Arc<Version>,
    previous: Option<Arc<Version>>,
}

/// The result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginCall {
    /// The quote that the plugin's answer makes, after checking it and applying the operator's policy, or the fault.
    pub result: Result<Quote, Fault>,
    /// The answer itself, if there is one.
    pub answer: Option<Answer>,
    /// The resources that the call used.
    pub usage: Usage,
}

impl Plugin {
    /// Makes a plugin from a file, with the file's metadata from before it was read.
    pub(crate) fn new(
        host: Arc<Shared>,
        version: Version,
        settings: PluginSettings,
        file: Option<(PathBuf, FileMetadata)>,
    ) -> Self {
        let (file, seen) = file.unzip();
        let seen = Mutex::new(seen.unwrap_or_default());
        let versions = RwLock::new(Versions { current: Arc::new(version), previous: None });
        Self { inner: Arc::new(Inner { host, settings, file, versions, seen }) }
    }

    /// Its name: that of the file, without the extension.
    #[must_use]
    pub fn name(&self) -> String {
        self.current().name.clone()
    }

    /// The digest of the version in use: `sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        self.current().digest.clone()
    }

    /// The digest of the previous version, for [`FallbackBy::LastPlugin`].
    #[must_use]
    pub fn previous_digest(&self) -> Option<String> {
        self.versions().previous.map(|previous| previous.digest.clone())
    }

    /// The bytes of the current or previous version, whichever has this digest. These are the bytes that were loaded,
    /// whatever the file contains now.
    #[must_use]
    pub fn file_of(&self, digest: &str) -> Option<Arc<[u8]>> {
        let Versions { current, previous } = self.versions();
        let mut versions = std::iter::once(current).chain(previous);
        versions.find(|version| version.digest == digest).map(|version| Arc::clone(&version.file))
    }

    /// What kind of plugin it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.current().kind
    }

    /// Where its code came from and, if it was compiled, why it could not be cached.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.current().origin.clone()
    }

    /// How it is run.
    #[must_use]
    pub fn settings(&self) -> &PluginSettings {
        &self.inner.settings
    }

    /// The state of its breaker.
    #[must_use]
    pub fn breaker(&self) -> BreakerState {
        self.current().breaker.state(Instant::now())
    }

    fn versions(&self) -> Versions {
        self.inner.versions.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn current(&self) -> Arc<Version> {
        self.versions().current
    }

    /// Places and prices an order: applies the plugin to the built-in quote.
    ///
    /// If the plugin is not asked (the owner is not served, or the order does not fit), the built-in decline stands. A
    /// plugin that fails is a fault and no bid, unless the settings name a fallback, which the quote then names too.
    ///
    /// `utilisation` must be of the same inventory as `supply`. It is a separate argument so that it is computed once
    /// per snapshot.
    #[must_use]
    pub fn quote(&self, request: &QuoteRequest<'_>) -> Quote {
        match plugin::draft(request) {
            Draft::Settled(quote) => Quote { plugin: Some(plugin_use(&self.current(), None)), ..quote },
            Draft::Open(draft) => self.price(&Request { asked: *request, draft: &draft }),
        }
    }

    /// Prices an order whose built-in quote is known. A call is only started while the budget in the terms is not used
    /// up; once started, it ends by its own deadline.
    #[must_use]
    pub fn price(&self, request: &Request<'_>) -> Quote {
        let versions = self.versions();
        if let Err(reason) = request.asked.terms.check() {
            return Quote { plugin: Some(plugin_use(&versions.current, None)), ..plugin::fault(request.draft, reason) };
        }
        let (result, fuel) = self.ask(&versions.current, request);
        match result {
            Ok(quote) => Quote { plugin: Some(plugin_use(&versions.current, fuel)), ..quote },
            Err(fault) => self.fall_back(&versions, request, fault, fuel),
        }
    }

    /// Calls the plugin once, regardless of its breaker and without a fallback, for tests of a plugin.
    #[must_use]
    pub fn call(&self, request: &Request<'_>) -> PluginCall {
        self.call_version(&self.current(), request)
    }

    /// Calls the plugin once and returns its raw answer: the sandbox alone, for measuring it.
    ///
    /// # Errors
    /// The first part is the fault that the call ended with.
    pub fn answer(&self, request: &Request<'_>) -> (Result<Answer, Fault>, Usage) {
        answer(&self.current(), &self.inner.settings.limits, request, None)
    }

    /// Calls a version, if its breaker admits the call. Returns the result and the fuel that was used.
    fn ask(&self, version: &Version, request: &Request<'_>) -> (Result<Quote, Fault>, Option<u64>) {
        match self.call_admitted(version, request) {
            Ok(called) => (called.result, called.usage.fuel),
            Err(fault) => (Err(fault), None),
        }
    }

    /// Calls a version, unless its breaker is open, which is a fault.
    fn call_admitted(&self, version: &Version, request: &Request<'_>) -> Result<PluginCall, Fault> {
        version.breaker.admit(Instant::now())?;
        let called = self.call_version(version, request);
        if version.breaker.record(called.result.as_ref().map(|_| ()), Instant::now()) {
            self.tell(PluginEvent::BreakerOpened);
        }
        Ok(called)
    }

    fn fall_back(&self, versions: &Versions, request: &Request<'_>, fault: Fault, fuel: Option<u64>) -> Quote {
        let reason = Reason::from(fault);
        let stand_in = match self.inner.settings.fallback {
            None => None,
            Some(by @ FallbackBy::Builtin) => Some((by, request.draft.clone())),
            Some(by @ FallbackBy::LastPlugin) => versions
                .previous
                .as_ref()
                .and_then(|previous| self.ask(previous, request).0.ok())
                .map(|quote| (by, quote)),
        };
        fall_back(request.draft, plugin_use(&versions.current, fuel), reason, stand_in)
    }

    fn call_version(&self, version: &Version, request: &Request<'_>) -> PluginCall {
        let called = call(version, &self.inner.settings.limits, request);
        self.inner.host.metrics.call(&CallEvent {
            plugin: &version.name,
            digest: &version.digest,
            fault: called.result.as_ref().err().map(|fault| fault.code),
            time: called.usage.time,
            queued: called.usage.queued,
            fuel: called.usage.fuel,
            memory_bytes: called.usage.memory_bytes,
        });
        called
    }

    fn tell(&self, event: PluginEvent<'_>) {
        self.inner.host.metrics.plugin(&self.current().name, event);
    }
}

/// Calls a version on a thread with a large enough stack, and decides by its answer.
fn call(version: &Version, limits: &CallLimits, request: &Request<'_>) -> PluginCall {
    call_sampled(version, limits, request, None)
}

/// Calls a version, and samples its stack whenever the engine's epoch advances.
fn call_sampled(
    version: &Version,
    limits: &CallLimits,
    request: &Request<'_>,
    sampler: Option<&Arc<Sampler>>,
) -> PluginCall {
    let (answer, usage) = answer(version, limits, request, sampler);
    let result = answer.as_ref().map_err(Clone::clone).and_then(|answer| {
        let quote = plugin::decide(&request.asked, request.draft, answer);
        match quote.reason() {
            Some(reason) if is_plugins(reason.code, request) => Err(Fault::new(reason.code, reason.message.clone())),
            _ => Ok(quote),
        }
    });
    PluginCall { result, answer: answer.ok(), usage }
}

/// The raw answer of a version.
fn answer(
    version: &Version,
    limits: &CallLimits,
    request: &Request<'_>,
    sampler: Option<&Arc<Sampler>>,
) -> (Result<Answer, Fault>, Usage) {
    let prepared = version.program.prepare(request, limits);
    let run = || {
        version.sandbox.run(limits, |store, phase| {
            store.data_mut().sampler = sampler.cloned();
            prepared.call(store, phase)
        })
    };
    stacker::maybe_grow(THREAD_STACK, THREAD_STACK.saturating_mul(2), run)
}

/// Whether a reason is the plugin's own failure. A number that overflows is, unless the built-in pricer had the same
/// fault before.
fn is_plugins(code: ReasonCode, request: &Request<'_>) -> bool {
    match code {
        ReasonCode::InvalidOutput => true,
        ReasonCode::ArithmeticOverflow => request.draft.reason().is_none_or(|reason| reason.code != code),
        _ => false,
    }
}

fn plugin_use(version: &Version, fuel: Option<u64>) -> PluginUse {
    PluginUse { name: version.name.clone(), digest: version.digest.clone(), fuel, fallback: None }
}
