//! A refusal: an answer to the head of a call. What of the request is there by then is let pass.

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

/// Refused calls that are waited for at once, until the rest of their request has come. HTTP/2 takes many requests that
/// nobody reads for an attack, and ends the connection with everybody else's calls on it.
const PATIENT: usize = 64;

/// How long the rest of a refused request may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Bytes of a refused request that are looked at no further.
const SKIPPED: usize = 64 << 10;

/// Refuses calls. Cheap to clone.
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
    /// Refuses a call: at once when all of its request is there, as it nearly always is, and soon when not.
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

/// Lets a request pass by.
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
    // Its caller may be gone.
    let _ = respond.send_response(Status::from(refused).into_http::<()>(), true);
}
