//! The kit as `bidprice plugin new` writes it into projects is the kit of this workspace.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

#[test]
fn the_template_has_the_dependencies_of_the_workspace() {
    let workspace = read("Cargo.toml");
    let template = read("pricing-cli/templates/plugin/rust/vendor/pricing-guest/Cargo.toml");
    for dependency in ["rust_decimal = ", "wit-bindgen = "] {
        let line = |text: &str| text.lines().find(|line| line.starts_with(dependency)).map(str::to_owned);
        assert!(line(&workspace).is_some(), "{dependency}");
        assert_eq!(line(&workspace), line(&template));
    }
    let kit = read("pricing-guest/Cargo.toml");
    let features = |text: &str| {
        let after = text.split("[features]").nth(1).unwrap().split("[dep").next().unwrap().to_owned();
        after.lines().filter(|line| line.contains('=')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(features(&kit), features(&template));
}
