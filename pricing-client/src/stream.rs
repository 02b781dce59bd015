//! Answers that arrive one by one.

use std::time::Duration;

use pricing_proto::bidprice::v1::QuoteStreamResponse;
use tokio::time::timeout;
use tonic::Streaming;

use crate::error::CallError;

/// The answers of a stream, in the order of its requests.
#[derive(Debug)]
pub struct Answers {
    answers: Streaming<QuoteStreamResponse>,
    deadline: Duration,
}

impl Answers {
    pub(crate) const fn new(answers: Streaming<QuoteStreamResponse>, deadline: Duration) -> Self {
        Self { answers, deadline }
    }

    /// Returns the next answer, or None when the service has answered every request. The deadline starts with this
    /// call, so call it when an answer is due. After an error there are no more answers.
    ///
    /// # Errors
    /// When no answer arrives in time, or the stream broke. An order that cannot be read is an answer, and the stream
    /// continues.
    pub async fn next(&mut self) -> Result<Option<QuoteStreamResponse>, CallError> {
        match timeout(self.deadline, self.answers.message()).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(status)) => Err(CallError::of(&status, self.deadline)),
            Err(_) => Err(CallError::Deadline { after: self.deadline }),
        }
    }
}
