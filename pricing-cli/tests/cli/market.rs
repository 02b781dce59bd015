//! `bidprice market show`: a rate card beside market prices.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use crate::scripts::Folder;
use serde_json::{Value, json};

const CARD: &str = "[rates.gpu]\n\"nvidia/h100\" = \"2000\"\n\"a100.40Gi\" = \"600\"\n\"a100.80Gi\" = \"1000\"\n\
                    t4 = \"109.57\"\np40 = \"10\"\n\"*\" = \"50\"\n";

fn verdicts(answer: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let row = |row: &Value| (text(&row["gpu"]), text(&row["entry"]), text(&row["verdict"]));
    answer["kinds"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn each_kind_is_dearer_cheaper_equal_or_missing() {
    let folder = Folder::new();
    folder.put("card.toml", CARD);
    let csv = "\u{feff}Source, GPU ,usd_per_hour\nsomebody,h100.80Gi.sxm5,2.71\n,a100,1.00\n,nvidia/t4,0.15\n,b200,5\n";
    folder.put("market.csv", csv);
    let show = ["market", "show", "market.csv", "--rates", "card.toml"];
    let ran = folder.run(&[&show[..], &["--output", "json"]].concat());
    let answer = ran.json();
    let expected = [
        ("h100/80Gi/sxm", "nvidia/h100", "dearer"),
        ("a100", "a100.40Gi", "cheaper"),
        ("a100", "a100.80Gi", "dearer"),
        ("nvidia/t4", "t4", "equal"),
        ("b200", "*", "missing"),
    ];
    let expected = expected.map(|(gpu, entry, verdict)| (gpu.to_owned(), entry.to_owned(), verdict.to_owned()));
    assert_eq!(verdicts(&answer), expected, "{answer:#}");
    assert_eq!(ran.exit, Some(0));
    // 2.71 * 2629757 / 3600
    assert_eq!(answer["kinds"][0]["market_usd_per_month"], "1979.622630555556");
    assert_eq!(answer["kinds"][0]["difference_percent"], "1.03");
    assert_eq!(answer["not_in_market"], json!([{"entry": "p40", "usd_per_month": "10"}]));
    let near = folder.run(&[&show[..], &["--tolerance", "2", "--output", "json"]].concat()).json();
    assert_eq!(near["kinds"][0]["verdict"], "equal");
    let table = folder.run(&show).stdout;
    assert!(table.contains("missing: `*` prices it") && table.contains("p40 (10.00 USD)"), "{table}");
}

#[test]
fn the_example_is_read() {
    let folder = Folder::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/market.csv");
    let rates = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/rates.toml");
    let answer = folder.run(&["market", "show", example, "--rates", rates, "--output", "json"]).json();
    assert_eq!(answer["kinds"].as_array().unwrap().len(), 14, "{answer:#}");
}

#[test]
fn a_broken_list_is_refused_with_the_place() {
    let folder = Folder::new();
    folder.put("card.toml", CARD);
    let cases = [
        ("", "no prices"),
        ("gpu,usd_per_hour\n", "no prices"),
        ("gpu,eur_per_hour\nt4,1\n", "no column `usd_per_hour`"),
        ("gpu,usd a month\nt4,1\n", "no column `usd_per_hour`"),
        ("region,usd_per_hour\nt4,1\n", "no column `gpu`"),
        ("gpu,gpu,usd_per_hour\nt4,t4,1\n", "more than one column may be `gpu`"),
        ("gpu,usd_per_hour\nt4,1\nT4,2\n", "line 3"),
        ("gpu,usd_per_hour\nt4,NaN\n", "line 2"),
        ("gpu,usd_per_hour\nt4,-1\n", "not an hour's price"),
        ("gpu,usd_per_hour\nt4,2.71 EUR\n", "a decimal of USD an hour"),
        ("gpu,usd_per_hour\n8x H100,21.68\n", "the price of one card"),
        ("{\"prices\":[]}", "no `models`"),
        ("gpu,usd_per_hour\nt4,0\n", "out of range"),
        ("gpu,usd_per_hour\nt4,99999999999999999999999999999999\n", "line 2"),
        ("gpu,usd_per_hour\nt4\n", "empty or missing"),
        ("gpu,usd_per_hour\n*,1\n", "not a kind of card"),
        ("gpu,usd_per_hour\na100.80GB,1\n", "whole Gi"),
    ];
    for (csv, complaint) in cases {
        folder.put("market.csv", csv);
        let ran = folder.run(&["market", "show", "market.csv", "--rates", "card.toml"]);
        assert_eq!(ran.exit, Some(1), "{csv:?}: {} {}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(complaint), "{csv:?}: {}", ran.stderr);
    }
}

/// The same list of prices in every notation.
const WRITTEN: [&str; 6] = [
    "GPU,Price ($/hr)\nA100 80GB SXM,$1.71\nRTX 4090,$0.39\nMI300X,2\n",
    "A100-SXM4-80GB\t1.71\nNVIDIA GeForce RTX 4090\t0.39\nAMD Instinct MI300X\t2.00\n",
    "| GPU | USD per hour |\n|---|---:|\n| A100 (80 GB, SXM4) | $1.71/h |\n| RTX4090 24GB | $0.39/h |\n| mi300x | $2/h |\n",
    "A100 80GB SXM: $1.71\nRTX 4090: $0.39\nMI300X: $2\n",
    "model;region;hourly price\na100.80Gi.sxm;us;1.71 USD\n4090;us;0.39 USD\namd/mi300x;us;2 USD\n",
    r#"{"availability":{"total":3,"available":1},"models":[
      {"vendor":"nvidia","model":"a100","ram":"80Gi","interface":"SXM4","price":{"currency":"USD","min":1.5,"max":2,"avg":1.8,"weightedAverage":1.7,"med":1.71}},
      {"vendor":"nvidia","model":"rtx4090","ram":"24Gi","interface":"PCIe","price":{"currency":"USD","min":0.3,"max":0.5,"avg":0.4,"weightedAverage":0.4,"med":0.39}},
      {"vendor":"nvidia","model":"t4","ram":"16Gi","interface":"PCIe","price":null},
      {"vendor":"amd","model":"mi300x","ram":"192Gi","interface":"PCIe","price":{"currency":"USD","min":2,"max":2,"avg":2,"weightedAverage":2,"med":2}}]}"#,
];

#[test]
fn a_list_is_read_as_people_and_console_write_it() {
    let folder = Folder::new();
    let card = "[rates.gpu]\n\"nvidia/a100/80Gi/sxm\" = \"1200\"\nrtx4090 = \"300\"\n\"amd/mi300x\" = \"1500\"\n";
    folder.put("card.toml", card);
    for list in WRITTEN {
        folder.put("market", list);
        let ran = folder.run(&["market", "show", "market", "--rates", "card.toml", "--output", "json"]);
        assert_eq!(ran.exit, Some(0), "{list}: {}", ran.stderr);
        let shown: Vec<(String, String)> =
            verdicts(&ran.json()).into_iter().map(|(_, entry, verdict)| (entry, verdict)).collect();
        let expected = [("nvidia/a100/80Gi/sxm", "cheaper"), ("rtx4090", "dearer"), ("amd/mi300x", "dearer")];
        assert_eq!(shown, expected.map(|(entry, verdict)| (entry.to_owned(), verdict.to_owned())), "{list}");
    }
}
