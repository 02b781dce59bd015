//! The highest block of each node: whether the nodes can be reached, and what time it is on the chain.

use std::time::{Duration, SystemTime};

use pricing_http::{Client, Limits, Url};
use tokio::task::JoinSet;

use super::nodes::{MAX_BYTES, host, read};
use super::query::{Query, Version};
use super::trouble::Trouble;
use super::{PullError, Settings};
use crate::chain::answer::Answer;

/// The highest block of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    /// The block's height.
    pub height: u64,
    /// The block's time.
    pub time: SystemTime,
    /// The server's time, if its answer has one.
    pub date: Option<SystemTime>,
    /// This system's time when the answer came.
    pub here: SystemTime,
}

/// Asks every node once for its highest block, all at the same time. Returns, in the order of the settings, each node's
/// host and its answer, or why there is none.
///
/// # Errors
/// When there can be no HTTP client on this system.
pub async fn latest(settings: &Settings) -> Result<Vec<(String, Result<Latest, String>)>, PullError> {
    let client = Client::new(0).map_err(PullError::Client)?;
    let limits = Limits { timeout: settings.timeout, bytes: MAX_BYTES };
    let mut asked = JoinSet::new();
    for (place, node) in settings.nodes.iter().cloned().enumerate() {
        let client = client.clone();
        asked.spawn(async move {
            let answer = ask(&client, &node, limits).await.map_err(|trouble| trouble.words());
            (place, host(&node), answer)
        });
    }
    let mut answers = Vec::with_capacity(settings.nodes.len());
    while let Some(answer) = asked.join_next().await {
        answers.extend(answer);
    }
    answers.sort_by_key(|(place, ..)| *place);
    Ok(answers.into_iter().map(|(_, host, answer)| (host, answer)).collect())
}

async fn ask(client: &Client, node: &Url, limits: Limits) -> Result<Latest, Trouble> {
    let answer = client.get(&Query::Latest.url(node, Version::V1Beta5), limits).await?;
    let here = SystemTime::now();
    if let Some(trouble) = Trouble::of_status(answer.status, &answer.headers) {
        return Err(trouble);
    }
    let block = read(&answer.body)?.iter().find_map(Answer::block);
    let (height, millis) = block.ok_or_else(|| Trouble::Failed("it answers something else than a block".to_owned()))?;
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis));
    let time = time.ok_or_else(|| Trouble::Failed(format!("the time of its block {height} cannot be")))?;
    Ok(Latest { height, time, date: answer.date(), here })
}
