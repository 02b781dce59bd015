//! Faults: every way in which a plugin can fail, as one code of the contract.

use pricing_core::quote::{Reason, ReasonCode};

/// Why a call gave no answer, or a plugin was not loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Fault {
    /// The code; always a fault's.
    pub code: ReasonCode,
    /// What happened, in the author's terms.
    pub message: String,
    /// Where in the guest, innermost first; empty unless the host was told to look.
    pub backtrace: Vec<String>,
}

impl Fault {
    /// A fault without a backtrace.
    pub fn new(code: ReasonCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), backtrace: Vec::new() }
    }

    /// A file that is no plugin, or none that may run here.
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::new(ReasonCode::LoadRejected, message)
    }
}

impl From<Fault> for Reason {
    fn from(fault: Fault) -> Self {
        Self::new(fault.code, fault.message)
    }
}
