use super::*;
use crate::order::detect;
use crate::quote::{Supply, Terms, quote};
use crate::rates;

const ORDER: &str = r#"{"name":"g","resources":[{"resource":{"id":1,"cpu":{"units":{"val":"1000"}},
    "memory":{"quantity":{"val":"1073741824"}},"gpu":{"units":{"val":"1"},"attributes":[
    {"key":"vendor/nvidia/model/*","value":"true"}]}},"count":2,"price":{"denom":"uact","amount":"1000000"}}]}"#;
const RATES: &str = "[rates.gpu]\n\"h100\" = \"1900\"\n\"t4\" = \"80\"\n";

fn order() -> Order {
    detect::read(ORDER, None).unwrap().remove(0)
}

fn kind(model: &str) -> GivenKind {
    GivenKind { vendor: "nvidia".to_owned(), model: model.to_owned(), ram: None, interface: None }
}

fn on_nodes(cards: &[(&str, &str)]) -> GivenTarget {
    GivenTarget {
        resource_id: 1,
        count: 2,
        nodes: vec!["a".to_owned(), "b".to_owned()],
        gpu_units: 1,
        cards: cards
            .iter()
            .map(|(node, model)| GivenCards { node: Some((*node).to_owned()), kinds: vec![kind(model)] })
            .collect(),
    }
}

fn gpu_usd(target: &GivenTarget) -> Vec<String> {
    let order = order();
    let targets = QuotedTarget::given(&order, std::slice::from_ref(target)).unwrap();
    let pricing = rates::toml::read(RATES).unwrap();
    let quote = quote(&order, &pricing, Supply::Given { targets: &targets }, &Terms::default());
    assert!(quote.price().is_some(), "{:?}", quote.reason());
    let lines = quote.lines.iter().filter(|line| line.kind.as_deref().is_some_and(|kind| kind.starts_with("nvidia")));
    lines.map(|line| line.usd_per_month.to_string()).collect()
}

#[test]
fn a_given_target_is_priced_as_it_is() {
    assert_eq!(gpu_usd(&on_nodes(&[("a", "t4"), ("b", "h100")])), ["80", "1900"]);
    assert_eq!(gpu_usd(&on_nodes(&[("a", "t4"), ("b", "t4")])), ["160"]);
    // One entry for all nodes, and a target without nodes.
    let mut all = on_nodes(&[]);
    all.cards = vec![GivenCards { node: None, kinds: vec![kind("t4")] }];
    assert_eq!(gpu_usd(&all), ["160"]);
    all.nodes.clear();
    assert_eq!(gpu_usd(&all), ["160"]);
}

#[test]
fn a_target_that_is_not_the_orders_is_refused() {
    let good = on_nodes(&[("a", "t4"), ("b", "h100")]);
    let refused = |targets: &[GivenTarget]| QuotedTarget::given(&order(), targets).unwrap_err();
    assert_eq!(refused(&[]), TargetError::Number { units: 1, targets: 0 });
    assert!(matches!(refused(&[GivenTarget { resource_id: 2, ..good.clone() }]), TargetError::Unit { .. }));
    assert!(matches!(refused(&[GivenTarget { count: 3, ..good.clone() }]), TargetError::Amount { .. }));
    assert!(matches!(refused(&[GivenTarget { gpu_units: 2, ..good.clone() }]), TargetError::Amount { .. }));
    let one_node = GivenTarget { nodes: vec!["a".to_owned()], ..good.clone() };
    assert!(matches!(refused(&[one_node]), TargetError::Amount { .. }));
    assert!(matches!(refused(&[on_nodes(&[("a", "t4")])]), TargetError::NoCards { .. }));
    assert!(matches!(refused(&[on_nodes(&[("a", "t4"), ("b", "t4"), ("c", "t4")])]), TargetError::StrayCards { .. }));
    let mut unwanted = good;
    unwanted.cards[0].kinds[0].vendor = "amd".to_owned();
    assert!(matches!(refused(&[unwanted]), TargetError::UnwantedCard { .. }));
}
