//! A build without some features explains how to get the commands that need them. A build with all features never does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::programs::BIDPRICE;

const PLUGINS: bool = cfg!(feature = "plugins");
const SERVICE: bool = cfg!(feature = "service");
const SIMULATE: bool = cfg!(feature = "simulate");

/// A command line that does nothing where the command is in the build, what the build may leave out of it, whether it
/// is in this build, and the features that it needs.
const CASES: [(&[&str], &str, bool, &str); 19] = [
    (&["plugin", "check", "nowhere.wasm"], "plugin", PLUGINS, "plugins"),
    (&["quote", "nowhere.yaml", "--plugin", "nowhere.wasm"], "quote --plugin", PLUGINS, "plugins"),
    (&["quote", "nowhere.yaml", "--socket", "nowhere.sock"], "quote --socket", SERVICE, "service"),
    (&["feed", "show", "--cache", "nowhere"], "feed", SERVICE, "service"),
    (&["serve", "--config", "nowhere.toml"], "serve", SERVICE, "service"),
    (&["config", "check", "nowhere.toml"], "config", SERVICE, "service"),
    (&["doctor", "--config", "nowhere.toml"], "doctor", SERVICE, "service"),
    (&["probe", "--socket", "nowhere"], "probe", SERVICE, "service"),
    (&["status", "--socket", "nowhere"], "status", SERVICE, "service"),
    (&["reload", "--socket", "nowhere"], "reload", SERVICE, "service"),
    (&["replay", "nowhere"], "replay", SERVICE, "service"),
    (&["log", "list", "nowhere"], "log", SERVICE, "service"),
    (&["outcomes", "report", "--folder", "nowhere"], "outcomes", SERVICE, "service"),
    (&["shadow", "report", "nowhere"], "shadow", SERVICE, "service"),
    (&["simulate", "nowhere.toml"], "simulate", SIMULATE, "simulate"),
    (&["market", "show", "nowhere.csv"], "market", SIMULATE, "simulate"),
    (&["backtest", "nowhere.toml"], "backtest", SIMULATE, "simulate"),
    (&["tune", "nowhere.toml", "--vary", "rates.cpu=1..2"], "tune", SIMULATE, "simulate"),
    (&["diff", "nowhere.toml", "nowhere.toml"], "diff", SIMULATE && SERVICE, "simulate,service"),
];

fn bidprice(args: &[&str]) -> Output {
    Command::new(BIDPRICE).args(args).env_clear().current_dir(env!("CARGO_TARGET_TMPDIR")).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn message(name: &str, features: &str) -> String {
    format!(
        "this build of bidprice does not have `{name}`: build it with `cargo build --release --no-default-features \
         --features {features}`, or take the full build (without `--no-default-features`)"
    )
}

#[test]
fn what_was_left_out_exits_2_and_says_how_to_get_it() {
    for (args, name, built, features) in CASES {
        let output = bidprice(args);
        let said = text(&output.stderr);
        if built {
            assert!(!said.contains("this build of bidprice does not have"), "{args:?}: {said}");
            continue;
        }
        let error = format!("error: {}\n", message(name, features));
        assert_eq!((output.status.code(), text(&output.stdout), said), (Some(2), String::new(), error), "{args:?}");
        let output = bidprice(&[args, &["--output", "json"]].concat());
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let error = json!({
            "code": "usage", "message": message(name, features), "path": null, "line": null, "column": null,
        });
        assert_eq!((output.status.code(), answer), (Some(2), json!({ "schema": 1, "error": error })), "{args:?}");
    }
}

#[test]
fn the_help_marks_what_was_left_out_and_nothing_else() {
    // Line breaks are ignored.
    let words = |help: &str| help.split_whitespace().collect::<Vec<_>>().join(" ");
    let marks = |help: &str| words(help).matches("[left out of this build]").count();
    let (help, quote) = (text(&bidprice(&["--help"]).stdout), text(&bidprice(&["quote", "--help"]).stdout));
    let commands = CASES.iter().filter(|(_, name, ..)| !name.starts_with("quote "));
    for (_, name, ..) in commands.clone() {
        assert!(help.contains(&format!("\n  {name} ")), "{name}: {help}");
    }
    assert_eq!(marks(&help), commands.clone().filter(|(.., built, _)| !built).count(), "{help}");
    assert_eq!(marks(&quote), usize::from(!PLUGINS) + usize::from(!SERVICE), "{quote}");
    for (_, name, built, features) in commands {
        let asked = bidprice(&[name, "--help"]);
        let said = (asked.status.code(), text(&asked.stderr));
        let refused = (Some(2), format!("error: {}\n", message(name, features)));
        assert_eq!(said, if *built { (Some(0), String::new()) } else { refused }, "{name}");
    }
}

#[test]
fn completions_and_manual_pages_are_there_in_every_build() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = bidprice(&["completions", shell]);
        assert_eq!(script.status.code(), Some(0), "{shell}: {}", text(&script.stderr));
        assert!(text(&script.stdout).contains("all-targets"), "{shell}");
    }
    let page = bidprice(&["man"]);
    assert_eq!(page.status.code(), Some(0), "{}", text(&page.stderr));
    assert!(text(&page.stdout).contains("bidprice"));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(bidprice(&["man", folder.path().to_str().unwrap()]).status.code(), Some(0));
    for page in ["bidprice.1", "bidprice-quote.1", "bidprice-simulate.1"] {
        assert!(folder.path().join(page).is_file(), "{page}");
    }
}

