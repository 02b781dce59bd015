//! The pricing faults that this project exists to prevent, one test for each: the known faults of the field (S166,
//! S139, S124, S125 and those found since), and what else providers asked for. An `S` number is an issue of
//! akash-network/support. Wrong counts in inventories are tested with `inventory::validate`.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use std::sync::Arc;

use pricing_core::budget::Budget;
use pricing_core::gpu::{GpuRequest, GpuSelector};
use pricing_core::inventory::{Capacity, Cluster, ClusterBuilder, DescribedCard, Node};
use pricing_core::money::{Denom, Price, Usd, UsdPerAkt};
use pricing_core::order::{
    Endpoint, EndpointKind, Endpoints, GroupSpec, Order, OrderFormat, PlacementRequirements, ResourceUnit,
};
use pricing_core::quantity::{Bytes, MilliCpu};
use pricing_core::quote::{self, Item, Quote, ReasonCode, Supply, Terms};
use pricing_core::rates::{AmbiguousGpu, BelowMinimum, GpuRate, Pricing};
use pricing_core::reserve::{CommitLevels, ReserveError, Scheduler, reserve};
use pricing_core::text::Untrusted;
use rust_decimal::Decimal;
use testkit::orders;

const GI: u64 = 1 << 30;
const A100_40: [&str; 4] = ["nvidia", "a100", "40Gi", "PCIe"];
const A100_80: [&str; 4] = ["nvidia", "a100", "80Gi", "SXM4"];
const H100: [&str; 4] = ["nvidia", "h100", "80Gi", "SXM5"];
const T4: [&str; 4] = ["nvidia", "t4", "16Gi", "PCIe"];

/// A node of 64 threads with this much memory and these cards, all free.
struct NodeOf<'a>(&'a str, u64, &'a [[&'a str; 4]]);

fn full<T: Copy>(value: T) -> Capacity<T> {
    Capacity { total: value, available: value }
}

fn cluster(nodes: &[NodeOf<'_>]) -> Cluster {
    let mut builder = ClusterBuilder::default();
    for NodeOf(name, memory, cards) in nodes {
        let cards: Vec<_> = cards
            .iter()
            .map(|[vendor, name, memory_size, interface]| {
                let [vendor, name, memory_size, interface] =
                    [vendor, name, memory_size, interface].map(|s| (*s).into());
                builder.card(DescribedCard { vendor, name, interface, memory_size })
            })
            .collect();
        builder.node(Node {
            name: Arc::from(*name),
            cpu: full(MilliCpu::new(64_000)),
            memory: full(Bytes::new(*memory)),
            ephemeral: full(Bytes::new(1000 * GI)),
            gpus: full(u64::try_from(cards.len()).unwrap()),
            cards,
            storage_classes: Vec::new(),
            ..Node::default()
        });
    }
    builder.build()
}

/// Makes a unit of one thread and one GiB.
fn unit(id: u32, count: u32, units: u64, selectors: &[&str]) -> ResourceUnit {
    ResourceUnit {
        id,
        cpu: MilliCpu::new(1000),
        cpu_attributes: Vec::new(),
        memory: Bytes::new(GI),
        memory_attributes: Vec::new(),
        gpu: GpuRequest {
            units,
            alternatives: selectors
                .iter()
                .map(|key| GpuSelector::from_attribute_key(&format!("vendor/nvidia/model/{key}")).unwrap())
                .collect(),
            ..GpuRequest::default()
        },
        storage: Vec::new(),
        endpoints: Endpoints::Listed(Vec::new()),
        count,
        price: Some(Price::new(Denom::new("uact"), Decimal::from(1_000_000)).unwrap()),
    }
}

fn order(units: Vec<ResourceUnit>) -> Order {
    let group = GroupSpec::new("g".into(), PlacementRequirements::default(), units).unwrap();
    Order::from_group(group, OrderFormat::GroupSpec).unwrap()
}

fn pricing(gpu: &[(&str, &str)]) -> Pricing {
    let mut pricing = Pricing::default();
    for (key, usd) in gpu {
        pricing.rates.gpu.add(GpuRate::new(key, Usd::parse(usd).unwrap()).unwrap()).unwrap();
    }
    pricing
}

fn sound(cluster: &Cluster) -> Supply<'_> {
    Supply::Reserve { cluster, scheduler: Scheduler::Sound }
}

