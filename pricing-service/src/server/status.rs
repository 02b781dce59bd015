//! What the service tells of itself.

use pricing_host::{BreakerState, Plugin};
use pricing_proto::bidprice::v1::{PluginStatus, RatesStatus, ReloadStatus, StatusResponse};

use super::state::Service;

impl Service {
    pub(super) fn status(&self) -> StatusResponse {
        let active = self.active();
        let reloads = self.reloads();
        StatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: self.inner.started.elapsed().as_secs(),
            rates: Some(RatesStatus { digest: active.settings.rates.digest.to_string() }),
            plugin: active.settings.plugin.as_ref().map(plugin),
            reload: Some(ReloadStatus { taken: reloads.taken, refused: reloads.refused, problem: reloads.problem }),
            ..StatusResponse::default()
        }
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
