//! Faults: every way in which a plugin can fail, each with a documented code.

use pricing_core::quote::{Reason, ReasonCode};

/// Why a call has no answer, or a plugin was not loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Fault {
    /// The code, which is always a fault.
    pub code: ReasonCode,
    /// What happened, in the author's terms.
    pub message: String,
    /// The guest's stack frames, innermost first. Empty unless the host is configured to collect them.
    pub backtrace: Vec<String>,
}

impl Fault {
    /// A fault without a backtrace.
    pub fn new(code: ReasonCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), backtrace: Vec::new() }
    }

    /// A file that is not a plugin, or may not run here.
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::new(ReasonCode::LoadRejected, message)
    }
}

impl From<Fault> for Reason {
    fn from(fault: Fault) -> Self {
        Self::new(fault.code, fault.message)
    }
}
