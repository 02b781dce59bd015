//! `bidprice-script` as a provider runs it: stdin, environment, stdout, stderr and exit code.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cases;
mod files;
mod golden;
mod service;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

const VECTORS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/bid-script/vectors.jsonl"));

struct Answer {
    exit: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(stdin: &[u8], env: &[(&str, &str)]) -> Answer {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bidprice-script"))
        .env_clear()
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // A program that has read enough closes the pipe.
    let _ = pipe.write_all(stdin);
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Answer { exit: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Expects a refusal: exit code 1, nothing on stdout, and a reason on stderr.
fn refuses(stdin: &str, env: &[(&str, &str)], reason: &str) {
    let answer = run(stdin.as_bytes(), env);
    assert_eq!((answer.exit, answer.stdout.as_str()), (Some(1), ""), "{reason}: {}", answer.stderr);
    assert!(answer.stderr.contains(reason), "`{}` lacks `{reason}`", answer.stderr);
}

fn prices(stdin: &str, env: &[(&str, &str)], price: &str) {
    let answer = run(stdin.as_bytes(), env);
    assert_eq!((answer.exit, answer.stdout.as_str()), (Some(0), price), "{}", answer.stderr);
}

fn request(denom: &str, gpu: &str) -> String {
    format!(
        r#"{{"resources":[{{"memory":1073741824,"cpu":1000,"gpu":{gpu},"storage":[{{"class":"ephemeral","size":1073741824}}],"count":1,"endpoint_quantity":0,"ip_lease_quantity":0}}],"price":{{"denom":"{denom}","amount":"1000000.000000000000000000"}},"price_precision":6}}"#
    )
}

const NO_GPU: &str = r#"{"units":0,"attributes":{}}"#;
/// (1.60 + 0.80 + 0.02) / 429909 * 1000000
const NO_GPU_UACT: &str = "5.629098";

fn close(ours: &str, theirs: &str) -> bool {
    let decimals = |text: &str| text.split_once('.').map(|(_, decimals)| decimals.len());
    let units = |text: &str| text.replace('.', "").parse::<i128>().unwrap();
    let tolerance = (units(theirs).abs() / 1_000_000_000_000).max(1);
    decimals(ours) == decimals(theirs) && (units(ours) - units(theirs)).abs() <= tolerance
}

#[test]
fn every_vector_of_the_corpus_holds_through_the_program() {
    let mut seen = 0;
    for line in VECTORS.lines() {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| vector[key].as_str().unwrap().to_owned();
        let set: BTreeMap<String, String> = serde_json::from_value(vector["env"].clone()).unwrap();
        let (usd_per_akt, denom) = (text("usd_per_akt"), text("denom_env"));
        let mut env: Vec<(&str, &str)> = set.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        env.extend([("BIDPRICE_USD_PER_AKT", usd_per_akt.as_str()), ("AKASH_DENOM", denom.as_str())]);
        let answer = run(text("stdin").as_bytes(), &env);
        assert_eq!(answer.exit.map(i64::from), vector["exit"].as_i64(), "{}: {}", vector["id"], answer.stderr);
        let (ours, theirs) = (answer.stdout, text("stdout"));
        assert!(ours == theirs || close(&ours, &theirs), "{}: {ours} for {theirs}", vector["id"]);
        let amount = |said: &str| -> (String, Option<String>) {
            let start = "requested rate is too low. min expected ";
            match said.trim_end().strip_prefix(start) {
                None => (said.trim_end().to_owned(), None),
                Some(rest) => {
                    let end = rest.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(rest.len());
                    (format!("{start}{}", &rest[end..]), Some(rest[..end].to_owned()))
                }
            }
        };
        let (ours, theirs) = (amount(&answer.stderr), amount(&text("stderr")));
        assert_eq!(ours.0, theirs.0, "{}", vector["id"]);
        assert!(ours.1.zip(theirs.1).is_none_or(|(ours, theirs)| close(&ours, &theirs)), "{}", vector["id"]);
        seen += 1;
    }
    assert_eq!(seen, 300);
}

#[test]
fn spoiled_requests_are_refused_with_a_reason() {
    let good = request("uact", NO_GPU);
    prices(&good, &[], NO_GPU_UACT);
    let spoilt = |from: &str, to: &str| good.replacen(from, to, 1);
    let cases = [
        (String::new(), "the request is empty"),
        (" \n".to_owned(), "the request is empty"),
        (good[..good.len() / 2].to_owned(), "EOF while parsing"),
        (format!("{good} x"), "more text after the request"),
        ("\"text\"".to_owned(), "expected an object"),
        (spoilt("\"cpu\":1000", "\"cpu\":18446744073709551616"), "resources[0].cpu"),
        (spoilt("\"cpu\":1000", "\"cpu\":-1"), "resources[0].cpu"),
        (spoilt("\"cpu\":1000", "\"cpu\":1.5"), "resources[0].cpu"),
        (spoilt("\"cpu\":1000", "\"cpu\":\"1000\""), "resources[0].cpu"),
        (spoilt("\"cpu\":1000", "\"cpu\":NaN"), "resources[0].cpu"),
        (spoilt("\"cpu\":1000,", ""), "missing field `cpu`"),
        (spoilt("\"memory\":1073741824", "\"memory\":null"), "resources[0].memory"),
        (spoilt("\"size\":1073741824", "\"size\":-5"), "resources[0].storage[0].size"),
        (spoilt("\"amount\":\"1000000.000000000000000000\"", "\"amount\":\"1e6\""), "price.amount"),
        (spoilt("\"amount\":\"1000000.000000000000000000\"", "\"amount\":\"-1\""), "price.amount"),
        (spoilt("\"amount\":\"1000000.000000000000000000\"", "\"amount\":\"\""), "price.amount"),
        (spoilt("\"price_precision\":6", "\"price_precision\":19"), "price_precision"),
        (spoilt("{\"denom\":\"uact\",\"amount\":\"1000000.000000000000000000\"}", "null"), "price"),
        (spoilt("{\"denom\":\"uact\",\"amount\":\"1000000.000000000000000000\"}", "[\"uact\",\"1\"]"), "price"),
        (spoilt("\"attributes\":{}", "\"attributes\":[]"), "resources[0].gpu.attributes"),
        (
            spoilt("\"count\":1", "\"count\":18446744073709551615").replace("1073741824", "18446744073709551615"),
            "arithmetic-overflow",
        ),
        ("[".repeat(100_000), "expected an object"),
        (format!("{{\"more\":{}", "[".repeat(100_000)), "EOF while parsing"),
        ("[[1,2,3]]".to_owned(), "expected an object"),
    ];
    for (stdin, reason) in cases {
        refuses(&stdin, &[], reason);
    }
}

#[test]
fn what_is_too_large_or_no_text_is_refused() {
    let mut huge = b"[".to_vec();
    huge.resize(100 << 20, b' ');
    let answer = run(&huge, &[]);
    assert_eq!((answer.exit, answer.stdout.as_str()), (Some(1), ""));
    assert!(answer.stderr.contains("more than"), "{}", answer.stderr);
    let answer = run(b"[\xff]", &[]);
    assert_eq!((answer.exit, answer.stdout.as_str()), (Some(1), ""));
    assert!(answer.stderr.contains("UTF-8"), "{}", answer.stderr);
}

#[test]
fn nothing_but_the_price_is_on_stdout() {
    let env = [("DEBUG_BID_SCRIPT", "1"), ("AKASH_OWNER", "akash10wnerqqqqqqqqqqqqqqqqqqqqqqqqqqqjjysu0")];
    let answer = run(request("uact", NO_GPU).as_bytes(), &env);
    assert_eq!((answer.exit, answer.stdout.as_str()), (Some(0), NO_GPU_UACT));
    assert!(answer.stderr.starts_with("debug:"), "{}", answer.stderr);
}

#[test]
fn help_and_version_are_all_that_it_can_be_asked_for() {
    let ask = |arguments: &[&str]| {
        let program = env!("CARGO_BIN_EXE_bidprice-script");
        let output = Command::new(program).env_clear().args(arguments).stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Answer { exit: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    };
    let help = ask(&["--help"]);
    assert_eq!((help.exit, help.stderr.as_str()), (Some(0), ""));
    assert!(help.stdout.contains("BIDPRICE_WHITELIST") && help.stdout.lines().all(|line| line.len() <= 120));
    let version = ask(&["--version"]);
    assert_eq!((version.exit, version.stderr.as_str()), (Some(0), ""));
    assert_eq!(version.stdout, format!("bidprice-script {}\n", env!("CARGO_PKG_VERSION")));
    for arguments in [&["-h"][..], &["request.json"], &["--help", "--version"], &["--help=all"], &[""]] {
        let answer = ask(arguments);
        assert_eq!((answer.exit, answer.stdout.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(answer.stderr.contains("takes no arguments"), "{}", answer.stderr);
    }
}

#[test]
fn on_a_terminal_it_says_what_it_waits_for_before_it_reads() {
    let program = format!("'{}'", env!("CARGO_BIN_EXE_bidprice-script"));
    // `script` gives it a terminal, and ends its input.
    let ran = Command::new("script").args(["-qec", &program, "/dev/null"]).stdin(Stdio::null()).output();
    let Ok(output) = ran else {
        eprintln!("SKIPPED: `script` is not on this machine");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let waits = said.find("bidprice-script waits for the order on stdin, as JSON");
    let ended = said.find("the request is empty");
    assert!(waits.zip(ended).is_some_and(|(waits, ended)| waits < ended), "{said}");
    // Nobody who pipes an order in is told.
    let piped = run(request("uact", NO_GPU).as_bytes(), &[]);
    assert_eq!((piped.exit, piped.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_full_disk_and_a_reader_that_left_are_exit_1() {
    let spawn = |stdout: Stdio| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bidprice-script"))
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        child.stdin.take().unwrap().write_all(request("uact", NO_GPU).as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let for_reading = std::fs::File::open("/dev/null").unwrap();
    for stdout in [Stdio::from(full), Stdio::from(for_reading), Stdio::piped()] {
        let output = spawn(stdout);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write the price"));
    }
}

/// Runs the program with a shell redirection. Returns exit code and stderr.
fn redirected(how: &str) -> (Option<i32>, String) {
    let mut child = Command::new("sh")
        .args(["-c", &format!("exec \"$0\" {how}"), env!("CARGO_BIN_EXE_bidprice-script")])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program whose stdin is closed does not read from the pipe.
    let _ = child.stdin.take().unwrap().write_all(request("uact", NO_GPU).as_bytes());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_price_that_nobody_gets_is_exit_1() {
    let (exit, stderr) = redirected(">&-");
    assert_eq!(exit, Some(1));
    assert_eq!(stderr, "cannot write the price: stdout is closed\n");
    assert_eq!(redirected(">&- 2>&-").0, Some(1));
    assert_eq!(redirected("<&- >&-").0, Some(1));
    let (exit, stderr) = redirected("<&-");
    assert!(exit == Some(1) && stderr.contains("the request is empty"), "{stderr}");
    // Without stderr the reason is lost, but a price is still valid. Redirecting to /dev/null shows that no price is
    // wanted.
    for how in ["2>&-", ">/dev/null", "1<>/dev/null"] {
        assert_eq!(redirected(how).0, Some(0), "{how}");
    }
}
