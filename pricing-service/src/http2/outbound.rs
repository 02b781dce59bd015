//! The body of an answer, which is sent as its peer reads it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use h2::SendStream;
use http_body::Body as _;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::HeaderMap;

use crate::intake::Seat;

/// The most bytes of an answer for which capacity is requested at once.
const PIECE: usize = 16 << 10;

/// An answer that is being sent. It holds what was not sent yet, and the call keeps its slot until all of it was.
pub(super) struct Outbound {
    stream: SendStream<Bytes>,
    body: Body,
    /// The unsent rest of the last frame of the body.
    rest: Bytes,
    seat: Option<Arc<Seat>>,
}

impl Outbound {
    pub(super) fn new(stream: SendStream<Bytes>, body: Body, seat: Option<Arc<Seat>>) -> Self {
        Self { stream, body, rest: Bytes::new(), seat }
    }

    /// Sends the answer. If the future is dropped, the rest stays unsent and can be sent later.
    pub(super) async fn send(&mut self) -> Result<(), h2::Error> {
        loop {
            self.send_rest().await?;
            let frame = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx));
            let frame = tokio::select! {
                biased;
                frame = frame => frame,
                // Without this, a caller that leaves a silent stream would not be noticed.
                reset = poll_fn(|cx| self.stream.poll_reset(cx)) => return reset.and_then(|reason| Err(reason.into())),
            };
            match frame {
                None => return self.stream.send_data(Bytes::new(), true),
                Some(Err(status)) => return self.stream.send_trailers(trailers(&status)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap_or_default();
                        return self.stream.send_trailers(trailers);
                    }
                },
            }
        }
    }

    /// Sends the rest of a frame, and never more than the peer's window allows.
    async fn send_rest(&mut self) -> Result<(), h2::Error> {
        while !self.rest.is_empty() {
            self.stream.reserve_capacity(self.rest.len().min(PIECE));
            let capacity = match self.stream.capacity() {
                0 => poll_fn(|cx| self.poll_capacity(cx)).await?,
                capacity => capacity,
            };
            let piece = self.rest.split_to(capacity.min(self.rest.len()));
            if piece.is_empty() {
                continue;
            }
            self.stream.send_data(piece, false)?;
            if let Some(seat) = &self.seat {
                seat.touch();
            }
        }
        Ok(())
    }

    /// Returns the capacity that the peer grants, once it is not zero, or the reason why the peer reset the stream.
    fn poll_capacity(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, h2::Error>> {
        if let Poll::Ready(reset) = self.stream.poll_reset(cx) {
            return Poll::Ready(reset.and_then(|reason| Err(reason.into())));
        }
        let capacity = ready!(self.stream.poll_capacity(cx));
        Poll::Ready(capacity.unwrap_or_else(|| Err(h2::Reason::CANCEL.into())))
    }

    /// Ends the answer with a status. In the middle of a frame, or if that fails, the stream is reset instead.
    pub(super) fn end(mut self, status: &Status) {
        if !self.rest.is_empty() || self.stream.send_trailers(trailers(status)).is_err() {
            self.stream.send_reset(h2::Reason::CANCEL);
        }
    }
}

fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        trailers.clear();
        // The message cannot be the value of a header. It is left out.
        let _ = Status::new(status.code(), "").add_header(&mut trailers);
    }
    trailers
}
