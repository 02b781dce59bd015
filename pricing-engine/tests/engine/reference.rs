//! Checks that the configuration's reference and schema match the code. `cargo xtask docs` updates them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::Path;

use pricing_engine::config::Config;
use schemars::schema_for;
use serde_json::Value;
use testkit::reference::{Reference, check, properties};

/// The text above the tables.
const INTRODUCTION: &str = "# The configuration of `bidprice serve`

Generated from `pricing-engine/src/config/model.rs`; `cargo xtask docs` writes it anew.

One TOML file. Every key has a default but for those that say otherwise, so an empty file is a configuration too. A key
that is not listed here is an error. Paths are relative to the folder of the file that they stand in. `bidprice config
check FILE` says whether the service would take a file; [`deploy/bidprice.toml`](../deploy/bidprice.toml) is an example
with every section, and [`deploy/bidprice.schema.json`](../deploy/bidprice.schema.json) tells editors the keys.
";

/// The text for sections whose keys are described elsewhere.
const ELSEWHERE: [(&str, &str); 5] = [
    ("policy", OF_RATE_CARD),
    ("chain", OF_RATE_CARD),
    ("commit", OF_RATE_CARD),
    ("provider", OF_RATE_CARD),
    ("shadow.plugin", "Its keys are those of [`[plugin]`](#plugin)."),
];

const OF_RATE_CARD: &str = "Its keys are those of a [rate card](rates.md).";

const ROWS: [(&str, &str); 1] =
    [("rates", "| *any other* | | | A key of a [rate card](rates.md)'s `[rates]`; not beside `file`. |")];

#[test]
fn the_reference_and_the_schema_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let schema = schema();
    check(&root.join("docs/config.md"), &format!("{INTRODUCTION}{}", reference(&schema).text()));
    let pretty = serde_json::to_string_pretty(&schema).unwrap();
    check(&root.join("deploy/bidprice.schema.json"), &format!("{pretty}\n"));
}

#[test]
fn every_key_has_words() {
    reference(&schema()).check_words(60);
}

#[test]
fn the_defaults_of_the_reference_are_those_in_use() {
    let schema = schema();
    let reference = reference(&schema);
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let mut seen = BTreeSet::new();
    for (section, property) in schema["properties"].as_object().unwrap() {
        for (key, inner) in reference.object(property).into_iter().flat_map(properties) {
            let Some(used) = defaults[section].get(key) else { continue };
            assert_eq!(inner.get("default").unwrap_or(&Value::Null), used, "{section}.{key}");
            seen.insert(format!("{section}.{key}"));
        }
    }
    assert!(seen.contains("limits.deadline") && seen.len() > 30, "{seen:?}");
}

fn schema() -> Value {
    serde_json::to_value(schema_for!(Config)).unwrap()
}

fn reference(schema: &Value) -> Reference<'_> {
    Reference { schema, elsewhere: &ELSEWHERE, rows: &ROWS }
}
