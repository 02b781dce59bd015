//! The nodes, one of which is asked at a time.
//!
//! A node is looked at before its first answer counts. Its chain must be at least as high as the highest block that was
//! seen, in this pull or an earlier one, and must have the blocks that were seen: a node that lags or is of another
//! chain would take back what is known. One that lags may catch up, and is looked at again. One that contradicts itself
//! or the chain is not asked again in this pull.

use pricing_core::text::excerpt;
use pricing_http::{Client, HeaderMap, Limits, Url};

use super::pace::{self, Pace};
use super::query::{Query, Version};
use super::trouble::{Trouble, is_unknown_path};
use super::{PullError, Settings};
use crate::chain::answer::{self, Answer};
use crate::chain::clock::Clock;

/// The most bytes of an answer. A page of 500 bids has less than a million.
pub(super) const MAX_BYTES: usize = 32 << 20;
/// The header that says of which height an answer is.
const HEIGHT_HEADER: &str = "grpc-metadata-x-cosmos-block-height";

/// The least milliseconds between two blocks. The chain takes about 6 seconds.
const LEAST_BLOCK_MILLIS: u64 = 500;

/// Checks what a node answered. The error says what cannot be.
pub(super) type Check<'a> = &'a dyn Fn(&[Answer<'_>]) -> Result<(), String>;

#[derive(Debug)]
struct Node {
    url: Url,
    /// Known once a list was answered.
    version: Option<Version>,
    standing: Standing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    /// It has to be looked at before it is asked.
    Unknown,
    Good,
    /// It is not asked in this pull, for this reason.
    Aside(String),
}

/// The nodes.
pub(super) struct Nodes<'a> {
    client: Client,
    settings: &'a Settings,
    nodes: Vec<Node>,
    /// The node that answered last.
    current: usize,
    pace: Pace,
    /// The highest block that was seen.
    height: u64,
    clock: Clock,
    tell: &'a mut dyn FnMut(&str),
}

impl<'a> Nodes<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        height: u64,
        clock: &Clock,
        tell: &'a mut dyn FnMut(&str),
    ) -> Result<Self, PullError> {
        let node = |url: &Url| Node { url: url.clone(), version: None, standing: Standing::Unknown };
        Ok(Self {
            client: Client::new(1).map_err(PullError::Client)?,
            settings,
            nodes: settings.nodes.iter().map(node).collect(),
            current: 0,
            pace: Pace::new(settings.requests_per_second),
            height,
            clock: clock.clone(),
            tell,
        })
    }

    pub(super) fn requests(&self) -> u64 {
        self.pace.requests()
    }

    /// Tells the user something.
    pub(super) fn tell(&mut self, what: &str) {
        (self.tell)(what);
    }

    /// Asks the nodes until one gives an answer that passes the check. Returns its text.
    pub(super) async fn ask(&mut self, query: &Query, check: Check<'_>) -> Result<String, PullError> {
        let mut problems = Vec::new();
        for attempt in 0..self.settings.attempts.max(1) {
            if attempt > 0 {
                let asked = problems.iter().filter_map(|(_, trouble): &(usize, Trouble)| trouble.wait()).max();
                let wait = pace::wait(attempt - 1, self.settings.wait, asked, self.settings.most_wait);
                tokio::time::sleep(wait).await;
            }
            problems.clear();
            for turn in 0..self.nodes.len() {
                let place = self.current.saturating_add(turn).checked_rem(self.nodes.len()).unwrap_or_default();
                match self.ask_node(place, query, check).await {
                    Ok(text) => {
                        self.current = place;
                        return Ok(text);
                    }
                    Err(trouble) => problems.push((place, trouble)),
                }
            }
            if problems.iter().all(|(_, trouble)| trouble.is_final()) {
                break;
            }
            self.tell_problems(query, &problems);
        }
        Err(self.error(query, &problems))
    }

    /// Stops asking the node that answered last, and says whether there is another one.
    pub(super) fn put_aside(&mut self, why: &str) -> bool {
        let place = self.current;
        self.set_aside(place, why.to_owned());
        self.nodes.iter().any(|node| !matches!(node.standing, Standing::Aside(_)))
    }

    fn set_aside(&mut self, place: usize, why: String) -> Trouble {
        let host = self.host(place);
        self.tell(&format!("{host} is not asked any more: {why}"));
        if let Some(node) = self.nodes.get_mut(place) {
            node.standing = Standing::Aside(why.clone());
        }
        Trouble::Aside(why)
    }

    async fn ask_node(&mut self, place: usize, query: &Query, check: Check<'_>) -> Result<String, Trouble> {
        match self.nodes.get(place).map(|node| node.standing.clone()) {
            Some(Standing::Good) => {}
            Some(Standing::Unknown) => self.look_at(place).await?,
            Some(Standing::Aside(why)) => return Err(Trouble::Aside(why)),
            None => return Err(Trouble::Failed("there is no such node".to_owned())),
        }
        let text = self.exchange(place, query).await?;
        let answers = read(&text)?;
        check(&answers).map_err(Trouble::Failed)?;
        drop(answers);
        Ok(text)
    }

    /// Looks at a node's highest block, and at the highest one that is known of the chain.
    async fn look_at(&mut self, place: usize) -> Result<(), Trouble> {
        let (height, millis) = self.block(place, &Query::Latest).await?;
        if height < self.height {
            let behind = format!("it is at height {height}, and height {} was seen", self.height);
            return Err(Trouble::Failed(behind));
        }
        let known = self.clock.samples().last().filter(|(known, _)| *known < height);
        if let Some((known, time)) = known {
            match self.block(place, &Query::Block(known)).await {
                Ok(block) if block == (known, time) => {}
                Ok(_) => return Err(self.set_aside(place, format!("its block {known} is another one"))),
                // Most nodes keep only the blocks of some days.
                Err(Trouble::Refused(_)) => {}
                Err(trouble) => return Err(trouble),
            }
        }
        if self.clock.clone().add(height, millis).is_err() || !is_plausible(known, (height, millis)) {
            return Err(self.set_aside(place, format!("the time of its block {height} does not fit")));
        }
        self.height = self.height.max(height);
        if let Some(node) = self.nodes.get_mut(place) {
            node.standing = Standing::Good;
        }
        Ok(())
    }

    async fn block(&mut self, place: usize, query: &Query) -> Result<(u64, u64), Trouble> {
        let text = self.exchange(place, query).await?;
        let block = read(&text)?.iter().find_map(Answer::block);
        let block = block.ok_or_else(|| Trouble::Failed("it answers something else than a block".to_owned()))?;
        match query {
            Query::Block(height) if block.0 != *height => {
                Err(Trouble::Failed(format!("it answers block {} for block {height}", block.0)))
            }
            _ => Ok(block),
        }
    }

    /// Makes a request, of an older node with the older version.
    async fn exchange(&mut self, place: usize, query: &Query) -> Result<String, Trouble> {
        let Some(node) = self.nodes.get(place) else { return Err(Trouble::Failed("there is no such node".to_owned())) };
        let (url, known) = (node.url.clone(), node.version);
        let version = known.unwrap_or(Version::V1Beta5);
        let mut answered = self.get(&query.url(&url, version)).await;
        let mut version = version;
        let is_old = matches!(&answered, Err(Trouble::Refused(status)) if is_unknown_path(*status));
        if known.is_none() && query.has_version() && is_old {
            version = Version::V1Beta4;
            answered = self.get(&query.url(&url, version)).await;
        }
        if let (Ok(_), Some(node)) = (&answered, self.nodes.get_mut(place))
            && query.has_version()
        {
            node.version = Some(version);
        }
        answered
    }

    async fn get(&mut self, url: &Url) -> Result<String, Trouble> {
        self.pace.turn().await;
        let limits = Limits { timeout: self.settings.timeout, bytes: MAX_BYTES };
        let answer = self.client.get(url, limits).await?;
        if let Some(trouble) = Trouble::of_status(answer.status, &answer.headers) {
            return Err(trouble);
        }
        match header_height(&answer.headers) {
            Some(height) if height < self.height => {
                let behind = format!("it answers for height {height}, and height {} was seen", self.height);
                Err(Trouble::Failed(behind))
            }
            _ => Ok(answer.body),
        }
    }

    fn host(&self, place: usize) -> String {
        self.nodes.get(place).map_or_else(|| "a node".to_owned(), |node| host(&node.url))
    }

    fn tell_problems(&mut self, query: &Query, problems: &[(usize, Trouble)]) {
        let said = self.words(problems).join("; ");
        self.tell(&format!("`{query}` is asked again: {said}"));
    }

    fn words(&self, problems: &[(usize, Trouble)]) -> Vec<String> {
        problems.iter().map(|(place, trouble)| format!("{}: {}", self.host(*place), trouble.words())).collect()
    }

    fn error(&self, query: &Query, problems: &[(usize, Trouble)]) -> PullError {
        let refused = problems.iter().any(|(_, trouble)| matches!(trouble, Trouble::Refused(_)));
        let others = problems.iter().all(|(_, trouble)| trouble.is_final());
        let (query, problems) = (query.to_string(), self.words(problems));
        if refused && others {
            PullError::Refused { query, problems }
        } else {
            PullError::Unanswered { query, problems }
        }
    }
}

/// Whether the chain can have grown so much since a block that is known. A height that it does not have would put every
/// honest node aside from then on.
fn is_plausible(known: Option<(u64, u64)>, latest: (u64, u64)) -> bool {
    let Some((height, millis)) = known else { return true };
    let blocks = latest.0.saturating_sub(height);
    latest.1.saturating_sub(millis) >= blocks.saturating_mul(LEAST_BLOCK_MILLIS)
}

/// What a node is called in messages. Its whole address may have a key in it.
pub(super) fn host(url: &Url) -> String {
    let host = excerpt(url.host_str().unwrap_or("a node"));
    // Several nodes may be on one host. None is the port of the scheme.
    url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}

pub(super) fn read(text: &str) -> Result<Vec<Answer<'_>>, Trouble> {
    answer::read(text).map_err(|error| {
        let cut = if answer::is_cut(text) { "the answer broke off" } else { "the answer is malformed" };
        Trouble::Failed(format!("{cut}: {error}"))
    })
}

fn header_height(headers: &HeaderMap) -> Option<u64> {
    headers.get(HEIGHT_HEADER)?.to_str().ok()?.trim().parse().ok()
}
