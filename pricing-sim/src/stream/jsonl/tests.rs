use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::*;

const FLAT: &str = r#"{"id":"a","at":0,"cpu":2,"memory":"4Gi"}"#;

fn refused(text: &str, line: usize, words: &str) {
    let error = read(text, &Defaults::default()).unwrap_err();
    assert_eq!((error.line(), error.to_string().contains(words)), (Some(line), true), "{error}");
}

/// The same but for the format, which a group spec does not tell.
fn comparable(arrivals: &[Arrival]) -> Vec<String> {
    let line = |arrival: &Arrival| {
        let mut order = (*arrival.order).clone();
        if order.format == OrderFormat::Sdl {
            order.format = OrderFormat::GroupSpec;
        }
        format!("{:?}", Arrival { order: Arc::new(order), ..arrival.clone() })
    };
    arrivals.iter().map(line).collect()
}

fn written(arrivals: &[Arrival]) -> String {
    let mut bytes = Vec::new();
    write(arrivals, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn round_trip(arrivals: &[Arrival]) {
    let read_back = read(&written(arrivals), &Defaults::default()).unwrap();
    assert_eq!(comparable(&read_back), comparable(arrivals));
}

#[test]
fn the_corpus_reads_back_as_it_was_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/sdl");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    paths.sort();
    let mut text = String::new();
    for (path, at) in paths.iter().zip(0..) {
        let order = fs::read_to_string(path).unwrap();
        if pricing_core::order::detect::read(&order, None).is_err() {
            continue;
        }
        let id = path.file_stem().unwrap().to_string_lossy();
        let line = serde_json::json!({"id": id, "at": f64::from(at) * 0.25, "lifetime": "8h", "order": order});
        text.push_str(&format!("{line}\n"));
    }
    let arrivals = read(&text, &Defaults::default()).unwrap();
    assert!(arrivals.len() > 100, "{}", arrivals.len());
    round_trip(&arrivals);
}

#[test]
fn flat_orders_and_script_requests_read_back_as_they_were_written() {
    let unit = r#"{"memory":1073741824,"cpu":2000,"gpu":{"units":1,"attributes":{"vendor":{"nvidia":{"model":"*"}}}},"storage":[{"class":"beta3","size":1073741824}],"count":2,"endpoint_quantity":3,"ip_lease_quantity":1}"#;
    let text = [
        r#"{"id":"a","at":"12.345","until":99,"owner":"me","cpu":"1.5","memory":"4Gi","gpu_units":1,"gpu":"T4/*/pcie|a100/80Gi","storage":"1Gi","storage_persistent":"2Gi","storage_class":"beta2","count":2,"endpoints":3,"leased_ips":1,"max_price":"0.000000000000000001","denom":"uakt"}"#.to_owned(),
        format!(r#"{{"id":"b","at":1,"order":{{"resources":[{unit}],"price":{{"denom":"uakt","amount":"5.50"}},"price_precision":3}}}}"#),
        format!(r#"{{"id":"c","at":2,"denom":"uakt","order":[{unit}]}}"#),
        FLAT.replace(r#""id":"a""#, r#""id":"d""#),
    ];
    let arrivals = read(&text.join("\n"), &Defaults::default()).unwrap();
    assert_eq!(arrivals.iter().map(|a| a.has_maximum).collect::<Vec<_>>(), [true, true, false, false]);
    round_trip(&arrivals);
    let first = written(&arrivals);
    assert!(first.starts_with(r#"{"id":"a","at":"12.345","until":"99","owner":"me","order":{"name":"a","#), "{first}");
}

#[test]
fn values_are_texts_or_numbers_and_empty_lines_are_skipped() {
    let text = format!("\u{feff}\n{FLAT}\r\n\n  \n{}\n", r#"{"at":1.5e1,"cpu":"2.0","memory":4294967296,"gpu":null}"#);
    let arrivals = read(&text, &Defaults::default()).unwrap();
    assert_eq!(arrivals.iter().map(|a| (&*a.id, a.at)).collect::<Vec<_>>(), [("a", 0), ("order-2", 15_000)]);
    let exact = r#"{"at":0,"cpu":1,"memory":"1Gi","max_price":1234567890.123456789012345678}"#;
    let price = read(exact, &Defaults::default()).unwrap()[0].order.max_price.clone().unwrap();
    assert_eq!(price.amount().to_string(), "1234567890.123456789012345678");
    assert!(read("", &Defaults::default()).unwrap().is_empty());
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    refused(&format!("{FLAT}\n{{"), 2, "EOF");
    refused("[]", 1, "an object with an order");
    refused("3", 1, "an object with an order");
    refused(&format!("\n{FLAT} x"), 2, "trailing");
    refused(r#"{"at":1,"at":2}"#, 1, "twice");
    refused(r#"{"at":1,"memroy":2}"#, 1, "did you mean `memory`?");
    refused(r#"{"at":true}"#, 1, "expected a text or a number");
    refused(r#"{"at":[1]}"#, 1, "expected a text or a number");
    refused(r#"{"at":NaN}"#, 1, "expected");
    refused(r#"{"at":1e999,"cpu":1,"memory":"1Gi"}"#, 1, "not between 1970");
    refused(r#"{"at":1,"cpu":1,"memory":"1Gi","max_price":1e999}"#, 1, "max_price");
    refused(r#"{"at":1,"order":{"resources":[]}}"#, 1, "order");
    refused(&format!("{{\"at\":1,\"order\":{}}}", "[".repeat(100_000)), 1, "");
    refused("{\"at\":1,\"order\":\"\\ud800\"}", 1, "");
}

#[test]
fn lines_that_are_not_orders_are_left_out_where_the_caller_says_so_and_the_others_keep_their_numbers() {
    let text = "{\"at\":0,\"cpu\":1,\"memory\":\"1Gi\"}\n{\n\n{\"at\":1,\"cpu\":\"x\",\"memory\":\"1Gi\"}\n\
                {\"at\":2,\"cpu\":1,\"memory\":\"1Gi\"}\n";
    let mut lines = Vec::new();
    let mut leave_out = |error: InputError| {
        lines.push(error.line());
        Ok(())
    };
    let read = read_with(text, &Defaults::default(), &mut leave_out).unwrap();
    assert_eq!(lines, [Some(2), Some(4)]);
    let names: Vec<&str> = read.iter().map(|arrival| &*arrival.id).collect();
    assert_eq!(names, ["order-1", "order-4"]);
}

#[test]
fn two_orders_with_one_id_are_refused_by_the_line_of_the_second() {
    let order = |id: &str| format!("{{\"at\":0,\"cpu\":1,\"memory\":\"1Gi\"{id}}}\n");
    let read = |ids: [&str; 3]| read(&ids.map(order).concat(), &Defaults::default());
    let error = read([r#","id":"a""#, r#","id":"b""#, r#","id":"a""#]).unwrap_err();
    assert_eq!((error.line(), error.message()), (Some(3), "there are two orders `a`"));
    // A row without an id is called by its number, and so may another one be.
    let error = read([r#","id":"order-2""#, "", ""]).unwrap_err();
    assert_eq!((error.line(), error.message()), (Some(2), "there are two orders `order-2`"));
    assert_eq!(read(["", "", ""]).unwrap().len(), 3);
}
