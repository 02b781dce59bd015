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

/// What a strategy assumes changes its prices, and not where pods run.
#[test]
fn a_strategy_that_prices_the_reserved_node_has_its_pods_where_kubernetes_puts_them() {
    let pinned =
        VARIANTS.replace("rates = \"rates.toml\"", "rates = \"rates.toml\"\nset.policy.placement = \"pinned\"");
    let (pinned, open) = (decided(&pinned, ""), decided(VARIANTS, ""));
    let nodes = |decided: &[Decided]| decided.iter().map(|one| one.node.to_string()).collect::<Vec<_>>();
    assert_eq!(nodes(&pinned), nodes(&open));
    // It charges for the card of the first node, whatever it was.
    assert_eq!(cards(&pinned).len(), 2);
    let prices: BTreeSet<String> = pinned.iter().filter_map(|one| Some(one.usd_per_month?.to_string())).collect();
    assert_eq!(prices.len(), 1, "{prices:?}");
    let own: BTreeSet<String> = pinned.iter().filter_map(|one| Some(one.own_usd_per_month?.to_string())).collect();
    assert_eq!(own.len(), 2, "{own:?}");
}

#[test]
fn the_scheduler_s_configuration_decides_where_pods_run() {
    let packing = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- pluginConfig:\n  - name: NodeResourcesFit\n    args:\n      scoringStrategy:\n        type: MostAllocated\n        resources:\n        - name: nvidia.com/gpu\n          weight: 1\n";
    // Leases that last: nodes fill up.
    let lasting = VARIANTS.replace("typical = \"1m\"", "typical = \"100h\"");
    let folder = Folder::new();
    folder.put("packing.yaml", packing);
    let run = |kubernetes: &str| folder.run(&format!("{lasting}[kubernetes]\n{kubernetes}\n"), 1);
    let nodes = |kubernetes: &str| {
        let decided = run(kubernetes).unwrap().outcomes[0].decided.clone();
        decided.iter().take(4).map(|one| one.node.to_string()).collect::<BTreeSet<_>>()
    };
    assert_eq!(nodes("").len(), 2, "LeastAllocated spreads pods");
    assert_eq!(nodes("scheduler_config = \"packing.yaml\"").len(), 1, "MostAllocated packs them");
    let missing = run("scheduler_config = \"none.yaml\"").unwrap_err();
    assert!(missing.contains("none.yaml"), "{missing}");
    folder.put("wrong.yaml", "kind: Deployment\n");
    let wrong = run("scheduler_config = \"wrong.yaml\"").unwrap_err();
    assert!(wrong.starts_with("wrong.yaml"), "{wrong}");
    let slip = run("pods_without_request = 3").unwrap_err();
    assert!(slip.contains("unknown field `pods_without_request`"), "{slip}");
    let crowded = run("pods_without_requests = 10001").unwrap_err();
    assert!(crowded.contains("`kubernetes.pods_without_requests` is at most 10000"), "{crowded}");
    let newer = run("version = \"1.38\"").unwrap_err();
    assert!(newer.contains("`1.38` is not a known release (1.34 to 1.37 are supported; use 1.37"), "{newer}");
}

#[test]
fn without_a_prediction_likely_is_expected_and_pods_run_where_they_ran() {
    // kube-scheduler prefers the larger node.
    let unlike = VARIANTS.replace(
        "1 nodes x 4 a100/40Gi + 1 nodes x 4 a100/80Gi",
        "1 node x 4 a100/40Gi, 8 cpu, 16Gi memory + 1 node x 4 a100/80Gi, 64 cpu, 128Gi memory",
    );
    let with = |ambiguous: &str, kubernetes: &str| {
        let policy = format!("rates = \"rates.toml\"\nset.policy.ambiguous_gpu = \"{ambiguous}\"");
        let scenario = unlike.replace("rates = \"rates.toml\"", &policy);
        let decided = decided(&format!("{scenario}[kubernetes]\n{kubernetes}\n"), "");
        let price = |one: &Decided| one.usd_per_month.map(|usd| usd.to_string());
        let prices: BTreeSet<Option<String>> = decided.iter().map(price).collect();
        (prices, decided.iter().map(|one| one.node.to_string()).collect::<Vec<_>>())
    };
    let (likely, never) = (with("likely", ""), with("likely", "predict = false"));
    assert_eq!(never, with("expected", ""));
    assert_ne!(never.0, likely.0, "one node is likelier");
    assert_eq!(never.1, likely.1);
}

/// Kubernetes is greedy: it spreads the small pods, and no node has room for the large one then.
#[test]
fn an_order_with_a_pod_that_fits_nowhere_is_lost() {
    let unit = |id: u32, cpu: u32, count: u32| {
        format!(
            r#"{{"resource":{{"id":{id},"cpu":{{"units":{{"val":"{cpu}"}}}},"memory":{{"quantity":{{"val":"1073741824"}}}},"gpu":{{"units":{{"val":"0"}}}},"storage":[],"endpoints":[]}},"count":{count},"price":{{"denom":"uact","amount":"1000"}}}}"#
        )
    };
    let order = format!(
        r#"{{"id":"one","at":0,"lifetime":"1h","order":{{"name":"g","requirements":{{"signed_by":{{"all_of":[],"any_of":[]}},"attributes":[]}},"resources":[{},{}]}}}}"#,
        unit(1, 1000, 2),
        unit(2, 7500, 1)
    );
    let folder = Folder::new();
    folder.put("orders.jsonl", &order);
    let run = |placement: &str| {
        let text = format!(
            "usd_per_akt = 1\n[orders]\njsonl = \"orders.jsonl\"\n[inventory]\ndescribe = \"2 nodes, 8 cpu\"\n[[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n[reserve]\nplacement = \"{placement}\"\n"
        );
        folder.run(&text, 1).unwrap().outcomes[0].clone()
    };
    let (pending, reserved) = (run("kubernetes"), run("reserved"));
    assert_eq!(pending.decided[0].outcome, OrderOutcome::PodPending);
    assert_eq!((pending.run.won, pending.run.lost[&OrderOutcome::PodPending]), (0, 1));
    assert!(pending.run.revenue.decimal().is_zero());
    assert_eq!(reserved.decided[0].outcome, OrderOutcome::Won);
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
