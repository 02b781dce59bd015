//! One admitted call, from its head to the end of its answer.
//!
//! The call is routed, and its answer is awaited until the deadline, until the peer resets the stream, or until the
//! call is evicted. The answer is then sent as the peer reads it. The call keeps its slot and its bytes until the
//! answer was read or given up.

use std::future::poll_fn;
use std::time::{Duration, Instant};

use h2::RecvStream;
use h2::server::SendResponse;
use tokio::time::{sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::{Request, Response};
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::Service as _;

use super::inbound::{Inbound, WithReader};
use super::outbound::Outbound;
use super::weight::TextAt;
use crate::connections::Open;
use crate::deadline::Deadline;
use crate::gate::Refused;
use crate::intake::{Kind, Pass};
use pricing_engine::config::Limits;

/// How long after the deadline a caller may take to read an answer that was in time.
const TAKEN: Duration = Duration::from_secs(5);

/// An admitted call.
pub(super) struct Call {
    kind: Kind,
    deadline: Instant,
    /// How long one message of the request may take to arrive.
    patience: Duration,
    /// The most bytes that the request may have.
    most: usize,
    stopping: CancellationToken,
    pass: Pass,
    _open: Open,
}

impl Call {
    pub(super) fn new(
        kind: Kind,
        deadline: Instant,
        limits: &Limits,
        pass: Pass,
        open: Open,
        stopping: CancellationToken,
    ) -> Self {
        let (patience, most) = (limits.deadline.get(), limits.request_bytes);
        Self { kind, deadline, patience, most, stopping, pass, _open: open }
    }

    /// Has the call answered, and sends the answer as the peer reads it.
    pub(super) async fn run(self, mut routes: Routes, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        let request = self.request(request);
        let answered = tokio::select! {
            biased;
            answered = timeout_at(self.deadline.into(), routes.call(request)) => answered,
            // The caller gave up. Returning drops what was begun for it.
            _ = poll_fn(|cx| respond.poll_reset(cx)) => return,
            () = self.evicted() => Ok(Ok(evicted().into_http())),
        };
        let response = match answered {
            Ok(Ok(response)) if !self.is_late() => self.too_large(response),
            Ok(Ok(_)) | Err(_) => Status::from(Refused::Deadline).into_http(),
        };
        if let Some(call) = self.pass.call() {
            call.answered();
        }
        let (head, body) = response.into_parts();
        let whole = http_body::Body::is_end_stream(&body);
        // An error means that the caller or its connection is gone.
        let Ok(stream) = respond.send_response(Response::from_parts(head, ()), whole) else { return };
        if !whole {
            self.hand_over(Outbound::new(stream, body, self.pass.seat().cloned())).await;
        }
    }

    fn request(&self, request: Request<RecvStream>) -> Request<Inbound> {
        let text = TextAt::of(request.uri().path());
        let held = self.pass.bytes().clone();
        let mut request = request.map(|stream| Inbound::one(stream, held, text, self.most, self.patience));
        if let Some(seat) = self.pass.seat() {
            let with_reader = WithReader::new(seat);
            request.extensions_mut().insert(with_reader.clone());
            request = request.map(|inbound| inbound.many(seat.clone(), with_reader));
        }
        if let Some(call) = self.pass.call() {
            request = request.map(|inbound| inbound.priced(call.clone()));
        }
        request.extensions_mut().insert(Deadline(self.deadline));
        request
    }

    /// Returns whether the deadline has passed. Each answer of a stream has a deadline of its own.
    fn is_late(&self) -> bool {
        !self.kind.lasts() && Instant::now() > self.deadline
    }

    /// Names the limit if the request was too large. tonic's decoder reports that as `OUT_OF_RANGE`, and nothing else
    /// here uses that code.
    fn too_large(&self, response: Response<Body>) -> Response<Body> {
        let status = Status::from_header_map(response.headers());
        if status.is_none_or(|status| status.code() != Code::OutOfRange) {
            return response;
        }
        let most = self.most;
        Status::resource_exhausted(format!("the request is larger than the {most} bytes of `limits.request_bytes`"))
            .into_http()
    }

    /// Sends the body of the answer, or ends the call early with a status.
    async fn hand_over(&self, mut answer: Outbound) {
        let ended = tokio::select! {
            biased;
            // Either it was sent, or nobody is there to read it.
            _ = answer.send() => return,
            status = self.ended() => status,
        };
        answer.end(&ended);
    }

    /// Completes when the call waits for its peer and has to make room for another.
    async fn evicted(&self) {
        match self.pass.call() {
            Some(call) => call.evicted().await,
            None => std::future::pending().await,
        }
    }

    /// Waits until the call has to end before its answer was sent.
    async fn ended(&self) -> Status {
        let Some(seat) = self.pass.seat() else {
            let until = self.deadline.checked_add(TAKEN).unwrap_or(self.deadline);
            return tokio::select! {
                () = self.evicted() => evicted(),
                () = sleep_until(until.into()) => Refused::Deadline.into(),
            };
        };
        let silent = async {
            let Some(silence) = self.kind.silence() else { return std::future::pending().await };
            while let Some(left) = silence.checked_sub(seat.silent()).filter(|left| !left.is_zero()) {
                sleep(left).await;
            }
        };
        // Other streams watch for the shutdown themselves, and send something before they end.
        let stopped = async {
            if self.kind == Kind::Reflection {
                return self.stopping.cancelled().await;
            }
            std::future::pending().await
        };
        tokio::select! {
            () = seat.evicted() => Status::resource_exhausted("the stream was idle, and makes room for another"),
            () = silent => Status::deadline_exceeded("the stream was silent for too long"),
            () = stopped => Status::unavailable("the service is shutting down"),
        }
    }
}

fn evicted() -> Status {
    Status::resource_exhausted("the call waited for its caller, and makes room for another")
}
