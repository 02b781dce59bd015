//! `bidprice market pull`: a history from saved answers, and from nodes of a made-up chain.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;

use serde_json::{Value, json};

use crate::scripts::Folder;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/chain-rest");
const PROVIDER: &str = "akash1fxa9ss3dg6nqyz8aluyaa6svypgprk5tw9fa4q";

fn corpus(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{CORPUS}/{name}.json")).collect()
}

/// Pulls from files into the folder `history`.
fn from_files(folder: &Folder, files: &[String], more: &[&str]) -> crate::scripts::Ran {
    let mut args = vec!["market", "pull", "--provider", PROVIDER, "-o", "history", "--from-files"];
    args.extend(files.iter().map(String::as_str));
    args.extend(more);
    folder.run(&args)
}

fn lines(folder: &Folder) -> Vec<Value> {
    let text = fs::read_to_string(folder.path("history/orders.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn saved_answers_are_joined_in_any_order_and_pages_that_overlap_count_once() {
    let folder = Folder::new();
    let files = corpus(&["leases", "bids-page2", "bids-page1", "bids-empty", "orders", "bids-page1"]);
    let ran = from_files(&folder, &files, &["--output", "json"]);
    let answer = ran.json();
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    assert_eq!(answer["read"], json!({ "bids": 5, "leases": 2, "orders": 1 }));
    assert_eq!(answer["repeated"], json!({ "bids": 2, "leases": 0, "orders": 0 }));
    assert_eq!(answer["joined"], json!({ "bids": 3, "leases": 1, "orders": 1 }));
    assert_eq!(answer["unjoined"], json!([{ "code": "lease-alone", "count": 1 }]));
    assert_eq!((&answer["relative_times"], &answer["pull"]), (&json!(true), &Value::Null));
    assert!(ran.stderr.contains("times are only right relative to each other"), "{}", ran.stderr);
    let [order] = &lines(&folder)[..] else { panic!("{answer:#}") };
    assert_eq!(order["winner"], PROVIDER);
    assert_eq!(order["bids"][0]["usd_per_month"], "114.050000158209");
    assert_eq!(order["lease"]["reason"], "lease_closed_owner");
    let manifest: Value =
        serde_json::from_str(&fs::read_to_string(folder.path("history/history.json")).unwrap()).unwrap();
    assert_eq!(manifest, json!({ "schema": 1, "provider": PROVIDER, "relative_times": true }));
    assert_eq!(folder.path("history/orders.parquet").exists(), cfg!(feature = "parquet"));
}

#[test]
fn the_table_says_what_was_not_joined_and_why() {
    let folder = Folder::new();
    let ran = from_files(&folder, &corpus(&["bids-page1", "leases"]), &[]);
    assert!(ran.stdout.starts_with("1 order in history\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\nbids whose order was not read: 2\n"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("\nleases left out of which neither the order nor a bid was read: 1\n"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_malformed_answer_is_refused_with_file_path_and_line_and_nothing_is_written() {
    let folder = Folder::new();
    let text = fs::read_to_string(format!("{CORPUS}/bids-page1.json")).unwrap();
    let wrong = folder.put("wrong.json", &text.replace("},\"state\":\"lost\"", "},\n\"state\":\"won\""));
    let ran = from_files(&folder, &[corpus(&["orders"]), vec![wrong]].concat(), &["--output", "json"]);
    assert_eq!(ran.exit, Some(1));
    let error = &ran.json()["error"];
    assert_eq!(
        (&error["code"], &error["path"], &error["line"]),
        (&json!("malformed-input"), &json!("bids[1].bid.state"), &json!(2))
    );
    assert!(ran.stderr.contains("wrong.json: line 2"), "{}", ran.stderr);
    assert!(!folder.path("history").exists());
}

#[test]
fn wrong_usage_exits_2() {
    let folder = Folder::new();
    let pull = |args: &[&str]| folder.run(&[&["market", "pull", "-o", "history"], args].concat());
    let files = corpus(&["orders"]);
    for (args, complaint) in [
        (vec!["--provider", PROVIDER], "--rest"),
        (vec!["--provider", "akash1nothere", "--from-files", &files[0]], "is not an address"),
        (vec!["--from-files", &files[0]], "--provider"),
        (vec!["--provider", PROVIDER, "--from-files", &files[0], "--since", "30d"], "cannot be used with"),
        (vec!["--provider", PROVIDER, "--from-files", &files[0], "--usd-per-akt", "0"], "must be above 0"),
    ] {
        let ran = pull(&args);
        assert_eq!(ran.exit, Some(2), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(complaint), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn another_providers_history_is_not_replaced() {
    const OTHER: &str = "akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63";
    let folder = Folder::new();
    let files = corpus(&["leases", "bids-page1", "orders"]);
    assert_eq!(from_files(&folder, &files, &[]).exit, Some(0));
    let before = lines(&folder);
    let pull = |source: &[&str], out: &str| {
        folder.run(&[&["market", "pull", "--provider", OTHER, "-o", out], source].concat())
    };
    let saved = ["--from-files", &files[0], &files[1], &files[2]];
    let mut sources = vec![&saved[..]];
    if cfg!(feature = "service") {
        // No node is asked.
        sources.push(&["--rest", "http://127.0.0.1:9"]);
    }
    for source in sources {
        let ran = pull(source, "history");
        assert_eq!(ran.exit, Some(1), "{}", ran.stderr);
        assert!(
            ran.stderr.contains(&format!("the folder has the market of {PROVIDER}; name another")),
            "{}",
            ran.stderr
        );
        assert_eq!(lines(&folder), before);
    }
    // An address that nobody bid from is likely a wrong one.
    let ran = pull(&saved, "other");
    assert_eq!(ran.exit, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("warning: no bid of {OTHER} was read")), "{}", ran.stderr);
    folder.put("rates.toml", "");
    let ran = pull(&saved, "rates.toml");
    assert!(ran.exit == Some(1) && ran.stderr.contains("it is a file; a history is a folder"), "{}", ran.stderr);
}

#[cfg(feature = "service")]
#[tokio::test(flavor = "multi_thread")]
async fn a_pull_from_a_node_writes_a_history_and_goes_on_later() {
    let chain = testkit::chain::made_up(7, 14, 3);
    let node = testkit::chain_node::ChainNode::start(testkit::chain_node::Behaviour::good(chain.clone())).await;
    let (url, provider) = (node.url(), chain.provider.clone());
    let pull = move |folder: &Folder| {
        let args = ["market", "pull", "--rest", &url, "--provider", &provider, "--requests-per-second", "1000"];
        folder.run(&[&args[..], &["--usd-per-akt", "0.5", "-o", "history", "--output", "json"]].concat())
    };
    tokio::task::spawn_blocking(move || {
        let folder = Folder::new();
        let own = chain.own_orders(0, chain.height).len();
        let ran = pull(&folder);
        assert_eq!((ran.exit, &*ran.stderr), (Some(0), ""));
        assert_eq!((&ran.json()["orders"], &ran.json()["pull"]["asked"]), (&json!(own), &json!(own)));
        assert_eq!(lines(&folder).len(), own);
        let again = pull(&folder).json();
        assert_eq!((&again["orders"], &again["pull"]["asked"]), (&json!(own), &json!(0)));
        let refused = from_files(&folder, &corpus(&["orders"]), &[]);
        assert_eq!(refused.exit, Some(1));
        assert!(refused.stderr.contains("the folder has what was pulled from nodes"), "{}", refused.stderr);
    })
    .await
    .unwrap();
}

#[cfg(feature = "service")]
#[test]
fn what_is_no_node_is_refused() {
    let folder = Folder::new();
    let pull = |url: &str| folder.run(&["market", "pull", "--rest", url, "--provider", PROVIDER, "-o", "history"]);
    for url in ["rest.example.com", "ftp://rest.example.com", "https://rest.example.com/?key=1"] {
        let ran = pull(url);
        assert_eq!(ran.exit, Some(2), "{url}");
        assert!(ran.stderr.contains("is not the address of a node"), "{}", ran.stderr);
    }
}
