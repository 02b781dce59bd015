use super::*;
use crate::order::detect;
use crate::quote::{QuoteRequest, Supply, Terms, alternatives, quote};
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

fn whole(model: &str) -> GivenKind {
    GivenKind { ram: Some("80Gi".to_owned()), interface: Some("PCIe".to_owned()), ..kind(model) }
}

fn on_nodes(cards: &[(&str, &str)]) -> GivenTarget {
    GivenTarget {
        resource_id: 1,
        count: 2,
        nodes: vec!["a".to_owned(), "b".to_owned()],
        gpu_units: 1,
        cards: cards
            .iter()
            .map(|(node, model)| GivenCards { node: Some((*node).to_owned()), kinds: vec![whole(model)] })
            .collect(),
    }
}

fn gpu_usd(target: &GivenTarget) -> Vec<String> {
    let order = order();
    let targets = QuotedTarget::given(&order, std::slice::from_ref(target)).unwrap();
    let pricing = rates::toml::read(RATES).unwrap();
    let quote = quote(&QuoteRequest::new(&order, &pricing, Supply::Given { targets: &targets }, &Terms::default()));
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

#[test]
fn cards_that_would_not_be_priced_are_refused() {
    let refused = |target: GivenTarget| QuotedTarget::given(&order(), &[target]).unwrap_err();
    let node = "on `a`".to_owned();
    let twice = on_nodes(&[("a", "t4"), ("a", "h100"), ("b", "t4")]);
    assert_eq!(refused(twice), TargetError::RepeatedCards { unit: 1, node });
    let anywhere = GivenCards { node: None, kinds: vec![kind("h100")] };
    let mut beside = on_nodes(&[("a", "t4")]);
    beside.cards.push(anywhere.clone());
    // It is of the node without an entry.
    assert_eq!(gpu_usd(&beside), ["80", "1900"]);
    beside.cards.push(anywhere.clone());
    assert!(matches!(refused(beside), TargetError::RepeatedCards { .. }));
    let mut beside_all = on_nodes(&[("a", "t4"), ("b", "t4")]);
    beside_all.cards.push(anywhere);
    assert_eq!(refused(beside_all), TargetError::UnusedCards { unit: 1 });
}

#[test]
fn alternatives_of_a_given_target_are_of_each_of_its_nodes() {
    let order = order();
    let pricing = rates::toml::read(RATES).unwrap();
    let listed = |target: &GivenTarget| {
        let targets = QuotedTarget::given(&order, std::slice::from_ref(target)).unwrap();
        let supply = Supply::Given { targets: &targets };
        let found = alternatives(&QuoteRequest::new(&order, &pricing, supply, &Terms::default())).unwrap();
        assert!(found.complete);
        (targets, found.list)
    };
    let (targets, list) = listed(&on_nodes(&[("a", "t4"), ("b", "h100")]));
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].targets, targets);
    assert_eq!(list[0].usd_per_month.unwrap().to_string(), "1984.8");
    // The second node may have either card, which is named once though the daemon names it twice.
    let mut open = on_nodes(&[("a", "t4"), ("b", "h100")]);
    open.cards[1].kinds.extend([whole("t4"), whole("h100")]);
    let (_, list) = listed(&open);
    let usd: Vec<String> = list.iter().map(|one| one.usd_per_month.unwrap().to_string()).collect();
    assert_eq!(usd, ["164.8", "1984.8"]);
    let nodes = |place: usize| list[place].targets[0].cards.iter().map(|group| group.node.as_deref()).collect();
    let nodes: [Vec<Option<&str>>; 2] = [nodes(0), nodes(1)];
    assert_eq!(nodes, [[Some("a"), Some("b")], [Some("a"), Some("b")]]);
}

#[test]
fn too_many_alternatives_are_cut_short() {
    let order = detect::read(&ORDER.replace(r#""count":2"#, r#""count":9"#), None).unwrap().remove(0);
    let pricing = rates::toml::read(RATES).unwrap();
    let nodes: Vec<String> = (0..9).map(|node| format!("n{node}")).collect();
    let kinds = vec![kind("t4"), kind("h100")];
    let cards = nodes.iter().map(|node| GivenCards { node: Some(node.clone()), kinds: kinds.clone() }).collect();
    let target = GivenTarget { resource_id: 1, count: 9, nodes, gpu_units: 1, cards };
    let targets = QuotedTarget::given(&order, &[target]).unwrap();
    let found =
        alternatives(&QuoteRequest::new(&order, &pricing, Supply::Given { targets: &targets }, &Terms::default()))
            .unwrap();
    assert_eq!((found.list.len(), found.complete), (256, false));
}

#[test]
fn what_a_given_card_leaves_open_is_priced_as_where_a_request_leaves_it_open() {
    let rates = "[rates.gpu]\n\"h100\" = \"1900\"\n\"a100.40Gi\" = \"600\"\n\"a100.80Gi\" = \"1000\"\n\"*\" = \"50\"\n";
    let usd = |given: GivenKind| {
        let mut target = on_nodes(&[]);
        target.cards = vec![GivenCards { node: None, kinds: vec![given] }];
        let order = order();
        let targets = QuotedTarget::given(&order, &[target]).unwrap();
        let pricing = rates::toml::read(rates).unwrap();
        let quote = quote(&QuoteRequest::new(&order, &pricing, Supply::Given { targets: &targets }, &Terms::default()));
        quote.lines.iter().find(|line| line.kind.is_some()).unwrap().usd_per_unit_month.to_string()
    };
    let a100 = |ram: Option<&str>| GivenKind { ram: ram.map(str::to_owned), ..kind("a100") };
    assert_eq!(usd(kind("*")), "1900");
    assert_eq!(usd(a100(None)), "1000");
    assert_eq!(usd(a100(Some("40Gi"))), "600");
    let whole = GivenKind { interface: Some("SXM4".to_owned()), ..a100(Some("80Gi")) };
    assert_eq!(usd(whole), "1000");
    assert_eq!(usd(kind("t4")), "50");
}

#[test]
fn a_given_card_in_words_that_are_none_is_refused() {
    let refused = |given: GivenKind| {
        let mut target = on_nodes(&[]);
        target.cards = vec![GivenCards { node: None, kinds: vec![given] }];
        matches!(QuotedTarget::given(&order(), &[target]), Err(TargetError::MalformedCard { .. }))
    };
    let with = |ram: &str, interface: &str| GivenKind {
        ram: Some(ram.to_owned()),
        interface: Some(interface.to_owned()),
        ..kind("a100")
    };
    assert!(refused(kind("")) && refused(kind("a/b")) && refused(kind("a b")));
    for (ram, interface) in [("lots", "sxm"), ("80GB", "sxm"), ("0Gi", "sxm"), ("80Gi", "banana")] {
        assert!(refused(with(ram, interface)), "{ram} {interface}");
    }
    assert!(!refused(with("80Gi", "PCIe")));
}
