//! `bidprice quote --socket`: a running service prices as this program does.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;

use serde_json::Value;

use crate::serve::{Running, bidprice, json, stderr, stdout};

const CONFIG: &str = "[listen]\nsocket = \"bidprice.sock\"\n[reload]\nwatch = \"0s\"\n[feed]\nusd_per_akt = \"0.50\"\n\
                      [inventory]\nfile = \"mixed.json\"\nmax_age = \"87600h\"\n[rates]\nfile = \"rates.toml\"\n";
/// What the service prices with, for a quote without it.
const LOCAL: [&str; 6] = ["--inventory", "mixed.json", "--rates", "rates.toml", "--usd-per-akt", "0.50"];
const SERVICE: [&str; 4] = ["--socket", "bidprice.sock", "--timeout", "10min"];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A service on the corpus's inventory. Its card weighs the cards that an order may get, and declines one.
fn service() -> Running {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(root().join("corpus/inventory/mixed.json"), folder.path().join("mixed.json")).unwrap();
    let rates = fs::read_to_string(root().join("examples/rates.toml")).unwrap();
    let rates =
        rates.replace("ambiguous_gpu = \"highest\"", "ambiguous_gpu = \"expected\"").replace("\"*\" =", "# \"*\" =");
    fs::write(folder.path().join("rates.toml"), rates).unwrap();
    fs::write(folder.path().join("bidprice.toml"), CONFIG).unwrap();
    for (order, name) in orders() {
        fs::copy(order, folder.path().join(name)).unwrap();
    }
    Running::start_in(folder)
}

/// Orders that are bid on, declined and faulted, and their names in the service's folder.
fn orders() -> Vec<(std::path::PathBuf, String)> {
    let sdls = fs::read_dir(root().join("corpus/sdl")).unwrap().map(|entry| entry.unwrap().path());
    let mut orders: Vec<_> =
        sdls.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    orders.sort();
    orders.push(root().join("examples/request.json"));
    let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    orders.into_iter().map(|path| (path.clone(), name(&path))).collect()
}

/// A table without what only the rate card can tell.
fn without_old_rule(shown: &str) -> String {
    let parts = shown.split_inclusive("\n\n").filter(|part| {
        !["Priced as", "The old rule", "With `ambiguous_gpu"].iter().any(|words| part.starts_with(words))
    });
    parts.collect::<String>().trim_end().to_owned()
}

#[test]
fn it_prints_what_a_quote_without_the_service_prints() {
    let running = service();
    let ask = |order: &str, args: &[&str], more: &[&str]| {
        bidprice(running.folder.path(), &[&["quote", order], args, more].concat())
    };
    let mut exits = Vec::new();
    let mut weighed = 0;
    for (index, (_, order)) in orders().into_iter().enumerate() {
        for (option, more) in [&[][..], &["--all-targets"], &["--already-reserved"]].into_iter().enumerate() {
            let as_json = [more, &["--output", "json"]].concat();
            let (own, asked) = (ask(&order, &LOCAL, &as_json), ask(&order, &SERVICE, &as_json));
            assert_eq!(stdout(&own), stdout(&asked), "{order} {more:?}");
            assert_eq!(own.status.code(), asked.status.code(), "{order} {more:?}");
            weighed += stdout(&asked).matches("\"weights\"").count();
            // The table is made of the answer that was compared above: one option for each order shows all of its parts.
            if index % 3 == option {
                let (own, asked) = (ask(&order, &LOCAL, more), ask(&order, &SERVICE, more));
                assert_eq!(without_old_rule(&stdout(&own)), stdout(&asked).trim_end(), "{order} {more:?}");
            }
            exits.push(asked.status.code());
        }
    }
    assert!(exits.contains(&Some(0)) && exits.contains(&Some(3)), "{exits:?}");
    assert!(weighed > 0);
}

#[test]
fn the_owner_is_told_and_a_malformed_order_is_an_error_of_the_input() {
    let running = service();
    let folder = running.folder.path();
    let deny = "akash1fxa9ss3dg6nqyz8aluyaa6svypgprk5tw9fa4q";
    let priced = |args: &[&str]| {
        let answer =
            json(&bidprice(folder, &[&["quote", "request.json", "--output", "json"], &SERVICE[..], args].concat()));
        answer["quotes"][0]["lines"].as_array().unwrap().iter().any(|line| line["item"] == "discount")
    };
    assert!(priced(&["--owner", deny]) && !priced(&[]));
    fs::write(folder.join("bad.yaml"), "version: \"2.0\"\nservices: 5\n").unwrap();
    let wrong = |args: &[&str]| {
        let output = bidprice(folder, &[&["quote", "bad.yaml", "--output", "json"], args].concat());
        (output.status.code(), stdout(&output), stderr(&output))
    };
    assert_eq!(wrong(&SERVICE), wrong(&[]));
    assert_eq!(wrong(&SERVICE).0, Some(1));
}

#[test]
fn what_only_makes_sense_without_a_service_contradicts_it() {
    let folder = tempfile::tempdir().unwrap();
    for option in [
        "--rates=r.toml",
        "--inventory=i.json",
        "--usd-per-akt=1",
        "--scheduler=sound",
        "--commit=cpu=2",
        "--tee-platform=snp",
        "--search-steps=5",
        "--provider=p.toml",
        "--mode=strict",
        "--plugin=p.wasm",
        "--fuel=5",
        "--deadline=1s",
        "--memory-limit=1MiB",
        "--plugin-class=engine",
        "--plugin-cache=x",
        "--no-plugin-cache",
        "--format=sdl",
    ] {
        let output = bidprice(folder.path(), &["quote", "order.yaml", "--socket", "x.sock", option]);
        assert_eq!(output.status.code(), Some(2), "{option}: {}", stderr(&output));
        assert!(stderr(&output).contains("cannot be used with"), "{option}: {}", stderr(&output));
    }
    let output = bidprice(folder.path(), &["quote", "order.yaml", "--timeout", "1s"]);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("--socket <PATH>"), "{}", stderr(&output));
    let output = bidprice(folder.path(), &["quote", "order.yaml", "--already-reserved"]);
    assert!(
        output.status.code() == Some(2) && stderr(&output).contains("--inventory <FILE|WORDS>"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_service_that_does_not_answer_is_not_an_error_of_the_order() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(root().join("examples/request.json"), folder.path().join("request.json")).unwrap();
    let asked = |more: &[&str]| {
        let mut command = crate::programs::bidprice();
        command.current_dir(folder.path()).args(["quote", "request.json", "--socket", "x.sock", "--output", "json"]);
        // For other commands; it contradicts nothing.
        let output = command.args(more).env("BIDPRICE_USD_PER_AKT", "0.5").output().unwrap();
        let answer: Value = json(&output);
        (output.status.code(), answer["error"]["code"].as_str().map(str::to_owned))
    };
    assert_eq!(asked(&[]), (Some(5), Some("unreachable-service".to_owned())));
    let _deaf = UnixListener::bind(folder.path().join("x.sock")).unwrap();
    assert_eq!(asked(&["--timeout", "100ms"]), (Some(5), Some("deadline-exceeded".to_owned())));
}
