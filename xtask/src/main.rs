//! The tasks that people and CI share. [`USAGE`] lists them.

#![expect(clippy::print_stderr, reason = "a task tells what it runs")]

mod dist;
mod features;
mod helm;
mod library;
mod oracle;
mod plugins;
mod steady;
mod tools;
mod wheel;

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask VERB
  fmt               format everything
  lint              rustfmt, clippy and rustdoc, warnings denied
  features          clippy on builds without features, and with each feature alone, warnings denied
  test              every test
  steady N [--busy N] [--nice N]
                    every test N times with nothing else to do, N times beside a spinning thread on each core, and N
                    times under nice -n 19 beside threads that spin half of the time; what failing runs printed is
                    kept in target/steady
  soak [SECONDS]    the tests that take long or look at memory: many calls of plugins, and the service under load while
                    everything fails around it, for some seconds each (default 60)
  golden [--bless]  the golden cases of the programs and the commands of the book; --bless writes what they print now
  fuzz [SECONDS] [--plugins]
                    every fuzz target for some seconds each (default 10; needs nightly and cargo-fuzz); those that run
                    plugins or call the C library only with --plugins: with the engine in it, the first build takes long
  proto             the code that the .proto files generate
  header            the header of the C library
  library PREFIX [--debug | --sanitized]
                    the C library in a folder: shared and static, with its header and its pkg-config files; --debug
                    takes what the tests are built from, without the static library; --sanitized compiles all of it
                    for the address sanitizer, shared only (needs nightly)
  go [--quick | --quotes N]
                    the Go module in examples/go on the C library, under the race detector, each goroutine with so many
                    quotes (default 200; needs go, protoc and pkg-config); --quick leaves out the race detector, the
                    strategy, whose dependencies take minutes to build, and the static library, which does, too
  docs              the references of the configuration and of scenarios, and the configuration's schema
  market            the answers of the made-up chain in examples/market
  study             the tables of docs/study.md and docs/which-card.md, from runs of their scenarios
  coverage [TRIALS] whether the intervals of `bidprice tune` cover the truth, in so many trials of each market (default 40)
  oracle kube [--cases N] [--seed S] [--kubernetes VERSION]
                    random clusters and orders, placed by us and by kube-scheduler itself (needs go; the first build takes
                    some minutes): N cases (default 1000), and another version of Kubernetes than the one in its go.mod
  helm              the chart in deploy/helm/bidprice, linted, rendered, checked, and packaged in target/helm (needs go;
                    the first build of helm takes three minutes)
  dist [--profile dist|dev] [--only PART]... [--allow-missing PART]...
                    what is installed, in dist/: programs, aarch64 (the programs for it), library (for C), deb, image,
                    wheel, chart, sbom, and their checksums. A part that cannot be made is an error unless
                    --allow-missing names it; --profile dev is quicker to build, for tests of the packages
  workflows         lints .github/workflows (needs go)
  wheel             the Python package of what the tests are built from, in target/wheels (needs maturin)
  plugins --is-current
                    whether the example plugins are those that their sources were built to
  plugins [--check [--fresh]] [--engines]
                    the example plugins; --check builds them elsewhere and compares what they do with those in the
                    repository, if their sources changed or --fresh says so; --engines adds those in JavaScript and
                    Python (needs node, npm and python3)";

