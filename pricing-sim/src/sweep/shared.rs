//! Shares what the cells of a sweep have in common, so that a thousand cells do not hold a thousand copies of one
//! trace.

use std::collections::BTreeMap;
use std::sync::Arc;

use pricing_core::inventory::Cluster;
use pricing_host::{Plugin, PluginHost};
use toml::{Table, Value};

use super::SimulationEnvironment;
use crate::scenario::ScenarioError;
use crate::strategy::Script;
use crate::stream::Source;

/// How many different streams, or clusters, are kept while no run needs them yet.
const KEPT_AHEAD: usize = 8;
/// The keys of a scenario that affect neither its orders nor its cluster.
const NO_PART: [&str; 8] = ["name", "seed", "scheduler", "search_steps", "strategy", "market", "idle", "sweep"];

/// The keys by which the parts of a cell are shared: equal keys mean equal parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    orders: String,
    cluster: String,
}

impl Keys {
    /// The keys of a cell's scenario.
    pub(super) fn of(table: &Table) -> Self {
        // An unlisted key is taken to affect the orders: sharing too little is slow, but sharing too much is wrong.
        let orders = table.iter().filter(|(key, _)| !NO_PART.contains(&key.as_str()) && *key != "inventory");
        let cluster = table.iter().filter(|(key, _)| ["inventory", "openb"].contains(&key.as_str()));
        Self { orders: text(orders), cluster: text(cluster) }
    }
}

fn text<'a>(entries: impl Iterator<Item = (&'a String, &'a Value)>) -> String {
    let table: Table = entries.map(|(key, value)| (key.clone(), value.clone())).collect();
    Value::Table(table).to_string()
}

/// A part, and the number of cells that still need it.
#[derive(Debug)]
struct Part<T> {
    cells: usize,
    made: Option<Arc<T>>,
}

/// Parts of one kind, by key.
#[derive(Debug)]
struct Parts<T>(BTreeMap<String, Part<T>>);

impl<T> Default for Parts<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Parts<T> {
    fn expect(&mut self, key: &str) {
        let part = self.0.entry(key.to_owned()).or_insert(Part { cells: 0, made: None });
        part.cells = part.cells.saturating_add(1);
    }

    fn get<E>(&mut self, key: &str, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        if let Some(made) = self.0.get(key).and_then(|part| part.made.as_ref()) {
            return Ok(Arc::clone(made));
        }
        let made = Arc::new(make()?);
        if let Some(part) = self.0.get_mut(key) {
            part.made = Some(Arc::clone(&made));
        }
        Ok(made)
    }

    fn release(&mut self, key: &str) {
        let Some(part) = self.0.get_mut(key) else { return };
        part.cells = part.cells.saturating_sub(1);
        if part.cells == 0 {
            self.0.remove(key);
        }
    }

    /// Drops all but the first few.
    fn keep_few(&mut self, held: impl Fn(&Arc<T>) -> bool) {
        let mut kept: usize = 0;
        for part in self.0.values_mut().filter(|part| part.made.is_some()) {
            kept = kept.saturating_add(1);
            if kept > KEPT_AHEAD && !part.made.as_ref().is_some_and(&held) {
                part.made = None;
            }
        }
    }
}

/// The parts that the cells of a sweep share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    sources: Parts<Source>,
    clusters: Parts<Cluster>,
    host: Option<PluginHost>,
    plugins: BTreeMap<String, Plugin>,
    scripts: BTreeMap<String, Script>,
}

impl Shared {
    /// Registers that a cell will need its parts.
    pub(super) fn expect(&mut self, keys: &Keys) {
        self.sources.expect(&keys.orders);
        self.clusters.expect(&keys.cluster);
    }

    /// Registers that a cell no longer needs its parts.
    pub(super) fn release(&mut self, keys: &Keys) {
        self.sources.release(&keys.orders);
        self.clusters.release(&keys.cluster);
    }

