use super::*;

fn row(cells: &[(&str, &str)]) -> Result<Vec<Arrival>, InputError> {
    let columns = Columns::new(cells.iter().map(|(name, _)| *name))?;
    let texts: Vec<Option<&str>> = cells.iter().map(|(_, text)| Some(*text)).collect();
    columns.arrivals(&texts, 7, &Defaults::default())
}

/// A row that is an order, with further cells.
fn with(more: &[(&str, &str)]) -> Result<Arrival, InputError> {
    let mut cells = vec![("at", "60"), ("cpu", "2"), ("memory", "4Gi")];
    cells.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    cells.extend(more);
    row(&cells).map(|mut arrivals| arrivals.swap_remove(0))
}

fn refused(cells: &[(&str, &str)], path: &str, words: &str) {
    let error = with(cells).unwrap_err();
    assert_eq!((error.path(), error.to_string().contains(words)), (Some(path), true), "{error}");
}

#[test]
fn a_flat_row_is_an_order_of_one_unit() {
    let arrival = with(&[
        ("id", "a"),
        ("lifetime", "8h"),
        ("owner", "akash1x"),
        ("cpu", "500m"),
        ("gpu_units", "2"),
        ("gpu", "h100/80Gi/sxm|amd/mi210"),
        ("storage", "10Gi"),
        ("storage_persistent", "1Ti"),
        ("storage_class", "beta3"),
        ("count", "3"),
        ("endpoints", "4"),
        ("leased_ips", "1"),
        ("max_price", "12.5"),
        ("denom", "uakt"),
    ])
    .unwrap();
    assert_eq!((&*arrival.id, arrival.at, arrival.until), ("a", 60_000, Some(60_000 + 28_800_000)));
    assert_eq!((arrival.owner.as_deref(), arrival.has_maximum), (Some("akash1x"), true));
    let unit = &arrival.order.group.resources()[0];
    assert_eq!((unit.cpu.get(), unit.memory.get(), unit.count), (500, 4 << 30, 3));
    let gpus: Vec<String> = unit.gpu.alternatives.iter().map(ToString::to_string).collect();
    assert_eq!((unit.gpu.units, gpus.join(" ").as_str()), (2, "nvidia/h100/80Gi/sxm amd/mi210"));
    let volumes: Vec<_> =
        unit.storage.iter().map(|volume| (volume.class.name().into_exact(), volume.size.get())).collect();
    assert_eq!(volumes, [("ephemeral", 10 << 30), ("beta3", 1 << 40)]);
    assert_eq!((unit.endpoints.quantity(), unit.endpoints.leased_ip_numbers().count()), (4, 1));
    let price = arrival.order.max_price.as_ref().unwrap();
    assert_eq!((price.amount().to_string().as_str(), price.denom().as_str()), ("12.5", "uakt"));
}