fn gpu_usd(quote: &Quote) -> Vec<(String, String)> {
    let lines = quote.lines.iter().filter(|line| line.item == Item::Gpu);
    lines.map(|line| (line.kind.clone().unwrap(), line.usd_per_unit_month.to_string())).collect()
}

fn usd(quote: &Quote) -> Usd {
    quote.usd_per_month.unwrap()
}

fn code(quote: &Quote) -> Option<ReasonCode> {
    quote.reason().map(|reason| reason.code)
}

#[test]
fn s166_s139_s124_s125_any_gpu_is_priced_as_the_card_it_gets() {
    let cluster = cluster(&[NodeOf("n1", 64 * GI, &[T4])]);
    let pricing = pricing(&[("t4", "80"), ("h100", "1900")]);
    for selectors in [&["*"][..], &["h100", "t4"]] {
        let order = order(vec![unit(1, 1, 1, selectors)]);
        let quote = quote::quote(&quote::QuoteRequest::new(&order, &pricing, sound(&cluster), &Terms::default()));
        assert_eq!(gpu_usd(&quote), [("nvidia/t4/16Gi/pcie".to_owned(), "80".to_owned())], "{selectors:?}");
        assert!(quote.price().is_some());
        let old = quote::old_rule_usd(
            &quote::QuoteRequest::new(&order, &pricing, Supply::Unknown, &Terms::default()),
            &quote,
        )
        .unwrap();
        assert_eq!(old.checked_sub(usd(&quote)).unwrap().to_string(), "1820");
    }
}

#[test]
fn s166_a_named_model_without_a_price_is_no_bid_where_it_may_be_the_card() {
    let order = order(vec![unit(1, 1, 1, &["t4", "h100"])]);
    let only_t4 = pricing(&[("t4", "80")]);
    let blind = quote::quote(&quote::QuoteRequest::new(&order, &only_t4, Supply::Unknown, &Terms::default()));
    assert_eq!(code(&blind), Some(ReasonCode::UnlistedGpu));
    let cluster = cluster(&[NodeOf("n1", 64 * GI, &[T4])]);
    assert!(
        quote::quote(&quote::QuoteRequest::new(&order, &only_t4, sound(&cluster), &Terms::default())).price().is_some()
    );
    let others = pricing(&[("t4", "80"), ("*", "500")]);
    let blind = quote::quote(&quote::QuoteRequest::new(&order, &others, Supply::Unknown, &Terms::default()));
    assert_eq!(gpu_usd(&blind), [("nvidia/h100".to_owned(), "500".to_owned())]);
}

#[test]
fn fault_1_ram_and_interface_of_the_allocated_card_are_known() {
    let cluster = cluster(&[NodeOf("n1", 64 * GI, &[A100_40])]);
    let pricing = pricing(&[("a100.40Gi", "600"), ("a100.80Gi", "1000"), ("h100", "1900")]);
    let quote = quote::quote(&quote::QuoteRequest::new(
        &order(vec![unit(1, 1, 1, &["a100"])]),
        &pricing,
        sound(&cluster),
        &Terms::default(),
    ));
    assert_eq!(gpu_usd(&quote), [("nvidia/a100/40Gi/pcie".to_owned(), "600".to_owned())]);
}

#[test]
fn fault_2_on_a_mixed_node_the_card_is_not_labelled_by_the_last_one_that_matched() {
    let cluster = cluster(&[NodeOf("n1", 64 * GI, &[H100, T4])]);
    let order = order(vec![unit(1, 1, 1, &["*"])]);
    let provider = reserve(&order.group, &cluster, Scheduler::Provider, &CommitLevels::default(), &Budget::default());
    assert_eq!(provider.unwrap().targets[0].gpu_attribute.as_deref(), Some("vendor/nvidia/model/h100"));
    let quote = quote::quote(&quote::QuoteRequest::new(
        &order,
        &pricing(&[("t4", "80"), ("h100", "1900")]),
        sound(&cluster),
        &Terms::default(),
    ));
    let kinds: Vec<String> = quote.targets[0].cards[0].kinds.iter().map(ToString::to_string).collect();
    assert_eq!(kinds, ["nvidia/h100/80Gi/sxm", "nvidia/t4/16Gi/pcie"]);
}

