//! The projects that `bidprice plugin new` writes, embedded in the program. See `templates/plugin/README.md`.

/// A file of a project.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Template {
    /// The path in the project.
    pub(crate) path: &'static str,
    /// The text. `{{name}}` stands for the project's name.
    pub(crate) text: &'static str,
}

macro_rules! templates {
    ($($path:literal <- $source:literal,)*) => {
        &[$(Template { path: $path, text: include_str!(concat!("../../../../", $source)) },)*]
    };
}

/// A project in Rust.
pub(crate) const RUST: &[Template] = templates! {
    ".cargo/config.toml" <- "pricing-cli/templates/plugin/rust/.cargo/config.toml",
    ".gitignore" <- "pricing-cli/templates/plugin/rust/.gitignore",
    "Cargo.toml" <- "pricing-cli/templates/plugin/rust/Cargo.toml",
    "README.md" <- "pricing-cli/templates/plugin/rust/README.md",
    "build.sh" <- "pricing-cli/templates/plugin/rust/build.sh",
    "cases/denied.expected.json" <- "pricing-cli/templates/plugin/rust/cases/denied.expected.json",
    "cases/denied.toml" <- "pricing-cli/templates/plugin/rust/cases/denied.toml",
    "cases/large.expected.json" <- "pricing-cli/templates/plugin/rust/cases/large.expected.json",
    "cases/large.toml" <- "pricing-cli/templates/plugin/rust/cases/large.toml",
    "cases/large.yaml" <- "pricing-cli/templates/plugin/rust/cases/large.yaml",
    "cases/minimum.expected.json" <- "pricing-cli/templates/plugin/rust/cases/minimum.expected.json",
    "cases/minimum.toml" <- "pricing-cli/templates/plugin/rust/cases/minimum.toml",
    "cases/rates.toml" <- "pricing-cli/templates/plugin/rust/cases/rates.toml",
    "cases/web.yaml" <- "pricing-cli/templates/plugin/rust/cases/web.yaml",
    "src/lib.rs" <- "pricing-cli/templates/plugin/rust/src/lib.rs",
    "vendor/pricing-guest/Cargo.toml" <- "pricing-cli/templates/plugin/rust/vendor/pricing-guest/Cargo.toml",
    "vendor/pricing-guest/src/answer.rs" <- "pricing-guest/src/answer.rs",
    "vendor/pricing-guest/src/arena.rs" <- "pricing-guest/src/arena.rs",
    "vendor/pricing-guest/src/bindings.rs" <- "pricing-guest/src/bindings.rs",
    "vendor/pricing-guest/src/decimal.rs" <- "pricing-guest/src/decimal.rs",
    "vendor/pricing-guest/src/lib.rs" <- "pricing-guest/src/lib.rs",
    "vendor/pricing-guest/src/log.rs" <- "pricing-guest/src/log.rs",
    "vendor/pricing-guest/src/request.rs" <- "pricing-guest/src/request.rs",
    "vendor/pricing-guest/src/run.rs" <- "pricing-guest/src/run.rs",
    "vendor/pricing-guest/src/sample.rs" <- "pricing-guest/src/sample.rs",
    "vendor/pricing-guest/src/share.rs" <- "pricing-guest/src/share.rs",
    "vendor/pricing-host/wit/plugin.wit" <- "pricing-host/wit/plugin.wit",
};

