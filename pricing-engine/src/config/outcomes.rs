//! The section `outcomes`. The comments are its reference, as in [`super::model`].

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// What became of the bids, as nodes of the chain tell it: who won each order, at which price, and how the lease ended.
/// It is pulled in the background, and no quote waits for it. Changes need a restart: a reload that has any is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outcomes {
    /// The REST addresses of nodes of the chain, such as `https://rest.example.com`. The first one is asked, and the
    /// others stand in when it fails.
    pub rest: Vec<String>,
    /// The address of the provider whose bids are meant, such as `akash1...`.
    pub provider: String,
    /// The folder of the history that is pulled, as `bidprice market pull` writes it. `history` in the bid log's folder by
    /// default; without a bid log it has to be named.
    pub folder: Option<PathBuf>,
    /// The time from one pull to the next.
    #[serde(default = "default_interval")]
    pub interval: Span,
    /// How old a bid may be when the first pull sees it.
    #[serde(default = "default_since")]
    pub since: Span,
    /// The most requests a second, over all nodes.
    #[serde(default = "default_requests_per_second")]
    pub requests_per_second: u32,
    /// How long a node may take to answer a request.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
}

fn default_interval() -> Span {
    Span::secs(600)
}

fn default_since() -> Span {
    Span::secs(30 * 24 * 3600)
}

fn default_requests_per_second() -> u32 {
    2
}

fn default_timeout() -> Span {
    Span::secs(30)
}