#[test]
fn fault_3_a_failed_attempt_does_not_narrow_a_wildcard_for_later_nodes() {
    // The first node has the card, but not the memory.
    let cluster = cluster(&[NodeOf("n1", GI / 2, &[T4]), NodeOf("n2", 64 * GI, &[H100])]);
    let order = order(vec![unit(1, 1, 1, &["*"])]);
    let with = |scheduler| reserve(&order.group, &cluster, scheduler, &CommitLevels::default(), &Budget::default());
    assert!(matches!(with(Scheduler::Provider), Err(ReserveError::InsufficientCapacity(_))));
    let reservation = with(Scheduler::Sound).unwrap();
    assert_eq!(&*cluster.node(reservation.targets[0].placements[0].node).unwrap().name, "n2");
}

#[test]
fn fault_4_any_matching_card_of_a_mixed_node_may_be_handed_out_and_policy_decides() {
    let cluster = cluster(&[NodeOf("n1", 64 * GI, &[A100_40, A100_80])]);
    let order = order(vec![unit(1, 1, 2, &["a100"])]);
    let mut pricing = pricing(&[("a100.40Gi", "600"), ("a100.80Gi", "1000")]);
    let mut quote_with = |policy| {
        pricing.policy.ambiguous_gpu = policy;
        quote::quote(&quote::QuoteRequest::new(&order, &pricing, sound(&cluster), &Terms::default()))
    };
    assert_eq!(gpu_usd(&quote_with(AmbiguousGpu::Highest)), [("nvidia/a100/80Gi/sxm".into(), "1000".into())]);
    assert_eq!(gpu_usd(&quote_with(AmbiguousGpu::Lowest)), [("nvidia/a100/40Gi/pcie".into(), "600".into())]);
    assert_eq!(code(&quote_with(AmbiguousGpu::Decline)), Some(ReasonCode::AmbiguousGpu));
}

#[test]
fn fault_5_overcommit_does_not_shrink_what_is_billed() {
    let cluster = cluster(&[NodeOf("n1", 64 * GI, &[])]);
    let order = order(vec![unit(1, 1, 0, &[])]);
    let mut pricing = Pricing::default();
    let plain = quote::quote(&quote::QuoteRequest::new(&order, &pricing, sound(&cluster), &Terms::default()));
    pricing.commit.cpu = Decimal::from(4);
    pricing.commit.memory = Decimal::from(4);
    let overcommitted = quote::quote(&quote::QuoteRequest::new(&order, &pricing, sound(&cluster), &Terms::default()));
    assert_eq!(plain.lines, overcommitted.lines);
    assert_eq!(plain.price(), overcommitted.price());
}

#[test]
fn fault_5_amounts_that_are_committed_already_are_not_committed_twice() {
    // The node has exactly the memory that the daemon commits.
    let cluster = cluster(&[NodeOf("n1", GI, &[])]);
    let mut pricing = Pricing::default();
    pricing.commit.memory = Decimal::TWO;
    let mut asked = unit(1, 1, 0, &[]);
    asked.memory = Bytes::new(2 * GI);
    let mut order = order(vec![asked]);
    assert!(
        quote::quote(&quote::QuoteRequest::new(&order, &pricing, sound(&cluster), &Terms::default())).price().is_some()
    );
    order.format = OrderFormat::Script;
    let quote = quote::quote(&quote::QuoteRequest::new(&order, &pricing, sound(&cluster), &Terms::default()));
    assert_eq!(code(&quote), Some(ReasonCode::InsufficientCapacity));
}

#[test]
fn fault_5_the_target_shows_the_cards_that_are_billed() {
    let cluster = cluster(&[NodeOf("n1", 64 * GI, &[T4, T4, T4, T4])]);
    let mut pricing = pricing(&[("t4", "80")]);
    pricing.commit.gpu = Decimal::TWO;
    let quote = quote::quote(&quote::QuoteRequest::new(
        &order(vec![unit(1, 1, 4, &["t4"])]),
        &pricing,
        sound(&cluster),
        &Terms::default(),
    ));
    assert_eq!(quote.targets[0].gpu_units, 4);
    assert_eq!(quote.lines.iter().find(|line| line.item == Item::Gpu).unwrap().quantity.to_string(), "4");
}

#[test]
fn a_denom_of_many_decimals_is_bid_and_split() {
    let mut order = order(vec![unit(1, 3, 0, &[])]);
    order.max_price = Some(Price::new(Denom::new("uact"), Decimal::from(10_u64.pow(18))).unwrap());
    let mut pricing = Pricing::default();
    pricing.chain.denoms.get_mut(&Denom::new("uact")).unwrap().exponent = 18;
    let quote = quote::quote(&quote::QuoteRequest::new(&order, &pricing, Supply::Unknown, &Terms::default()));
    assert!(quote.price().unwrap().amount() > Decimal::from(10_u64.pow(12)) && quote.offer_prices.len() == 1);
}

