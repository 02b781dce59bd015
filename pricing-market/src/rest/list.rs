//! Lists that come in pages.
//!
//! The key of the next page is all that says whether a list goes on: `total` is not looked at. A key that was there
//! before would go on for ever, and so would a list of more pages than there can be. Then the node is put aside, and
//! the list begins again at another one.

use std::collections::HashSet;

use super::PullError;
use super::nodes::Nodes;
use super::query::{Filter, List, Query};
use crate::chain::answer::Answer;

/// A list and where to go on in it.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    pub(super) list: List,
    pub(super) filter: Filter,
    /// The key of the first page that is asked for. None is the beginning.
    pub(super) key: Option<String>,
    pub(super) limit: u32,
    pub(super) most_pages: usize,
}

/// What becomes of the pages of a list.
pub(super) trait Pages {
    /// Takes a page's text and the key of the next page.
    fn page(&mut self, text: &str, next: Option<&str>) -> Result<(), PullError>;
    /// The list begins again: keys that were taken do not count.
    fn begin_again(&mut self) -> Result<(), PullError>;
}

/// Asks for all pages of a list.
pub(super) async fn list(nodes: &mut Nodes<'_>, listing: &Listing, pages: &mut dyn Pages) -> Result<(), PullError> {
    let (mut start, mut began_again) = (listing.key.clone(), false);
    loop {
        match run(nodes, listing, start.take(), pages).await? {
            Outcome::Ended => return Ok(()),
            // Each time there is one node less.
            Outcome::Endless(why) if nodes.put_aside(why) => pages.begin_again()?,
            // A node may not know the key of another one.
            Outcome::KeyRefused(_) if !began_again => {
                began_again = true;
                pages.begin_again()?;
            }
            Outcome::KeyRefused(error) => return Err(error),
            Outcome::Endless(why) => {
                let query = listing.query(None).to_string();
                return Err(PullError::Unanswered { query, problems: vec![why.to_owned()] });
            }
        }
    }
}

enum Outcome {
    Ended,
    /// The node would go on for ever.
    Endless(&'static str),
    /// No node takes the key.
    KeyRefused(PullError),
}

async fn run(
    nodes: &mut Nodes<'_>,
    listing: &Listing,
    start: Option<String>,
    pages: &mut dyn Pages,
) -> Result<Outcome, PullError> {
    let mut seen: HashSet<String> = start.iter().cloned().collect();
    let mut key = start;
    for _ in 0..listing.most_pages {
        let query = listing.query(key.clone());
        let text = match nodes.ask(&query, &|answers| listing.check(answers)).await {
            Err(error @ PullError::Refused { .. }) if key.is_some() => return Ok(Outcome::KeyRefused(error)),
            answered => answered?,
        };
        let next = next_key(&text);
        if next.as_ref().is_some_and(|next| !seen.insert(next.clone())) {
            return Ok(Outcome::Endless("the key of its next page repeats"));
        }
        pages.page(&text, next.as_deref())?;
        if next.is_none() {
            return Ok(Outcome::Ended);
        }
        key = next;
    }
    Ok(Outcome::Endless("its list has no end"))
}

fn next_key(text: &str) -> Option<String> {
    let answers = crate::chain::answer::read(text).ok()?;
    answers.first().and_then(Answer::next_key).map(str::to_owned)
}

impl Listing {
    fn query(&self, key: Option<String>) -> Query {
        Query::Page { list: self.list, filter: self.filter.clone(), key, limit: self.limit }
    }

    /// Refuses what is not an answer of this list, or has records that were filtered out.
    fn check(&self, answers: &[Answer<'_>]) -> Result<(), String> {
        let [answer] = answers else { return Err("it gives several answers".to_owned()) };
        let numbers = answer.counts();
        let listed = match self.list {
            List::Bids => numbers.bids,
            List::Leases => numbers.leases,
            List::Orders => numbers.orders,
        };
        if listed != numbers.total() || answer.block().is_some() {
            return Err("it answers another request".to_owned());
        }
        if !answer.ids().all(|(owner, numbers, provider)| self.filter.has(owner, numbers, provider)) {
            return Err("it does not filter its list".to_owned());
        }
        Ok(())
    }
}
