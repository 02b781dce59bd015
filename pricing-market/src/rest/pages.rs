//! What becomes of the pages that are read.

use pricing_core::input::InputError;

use super::PullError;
use super::list::Pages;
use super::query::List;
use super::segment::Head;
use super::store::{Progress, Store};
use crate::chain::answer;
use crate::chain::records::Records;

/// Pages of the provider's own bids or leases, which are written one by one.
pub(super) struct OwnPages<'a> {
    pub(super) store: &'a mut Store,
    pub(super) which: List,
    pub(super) height: u64,
}

impl Pages for OwnPages<'_> {
    fn page(&mut self, text: &str, next: Option<&str>) -> Result<(), PullError> {
        let mut part = Records::default();
        add(&mut part, text, self.height)?;
        if part.read().total() > 0 {
            self.store.add(&Head { seen_at: self.height, ..Head::default() }, &part)?;
        }
        self.store.set_progress(self.which, Progress { next_key: next.map(str::to_owned), done: next.is_none() })
    }

    fn begin_again(&mut self) -> Result<(), PullError> {
        self.store.set_progress(self.which, Progress::default())
    }
}

/// Pages of what belongs to a deployment. They are written together with those of other lists.
pub(super) struct OrderPages<'a> {
    pub(super) records: &'a mut Records,
    pub(super) height: u64,
}

impl Pages for OrderPages<'_> {
    fn page(&mut self, text: &str, _: Option<&str>) -> Result<(), PullError> {
        add(self.records, text, self.height)
    }

    fn begin_again(&mut self) -> Result<(), PullError> {
        Ok(())
    }
}

/// Adds the answer of a node that was checked.
fn add(records: &mut Records, text: &str, seen_at: u64) -> Result<(), PullError> {
    for answer in answer::read(text).map_err(unread)? {
        records.add(answer, seen_at)?;
    }
    Ok(())
}

/// The error for an answer that was checked before, and cannot be malformed.
pub(super) fn unread(error: InputError) -> PullError {
    PullError::Malformed { file: "a node's answer".to_owned(), error: Box::new(error) }
}
