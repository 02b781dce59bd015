//! What the service tells of itself.

use pricing_proto::bidprice::v1::{RatesStatus, ReloadStatus, ShadowStatus, StatusResponse};

use super::plugin::Opened;
use super::state::{Service, Shadowing};

impl Service {
    pub(super) fn status(&self) -> StatusResponse {
        let active = self.active();
        let reloads = self.reloads();
        StatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: self.inner.started.elapsed().as_secs(),
            rates: Some(RatesStatus { digest: active.settings.rates.digest.to_string() }),
            plugin: active.plugin.as_ref().map(Opened::status),
            shadow: active.shadow.as_ref().map(shadow),
            reload: Some(ReloadStatus { taken: reloads.taken, refused: reloads.refused, problem: reloads.problem }),
            ..StatusResponse::default()
        }
    }
}

fn shadow(shadow: &Shadowing) -> ShadowStatus {
    ShadowStatus {
        rates_digest: shadow.settings.rates.digest.to_string(),
        plugin: shadow.plugin.as_ref().map(Opened::status),
        ..ShadowStatus::default()
    }
}
