//! A pull from its beginning to the history.

use std::path::Path;

use super::list::{Listing, list};
use super::nodes::Nodes;
use super::pages::{OrderPages, OwnPages, unread};
use super::query::{Filter, List, Query};
use super::segment::Head;
use super::store::{Progress, Round, Store};
use super::{PullError, Pulled, Settings, Wanted};
use crate::chain::answer::{self, Answer};
use crate::chain::clock::Clock;
use crate::chain::id::OrderId;
use crate::chain::records::Records;
use crate::history;

/// A pull that was interrupted goes on if the chain has grown by at most so many blocks, about a day. Else it begins
/// anew, since lists change under keys that are old.
const MOST_BLOCKS: u64 = 14_000;

/// Pulls a provider's market into a folder, and writes its history. `tell` gets what a user should know meanwhile.
///
/// # Errors
/// When no node answers, or a file cannot be read or written. The next pull goes on from what was read.
pub async fn pull(
    folder: &Path,
    wanted: &Wanted,
    settings: &Settings,
    tell: &mut dyn FnMut(&str),
) -> Result<Pulled, PullError> {
    let store = Store::open(folder, &wanted.provider)?;
    let nodes = Nodes::new(settings, store.height(), store.records().clock(), tell)?;
    let mut puller = Puller { store, nodes, wanted, settings, provider: wanted.provider.to_string() };
    let round = puller.begin().await?;
    puller.list_own(List::Bids, &round).await?;
    puller.list_own(List::Leases, &round).await?;
    let todo = puller.todo(&round);
    puller.sample_oldest(&todo, &round).await?;
    let asked = puller.ask_all(&todo, &round).await?;
    puller.finish(folder, &round, asked)
}

struct Puller<'a> {
    store: Store,
    nodes: Nodes<'a>,
    wanted: &'a Wanted,
    settings: &'a Settings,
    /// The provider's address.
    provider: String,
}

/// The orders that were asked for.
#[derive(Debug, Default)]
struct Asked {
    number: u64,
    gone: Vec<OrderId>,
    inconsistent: Vec<OrderId>,
}

/// What was read of some deployments.
#[derive(Default)]
struct Part {
    records: Records,
    head: Head,
}