/// A simulation builds without the service. It says so if it needs a reader of the service.
#[cfg(all(feature = "simulate", not(feature = "service")))]
#[test]
fn a_simulation_without_the_service_cannot_read_bid_logs_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.toml");
    let text_of = "orders = { bid_log = \"log\" }\ninventory = { describe = \"2 nodes x 4 t4\" }\n\
                   [[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n";
    std::fs::write(&scenario, text_of).unwrap();
    std::fs::write(folder.path().join("rates.toml"), "[rates.gpu]\nt4 = \"80\"\n").unwrap();
    let output = bidprice(&["simulate", scenario.to_str().unwrap()]);
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()), "{said}");
    assert!(said.contains(&message("orders.bid_log", "simulate,service")), "{said}");
}

/// The market is joined from files without the service. Only nodes of the chain need it.
#[cfg(all(feature = "simulate", not(feature = "service")))]
#[test]
fn a_build_without_the_service_cannot_ask_nodes_and_says_so() {
    let provider = "akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63";
    let output =
        bidprice(&["market", "pull", "--rest", "https://127.0.0.1:1", "--provider", provider, "-o", "nowhere"]);
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()), "{said}");
    assert!(said.contains(&message("market pull --rest", "simulate,service")), "{said}");
}

/// A simulation builds without Parquet. It says so if it has to read or write it.
#[cfg(all(feature = "simulate", not(feature = "parquet")))]
#[test]
fn a_simulation_without_parquet_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.toml");
    let run = |orders: &str, more: &[&str]| {
        let strategy = "[[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n";
        let inventory = "inventory = { describe = \"2 nodes x 4 t4\" }\n";
        std::fs::write(&scenario, format!("orders = {{ {orders} }}\n{inventory}{strategy}")).unwrap();
        let output = bidprice(&[&["simulate", scenario.to_str().unwrap()], more].concat());
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("was built without Parquet: build it with the feature `parquet`"));
    };
    std::fs::write(folder.path().join("rates.toml"), "[rates.gpu]\nt4 = \"80\"\n").unwrap();
    std::fs::write(folder.path().join("orders.csv"), "at,cpu,memory\n0,1,1Gi\n").unwrap();
    run("parquet = \"orders.parquet\"", &[]);
    run("csv = \"orders.csv\"", &["--results", folder.path().join("rows.parquet").to_str().unwrap()]);
}
