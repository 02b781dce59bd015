//! The request of a call, as its reader gets it: whole messages, counted while they are in memory, and there in time or
//! not at all.

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

/// The head of a message in gRPC: a flag, and the length as four bytes.
const HEAD: usize = 5;

/// A request on its way in.
pub(super) struct Inbound {
    stream: RecvStream,
    /// What of it is here, and not with the reader yet.
    buffer: BytesMut,
    /// The memory of that, and of what the reader of a call of one message has.
    held: Arc<Held>,
    read: usize,
    /// The memory of the messages that are with the reader.
    with_reader: Option<WithReader>,
    text: TextAt,
    /// The largest message. One that is said to be larger is the reader's to refuse.
    most: usize,
    seat: Option<Arc<Seat>>,
    call: Option<Arc<gate::Call>>,
    /// The call is over. A reader in a task of its own does not notice that otherwise, and while it has the request, the
    /// stream is open for HTTP/2.
    over: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// How long a message may take, and when the one on its way has to be there.
    patience: Duration,
    until: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// The memory of the messages that a stream's reader got, oldest first. Who takes a message out of the stream takes its
/// memory along.
#[derive(Clone, Debug)]
pub(crate) struct WithReader {
    messages: Arc<Mutex<VecDeque<Held>>>,
    seat: Arc<Seat>,
}

/// A message of a stream that is being answered: it is in memory until this is dropped, and its stream is not idle.
#[derive(Debug)]
pub(crate) struct InWork {
    _memory: Option<Held>,
    _work: Work,
}

impl WithReader {
    pub(super) fn new(seat: &Arc<Seat>) -> Self {
        Self { messages: Arc::default(), seat: Arc::clone(seat) }
    }

    /// Begins the work on the message that was read last.
    pub(crate) fn take(&self) -> InWork {
        let memory = self.messages.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        InWork { _memory: memory, _work: self.seat.work() }
    }

    /// Adds the memory of one more message. Nobody reads more than one ahead.
    fn put(&self, held: Held) {
        let mut all = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back(held);
        if all.len() > 2 {
            all.pop_front();
        }
    }
}

impl Inbound {
    /// The request of a call of one message, which is in memory until it was answered.
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

    /// The request of a stream.
    pub(super) fn many(self, seat: Arc<Seat>, with_reader: WithReader) -> Self {
        let over = Some(Box::pin(seat.over()));
        Self { with_reader: Some(with_reader), seat: Some(seat), over, until: None, ..self }
    }

    /// The request of a call that has a place as long as it is priced.
    pub(super) fn priced(self, call: Arc<gate::Call>) -> Self {
        Self { call: Some(call), ..self }
    }

    /// All that the call needs is there.
    fn read_all(&self) {
        if let Some(call) = &self.call {
            call.read();
        }
    }

    /// The length of the message that is here or on its way, its head included.
    fn length(&self) -> Option<usize> {
        let length =
            self.buffer.get(1..HEAD).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(u32::from_be_bytes)?;
        usize::try_from(length).ok()?.checked_add(HEAD)
    }

    /// The next message, when all of it is here.
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
                // The next one has its own time.
                (self.until, self.timer) = (None, None);
                counted
            }
        };
        Some(counted.map(|()| message).map_err(Status::from))
    }

    /// Takes up what came.
    fn take(&mut self, data: &Bytes) -> Result<(), Status> {
        self.buffer.extend_from_slice(data);
        self.held.set(self.read.saturating_add(self.buffer.len())).map_err(Status::from)?;
        if self.until.is_none() {
            self.until = Instant::now().checked_add(self.patience);
        }
        if let Some(seat) = &self.seat {
            seat.touch();
        }
        // The peer may send as much more.
        let _ = self.stream.flow_control().release_capacity(data.len());
        Ok(())
    }

    /// Waits for the rest of a message, but not for ever.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(until) = self.until else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until.into())));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(Status::deadline_exceeded("the request was not there in time"))))
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
                // What is not whole is the reader's to refuse.
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
