//! Reads what a node answers.
//!
//! Which list an answer has is seen by its content. A text can hold any number of answers, one after another or in an
//! array, so that files of several pages can be put together.

use pricing_core::input::InputError;
use serde::Deserialize as _;
use serde_json::Deserializer;
use serde_json::de::StrRead;

use super::counts::Counts;
use super::wire::{WireAnswer, WireBidId, WireOrderId};

/// An answer of `bids/list`, `leases/list` or `orders/list`, or a block.
#[derive(Debug)]
pub struct Answer<'a>(pub(super) WireAnswer<'a>);

impl Answer<'_> {
    /// The key of the next page. None at the end of a list.
    #[must_use]
    pub fn next_key(&self) -> Option<&str> {
        self.0.pagination.as_ref().and_then(|pagination| pagination.next_key.as_deref())
    }

    /// The height and the time of the block that it is, in milliseconds since 1970.
    #[must_use]
    pub fn block(&self) -> Option<(u64, u64)> {
        self.0.block.as_ref().map(|block| (block.header.height.0, block.header.time.0))
    }

    /// How many bids, leases and orders it has.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let number = |length: Option<usize>| length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default();
        Counts {
            bids: number(self.0.bids.as_ref().map(Vec::len)),
            leases: number(self.0.leases.as_ref().map(Vec::len)),
            orders: number(self.0.orders.as_ref().map(Vec::len)),
        }
    }

    /// The ids in it: owner, `(dseq, gseq, oseq)`, and the provider of a bid or a lease.
    pub fn ids(&self) -> impl Iterator<Item = Id<'_>> {
        let bids = self.0.bids.iter().flatten().map(|item| bid_id(&item.bid.id));
        let leases = self.0.leases.iter().flatten().map(|item| bid_id(&item.lease.id));
        bids.chain(leases).chain(self.0.orders.iter().flatten().map(|item| order_id(&item.id)))
    }

    /// What the node said in place of an answer, if it is neither a list nor a block. A list that is empty may be left
    /// out, but not its `pagination`.
    fn problem(&self) -> Option<InputError> {
        let answer = &self.0;
        let is_list = answer.bids.is_some() || answer.leases.is_some() || answer.orders.is_some();
        if is_list || answer.block.is_some() || answer.pagination.is_some() {
            return None;
        }
        let hint = "expected what a node answers to `bids/list`, `leases/list`, `orders/list` or `blocks/HEIGHT`";
        Some(match &answer.message {
            Some(message) => InputError::new(format_args!("the node answered with an error: {message}")),
            None => InputError::new("it has no `bids`, `leases`, `orders` or `block`").hint(hint),
        })
    }
}

/// Owner, `(dseq, gseq, oseq)`, and the provider of a bid or a lease.
pub type Id<'a> = (&'a str, (u64, u32, u32), Option<&'a str>);

fn bid_id<'a>(id: &'a WireBidId<'_>) -> Id<'a> {
    (&id.owner, (id.dseq.0, id.gseq.0, id.oseq.0), Some(&id.provider))
}

fn order_id<'a>(id: &'a WireOrderId<'_>) -> Id<'a> {
    (&id.owner, (id.dseq.0, id.gseq.0, id.oseq.0), None)
}

/// Reads the answers of a text.
///
/// # Errors
/// When one of them is malformed, with its path, line and column. Then nothing of the text is returned.
pub fn read(text: &str) -> Result<Vec<Answer<'_>>, InputError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let answers = quickly(text).map_err(|error| explained(text, &error))?;
    if answers.is_empty() {
        return Err(InputError::new("it is empty"));
    }
    let answers: Vec<Answer<'_>> = answers.into_iter().map(Answer).collect();
    answers.iter().find_map(Answer::problem).map_or(Ok(answers), Err)
}

/// Whether a text ends in the middle of an answer, as it does when a connection breaks.
#[must_use]
pub fn is_cut(text: &str) -> bool {
    quickly(text).is_err_and(|error| error.is_eof())
}

fn quickly(text: &str) -> Result<Vec<WireAnswer<'_>>, serde_json::Error> {
    let mut documents = Deserializer::from_str(text);
    let mut answers = Vec::new();
    while documents.end().is_err() {
        match is_array(text) {
            true => answers.append(&mut Vec::deserialize(&mut documents)?),
            false => answers.push(WireAnswer::deserialize(&mut documents)?),
        }
    }
    Ok(answers)
}

/// Reads the text once more, following the path, which costs too much when all is well.
fn explained(text: &str, error: &serde_json::Error) -> InputError {
    fn next<'a, T: serde::Deserialize<'a>>(documents: &mut Deserializer<StrRead<'a>>) -> Result<(), InputError> {
        serde_path_to_error::deserialize::<_, T>(documents).map(|_| ()).map_err(InputError::from)
    }
    let mut documents = Deserializer::from_str(text);
    while documents.end().is_err() {
        let read = match is_array(text) {
            true => next::<Vec<WireAnswer<'_>>>(&mut documents),
            false => next::<WireAnswer<'_>>(&mut documents),
        };
        if let Err(explained) = read {
            return explained;
        }
    }
    InputError::new(error)
}

fn is_array(text: &str) -> bool {
    text.trim_ascii_start().starts_with('[')
}

#[cfg(test)]
mod tests;
