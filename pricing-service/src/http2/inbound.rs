//! The body of a request, as its reader receives it: in whole messages.
//!
//! A gRPC message is handed to the reader only once all of it has arrived, and its weight is counted while it is in
//! memory. If it does not arrive in time, or does not fit into memory, the body ends with an error. The peer's
//! flow-control window is reopened only for bytes that were counted.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use h2::RecvStream;
use http_body::{Body, Frame};
use prost::bytes::{Buf as _, Bytes, BytesMut};
use tokio::time::{Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::Status;

use super::weight::{TextAt, weight};
use crate::gate;
use crate::intake::{Held, Seat, Work};

/// The prefix of a gRPC message: a flag, and the length in four bytes.
const HEAD: usize = 5;

/// A request that is being received.
pub(super) struct Inbound {
    stream: RecvStream,
    /// What has arrived but was not handed to the reader yet.
    buffer: BytesMut,
    /// The memory of `buffer` and, in a call with one message, of what was handed to the reader.
    held: Arc<Held>,
    /// The weight of what was handed to the reader, in a call with one message.
    read: usize,
    /// The memory of the messages that the reader of a stream has.
    with_reader: Option<WithReader>,
    text: TextAt,
    /// The most bytes of a message. The reader refuses a message that claims to be larger.
    most: usize,
    seat: Option<Arc<Seat>>,
    call: Option<Arc<gate::Call>>,
    /// Completes when the call is over. A reader in a task of its own does not notice that otherwise, and the HTTP/2
    /// stream stays open for as long as it holds the request.
    over: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// How long a message may take to arrive.
    /// When the message that is arriving must be complete.
    patience: Duration,
    until: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// The memory of the messages that the reader of a stream has received, oldest first. A message that is taken from the
/// stream takes its memory along.
#[derive(Clone, Debug)]
pub(crate) struct WithReader {
    messages: Arc<Mutex<VecDeque<Held>>>,
    seat: Arc<Seat>,
}

/// A message of a stream that is being answered. Until this is dropped, the message is counted and its stream is not
/// idle.
#[derive(Debug)]
pub(crate) struct InWork {
    _memory: Option<Held>,
    _work: Work,
}

impl WithReader {
    pub(super) fn new(seat: &Arc<Seat>) -> Self {
        Self { messages: Arc::default(), seat: Arc::clone(seat) }
    }

    /// Begins the work on the oldest message that was handed to the reader.
    pub(crate) fn take(&self) -> InWork {
        let memory = self.messages.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        InWork { _memory: memory, _work: self.seat.work() }
    }

    /// Adds the memory of one more message. The reader is at most one message ahead.
    fn put(&self, held: Held) {
        let mut all = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back(held);
        if all.len() > 2 {
            all.pop_front();
        }
    }
}

impl Inbound {
    /// Creates the request of a call with one message. It is counted until the call was answered.
    pub(super) fn one(stream: RecvStream, held: Arc<Held>, text: TextAt, most: usize, patience: Duration) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            held,
            read: 0,
            with_reader: None,
            text,
            most,
            seat: None,
            call: None,
            over: None,
            patience,
            until: Instant::now().checked_add(patience),
            timer: None,
        }
    }

    /// Turns this into the request of a stream.
    pub(super) fn many(self, seat: Arc<Seat>, with_reader: WithReader) -> Self {
        let over = Some(Box::pin(seat.over()));
        Self { with_reader: Some(with_reader), seat: Some(seat), over, until: None, ..self }
    }

    /// Turns this into the request of a call that prices one order.
    pub(super) fn priced(self, call: Arc<gate::Call>) -> Self {
        Self { call: Some(call), ..self }
    }

    /// Records that the whole request has arrived.
    fn read_all(&self) {
        if let Some(call) = &self.call {
            call.read();
        }
    }

    /// Returns the length of the message that is arriving, with its prefix.
    fn length(&self) -> Option<usize> {
        let length =
            self.buffer.get(1..HEAD).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(u32::from_be_bytes)?;
        usize::try_from(length).ok()?.checked_add(HEAD)
    }

    /// Returns the next message if all of it has arrived.
    ///
    /// A message that is too large is handed over incomplete. The reader decodes its length, and refuses it.
    fn whole(&mut self) -> Option<Result<Bytes, Status>> {
        let length = self.length()?;
        if length.saturating_sub(HEAD) > self.most {
            return Some(Ok(self.buffer.split().freeze()));
        }
        if length > self.buffer.len() {
            return None;
        }
        let message = self.buffer.split_to(length).freeze();
        let weight = weight(message.get(HEAD..).unwrap_or_default(), self.text);
        let counted = match &self.with_reader {
            None => {
                self.read = self.read.saturating_add(weight);
                self.read_all();
                self.held.set(self.read.saturating_add(self.buffer.len()))
            }
            Some(with_reader) => {
                let held = self.held.another();
                let counted = held.set(weight).and_then(|()| self.held.set(self.buffer.len()));
                with_reader.put(held);
                // Each message of a stream has the full time to arrive.
                (self.until, self.timer) = (None, None);
                counted
            }
        };
        Some(counted.map(|()| message).map_err(Status::from))
    }

    /// Takes bytes from the peer, counts them, and lets the peer send as many again.
    fn take(&mut self, data: &Bytes) -> Result<(), Status> {
        self.buffer.extend_from_slice(data);
        self.held.set(self.read.saturating_add(self.buffer.len())).map_err(Status::from)?;
        if self.until.is_none() {
            self.until = Instant::now().checked_add(self.patience);
        }
        if let Some(seat) = &self.seat {
            seat.touch();
        }
        // The peer may send as many bytes again.
        let _ = self.stream.flow_control().release_capacity(data.len());
        Ok(())
    }

    /// Waits for the rest of a message until its time is up.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(until) = self.until else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until.into())));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(Status::deadline_exceeded("the request did not arrive in time"))))
    }
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.over.as_mut().is_some_and(|over| over.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Some(Err(Status::cancelled("the call is over"))));
        }
        loop {
            if let Some(whole) = self.whole() {
                return Poll::Ready(Some(whole.map(Frame::data)));
            }
            match self.stream.poll_data(cx) {
                Poll::Pending => return self.wait(cx),
                Poll::Ready(Some(Ok(data))) => self.take(&data)?,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(Status::cancelled(error.to_string())))),
                // The reader refuses an incomplete message.
                Poll::Ready(None) if self.buffer.has_remaining() => {
                    let rest = self.buffer.split().freeze();
                    return Poll::Ready(Some(Ok(Frame::data(rest))));
                }
                Poll::Ready(None) => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.buffer.is_empty() && self.stream.is_end_stream()
    }
}