#[test]
fn fault_5_overcommit_of_gpus_makes_one_of_none_for_the_provider_only() {
    let cluster = cluster(&[NodeOf("n1", 64 * GI, &[])]);
    let mut pricing = Pricing::default();
    pricing.commit.gpu = Decimal::from(2);
    let group = order(vec![unit(1, 1, 0, &[])]).group;
    let with = |scheduler| reserve(&group, &cluster, scheduler, &pricing.commit, &Budget::default());
    assert!(with(Scheduler::Provider).is_err());
    assert!(with(Scheduler::Sound).is_ok());
}

#[test]
fn fault_5a_a_card_is_given_out_once() {
    // There is one H100 among four cards. The provider's algorithm gives it to three replicas.
    let cluster = cluster(&[NodeOf("n1", 64 * GI, &[H100, T4, T4, T4])]);
    let group = order(vec![unit(1, 3, 1, &["h100"])]).group;
    let with = |scheduler| reserve(&group, &cluster, scheduler, &CommitLevels::default(), &Budget::default());
    assert_eq!(with(Scheduler::Provider).unwrap().targets[0].placements[0].replicas, 3);
    assert!(matches!(with(Scheduler::Sound), Err(ReserveError::InsufficientCapacity(_))));
}

#[test]
fn fault_6_offer_prices_are_filled_and_sum_to_the_bid() {
    let cluster = cluster(&[NodeOf("n1", 64 * GI, &[T4, T4, T4])]);
    let mut web = unit(2, 2, 0, &[]);
    web.endpoints = Endpoints::Listed(vec![
        Endpoint { kind: EndpointKind::SharedHttp, sequence_number: 0 },
        Endpoint { kind: EndpointKind::LeasedIp, sequence_number: 1 },
    ]);
    let order = order(vec![unit(1, 3, 1, &["*"]), web]);
    let mut pricing = pricing(&[("t4", "80")]);
    for (minimum, factor) in [("0", "1"), ("1000", "1"), ("0", "0.37")] {
        pricing.policy.minimum_usd_per_month = Usd::parse(minimum).unwrap();
        pricing.policy.below_minimum = BelowMinimum::Raise;
        pricing.policy.owners.discount.insert(orders::address(orders::OWNER), factor.parse().unwrap());
        let terms = Terms { owner: Some(Untrusted::new(orders::OWNER)), ..Terms::default() };
        let quote = quote::quote(&quote::QuoteRequest::new(&order, &pricing, sound(&cluster), &terms));
        let mut offered = Decimal::ZERO;
        for offer in &quote.offer_prices {
            let amounts = [offer.cpu, offer.memory, offer.gpu]
                .into_iter()
                .chain(offer.storage.iter().map(|volume| volume.price))
                .chain(offer.endpoints.iter().map(|endpoint| endpoint.price));
            for amount in amounts {
                assert!(amount >= Decimal::ZERO && amount.scale() <= 18, "{offer:?}");
                offered += amount * Decimal::from(offer.count);
            }
        }
        let difference = (offered - quote.price().unwrap().amount()).abs();
        assert!(difference <= Decimal::new(1, 12), "{difference}");
        let leased = quote.offer_prices[1].endpoints.iter().find(|e| e.kind == EndpointKind::LeasedIp).unwrap();
        assert!(leased.price > Decimal::ZERO);
    }
}

#[test]
fn s521_s188_owners_are_looked_at_before_anything_is_reserved() {
    let order = order(vec![unit(1, 1, 0, &[])]);
    let mut pricing = Pricing::default();
    let (good, bad) = (orders::OWNER, "akash1crankqqqqqqqqqqqqqqqqqqqqqqqqqqquqa2wu");
    pricing.policy.owners.deny = vec![orders::address(bad)];
    pricing.policy.owners.allow = vec![orders::address(good), orders::address(bad)];
    let screened = |owner: Option<&'static str>| {
        let terms = Terms { owner: owner.map(Untrusted::new), ..Terms::default() };
        quote::screen(&quote::QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms))
            .map_err(|reason| reason.code)
    };
    assert_eq!(screened(Some(bad)), Err(ReasonCode::OwnerDenied));
    assert_eq!(screened(Some("akash10therqqqqqqqqqqqqqqqqqqqqqqqqqqqavavhj")), Err(ReasonCode::OwnerNotAllowed));
    assert_eq!(screened(None), Err(ReasonCode::OwnerNotAllowed));
    assert_eq!(screened(Some(good)), Ok(()));
}

