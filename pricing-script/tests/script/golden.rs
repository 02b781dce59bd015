//! The golden cases of the drop-in: one folder per case in `tests/golden`. `testkit::golden` documents their files.

use std::path::Path;

use testkit::golden::{Program, check};

#[test]
fn golden_cases_print_what_they_printed() {
    let path = Path::new(env!("CARGO_BIN_EXE_bidprice-script"));
    let program = Program { name: "bidprice-script", path, features: &[] };
    let ran = check(&program, &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"));
    assert!(!ran.is_empty());
}
