use std::collections::BTreeMap;
use std::path::Path;

use pricing_host::PluginHost;

use super::*;
use crate::scenario;

struct NoHost;

impl SimulationEnvironment for NoHost {
    fn plugins(&self) -> Result<PluginHost, String> {
        Err("no plugins here".to_owned())
    }

    fn bid_log(&self, path: &Path) -> Result<Vec<Arrival>, String> {
        let text = "{\"at\":5,\"order\":[{\"memory\":1048576,\"cpu\":1000,\"count\":1}]}";
        let mut found = jsonl::read(text, &Defaults::default()).unwrap();
        let mut order = (*found[0].order).clone();
        order.max_price = None;
        found[0].order = Arc::new(order);
        assert!(path.ends_with("log"));
        Ok(found)
    }
}

fn stream(orders: &str, file: &str) -> Result<Arc<Stream>, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("orders"), file).unwrap();
    let text = format!("orders = {{ {orders} }}\ninventory = {{ describe = \"1 node\" }}\n");
    let scenario = scenario::of_table(text.parse().unwrap()).map_err(|error| error.to_string())?;
    let models = openb::Models::new(&BTreeMap::new()).unwrap();
    let files = Files::in_folder(folder.path());
    let source = source(&scenario, &models, &files, &NoHost).map_err(|error| error.to_string())?;
    Ok(source.stream(&Draws::new(1)).unwrap())
}

const CSV: &str = "at,lifetime,cpu,memory\n100,7,1,1Gi\n7,1,1,1Gi\n50,1h,1,1Gi\n";

#[test]
fn exactly_one_source_is_named() {
    for orders in ["", "limit = 3"] {
        let error = stream(orders, "").unwrap_err();
        assert!(error.contains("names no source") && error.contains("`bid_log`"), "{error}");
    }
    let error = stream("csv = \"orders\", jsonl = \"orders\"", "").unwrap_err();
    assert!(error.contains("both `jsonl` and `csv`") && error.contains("`generate`"), "{error}");
}

#[test]
fn times_are_divided_and_the_first_orders_taken() {
    let found =
        stream("csv = \"orders\", time_compression = 10, limit = 2, owner = \"me\", denom = \"uakt\"", CSV).unwrap();
    let times: Vec<_> = found.arrivals.iter().map(|arrival| (arrival.at, arrival.until)).collect();
    assert_eq!(times, [(700, Some(800)), (5000, Some(365_000))]);
    assert_eq!((found.window.start, found.window.end), (700, 365_000));
    let first = &found.arrivals[0];
    assert_eq!(first.owner.as_deref(), Some("me"));
    assert_eq!(first.order.max_price.as_ref().unwrap().denom().as_str(), "uakt");
    for factor in ["0", "-1", "\"0.00000000000000001\""] {
        let error = stream(&format!("csv = \"orders\", time_compression = {factor}"), CSV).unwrap_err();
        assert!(error.contains("orders.time_compression"), "{error}");
    }
}

#[test]
fn files_that_are_empty_absent_or_no_text_are_told_of() {
    for kind in ["jsonl", "csv", "openb", "parquet"] {
        let error = stream(&format!("{kind} = \"orders\""), "").unwrap_err();
        assert!(error.contains("`orders`"), "{error}");
        let error = stream(&format!("{kind} = \"nowhere\""), "").unwrap_err();
        assert!(error.contains("`nowhere` cannot be read"), "{error}");
        let error = stream(&format!("{kind} = \".\""), "").unwrap_err();
        assert!(error.contains("`.`"), "{error}");
    }
}

#[test]
fn the_orders_of_a_log_get_what_the_scenario_says_of_those_that_do_not_say_it() {
    let found = stream("bid_log = \"log\", owner = \"me\", denom = \"uakt\"", "").unwrap();
    let first = &found.arrivals[0];
    assert_eq!((first.owner.as_deref(), first.has_maximum), (Some("me"), false));
    assert_eq!(first.order.max_price.as_ref().unwrap().denom().as_str(), "uakt");
}

#[test]
fn orders_of_a_log_that_share_an_id_are_numbered() {
    let text = "{\"at\":0,\"cpu\":1,\"memory\":\"1Gi\"}\n";
    let named = |id: &str| Arrival { id: Arc::from(id), ..jsonl::read(text, &Defaults::default()).unwrap().remove(0) };
    let mut found: Vec<Arrival> = ["a", "b", "a", "a#2", "a"].map(named).into();
    number_ids(&mut found);
    let ids: Vec<&str> = found.iter().map(|arrival| &*arrival.id).collect();
    assert_eq!(ids, ["a", "b", "a#3", "a#2", "a#4"]);
}
