//! The reference of scenarios is that of the code. `cargo xtask docs` writes it anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use pricing_sim::scenario::Scenario;
use serde_json::Value;
use testkit::reference::{Reference, check};

const INTRODUCTION: &str = "# The keys of a scenario

Generated from `pricing-sim/src/scenario/model.rs`; `cargo xtask docs` writes it anew.

A scenario is one TOML file, which [`bidprice simulate`](simulate.md) runs. A key that is not listed here is an error.
Paths are relative to the folder of the scenario. Money is written as text or as a whole number; shares and the like may
also be floats. [`examples/simulate/made-up.toml`](../examples/simulate/made-up.toml) is an example.
";

#[test]
fn the_reference_is_current() {
    let (page, schema) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/scenario.md"), schema());
    check(&page, &format!("{INTRODUCTION}{}", reference(&schema).text()));
}

#[test]
fn every_key_has_words() {
    reference(&schema()).check_words(60);
}

fn schema() -> Value {
    serde_json::to_value(schemars::schema_for!(Scenario)).unwrap()
}

fn reference(schema: &Value) -> Reference<'_> {
    Reference { schema, elsewhere: &[], rows: &[] }
}
