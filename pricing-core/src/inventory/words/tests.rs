#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

use proptest::prelude::*;

use super::*;

fn shown(text: &str) -> Vec<String> {
    let cluster = describe(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let card = |node: &Node, place: usize| cluster.card(node.cards[place]).unwrap().kind.to_string();
    let node = |node: &Node| {
        let cards: Vec<String> = (0..node.cards.len()).map(|place| card(node, place)).collect();
        format!("{} {} {} {}", node.name, node.cpu.total, node.memory.total.get() >> 30, cards.join(" "))
    };
    cluster.nodes().iter().map(node).collect()
}

fn refused(text: &str, words: &str) {
    let error = describe(text).unwrap_err().to_string();
    assert!(error.contains(words), "{text}: {error}");
}

#[test]
fn descriptions_say_nodes_cards_and_what_else_a_node_has() {
    assert_eq!(
        shown("1 node x 2 h100/80Gi/sxm + 2 nodes, 32 cpu, 128Gi memory, 1Ti ephemeral"),
        ["node1 32000 256 nvidia/h100/80Gi/sxm nvidia/h100/80Gi/sxm", "node2 32000 128 ", "node3 32000 128 "]
    );
    assert_eq!(shown("1 node x 1 h100.80Gi x 1 a100/sxm4"), ["node1 32000 256 nvidia/h100/80Gi nvidia/a100/*/sxm",]);
    assert_eq!(shown("1 nodes x 1 t4 x 2 amd/mi210"), ["node1 48000 384 nvidia/t4 amd/mi210 amd/mi210"]);
    assert_eq!(shown("1 node"), ["node1 64000 256 "]);
    assert_eq!(
        shown("1 node x 1 mi300x x 1 RX7900XTX x 1 gaudi2 x 1 a100"),
        ["node1 64000 512 amd/mi300x amd/rx7900xtx intel/gaudi2 nvidia/a100"]
    );
}

#[test]
fn an_x_may_be_written_in_every_way_that_is_clear() {
    let plain = shown("2 nodes x 2 t4 x 1 a10");
    for text in [
        "2 nodes×2 t4×1 a10",
        "2nodes x2 t4 x1 a10",
        "2 node x 2x t4 x 1 x a10",
        "2 Nodes X 2xt4 X 1×a10",
        " 2  nodes  x  2  t4  x  1  a10 ",
    ] {
        assert_eq!(shown(text), plain, "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    for text in ["", "nodes", "8", "8x h100", "-1 nodes", "1.5 nodes", "1 node +", "99999999999999999999 nodes"] {
        refused(text, "expected a number of nodes");
    }
    for text in [
        "1 node 8 h100",
        "1 node x",
        "1 node x h100",
        "1 node x 8",
        "1 node x 8h100",
        "1 node x 2 t4 1 a10",
        "1 node x 2 t4 a10",
    ] {
        refused(text, "");
    }
    refused("1 node x 1 h100/80", "expected whole Gi");
    refused("1 node x 1 *", "not a model");
    refused("1 node x 1 nvida/h100", "the vendor `nvida` is not known; did you mean `nvidia`?");
    refused("1 node x 129 t4", "at most 128");
    refused("1 node x 100 t4 x 100 a10", "200 cards");
    refused("100001 nodes", "more than 100000 nodes");
    refused("18446744073709551615 nodes + 1 node", "more than 100000 nodes");
    refused("1 node, 32 cpu, 64 cpu", "twice");
    refused("1 node, 32", "not an amount");
    refused("1 node, 128 memory", "128 bytes");
    refused("1 node, -1 cpu", "not a number of threads");
    refused("1 node, 5 flux", "not `cpu`, `memory` or `ephemeral`");
}

proptest! {
    #[test]
    fn a_description_has_as_many_nodes_and_cards_as_it_says(
        parts in proptest::collection::vec((0_u64..20, proptest::collection::vec(0_u64..40, 0..4)), 1..5)
    ) {
        let kinds = ["t4", "h100/80Gi/sxm", "amd/mi210", "a100/40Gi"];
        let words = |(nodes, cards): &(u64, Vec<u64>)| {
            let cards = cards.iter().zip(kinds).map(|(number, kind)| format!(" x {number} {kind}"));
            format!("{nodes} nodes{}", cards.collect::<String>())
        };
        let text: Vec<String> = parts.iter().map(words).collect();
        let found = describe(&text.join(" + "));
        if parts.iter().any(|(_, cards)| cards.iter().sum::<u64>() > MAX_NODE_GPUS) {
            prop_assert!(found.is_err());
        } else {
            let found = found.unwrap();
            let nodes: u64 = parts.iter().map(|(nodes, _)| nodes).sum();
            let cards: u64 = parts.iter().map(|(nodes, cards)| nodes * cards.iter().sum::<u64>()).sum();
            prop_assert_eq!(found.nodes().len() as u64, nodes);
            prop_assert_eq!(found.nodes().iter().map(|node| node.gpus.total).sum::<u64>(), cards);
            prop_assert_eq!(found.nodes().iter().map(|node| node.cards.len() as u64).sum::<u64>(), cards);
        }
    }

    #[test]
    fn no_text_makes_the_reading_of_a_description_panic(text in "[0-9nodesx× +,/*hGi-]{0,40}|\\PC{0,30}") {
        let _ = describe(&text);
    }
}
