//! Where pods could start and which cards they could be handed, compared with kube-scheduler's own filters.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use pricing_core::budget::Budget;
use pricing_core::gpu::GpuKind;
use pricing_core::order::{Order, OrderFormat, group_spec};
use pricing_core::quote::{QuoteRequest, QuotedTarget, Supply, Terms, quote};
use pricing_core::rates::toml;
use pricing_core::reserve::{PodRequest, Scheduler, start};
use serde_json::{Value, json};
use testkit::corpus::{KubernetesVector, kubernetes_vectors};

fn order(vector: &KubernetesVector) -> Order {
    let group = group_spec::read(&vector.group.to_string()).unwrap().remove(0);
    Order::from_group(group, OrderFormat::GroupSpec).unwrap()
}

fn kinds<'a>(kinds: impl Iterator<Item = &'a GpuKind>) -> Vec<Value> {
    let words = |kind: &GpuKind| json!([kind.vendor(), kind.model(), kind.ram(), kind.interface()]);
    let mut words: Vec<Value> = kinds.map(words).collect();
    words.sort_by_key(ToString::to_string);
    words
}

fn expected(vector: &KubernetesVector, unit: &Value, target: &QuotedTarget) {
    let id = vector.id;
    let sorted = |name: &str| {
        let mut list = unit[name].as_array().unwrap().clone();
        list.sort_by_key(ToString::to_string);
        list
    };
    let nodes: Vec<Value> = target.nodes.iter().map(|node| json!(**node)).collect();
    assert_eq!(nodes, *unit["nodes"].as_array().unwrap(), "vector {id}");
    assert_eq!(kinds(target.kinds.iter().map(|candidate| &candidate.kind)), sorted("kinds"), "vector {id}");
    assert_eq!(kinds(target.others.iter()), sorted("others"), "vector {id}");
    assert_eq!(target.is_certain(), unit["certain"].as_bool().unwrap(), "vector {id}");
}

#[test]
fn what_kubernetes_could_hand_out_is_what_its_own_filters_say() {
    let pricing = toml::read("[rates.gpu]\n\"*\" = 1\n").unwrap();
    let mut units = 0;
    for vector in kubernetes_vectors().unwrap() {
        let order = order(&vector);
        let supply = Supply::Reserve { cluster: &vector.cluster, scheduler: Scheduler::Provider };
        let quoted = quote(&QuoteRequest::new(&order, &pricing, supply, &Terms::default()));
        let committed = pricing.commit.units(&order.group, Scheduler::Provider);
        for unit in &vector.units {
            let place = order.group.resources().iter().position(|known| unit["id"] == known.id).unwrap();
            let target = &quoted.targets[place];
            expected(&vector, unit, target);
            let (asked, committed) = (&order.group.resources()[place], &committed[place]);
            let (pod, selector) = (PodRequest::new(asked, committed, &vector.cluster), target.selector.as_ref());
            let nodes = |selector| start::nodes(&pod, selector, &vector.cluster, &Budget::default()).unwrap();
            let starts = selector.map(nodes).unwrap_or_default();
            let starts = starts.iter().map(|place| json!(*vector.cluster.nodes()[*place].name));
            assert_eq!(starts.collect::<Vec<_>>(), *unit["could_start"].as_array().unwrap(), "vector {}", vector.id);
            units += 1;
        }
    }
    assert_eq!(units, 106);
}