/// Every fuzz target, with its name in `fuzz/Cargo.toml`.
const FUZZ_TARGETS: [&str; 16] = [
    "chain_answer",
    "sdl",
    "group_spec",
    "script_request",
    "inventory",
    "scheduler_config",
    "quantity",
    "rates_toml",
    "rates_environment",
    "reserve_quote",
    "plugin_file",
    "plugin_inspect",
    "plugin_text",
    "plugin_answer",
    "plugin_order",
    "abi",
];

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["fmt"] => cargo(&["fmt", "--all"], &[]),
        ["lint"] => lint(),
        ["features"] => features::run(),
        ["test"] => cargo(&["test", "--workspace"], &[]),
        ["steady", words @ ..] => steady(words),
        ["soak"] => soak("60"),
        ["soak", seconds] => soak(seconds),
        ["golden"] => golden(&[]),
        ["golden", "--bless"] => golden(&[("GOLDEN", "bless")]),
        ["fuzz"] => fuzz("10", false),
        ["fuzz", "--plugins"] => fuzz("10", true),
        ["fuzz", seconds] => fuzz(seconds, false),
        ["fuzz", seconds, "--plugins"] => fuzz(seconds, true),
        ["proto"] => proto(),
        ["header"] => cargo(&["test", "--workspace", "--test", "ffi", "header::"], &[("BIDPRICE_GENERATE", "1")]),
        ["library", prefix] => told(library::install(Path::new(prefix), library::Build::Dist)),
        ["library", prefix, "--debug"] => told(library::install(Path::new(prefix), library::Build::Debug)),
        ["library", prefix, "--sanitized"] => told(library::install(Path::new(prefix), library::Build::Sanitized)),
        ["go"] => told(library::check_go("200", false)),
        ["go", "--quick"] => told(library::check_go("50", true)),
        ["go", "--quotes", quotes] => told(library::check_go(quotes, false)),
        ["docs"] => docs(),
        ["market"] => cargo(&["test", "--workspace", "--test", "market", "examples::"], &[("BIDPRICE_GENERATE", "1")]),
        ["study"] => {
            let tests = ["test", "--workspace", "--test", "cli", "--", "study::", "which_card::"];
            cargo(&tests, &[("BIDPRICE_GENERATE", "1")])
        }
        ["coverage"] => coverage("40"),
        ["coverage", trials] => coverage(trials),
        ["oracle", words @ ..] => oracle::run(words).unwrap_or_else(usage),
        ["helm"] => helm::run_all(),
        ["dist", words @ ..] => dist::run(words).unwrap_or_else(usage),
        ["workflows"] => workflows(),
        ["wheel"] => told(wheel::build("dev", &tools::target().join("wheels"), None)),
        ["plugins", "--is-current"] => plugins::is_current(),
        ["plugins", options @ ..] => plugins(options),
        _ => usage(),
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Tells the error of a task that could not be done.
fn told(done: std::io::Result<()>) -> bool {
    done.inspect_err(|error| eprintln!("error: {error}")).is_ok()
}

fn usage() -> bool {
    eprintln!("{USAGE}");
    false
}

fn proto() -> bool {
    // The test that generates the code compiles the generated code, too, which may be broken. So that is emptied first.
    if let Err(error) = std::fs::write("pricing-proto/src/generated/mod.rs", "") {
        eprintln!("pricing-proto/src/generated/mod.rs: {error}");
        return false;
    }
    cargo(&["test", "-p", "pricing-proto", "--test", "current"], &[("BIDPRICE_GENERATE", "1")])
}

/// The replays are compiled with optimisation, everything else as in the tests.
fn coverage(trials: &str) -> bool {
    let packages = ["pricing-core", "pricing-sim", "rust_decimal", "rand_chacha", "rand_core", "libm"];
    let optimised = packages.map(|name| format!("profile.dev.package.{name}.opt-level=2"));
    let mut words = vec!["run", "--package", "pricing-tune", "--features", "coverage", "--example", "coverage"];
    words.extend(optimised.iter().flat_map(|setting| ["--config", setting]));
    words.extend(["--", trials]);
    cargo(&words, &[])
}

fn lint() -> bool {
    cargo(&["fmt", "--all", "--check"], &[])
        && cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"], &[])
        && cargo(&["fmt", "--all", "--manifest-path", "examples-plugins/Cargo.toml", "--check"], &[])
        && cargo(
            &["clippy", "--manifest-path", "examples-plugins/Cargo.toml", "--all-targets", "--", "-D", "warnings"],
            &[],
        )
        && cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])
        && cargo(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")])
}

fn steady(words: &[&str]) -> bool {
    let Some(plan) = steady::Plan::parse(words) else {
        eprintln!("{USAGE}");
        return false;
    };
    steady::run(plan).inspect_err(|error| eprintln!("error: {error}")).unwrap_or(false)
}

