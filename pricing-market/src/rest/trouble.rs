//! Why a node gave no answer that can be used.

use std::time::Duration;

use pricing_http::{HeaderMap, HttpError, StatusCode};

/// Why a node gave no answer that can be used.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It asks to wait, perhaps for so long.
    Busy(Option<Duration>),
    /// Another attempt may succeed.
    Failed(String),
    /// It will not answer this request.
    Refused(StatusCode),
    /// It is not asked any more.
    Aside(String),
}

impl From<HttpError> for Trouble {
    fn from(error: HttpError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Trouble {
    /// Whether another attempt makes no difference.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Aside(_))
    }

    /// Says it for people.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Busy(_) => "it is asked too often (429)".to_owned(),
            Self::Refused(status) => format!("it answers {status}"),
            Self::Failed(why) | Self::Aside(why) => why.clone(),
        }
    }

    /// How long the node asks to wait.
    pub(super) fn wait(&self) -> Option<Duration> {
        if let Self::Busy(wait) = self { *wait } else { None }
    }

    /// What a status says. None if there is an answer.
    pub(super) fn of_status(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        match status {
            _ if status.is_success() => None,
            StatusCode::TOO_MANY_REQUESTS => Some(Self::Busy(retry_after(headers))),
            _ if is_unknown_path(status) || status.is_client_error() => Some(Self::Refused(status)),
            _ => Some(Self::Failed(format!("it answers {status}"))),
        }
    }
}

/// A node does not have the path: a proxy says 404, and a node itself 501.
pub(super) fn is_unknown_path(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::NOT_IMPLEMENTED)
}

/// The header `Retry-After`, if it is a number of seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get("retry-after")?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