impl Puller<'_> {
    /// Looks at the highest block. Goes on with a pull that was interrupted, or begins one.
    async fn begin(&mut self) -> Result<Round, PullError> {
        let clock = self.store.records().clock().clone();
        let fits = |answers: &[Answer<'_>]| {
            let (height, millis) = block(answers)?;
            clock.clone().add(height, millis).map_err(|error| error.to_string())
        };
        let text = self.nodes.ask(&Query::Latest, &fits).await?;
        let latest = read_block(&text)?;
        let since = self.wanted.since.map(|since| since.as_secs());
        let unfinished = self
            .store
            .round()
            .filter(|round| round.since == since && latest.0.saturating_sub(round.height) <= MOST_BLOCKS);
        let round = match unfinished.cloned() {
            Some(round) => round,
            None => {
                self.add_block(latest, latest.0)?;
                let since_height = self.since_height(latest).await?;
                let (bids, leases) = (Progress::default(), Progress::default());
                Round { height: latest.0, since, since_height, bids, leases }
            }
        };
        self.store.set_round(latest.0, round.clone())?;
        Ok(round)
    }

    /// The height of the oldest bid that is wanted. A block near it makes the times of heights exact.
    async fn since_height(&mut self, latest: (u64, u64)) -> Result<u64, PullError> {
        let Some(since) = self.wanted.since else { return Ok(0) };
        let millis = latest.1.saturating_sub(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        let mut usual = Clock::default();
        usual.add(latest.0, latest.1).map_err(crate::chain::records::RecordError::from)?;
        let near = usual.height(millis);
        if near > 0 && near < latest.0 {
            self.sample(near, latest.0).await?;
        }
        Ok(self.store.records().clock().height(millis))
    }

    /// Asks for a block's time. Nodes do not keep old blocks for ever.
    async fn sample(&mut self, height: u64, seen_at: u64) -> Result<(), PullError> {
        if self.store.records().clock().samples().any(|(known, _)| known == height) {
            return Ok(());
        }
        let is_it = |answers: &[Answer<'_>]| match block(answers)? {
            (found, _) if found == height => Ok(()),
            (found, _) => Err(format!("it answers block {found} for block {height}")),
        };
        match self.nodes.ask(&Query::Block(height), &is_it).await {
            Ok(text) => {
                let block = read_block(&text)?;
                if self.store.records().clock().clone().add(block.0, block.1).is_err() {
                    self.nodes.tell(&format!("the time of block {height} does not fit and is not used"));
                    return Ok(());
                }
                self.add_block(block, seen_at)
            }
            Err(PullError::Refused { .. }) => {
                self.nodes.tell(&format!("no node has block {height} any more; times are computed from later blocks"));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn add_block(&mut self, block: (u64, u64), seen_at: u64) -> Result<(), PullError> {
        let head = Head { seen_at, blocks: vec![block], ..Head::default() };
        self.store.add(&head, &Records::default())
    }

    /// Lists the provider's own bids or leases.
    async fn list_own(&mut self, which: List, round: &Round) -> Result<(), PullError> {
        let progress = if which == List::Bids { &round.bids } else { &round.leases };
        if progress.done {
            return Ok(());
        }
        let listing = Listing {
            list: which,
            filter: Filter::Provider(self.provider.clone()),
            key: progress.next_key.clone(),
            limit: self.settings.page,
            most_pages: self.settings.most_pages,
        };
        let mut pages = OwnPages { store: &mut self.store, which, height: round.height };
        list(&mut self.nodes, &listing, &mut pages).await
    }

    /// The orders that have to be asked for, by deployment: those that are new, and those that could have changed since
    /// they were asked for.
    fn todo(&self, round: &Round) -> Vec<Vec<OrderId>> {
        let mut ids = Vec::new();
        for (id, own) in self.store.records().bids_of(&self.provider) {
            let is_wanted = match self.store.asked_at(id) {
                None => own.created_at >= round.since_height,
                Some(at) if at >= round.height => false,
                Some(at) => at < own.created_at || !self.store.records().is_final(id),
            };
            if is_wanted {
                ids.push(id.clone());
            }
        }
        let of_one = |a: &OrderId, b: &OrderId| (&a.owner, a.dseq) == (&b.owner, b.dseq);
        ids.chunk_by(of_one).map(<[OrderId]>::to_vec).collect()
    }

    /// Asks for the time of the oldest order, if it is before every block whose time is known.
    async fn sample_oldest(&mut self, todo: &[Vec<OrderId>], round: &Round) -> Result<(), PullError> {
        let records = self.store.records();
        let created = todo.iter().flatten().filter_map(|id| records.bid_of(id, &self.provider));
        let oldest = created.map(|own| own.created_at).min();
        let first = records.clock().samples().next().map(|(height, _)| height);
        match (oldest, first) {
            (Some(oldest), Some(first)) if oldest < first => self.sample(oldest, round.height).await,
            _ => Ok(()),
        }
    }

    async fn ask_all(&mut self, todo: &[Vec<OrderId>], round: &Round) -> Result<Asked, PullError> {
        let mut asked = Asked::default();
        for batch in todo.chunks(self.settings.batch.max(1)) {
            let mut part = Part { head: Head { seen_at: round.height, ..Head::default() }, ..Part::default() };
            for deployment in batch {
                self.ask_deployment(deployment, round, &mut part, &mut asked).await?;
            }
            self.store.add(&part.head, &part.records)?;
        }
        Ok(asked)
    }

    /// Asks for the orders of a deployment, everybody's bids on them, and their leases.
    async fn ask_deployment(
        &mut self,
        ids: &[OrderId],
        round: &Round,
        part: &mut Part,
        asked: &mut Asked,
    ) -> Result<(), PullError> {
        let Some(first) = ids.first() else { return Ok(()) };
        let mut records = Records::default();
        self.read_list(List::Orders, Filter::Deployment(first.clone()), round, &mut records).await?;
        for id in ids {
            self.read_list(List::Bids, Filter::Order(id.clone()), round, &mut records).await?;
        }
        let has_own = |id: &OrderId| self.store.records().has_lease(id, &self.provider, round.height);
        if !ids.iter().all(has_own) {
            self.read_list(List::Leases, Filter::Deployment(first.clone()), round, &mut records).await?;
        }
        for id in ids {
            asked.number = asked.number.saturating_add(1);
            self.judge(id, round, &records, part, asked);
        }
        // A deployment can have orders on which the provider did not bid.
        records.retain(|id| ids.contains(id));
        part.records.append(records);
        Ok(())
    }

    /// Decides what the answers for an order mean. An order that the chain does not know, though it was open, was
    /// reorganised away. One whose closed records are gone was pruned, and stays. Where two lists disagree, the order
    /// was not asked for.
    fn judge(&self, id: &OrderId, round: &Round, found: &Records, part: &mut Part, asked: &mut Asked) {
        let known = self.store.records();
        let is_listed = known.bid_of(id, &self.provider).is_some_and(|own| own.seen_at == round.height);
        if is_listed && found.bid_of(id, &self.provider).is_none() {
            asked.inconsistent.push(id.clone());
        } else if !found.has(id) && !known.is_final(id) {
            asked.gone.push(id.clone());
            part.head.gone.push(id.to_string());
        } else {
            part.head.asked.push(id.to_string());
        }
    }

    async fn read_list(
        &mut self,
        which: List,
        filter: Filter,
        round: &Round,
        records: &mut Records,
    ) -> Result<(), PullError> {
        let limit = self.settings.page;
        let listing = Listing { list: which, filter, key: None, limit, most_pages: self.settings.most_pages };
        list(&mut self.nodes, &listing, &mut OrderPages { records, height: round.height }).await
    }

    fn finish(mut self, folder: &Path, round: &Round, asked: Asked) -> Result<Pulled, PullError> {
        self.store.retain_asked();
        let summary = history::write(folder, &self.provider, self.store.records(), self.wanted.usd_per_akt)?;
        self.store.compact()?;
        Ok(Pulled {
            summary,
            height: round.height,
            requests: self.nodes.requests(),
            asked: asked.number,
            gone: asked.gone,
            inconsistent: asked.inconsistent,
        })
    }
}

fn block(answers: &[Answer<'_>]) -> Result<(u64, u64), String> {
    answers.iter().find_map(Answer::block).ok_or_else(|| "it answers something else than a block".to_owned())
}

fn read_block(text: &str) -> Result<(u64, u64), PullError> {
    let answers = answer::read(text).map_err(unread)?;
    let problems = |problem| PullError::Unanswered { query: Query::Latest.to_string(), problems: vec![problem] };
    block(&answers).map_err(problems)
}
