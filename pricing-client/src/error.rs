//! Errors of clients and of calls.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use pricing_core::text::Untrusted;
use tonic::{Code, Status, TimeoutExpired};

/// The metadata key that marks a response whose first headers had no status. A service that reports an error sends the
/// status in its first headers.
pub(crate) const BEGAN: &str = "bidprice-client-began";
/// The most characters of a peer's message that are repeated.
const MESSAGE: usize = 1000;

/// Why a client cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The text is not an address.
    #[error("`{address}` is not an address: {message}")]
    Malformed {
        /// The address.
        address: String,
        /// What is wrong with it.
        message: String,
    },
    /// The address has another scheme.
    #[error("`{address}` does not start with `{scheme}://`")]
    Scheme {
        /// The address.
        address: String,
        /// The scheme that is required.
        scheme: &'static str,
    },
    /// A certificate or key cannot be used.
    #[error("`{address}`: the TLS settings cannot be used: {message}")]
    Tls {
        /// The address.
        address: String,
        /// What is wrong with them.
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

/// Why a call has no answer, or which error the service answered with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The connection could not be made, or it broke.
    #[error("the service cannot be reached: {message}")]
    Unreachable {
        /// The cause.
        message: String,
    },
    /// The service did not answer in time.
    #[error("the service did not answer within {after:?}")]
    Deadline {
        /// The deadline.
        after: Duration,
    },
    /// The service has too much to do.
    #[error("the service is overloaded: {message}")]
    Overloaded {
        /// The service's message.
        message: String,
    },
    /// The peer does not speak this service's protocol.
    #[error("the answer is not that of a bidprice service: {message}")]
    Garbled {
        /// What is wrong with the answer.
        message: String,
    },
    /// The service refuses the order. Asking again would not help.
    #[error("the order is refused: {message}")]
    InvalidOrder {
        /// What is wrong with the order, and where.
        message: String,
    },
    /// The service answered with another error.
    #[error("the service answered {code:?}: {message}")]
    Failed {
        /// The gRPC status code.
        code: Code,
        /// The service's message.
        message: String,
    },
}

impl CallError {
    /// Returns whether there was no usable answer. Otherwise the service answered with an error, and that decides.
    #[must_use]
    pub const fn is_silence(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Deadline { .. } | Self::Overloaded { .. } | Self::Garbled { .. } => true,
            Self::InvalidOrder { .. } | Self::Failed { .. } => false,
        }
    }

    /// Converts a gRPC status to an error.
    ///
    /// tonic reports failures of the transport, answers that make no sense, and errors of the service all as a
    /// [`Status`]. They are told apart by the status's cause, by its metadata, and by whether the response had begun,
    /// because a caller may price without the service only if the service did not decide.
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
        // A status from the peer has metadata, at least its `content-type`. tonic made this one up for an answer that
        // makes no sense.
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

/// Returns whether an error of this type is among the causes.
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

/// Writes an error with its causes. Causes that only repeat the end of the text are left out.
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

/// Shortens a peer's text and makes it safe to print.
fn cut(text: &str) -> String {
    format!("{:.MESSAGE$}", Untrusted::new(text))
}
