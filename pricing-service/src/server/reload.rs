//! Taking a new configuration while running: all of it or nothing.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use pricing_host::Refresh;
use tokio_util::sync::CancellationToken;

use super::plugin;
use super::state::{Active, Service};
use crate::config::{self, ConfigError, Loaded};
use crate::digest::Digest;
use crate::feed::Feed;
use crate::inventory::{LiveInventory, Plan};

impl Service {
    /// Reads the configuration, the rates and the plugin again, and takes them when all are good.
    ///
    /// # Errors
    /// What is wrong with them; nothing was changed then.
    pub fn reload(&self) -> Result<Arc<Active>, ConfigError> {
        let _one_at_a_time = self.inner.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let reloaded = self.take();
        let mut reloads = self.inner.reloads.lock().unwrap_or_else(PoisonError::into_inner);
        match &reloaded {
            Ok(_) => {
                reloads.taken = reloads.taken.saturating_add(1);
                reloads.problem = None;
                tracing::info!("the configuration was taken");
            }
            Err(error) => {
                reloads.refused = reloads.refused.saturating_add(1);
                reloads.problem = Some(error.to_string());
                tracing::error!(%error, "the configuration was refused; the one before stays in use");
            }
        }
        reloaded
    }

    fn take(&self) -> Result<Arc<Active>, ConfigError> {
        let loaded = config::load(&self.inner.path)?;
        let before = self.active();
        unchangeable(&before.loaded, &loaded)?;
        Feed::check(&loaded.config.feed)?;
        let plan = Plan::of(&loaded.config.inventory)?;
        // Last, since a plugin's file takes over at once when it is good.
        let plugin = match (&loaded.config.plugin, &before.loaded.config.plugin, &before.settings.plugin) {
            (Some(new), Some(old), Some(plugin)) if new == old => {
                if let Refresh::Refused(error) = plugin.refresh() {
                    return Err(ConfigError::unusable("plugin.file", error));
                }
                Some(plugin.clone())
            }
            (Some(new), ..) => Some(plugin::open(new, &self.inner.compiler)?),
            (None, ..) => None,
        };
        self.inner.feed.reconfigure(&loaded.config.feed)?;
        if before.loaded.config.inventory != loaded.config.inventory {
            self.follow(plan);
        }
        let active = Arc::new(Active::new(loaded, plugin));
        self.inner.active.store(Arc::clone(&active));
        Ok(active)
    }
}

impl Service {
    /// Goes over to another inventory, or to none.
    fn follow(&self, plan: Option<Plan>) {
        let inventory = &self.inner.inventory;
        match (plan, inventory.load().as_deref()) {
            (Some(plan), Some(live)) => live.reconfigure(plan),
            (Some(plan), None) => inventory.store(Some(Arc::new(LiveInventory::follow(plan)))),
            (None, _) => inventory.store(None),
        }
    }
}

/// Refuses changes that only a restart can make.
fn unchangeable(before: &Loaded, after: &Loaded) -> Result<(), ConfigError> {
    let (before, after) = (&before.config, &after.config);
    let restart = |key| Err(ConfigError::unusable(key, "cannot change while the service runs; restart it"));
    if before.listen != after.listen {
        return restart("listen");
    }
    if before.limits.request_bytes != after.limits.request_bytes {
        return restart("limits.request_bytes");
    }
    if before.limits.connections != after.limits.connections {
        return restart("limits.connections");
    }
    if before.bid_log != after.bid_log {
        return restart("bid_log");
    }
    Ok(())
}

/// Looks at the files again and again, and takes what changed.
pub(super) async fn watch(service: Service, stop: CancellationToken) {
    let mut seen = seen(&service);
    loop {
        let every = service.active().loaded.config.reload.watch.get();
        let wait = if every.is_zero() { std::time::Duration::from_secs(1) } else { every };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        if every.is_zero() {
            continue;
        }
        let service = service.clone();
        let before = seen.clone();
        let looked = tokio::task::spawn_blocking(move || look(&service, before)).await;
        seen = looked.unwrap_or(seen);
    }
}

type Seen = Vec<(PathBuf, Option<Digest>)>;

/// What the files hold at the moment. The plugin's file is watched by its host.
fn seen(service: &Service) -> Seen {
    let active = service.active();
    let config = &active.loaded.config;
    let shadow = config.shadow.as_ref().and_then(|shadow| shadow.rates.clone());
    let files = std::iter::once(service.inner.path.clone()).chain(config.rates.file.clone()).chain(shadow);
    files.map(|file| (file.clone(), std::fs::read(&file).ok().map(Digest::of))).collect()
}

fn look(service: &Service, before: Seen) -> Seen {
    let now = seen(service);
    if now != before {
        // What comes of it is told there.
        let _ = service.reload();
    } else if let Some(plugin) = &service.active().settings.plugin {
        let _ = plugin.refresh();
    }
    now
}