    /// Drops parts that no cell uses at the moment, if there are many. They are made again when they are needed.
    pub(super) fn keep_few(&mut self) {
        self.sources.keep_few(|source| Arc::strong_count(source) > 1);
        self.clusters.keep_few(|cluster| Arc::strong_count(cluster) > 1);
    }

    /// The orders of a cell.
    pub(super) fn source<E>(
        &mut self,
        keys: &Keys,
        make: impl FnOnce() -> Result<Source, E>,
    ) -> Result<Arc<Source>, E> {
        self.sources.get(&keys.orders, make)
    }

    /// The cluster of a cell.
    pub(super) fn cluster<E>(
        &mut self,
        keys: &Keys,
        make: impl FnOnce() -> Result<Cluster, E>,
    ) -> Result<Arc<Cluster>, E> {
        self.clusters.get(&keys.cluster, make)
    }

    /// A plugin, shared by all cells that load it with the same settings.
    pub(super) fn plugin(
        &mut self,
        key: String,
        host: &dyn SimulationEnvironment,
        open: impl FnOnce(&PluginHost) -> Result<Plugin, ScenarioError>,
    ) -> Result<Plugin, ScenarioError> {
        if let Some(known) = self.plugins.get(&key) {
            return Ok(known.clone());
        }
        let plugins = match self.host.take() {
            Some(plugins) => plugins,
            None => host.plugins().map_err(ScenarioError::Run)?,
        };
        let plugin = open(self.host.insert(plugins))?;
        self.plugins.insert(key, plugin.clone());
        Ok(plugin)
    }

    /// A script with its cached answers, shared by all cells that run it with the same settings.
    pub(super) fn script(
        &mut self,
        key: String,
        make: impl FnOnce() -> Result<Script, ScenarioError>,
    ) -> Result<Script, ScenarioError> {
        if let Some(known) = self.scripts.get(&key) {
            return Ok(known.clone());
        }
        Ok(self.scripts.entry(key).or_insert(make()?).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Keys {
        Keys::of(&text.parse().unwrap())
    }

    #[test]
    fn cells_that_differ_in_strategies_have_the_same_orders_and_cluster() {
        let one = keys("seed = 1\n[orders]\nopenb = 'a'\n[inventory]\nopenb = 'n'\n[[strategy]]\nname = 'a'");
        let other = keys("seed = 2\n[orders]\nopenb = 'a'\n[inventory]\nopenb = 'n'\n[[strategy]]\nname = 'b'");
        assert_eq!(one, other);
        let fewer = keys("[orders]\nopenb = 'a'\nlimit = 3\n[inventory]\nopenb = 'n'");
        assert!(fewer.orders != one.orders && fewer.cluster == one.cluster);
        let richer = keys("usd_per_akt = 2\n[orders]\nopenb = 'a'\n[inventory]\nopenb = 'n'");
        assert!(richer.orders != one.orders && richer.cluster == one.cluster);
        let named = keys("[orders]\nopenb = 'a'\n[inventory]\nopenb = 'n'\n[openb.models]\nX = 'nvidia/x'");
        assert!(named.orders != one.orders && named.cluster != one.cluster);
    }

    #[test]
    fn a_part_is_made_once_and_let_go_with_its_last_cell() {
        let mut parts: Parts<u8> = Parts::default();
        parts.expect("a");
        parts.expect("a");
        let first = parts.get::<()>("a", || Ok(1)).unwrap();
        let second = parts.get::<()>("a", || Err(())).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        drop(first);
        parts.release("a");
        assert_eq!(Arc::strong_count(&second), 2);
        parts.release("a");
        assert_eq!(Arc::strong_count(&second), 1);
    }

    #[test]
    fn of_many_parts_that_nobody_uses_yet_few_are_kept() {
        let mut parts: Parts<usize> = Parts::default();
        for number in 0..20 {
            let key = format!("{number:02}");
            parts.expect(&key);
            parts.get::<()>(&key, || Ok(number)).unwrap();
        }
        parts.keep_few(|part| Arc::strong_count(part) > 1);
        assert_eq!(parts.0.values().filter(|part| part.made.is_some()).count(), KEPT_AHEAD);
    }
}
