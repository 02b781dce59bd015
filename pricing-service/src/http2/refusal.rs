//! Refuses a call with an answer to its head. What has arrived of its request is discarded.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use h2::RecvStream;
use h2::server::SendResponse;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tonic::Status;
use tonic::codegen::Bytes;

use crate::gate::Refused;

/// The most refused calls that wait at once for the rest of their request. HTTP/2 implementations take many unread
/// requests for an attack, and end the connection with all of its calls.
const PATIENT: usize = 64;

/// How long the rest of a refused request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(1);

/// The most bytes of a refused request that are read and discarded.
const SKIPPED: usize = 64 << 10;

/// Refuses calls. It is cheap to clone.
#[derive(Clone)]
pub(super) struct Refusals {
    patient: Arc<Semaphore>,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { patient: Arc::new(Semaphore::new(PATIENT)) }
    }
}

impl Refusals {
    /// Refuses a call. It is answered at once if all of its request has arrived, as is usual, and otherwise soon.
    pub(super) fn refuse(&self, mut request: RecvStream, respond: SendResponse<Bytes>, refused: Refused) {
        let mut skipped = 0;
        let there = skip(&mut request, &mut skipped, &mut Context::from_waker(Waker::noop()));
        if there.is_ready() {
            return answer(respond, refused);
        }
        let Ok(place) = Arc::clone(&self.patient).try_acquire_owned() else { return answer(respond, refused) };
        tokio::spawn(async move {
            let _place = place;
            let _ = timeout(PATIENCE, poll_fn(|cx| skip(&mut request, &mut skipped, cx))).await;
            answer(respond, refused);
        });
    }
}

/// Reads and discards a request.
fn skip(request: &mut RecvStream, skipped: &mut usize, cx: &mut Context<'_>) -> Poll<()> {
    while *skipped <= SKIPPED {
        match request.poll_data(cx) {
            Poll::Ready(Some(Ok(bytes))) => {
                *skipped = skipped.saturating_add(bytes.len());
                let _ = request.flow_control().release_capacity(bytes.len());
            }
            Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
            Poll::Pending => return Poll::Pending,
        }
    }
    Poll::Ready(())
}

fn answer(mut respond: SendResponse<Bytes>, refused: Refused) {
    // The caller may be gone.
    let _ = respond.send_response(Status::from(refused).into_http::<()>(), true);
}
