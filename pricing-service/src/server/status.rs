//! What the service tells of itself.

use std::time::Instant;

use pricing_host::{BreakerState, Plugin};
use pricing_proto::bidprice::v1::{
    FeedSourceStatus, FeedStatus, PluginStatus, RatesStatus, ReloadStatus, StatusResponse,
};

use super::state::Service;
use crate::feed::{Reading, SourceReading};

impl Service {
    pub(super) fn status(&self) -> StatusResponse {
        let active = self.active();
        let reloads = self.reloads();
        StatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: self.inner.started.elapsed().as_secs(),
            rates: Some(RatesStatus { digest: active.settings.rates.digest.to_string() }),
            plugin: active.settings.plugin.as_ref().map(plugin),
            feed: Some(feed(self.inner.feed.reading(Instant::now()))),
            reload: Some(ReloadStatus { taken: reloads.taken, refused: reloads.refused, problem: reloads.problem }),
            ..StatusResponse::default()
        }
    }
}

fn feed(reading: Reading) -> FeedStatus {
    let seconds = |age: Option<std::time::Duration>| age.map(|age| age.as_secs_f64());
    let source = |source: SourceReading| FeedSourceStatus {
        name: source.name,
        usd_per_akt: source.usd_per_akt.map(|usd| usd.to_string()),
        age_seconds: seconds(source.age),
        problem: source.problem,
    };
    FeedStatus {
        usd_per_akt: reading.usd_per_akt.map(|usd| usd.to_string()),
        age_seconds: seconds(reading.age),
        sources: reading.sources.into_iter().map(source).collect(),
        problem: reading.problem,
    }
}

fn plugin(plugin: &Plugin) -> PluginStatus {
    let breaker = match plugin.breaker() {
        BreakerState::Closed { .. } => "closed",
        BreakerState::Open { .. } => "open",
        BreakerState::Trying => "half-open",
    };
    PluginStatus { name: plugin.name(), digest: plugin.digest(), breaker: breaker.to_owned(), problem: None }
}