#[test]
fn s648_a_decline_can_be_told_from_an_outage() {
    let mut order = order(vec![unit(1, 1, 0, &[])]);
    order.max_price = Some(Price::new(Denom::new("uakt"), Decimal::from(1_000_000)).unwrap());
    let pricing = Pricing::default();
    let no_feed = quote::quote(&quote::QuoteRequest::new(&order, &pricing, Supply::Unknown, &Terms::default()));
    assert_eq!(code(&no_feed), Some(ReasonCode::RateUnavailable));
    assert!(ReasonCode::RateUnavailable.is_fault());
    let empty = Cluster::default();
    assert_eq!(
        code(&quote::quote(&quote::QuoteRequest::new(&order, &pricing, sound(&empty), &Terms::default()))),
        Some(ReasonCode::InventoryUnusable)
    );
    let small = cluster(&[NodeOf("n1", GI / 2, &[])]);
    let full = quote::quote(&quote::QuoteRequest::new(&order, &pricing, sound(&small), &Terms::default()));
    assert_eq!(code(&full), Some(ReasonCode::InsufficientCapacity));
    assert!(!ReasonCode::InsufficientCapacity.is_fault());
}

#[test]
fn s180_an_order_below_the_minimum_is_declined_or_raised() {
    let order = order(vec![unit(1, 1, 0, &[])]);
    let mut pricing = Pricing::default();
    pricing.policy.minimum_usd_per_month = Usd::parse("10").unwrap();
    let declined = quote::quote(&quote::QuoteRequest::new(&order, &pricing, Supply::Unknown, &Terms::default()));
    assert_eq!(code(&declined), Some(ReasonCode::BelowMinimum));
    assert_eq!(
        quote::screen(&quote::QuoteRequest::new(&order, &pricing, Supply::Unknown, &Terms::default()))
            .unwrap_err()
            .code,
        ReasonCode::BelowMinimum
    );
    // A decline because of the price keeps its lines and targets.
    assert!(!declined.lines.is_empty() && !declined.targets.is_empty() && declined.usd_per_month.is_some());
    pricing.policy.below_minimum = BelowMinimum::Raise;
    let raised = quote::quote(&quote::QuoteRequest::new(&order, &pricing, Supply::Unknown, &Terms::default()));
    assert_eq!(usd(&raised).to_string(), "10");
    assert_eq!(raised.lines.last().unwrap().item, Item::Minimum);
}

#[test]
fn s103_replicas_are_counted_for_each_unit() {
    let pricing = Pricing::default();
    let quote = quote::quote(&quote::QuoteRequest::new(
        &order(vec![unit(1, 3, 0, &[]), unit(2, 5, 0, &[])]),
        &pricing,
        Supply::Unknown,
        &Terms::default(),
    ));
    let threads: Vec<String> =
        quote.lines.iter().filter(|line| line.item == Item::Cpu).map(|line| line.quantity.to_string()).collect();
    assert_eq!(threads, ["3", "5"]);
}

#[test]
fn prices_are_made_in_uakt_uact_and_usdc_and_in_nothing_else() {
    let pricing = Pricing::default();
    let usdc = "ibc/170C677610AC31DF0904FFE09CD3B5C657492170E7E52372E48756B71E56F2F1";
    let terms = Terms { usd_per_akt: UsdPerAkt::new(Decimal::new(5, 1)).ok(), ..Terms::default() };
    let amount = |denom: &str| {
        let mut order = order(vec![unit(1, 1, 0, &[])]);
        order.max_price = Some(Price::new(Denom::new(denom), Decimal::from(1_000_000)).unwrap());
        let quote = quote::quote(&quote::QuoteRequest::new(&order, &pricing, Supply::Unknown, &terms));
        quote.price().map(|price| price.amount().to_string()).ok_or_else(|| code(&quote).unwrap())
    };
    // 2.40 USD per month.
    assert_eq!(amount("uact"), Ok("5.582577".into()));
    assert_eq!(amount(usdc), Ok("5.582577".into()));
    assert_eq!(amount("uakt"), Ok("11.165154".into()));
    assert_eq!(amount("uosmo"), Err(ReasonCode::UnsupportedDenom));
}
