//! What a call returns, and why it failed.

use std::fmt;

use pricing_messages::calls::InvalidRequest;

/// What a call returns.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// It was answered. A decline and a fault are answers, too.
    Ok = 0,
    /// An argument cannot be used: a null pointer, a length that no object has, a configuration that is refused, a buffer
    /// that is not the library's.
    BadArgument = 1,
    /// The bytes are not a message, or the message is not a request that can be answered.
    BadMessage = 2,
    /// The deadline has passed.
    Deadline = 3,
    /// There are too many calls at once, or the reload needs somebody to accept it. The engine is as it was.
    Refused = 4,
    /// There is no engine with this handle: it was closed, it was never opened, or it belongs to the process that this one
    /// was forked from.
    Closed = 5,
    /// A bug in the library, or the system refused what it needs.
    Internal = 6,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(Code::BadArgument, message)
    }

    pub(crate) fn closed() -> Self {
        Self::new(Code::Closed, "no engine is open under this handle")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<InvalidRequest> for Failure {
    fn from(error: InvalidRequest) -> Self {
        Self::new(Code::BadMessage, error.to_string())
    }
}