/// A project in C.
pub(crate) const C: &[Template] = templates! {
    ".gitignore" <- "pricing-cli/templates/plugin/c/.gitignore",
    "README.md" <- "pricing-cli/templates/plugin/c/README.md",
    "build.sh" <- "pricing-cli/templates/plugin/c/build.sh",
    "cases/denied.expected.json" <- "pricing-cli/templates/plugin/c/cases/denied.expected.json",
    "cases/denied.toml" <- "pricing-cli/templates/plugin/c/cases/denied.toml",
    "cases/large.expected.json" <- "pricing-cli/templates/plugin/c/cases/large.expected.json",
    "cases/large.toml" <- "pricing-cli/templates/plugin/c/cases/large.toml",
    "cases/large.yaml" <- "pricing-cli/templates/plugin/c/cases/large.yaml",
    "cases/rates.toml" <- "pricing-cli/templates/plugin/c/cases/rates.toml",
    "cases/web.expected.json" <- "pricing-cli/templates/plugin/c/cases/web.expected.json",
    "cases/web.toml" <- "pricing-cli/templates/plugin/c/cases/web.toml",
    "cases/web.yaml" <- "pricing-cli/templates/plugin/c/cases/web.yaml",
    "json.c" <- "examples-plugins/ratio-guard/json.c",
    "json.h" <- "examples-plugins/ratio-guard/json.h",
    "plugin.c" <- "pricing-cli/templates/plugin/c/plugin.c",
};

/// A project in JavaScript.
pub(crate) const JS: &[Template] = templates! {
    ".gitignore" <- "pricing-cli/templates/plugin/js/.gitignore",
    "README.md" <- "pricing-cli/templates/plugin/js/README.md",
    "build.js" <- "examples-plugins/javascript/build.js",
    "build.sh" <- "pricing-cli/templates/plugin/js/build.sh",
    "cases/denied.expected.json" <- "pricing-cli/templates/plugin/js/cases/denied.expected.json",
    "cases/denied.toml" <- "pricing-cli/templates/plugin/js/cases/denied.toml",
    "cases/large.expected.json" <- "pricing-cli/templates/plugin/js/cases/large.expected.json",
    "cases/large.toml" <- "pricing-cli/templates/plugin/js/cases/large.toml",
    "cases/large.yaml" <- "pricing-cli/templates/plugin/js/cases/large.yaml",
    "cases/minimum.expected.json" <- "pricing-cli/templates/plugin/js/cases/minimum.expected.json",
    "cases/minimum.toml" <- "pricing-cli/templates/plugin/js/cases/minimum.toml",
    "cases/rates.toml" <- "pricing-cli/templates/plugin/js/cases/rates.toml",
    "cases/web.yaml" <- "pricing-cli/templates/plugin/js/cases/web.yaml",
    "package.json" <- "pricing-cli/templates/plugin/js/package.json",
    "plugin.js" <- "pricing-cli/templates/plugin/js/plugin.js",
    "wit/plugin.wit" <- "pricing-host/wit/plugin.wit",
};

/// A project in Python.
pub(crate) const PYTHON: &[Template] = templates! {
    ".gitignore" <- "pricing-cli/templates/plugin/python/.gitignore",
    "README.md" <- "pricing-cli/templates/plugin/python/README.md",
    "build.sh" <- "pricing-cli/templates/plugin/python/build.sh",
    "cases/denied.expected.json" <- "pricing-cli/templates/plugin/python/cases/denied.expected.json",
    "cases/denied.toml" <- "pricing-cli/templates/plugin/python/cases/denied.toml",
    "cases/large.expected.json" <- "pricing-cli/templates/plugin/python/cases/large.expected.json",
    "cases/large.toml" <- "pricing-cli/templates/plugin/python/cases/large.toml",
    "cases/large.yaml" <- "pricing-cli/templates/plugin/python/cases/large.yaml",
    "cases/minimum.expected.json" <- "pricing-cli/templates/plugin/python/cases/minimum.expected.json",
    "cases/minimum.toml" <- "pricing-cli/templates/plugin/python/cases/minimum.toml",
    "cases/rates.toml" <- "pricing-cli/templates/plugin/python/cases/rates.toml",
    "cases/web.yaml" <- "pricing-cli/templates/plugin/python/cases/web.yaml",
    "plugin.py" <- "pricing-cli/templates/plugin/python/plugin.py",
    "wit/plugin.wit" <- "pricing-host/wit/plugin.wit",
};
