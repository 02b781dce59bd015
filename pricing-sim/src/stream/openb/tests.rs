use super::*;

const HEADER: &str =
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n";

fn models() -> Models {
    Models::new(&BTreeMap::new()).unwrap()
}

fn read(rows: &str, share: GpuShare) -> Result<Vec<Arrival>, InputError> {
    pods(&format!("{HEADER}{rows}"), &models(), share, "uact")
}

fn units(arrivals: &[Arrival]) -> Vec<(&str, u64)> {
    arrivals.iter().map(|a| (&*a.id, a.order.group.resources()[0].gpu.units)).collect()
}

fn refused(text: &str, words: &str) {
    let error = pods(text, &models(), GpuShare::Up, "uact").unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn a_pod_is_an_order_of_one_replica_without_a_maximum() {
    let arrivals = read("p,12000,16384,2,1000,V100M16|V100M32,LS,Running,10,25,11\n", GpuShare::Up).unwrap();
    let arrival = &arrivals[0];
    assert_eq!((&*arrival.id, arrival.at, arrival.until, arrival.has_maximum), ("p", 10_000, Some(25_000), false));
    let unit = &arrival.order.group.resources()[0];
    assert_eq!((unit.cpu.get(), unit.memory.get(), unit.count), (12_000, 16 << 30, 1));
    let kinds: Vec<String> = unit.gpu.alternatives.iter().map(ToString::to_string).collect();
    assert_eq!(kinds, ["nvidia/v100/16Gi/sxm", "nvidia/v100/32Gi/sxm"]);
}

#[test]
fn shares_of_a_card_are_rounded_by_the_rule_that_is_named() {
    let rows = "small,1,1,1,100,,LS,Running,0,1,0\nhalf,1,1,1,500,T4,LS,Running,0,1,0\n\
                whole,1,1,4,1000,,LS,Running,0,1,0\nnone,1,1,0,0,,LS,Running,0,1,0\n";
    let of = |share| read(rows, share).unwrap();
    assert_eq!(units(&of(GpuShare::Up)), [("small", 1), ("half", 1), ("whole", 4), ("none", 0)]);
    assert_eq!(units(&of(GpuShare::Nearest)), [("small", 0), ("half", 1), ("whole", 4), ("none", 0)]);
    assert_eq!(units(&of(GpuShare::Skip)), [("whole", 4), ("none", 0)]);
    for arrival in of(GpuShare::Nearest) {
        let gpu = &arrival.order.group.resources()[0].gpu;
        assert_eq!(gpu.alternatives.is_empty(), gpu.units == 0, "{}", arrival.id);
    }
}

#[test]
fn a_pod_that_was_never_deleted_lasts_to_the_end() {
    let arrivals = read("p,1,1,0,0,,LS,Running,5,,5\n", GpuShare::Up).unwrap();
    assert_eq!((arrivals[0].at, arrivals[0].until), (5000, None));
}

#[test]
fn columns_may_be_in_any_order_and_others_are_passed_over() {
    let text = "deletion_time,creation_time,gpu_milli,num_gpu,memory_mib,cpu_milli,name,colour\n9,4,0,0,1,1,p,red\n";
    let arrivals = pods(text, &models(), GpuShare::Up, "uact").unwrap();
    assert_eq!((arrivals[0].at, arrivals[0].until), (4000, Some(9000)));
}

#[test]
fn what_is_no_pod_list_is_refused_with_its_line() {
    let row = "p,1,1,0,0,,LS,Running,5,6,5\n";
    let with = |rows: &str| format!("{HEADER}{rows}");
    refused("", "the file is empty");
    refused("name,cpu_milli\np,1\n", "line 2, column 1: missing field `memory_mib`");
    refused("name,name\np,1\n", "two columns `name`");
    refused(&with(&format!("{row}q,1,1,0\n")), "line 3, column 1: the row has 4 cells");
    refused(&with(&format!("{row}q,-1,1,0,0,,LS,Running,5,6,5\n")), "line 3, column 1: cell 2");
    refused(&with("q,1,1,NaN,0,,LS,Running,5,6,5\n"), "line 2, column 1: cell 4");
    refused(&with("q,1,1,1,1000,H999,LS,Running,5,6,5\n"), "line 2, column 1: `H999` is not a model of the trace");
    refused(&with("q,1,18446744073709551615,0,0,,LS,Running,5,6,5\n"), "memory is out of range");
    refused(&with("q,1,1,0,0,,LS,Running,7,6,5\n"), "deleted before it is created");
    refused(&with("q,1,1,0,0,,LS,Running,18446744073709551615,,5\n"), "line 2, column 1: the time is out of range");
}

#[test]
fn models_are_what_a_scenario_says_they_are() {
    let named =
        BTreeMap::from([("H999".to_owned(), "nvidia/h999/80Gi".to_owned()), ("T4".to_owned(), "nvidia/t4".to_owned())]);
    let models = Models::new(&named).unwrap();
    assert_eq!(models.kind("H999").unwrap().to_string(), "nvidia/h999/80Gi");
    assert_eq!(models.kind("T4").unwrap().to_string(), "nvidia/t4");
    let error = Models::new(&BTreeMap::from([("X".to_owned(), "x/".to_owned())])).unwrap_err();
    assert_eq!(error.path(), Some("openb.models.X"));
}
