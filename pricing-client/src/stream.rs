//! Answers that come one by one.

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

    /// The next answer, or none when the service has answered all. Ask when an answer is due: the deadline counts from
    /// here. After an error there is no more to come.
    ///
    /// # Errors
    /// When none comes in time, or the stream broke. An order that cannot be read is an answer, and the stream goes on.
    pub async fn next(&mut self) -> Result<Option<QuoteStreamResponse>, CallError> {
        match timeout(self.deadline, self.answers.message()).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(status)) => Err(CallError::of(&status, self.deadline)),
            Err(_) => Err(CallError::Deadline { after: self.deadline }),
        }
    }
}
