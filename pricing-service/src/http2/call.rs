//! One call that was let in, from its head to the end of its answer.

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

/// How long after its deadline a caller may take to read an answer that was in time.
const TAKEN: Duration = Duration::from_secs(5);

/// A call that was let in.
pub(super) struct Call {
    kind: Kind,
    deadline: Instant,
    /// How long a message of its request may take to come.
    patience: Duration,
    /// How large its request may be.
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

    /// Has it answered, and hands the answer over as the caller takes it.
    pub(super) async fn run(self, mut routes: Routes, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        let request = self.request(request);
        let answered = tokio::select! {
            biased;
            answered = timeout_at(self.deadline.into(), routes.call(request)) => answered,
            // The caller gave up: what was begun for it is dropped with this.
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
        // An error is that the caller is gone, or its connection.
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

    /// Whether the answer would come after its deadline. A stream has its answers' own.
    fn is_late(&self) -> bool {
        !self.kind.lasts() && Instant::now() > self.deadline
    }

    /// Says of a request that was too large which limit that was. The decoder calls it out of range; nothing else here
    /// does.
    fn too_large(&self, response: Response<Body>) -> Response<Body> {
        let status = Status::from_header_map(response.headers());
        if status.is_none_or(|status| status.code() != Code::OutOfRange) {
            return response;
        }
        let most = self.most;
        Status::resource_exhausted(format!("the request is larger than the {most} bytes of `limits.request_bytes`"))
            .into_http()
    }

    async fn hand_over(&self, mut answer: Outbound) {
        let ended = tokio::select! {
            biased;
            // Either it is sent, or nobody is there to take it.
            _ = answer.send() => return,
            status = self.ended() => status,
        };
        answer.end(&ended);
    }

    /// Is ready when the call waits for its peer and makes room for another.
    async fn evicted(&self) {
        match self.pass.call() {
            Some(call) => call.evicted().await,
            None => std::future::pending().await,
        }
    }

    /// Waits until the call has to end although its answer is not sent yet.
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
        // The others hear of the end by themselves, and have something to say before.
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
