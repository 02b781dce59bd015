//! Why there is no answer, or which.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use pricing_core::text::Untrusted;
use tonic::{Code, Status, TimeoutExpired};

/// Marks the metadata of a response that began as an answer: a service that answers with an error sends nothing before.
pub(crate) const BEGAN: &str = "bidprice-client-began";
/// The most characters of a peer's message that are repeated.
const MESSAGE: usize = 1000;

/// Why a client cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no address.
    #[error("`{address}` is no address: {message}")]
    Malformed {
        /// The address.
        address: String,
        /// Why.
        message: String,
    },
    /// It has another scheme.
    #[error("`{address}` does not start with `{scheme}://`")]
    Scheme {
        /// The address.
        address: String,
        /// The scheme that is wanted.
        scheme: &'static str,
    },
    /// A certificate or key cannot be used.
    #[error("`{address}`: the TLS settings cannot be used: {message}")]
    Tls {
        /// The address.
        address: String,
        /// Why.
        message: String,
    },
}

impl AddressError {
    pub(crate) fn malformed(address: &str, error: &dyn Error) -> Self {
        Self::Malformed { address: address.to_owned(), message: chain(error) }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls(address: &str, error: &dyn Error) -> Self {
        Self::Tls { address: address.to_owned(), message: chain(error) }
    }
}

/// Why a call has no answer, or what the service answered instead of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody is there, or who was there went away.
    #[error("the service cannot be reached: {message}")]
    Unreachable {
        /// Why.
        message: String,
    },
    /// Nobody answered in time.
    #[error("the service did not answer within {after:?}")]
    Deadline {
        /// The deadline.
        after: Duration,
    },
    /// The service has too much to do.
    #[error("the service is overloaded: {message}")]
    Overloaded {
        /// What it said.
        message: String,
    },
    /// Who answered does not speak as this service does.
    #[error("what answered is no bidprice service: {message}")]
    Garbled {
        /// What is wrong with the answer.
        message: String,
    },
    /// The service refuses the order: asking again would not help.
    #[error("the order is refused: {message}")]
    InvalidOrder {
        /// What is wrong with it, and where.
        message: String,
    },
    /// The service answered with another error.
    #[error("the service answered {code:?}: {message}")]
    Failed {
        /// The gRPC status code.
        code: Code,
        /// What it said.
        message: String,
    },
}

impl CallError {
    /// Whether nobody answered. Otherwise the service has spoken, and its answer is no.
    #[must_use]
    pub const fn is_silence(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Deadline { .. } | Self::Overloaded { .. } | Self::Garbled { .. } => true,
            Self::InvalidOrder { .. } | Self::Failed { .. } => false,
        }
    }

    /// What a status means.
    pub(crate) fn of(status: &Status, after: Duration) -> Self {
        if has::<TimeoutExpired>(status) {
            return Self::Deadline { after };
        }
        if let Some(error) = status.source() {
            let message = chain(error);
            return match has::<io::Error>(status) || status.code() == Code::Unavailable {
                true => Self::Unreachable { message },
                false => Self::Garbled { message },
            };
        }
        let message = cut(status.message());
        // A status that came over the wire brought headers along, `content-type` at least. Without any it was made up
        // here, of an answer that makes no sense.
        if status.metadata().is_empty() {
            return Self::Garbled { message };
        }
        let names_a_state = matches!(
            status.code(),
            Code::DeadlineExceeded | Code::Cancelled | Code::ResourceExhausted | Code::Unavailable
        );
        if status.metadata().contains_key(BEGAN) && !names_a_state {
            return Self::Garbled { message };
        }
        match status.code() {
            Code::DeadlineExceeded | Code::Cancelled => Self::Deadline { after },
            Code::ResourceExhausted => Self::Overloaded { message },
            Code::Unavailable => Self::Unreachable { message },
            Code::Unimplemented => Self::Garbled { message },
            Code::InvalidArgument | Code::OutOfRange => Self::InvalidOrder { message },
            code => Self::Failed { code, message },
        }
    }
}

/// Whether an error of a kind is among the causes.
fn has<E: Error + 'static>(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<E>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An error with its causes. What only repeats the cause before it is left out.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.ends_with(&words) {
            let _ = write!(text, ": {words}");
        }
        cause = error.source();
    }
    cut(&text)
}

/// A peer's text, made short and safe to print.
fn cut(text: &str) -> String {
    format!("{:.MESSAGE$}", Untrusted::new(text))
}
