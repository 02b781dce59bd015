//! Properties of every validated inventory.

use proptest::prelude::*;

use super::*;

fn quantity() -> BoxedStrategy<String> {
    prop_oneof![
        Just("null".to_owned()),
        (-3_i64..200).prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| format!("\"{number}\"")),
        any::<u64>().prop_map(|number| format!("{{\"string\":\"{number}\"}}")),
        (0_u64..1 << 40, prop_oneof![Just("m"), Just("u"), Just("Gi"), Just("E"), Just("e9"), Just("")])
            .prop_map(|(number, suffix)| format!("\"{number}{suffix}\"")),
        any::<f64>().prop_filter("JSON has none of those", |number| number.is_finite()).prop_map(|n| format!("{n:e}")),
        Just("\"-1\"".to_owned()),
        Just(format!("\"{UNDERFLOWED}\"")),
    ]
    .boxed()
}

fn amounts() -> BoxedStrategy<String> {
    let fields = (quantity(), quantity(), quantity());
    prop_oneof![
        8 => fields.prop_map(|(a, b, c)| format!(r#"{{"allocatable":{a},"allocated":{b},"capacity":{c}}}"#)),
        1 => Just("null".to_owned()),
        1 => Just("{}".to_owned()),
    ]
    .boxed()
}

fn any_gpu() -> BoxedStrategy<String> {
    let info = prop_oneof![
        5 => (0_usize..9).prop_map(cards),
        1 => (120_usize..135).prop_map(cards),
        1 => Just(r#"null,{"vendor":"nvidia"},{"vendor":"nvidia","name":"*"}"#.to_owned()),
    ];
    prop_oneof![
        6 => (amounts(), info).prop_map(|(pair, info)| format!(r#"{{"quantity":{pair},"info":[{info}]}}"#)),
        1 => Just("null".to_owned()),
    ]
    .boxed()
}

fn any_node() -> BoxedStrategy<String> {
    ("[ab]?", amounts(), amounts(), amounts(), any_gpu()).prop_map(|(name, cpu, memory, disk, gpu)| {
        format!(
            r#"{{"name":"{name}","resources":{{"cpu":{{"quantity":{cpu}}},"memory":{{"quantity":{memory}}},"gpu":{gpu},"ephemeral_storage":{disk}}}}}"#
        )
    })
    .boxed()
}

fn any_pool() -> BoxedStrategy<String> {
    ("[ab]?", amounts())
        .prop_map(|(class, pair)| format!(r#"{{"quantity":{pair},"info":{{"class":"{class}"}}}}"#))
        .boxed()
}

fn holds(total: u64, available: u64) -> bool {
    available <= total && total <= UNLIMITED
}

proptest! {
    #[test]
    fn what_is_believed_holds_together(
        nodes in proptest::collection::vec(any_node(), 0..5),
        pools in proptest::collection::vec(any_pool(), 0..3),
        ips in amounts(),
    ) {
        let (nodes, pools) = (nodes.join(","), pools.join(","));
        let cluster = format!(r#"{{"nodes":[{nodes}],"storage":[{pools}]}}"#);
        let text = format!(r#"{{"cluster":{{"inventory":{{"cluster":{cluster},"leased_ip":{ips}}}}}}}"#);
        let validated = validate(read(&text).unwrap());
        prop_assert_eq!(&validated, &validate(read(&text).unwrap()));
        let mut names = BTreeSet::new();
        for node in validated.cluster.nodes() {
            prop_assert!(names.insert(&*node.name) && !node.name.is_empty());
            prop_assert!(holds(node.cpu.total.get(), node.cpu.available.get()));
            prop_assert!(holds(node.memory.total.get(), node.memory.available.get()));
            prop_assert!(holds(node.ephemeral.total.get(), node.ephemeral.available.get()));
            prop_assert!(holds(node.gpus.total, node.gpus.available));
            prop_assert!(node.gpus.total <= MAX_NODE_GPUS);
            prop_assert!(holds(node.hcas.total, node.hcas.available));
            prop_assert!(node.cards.len() <= 128);
        }
        for pool in validated.cluster.storage() {
            prop_assert!(holds(pool.capacity.total.get(), pool.capacity.available.get()));
        }
        prop_assert!(validated.cluster.leased_ips().is_none_or(|ips| ips <= UNLIMITED));
    }

    #[test]
    fn reading_never_panics(text in "\\PC{0,200}", cut in 0_usize..2000, noise in "[\\[\\]{}\":,0-9eEmGi.+-]{0,6}") {
        let _ = read(&text);
        let whole = check_text();
        let cut = cut.min(whole.len());
        let _ = read(&format!("{}{noise}{}", &whole[..cut], &whole[cut..])).map(validate);
    }
}

fn check_text() -> String {
    let nodes = [node("a", &[("gpu", &gpu("4", "1", 4))]), node("b", &[])].join(",");
    format!(r#"{{"nodes":[{nodes}],"storage":[{{"quantity":{},"info":{{"class":"beta2"}}}}]}}"#, pair("1Gi", "0"))
}
