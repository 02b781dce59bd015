//! `QuoteStream`: many orders in one call, answered in the order in which they were sent.
//!
//! A few requests of a stream are in progress at once ([`AT_ONCE`]). Until the oldest of them is answered, no more are
//! read, and flow control stops the peer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use pricing_proto::bidprice::v1::quote_stream_response::Outcome;
use pricing_proto::bidprice::v1::{Error, QuoteRequest, QuoteStreamResponse};
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep_until};
use tokio_stream::Stream;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Status, Streaming};

use super::gate::{Payer, Refused};
use super::http2::{InWork, WithReader};
use super::service::Service;
use pricing_engine::metrics::Call;

/// The most requests of one stream that are in progress behind the oldest one.
const AT_ONCE: usize = 8;

/// The answers of one stream. Dropping it aborts all of its requests.
pub(super) struct Answers {
    pending: mpsc::Receiver<Pending>,
    next: Option<AbortOnDropHandle<QuoteStreamResponse>>,
    deadline: Option<Pin<Box<Sleep>>>,
    ended: bool,
    _reader: AbortOnDropHandle<()>,
}

/// What the stream yields next.
enum Pending {
    /// The answer to a request.
    Answer(AbortOnDropHandle<QuoteStreamResponse>),
    /// The end of the stream, for this reason.
    End(Status),
}

impl Answers {
    /// Begins to read a stream. The deadline, if the caller has named one, is for the whole stream.
    pub(super) fn new(
        service: Service,
        payer: Payer,
        requests: Streaming<QuoteRequest>,
        deadline: Option<Instant>,
        messages: Option<WithReader>,
    ) -> Self {
        let (sender, pending) = mpsc::channel(AT_ONCE);
        let reader = tokio::spawn(read(service, payer, requests, deadline, messages, sender));
        Self {
            pending,
            next: None,
            deadline: deadline.map(|deadline| Box::pin(sleep_until(deadline.into()))),
            ended: false,
            _reader: AbortOnDropHandle::new(reader),
        }
    }
}

/// Reads requests until the stream ends, and begins each of them. It waits for a slot in the channel before each
/// request.
async fn read(
    service: Service,
    payer: Payer,
    mut requests: Streaming<QuoteRequest>,
    deadline: Option<Instant>,
    messages: Option<WithReader>,
    sender: mpsc::Sender<Pending>,
) {
    // The slot is reserved first, so that requests that cannot be begun soon stay with the peer.
    while let Ok(place) = sender.reserve().await {
        let request = tokio::select! {
            biased;
            () = sender.closed() => return,
            () = service.inner.stopping.cancelled() => {
                Err(Status::unavailable("the service is shutting down; ask another one for the missing answers"))
            }
            request = requests.message() => request,
        };
        match request {
            Ok(Some(request)) => {
                let answer = tokio::spawn(answer(
                    service.clone(),
                    payer,
                    request,
                    deadline,
                    messages.as_ref().map(WithReader::take),
                ));
                place.send(Pending::Answer(AbortOnDropHandle::new(answer)));
            }
            Ok(None) => return,
            // After a message that cannot be decoded, the bytes that follow have no meaning.
            Err(status) => return place.send(Pending::End(status)),
        }
    }
}

/// Answers a request. `_message` counts it as in memory until then.
async fn answer(
    service: Service,
    payer: Payer,
    request: QuoteRequest,
    deadline: Option<Instant>,
    _message: Option<InWork>,
) -> QuoteStreamResponse {
    let longest = service.longest();
    let deadline = deadline.map_or(longest, |deadline| deadline.min(longest));
    let outcome = match service.quote_in_turn(Call::QuoteStream, payer, request, deadline).await {
        Ok(response) => Outcome::Response(response),
        Err(status) => error(&status),
    };
    QuoteStreamResponse { outcome: Some(outcome) }
}

fn error(status: &Status) -> Outcome {
    Outcome::Error(Error {
        code: u32::try_from(i32::from(status.code())).unwrap_or_default(),
        message: status.message().to_owned(),
    })
}

impl Stream for Answers {
    type Item = Result<QuoteStreamResponse, Status>;

    // Answers are yielded in the order of their requests: only the oldest one is polled, even if later ones are ready.
    // The deadline comes first, so that a stream ends in time although answers are ready.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        if this.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready()) {
            this.ended = true;
            return Poll::Ready(Some(Err(Refused::Deadline.into())));
        }
        loop {
            if let Some(next) = &mut this.next {
                let answer = ready!(Pin::new(next).poll(cx));
                this.next = None;
                let lost = |_| QuoteStreamResponse { outcome: Some(error(&Refused::Lost.into())) };
                return Poll::Ready(Some(Ok(answer.unwrap_or_else(lost))));
            }
            match ready!(this.pending.poll_recv(cx)) {
                Some(Pending::Answer(answer)) => this.next = Some(answer),
                Some(Pending::End(status)) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(status)));
                }
                None => {
                    this.ended = true;
                    return Poll::Ready(None);
                }
            }
        }
    }
}