/// The soak tests: the test program and the test's name.
const SOAKS: [(&str, &str); 5] = [
    ("host", "loading::bombs::what_does_not_look_like_a_bomb_is_ended_by_the_limits"),
    ("host", "soak::many_calls_leave_no_memory_behind"),
    ("host", "soak::attacks_leave_no_memory_behind"),
    ("cli", "soak::under_load_and_drills_it_does_not_grow"),
    ("ffi", "lifetime::a_hundred_engines_leave_neither_threads_nor_files_nor_memory"),
];

/// Runs each soak test in its own process, because the memory of a process is that of all its tests.
fn soak(seconds: &str) -> bool {
    SOAKS.iter().all(|(program, test)| {
        let words = ["test", "--workspace", "--test", program, "--", "--ignored", "--exact", test, "--nocapture"];
        cargo(&words, &[("BIDPRICE_SOAK_SECONDS", seconds)])
    })
}

fn golden(environment: &[(&str, &str)]) -> bool {
    cargo(&["test", "--workspace", "--test", "cli", "--", "golden::", "book::"], environment)
}

/// The tests that find outdated references can also regenerate them.
fn docs() -> bool {
    let words = ["test", "--workspace", "--test", "engine", "--test", "sim", "reference::"];
    cargo(&words, &[("BIDPRICE_GENERATE", "1")])
}

fn plugins(words: &[&str]) -> bool {
    let Some(options) = plugins::Options::parse(words) else {
        eprintln!("{USAGE}");
        return false;
    };
    plugins::run(options).inspect_err(|error| eprintln!("error: {error}")).is_ok()
}

/// Lints the workflows. Shellcheck and pyflakes are left out, since not every machine has them.
fn workflows() -> bool {
    let linted = tools::ACTIONLINT.installed().and_then(|linter| {
        tools::run(Command::new(linter).args(["-shellcheck=", "-pyflakes="]).current_dir(tools::top()))
    });
    linted.inspect_err(|error| eprintln!("error: {error}")).is_ok()
}

fn fuzz(seconds: &str, with_plugins: bool) -> bool {
    let limit = format!("-max_total_time={seconds}");
    let profile: &[&str] = if seconds.parse().is_ok_and(|seconds: u64| seconds < 60) { &["--dev"] } else { &[] };
    FUZZ_TARGETS.iter().map(|target| (target, fuzz_options(target))).all(|(target, options)| {
        if !with_plugins && !options.is_empty() {
            return true;
        }
        let limits = ["--", &limit, "-timeout=10", "-rss_limit_mb=2048"];
        cargo(&[&["+nightly", "fuzz", "run"], profile, options, &[target], &limits].concat(), &[])
    })
}

/// What a fuzz target with the engine in it is built with.
fn fuzz_options(target: &str) -> &'static [&'static str] {
    match target {
        // No plugin runs there, and the pointers of the calls are what the address sanitizer is for.
        "abi" => &["--features", "library"],
        // The engine installs signal handlers and guard pages, which the address sanitizer would report as errors.
        _ if target.starts_with("plugin_") => &["--features", "plugins", "--sanitizer", "none"],
        _ => &[],
    }
}

fn cargo(args: &[&str], environment: &[(&str, &str)]) -> bool {
    eprintln!("cargo {}", args.join(" "));
    let mut command = Command::new("cargo");
    command.args(args).envs(environment.iter().copied());
    without_cargo(&mut command);
    command.status().is_ok_and(|status| status.success())
}

/// Removes the variables that the current Cargo run has set from a program's environment. `RUSTUP_TOOLCHAIN` would
/// override `+nightly`. Some build scripts, and everything that depends on them, are rebuilt when `CARGO_MANIFEST_DIR`
/// and similar variables differ.
pub(crate) fn without_cargo(command: &mut Command) {
    for variable in ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTC", "RUSTDOC", "RUST_RECURSION_COUNT"] {
        command.env_remove(variable);
    }
    let set_by_cargo = ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PRIMARY_"];
    for (variable, _) in env::vars_os() {
        if variable.to_str().is_some_and(|name| set_by_cargo.iter().any(|start| name.starts_with(start))) {
            command.env_remove(variable);
        }
    }
}
