//! Runs the golden cases: the folders in `tests/golden`, whose contents `testkit::golden` describes.
//!
//! Every build must print the same. A case is skipped only if it names a feature that the build does not have.

use std::collections::BTreeSet;
use std::path::Path;

use testkit::golden::{Program, check};

use crate::programs::BIDPRICE;

/// The commands in every build.
const ALWAYS: [&str; 5] = ["groups", "inventory", "quote", "rates", "reserve"];

#[test]
fn golden_cases_print_what_they_printed() {
    let features = [
        ("plugins", cfg!(feature = "plugins")),
        ("service", cfg!(feature = "service")),
        ("simulate", cfg!(feature = "simulate")),
    ];
    let program = Program { name: "bidprice", path: Path::new(BIDPRICE), features: &features };
    let ran = check(&program, &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"));
    let commands: BTreeSet<&str> = ran.iter().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert!(ALWAYS.iter().all(|command| commands.contains(command)), "{commands:?}");
}