#[test]
fn what_a_row_leaves_out_has_a_documented_meaning() {
    let arrival = with(&[]).unwrap();
    let unit = &arrival.order.group.resources()[0];
    assert_eq!((&*arrival.id, arrival.until, arrival.owner.clone()), ("order-7", None, None));
    assert_eq!((unit.count, unit.gpu.units, unit.storage.len(), unit.endpoints.quantity()), (1, 0, 0, 0));
    assert_eq!((arrival.has_maximum, arrival.order.max_price.as_ref().unwrap().denom().as_str()), (false, "uact"));
    assert_eq!(
        with(&[("gpu_units", "0"), ("gpu", "h100")]).unwrap().order.group.resources()[0].gpu,
        GpuRequest::default()
    );
    assert_eq!(with(&[("leased_ips", "2")]).unwrap().order.group.resources()[0].endpoints.quantity(), 2);
    let volume = &with(&[("storage_persistent", "1Gi")]).unwrap().order.group.resources()[0].storage[0].clone();
    assert_eq!(volume.class.name(), "default");
    let columns = Columns::new(["cpu", "memory"]).unwrap();
    let defaults = Defaults { denom: "uakt", owner: Some("me"), at: Some(5) };
    let arrival = columns.arrivals(&[Some("1"), Some("1Gi")], 1, &defaults).unwrap().swap_remove(0);
    assert_eq!((arrival.at, arrival.owner.as_deref()), (5, Some("me")));
    assert_eq!(arrival.order.max_price.as_ref().unwrap().denom().as_str(), "uakt");
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_column() {
    refused(&[("at", "")], "at", "needs `at`");
    refused(&[("at", "yesterday")], "at", "not a time");
    refused(&[("at", "1700000000000")], "at", "seconds");
    refused(&[("cpu", "")], "cpu", "needs `cpu`");
    refused(&[("cpu", "NaN")], "cpu", "threads");
    refused(&[("memory", "16")], "memory", "16 bytes");
    refused(&[("gpu_units", "1.5"), ("gpu", "*")], "gpu_units", "whole number");
    refused(&[("gpu_units", "99999999999999999999"), ("gpu", "*")], "gpu_units", "whole number");
    refused(&[("gpu_units", "1")], "gpu", "`*`");
    refused(&[("gpu", "h100")], "gpu_units", "how many");
    refused(&[("gpu_units", "1"), ("gpu", "h100/80")], "gpu", "whole Gi");
    refused(&[("storage_class", "beta3")], "storage_persistent", "needs a volume");
    refused(&[("storage_persistent", "1Gi"), ("storage_class", "ram")], "storage_class", "`ram`");
    refused(&[("count", "0")], "count", "from 1");
    refused(&[("endpoints", "1"), ("leased_ips", "2")], "endpoints", "among 1");
    refused(&[("max_price", "-1")], "max_price", "negative");
    refused(&[("max_price", "1e5")], "max_price", "decimal");
    refused(&[("lifetime", "1h"), ("until", "90")], "lifetime", "both");
    refused(&[("until", "59")], "until", "before");
    refused(&[("order", "{}")], "cpu", "both `order` and `cpu`");
}

#[test]
fn unknown_and_repeated_columns_are_refused() {
    let error = Columns::new(["at", "memroy"]).unwrap_err();
    assert!(error.to_string().contains("did you mean `memory`?"), "{error}");
    let error = Columns::new(["at", "colour"]).unwrap_err();
    assert!(error.to_string().contains("`leased_ips`"), "{error}");
    let error = Columns::new(["at", "cpu", " at"]).unwrap_err();
    assert!(error.to_string().contains("two columns `at`"), "{error}");
}

#[test]
fn an_order_of_several_groups_is_several_arrivals() {
    let group = |name: &str| {
        format!(
            r#"{{"name":"{name}","resources":[{{"resource":{{"cpu":{{"units":{{"val":"1000"}}}},"memory":{{"quantity":{{"val":"1073741824"}}}}}},"count":1,"price":{{"denom":"uakt","amount":"5"}}}}]}}"#
        )
    };
    let both = format!("[{},{}]", group("east"), group("west"));
    let arrivals = row(&[("id", "x"), ("at", "1"), ("order", &both)]).unwrap();
    let ids: Vec<&str> = arrivals.iter().map(|arrival| &*arrival.id).collect();
    assert_eq!(ids, ["x/east", "x/west"]);
    assert!(arrivals.iter().all(|arrival| arrival.has_maximum));
    let error = row(&[("at", "1"), ("order", &both), ("max_price", "9")]).unwrap_err();
    assert!(error.to_string().contains("2 groups"), "{error}");
    let one = row(&[("at", "1"), ("order", &group("east")), ("max_price", "9")]).unwrap();
    let price = one[0].order.max_price.as_ref().unwrap();
    assert_eq!((price.amount().to_string().as_str(), price.denom().as_str()), ("9", "uakt"));
}

#[test]
fn errors_within_an_order_say_where() {
    let error = row(&[("at", "1"), ("order", "version: \"2.0\"\nservices: {\n")]).unwrap_err();
    assert!(error.path().unwrap().starts_with("order") && error.message().contains("of the order"), "{error}");
    let error = row(&[("at", "1"), ("order", "{\"a\":1}")]).unwrap_err();
    assert_eq!(error.path(), Some("order"), "{error}");
}
