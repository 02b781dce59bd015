//! `[reserve]`: who places orders, which card model they get, and where their pods start.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;

use crate::common::Folder;
use pricing_sim::result::{Decided, OrderOutcome};

/// Orders for any card, on a cluster of which the first node is the dearest and the last one the smallest.
const ANY: &str = "usd_per_akt = 1\n[orders]\nduration = \"10h\"\n[orders.generate]\ncpu = [1]\nmemory = [1]\nstorage = [0]\nendpoints = 0\ngpus = { \"nvidia/t4\" = 1 }\nwildcard_share = 1\n[orders.arrivals]\nrate = \"20/h\"\npattern = \"regular\"\n[orders.lifetime]\ntypical = \"1m\"\nshape = \"fixed\"\n[inventory]\ndescribe = \"1 nodes x 8 h100 + 1 nodes x 8 t4 + 1 nodes x 4 a100/80Gi\"\n[[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n";
/// Orders for one model, of which two nodes have different variants.
const VARIANTS: &str = "usd_per_akt = 1\n[orders]\nduration = \"10h\"\n[orders.generate]\ncpu = [1]\nmemory = [1]\nstorage = [0]\nendpoints = 0\ngpus = { \"nvidia/a100\" = 1 }\n[orders.arrivals]\nrate = \"20/h\"\npattern = \"regular\"\n[orders.lifetime]\ntypical = \"1m\"\nshape = \"fixed\"\n[inventory]\ndescribe = \"1 nodes x 4 a100/40Gi + 1 nodes x 4 a100/80Gi\"\n[[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n";

fn decided(scenario: &str, reserve: &str) -> Vec<Decided> {
    Folder::new().run(&format!("{scenario}[reserve]\n{reserve}\n"), 1).unwrap().outcomes[0].decided.clone()
}

/// The cards of all orders that were won.
fn cards(decided: &[Decided]) -> BTreeSet<&str> {
    decided.iter().filter(|one| one.outcome == OrderOutcome::Won).map(|one| &*one.gpu).collect()
}

#[test]
fn a_preference_decides_which_model_an_order_gets() {
    for (prefer, model) in [("order", "h100"), ("cheapest", "t4"), ("packing", "a100")] {
        let decided = decided(ANY, &format!("prefer = \"{prefer}\""));
        let cards = cards(&decided);
        assert!(cards.len() == 1 && cards.iter().all(|kind| kind.contains(model)), "{prefer}: {cards:?}");
    }
    assert_eq!(decided(ANY, "prefer = \"order\""), decided(ANY, ""));
}

#[test]
fn pods_stay_on_the_reserved_nodes_if_the_scenario_says_so() {
    assert_eq!(cards(&decided(VARIANTS, "placement = \"kubernetes\"")).len(), 2);
    assert_eq!(cards(&decided(VARIANTS, "placement = \"reserved\"")).len(), 1);
}

#[test]
fn the_scheduler_is_named_once() {
    let folder = Folder::new();
    let named = |top: &str, reserve: &str| folder.run(&format!("{top}{ANY}[reserve]\n{reserve}\n"), 1);
    let (old, new) = (named("scheduler = \"provider\"\n", ""), named("", "scheduler = \"provider\""));
    assert_eq!(old.unwrap().result, new.unwrap().result);
    let twice = named("scheduler = \"provider\"\n", "scheduler = \"provider\"").unwrap_err();
    assert!(twice.contains("the scheduler is named twice"), "{twice}");
    let slip = named("", "prefer = \"cheap\"").unwrap_err();
    assert!(slip.contains("unknown variant `cheap`, expected one of `order`, `cheapest`, `packing`"), "{slip}");
}
