use std::collections::BTreeMap;

use super::*;

fn nodes_of(rows: &str) -> Result<Cluster, InputError> {
    openb(&format!("sn,cpu_milli,memory_mib,gpu,model\n{rows}"), &Models::new(&BTreeMap::new())?)
}

#[test]
fn a_node_list_is_a_cluster() {
    let cluster = nodes_of("a,64000,262144,2,V100M32\nb,94000,262144,0,\n").unwrap();
    assert_eq!(cluster.nodes().len(), 2);
    let first = &cluster.nodes()[0];
    assert_eq!((first.cpu.total.get(), first.memory.total.get(), first.gpus.total), (64_000, 256 << 30, 2));
    assert_eq!(cluster.card(first.cards[1]).unwrap().kind.to_string(), "nvidia/v100/32Gi/sxm");
}

#[test]
fn what_is_no_node_list_is_refused_with_its_line() {
    for (rows, words) in [
        ("a,1,1,129,T4\n", "line 2, column 1: `a` has 129 GPUs"),
        ("a,1,1,1,H999\n", "line 2, column 1: `H999` is not a model"),
        ("a,1,1,0,\n\na,1,1,0,\n", "line 4, column 1: there are two nodes `a`"),
        ("a,1,99999999999999999,0,\n", "line 2, column 1: `a` has more memory"),
        ("a,one,1,0,\n", "line 2, column 1: cell 2"),
        ("a,1\n", "2 cells"),
    ] {
        let error = nodes_of(rows).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
