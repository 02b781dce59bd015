//! An emptied or truncated rate card, as an operator meets it: every command, exit codes, SIGHUP, a restart.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::programs::{BIDPRICE, bidprice_script};
use crate::serve::{Running, bidprice, json, stderr, stdout};

const CONFIG: &str = "[listen]\nsocket = \"bidprice.sock\"\n[rates]\nfile = \"rates.toml\"\n[bid_log]\nfolder = \"log\"\n\
                      [feed]\nusd_per_akt = \"0.50\"\n[reload]\nwatch = \"0s\"\n";
const CARD: &str = "[rates]\ncpu = \"10\"\n[rates.gpu]\nt4 = \"80\"\n[policy.owners]\ndeny = [\"akash18adqqqqqqqqqqqqqqqqqqqqqqqqqqqqq45t8l9\"]\n";
const ORDER: &str = r#"{"resources":[{"memory":1073741824,"cpu":2000,"gpu":{"units":0},"storage":[{"class":"ephemeral","size":1073741824}],"count":1,"endpoint_quantity":1,"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"1000000.000000000000000000"},"price_precision":6}"#;

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("bidprice.toml", CONFIG), ("rates.toml", CARD), ("order.json", ORDER)] {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

#[test]
fn a_card_without_rates_is_refused_by_every_command() {
    let folder = prepared();
    let at = folder.path();
    fs::write(at.join("good.toml"), CARD).unwrap();
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus");
    let scenario = format!(
        "[orders]\nsdl_dir = \"{corpus}/sdl\"\n[inventory]\nfile = \"{corpus}/inventory/mixed.json\"\n[[strategy]]\nname = \"a\"\nrates = \"rates.toml\"\n"
    );
    fs::write(at.join("scenario.toml"), scenario).unwrap();
    let commands: [&[&str]; 7] = [
        &["quote", "order.json", "--rates", "rates.toml"],
        &["rates", "show", "--rates", "rates.toml"],
        &["diff", "good.toml", "rates.toml", "--orders", "order.json"],
        &["diff", "rates.toml", "good.toml", "--orders", "order.json"],
        &["simulate", "scenario.toml"],
        &["config", "check", "bidprice.toml"],
        &["serve", "--config", "bidprice.toml"],
    ];
    for card in ["", "\n# rates\n", "[policy]\nunlisted_gpu = 5\n", "[rates]\n[rates.gpu]\n"] {
        fs::write(at.join("rates.toml"), card).unwrap();
        for command in commands {
            let refused = bidprice(at, command);
            assert_eq!(code(&refused), Some(1), "{command:?} {card:?}: {refused:?}");
            let told = stderr(&refused) + &stdout(&refused);
            assert!(
                told.contains("the rate card is empty") || told.contains("the rate card has no"),
                "{command:?}: {told}"
            );
        }
        let mut script = Command::new(bidprice_script());
        script.env_clear().env("BIDPRICE_RATES", at.join("rates.toml")).env("BIDPRICE_USD_PER_AKT", "0.5");
        let output = with_stdin(script.current_dir(at), ORDER);
        assert_eq!((code(&output), stdout(&output).as_str()), (Some(1), ""), "{card:?}");
        assert!(stderr(&output).contains("BIDPRICE_RATES: "), "{output:?}");
    }
    // Without a named card, none can have been truncated.
    assert_eq!(code(&bidprice(at, &["quote", "order.json"])), Some(0));
}

fn with_stdin(command: &mut Command, text: &str) -> Output {
    use std::io::Write;

    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that refuses its settings does not read its input.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    child.wait_with_output().unwrap()
}

/// Runs a command line that a message has suggested.
fn shell(folder: &Path, line: &str) -> Output {
    let line = line.replacen("bidprice ", "\"$0\" ", 1);
    Command::new("sh").env_clear().current_dir(folder).args(["-c", &line, BIDPRICE]).output().unwrap()
}

/// Returns the change of a pending configuration at a key.
fn change<'a>(pending: &'a Value, key: &str) -> &'a Value {
    pending["changes"].as_array().unwrap().iter().find(|change| change["key"] == key).unwrap_or(&Value::Null)
}

#[test]
fn a_cut_card_is_taken_by_nothing_but_its_digest_and_not_by_a_restart() {
    let mut running = Running::start_in(prepared());
    let in_use = running.status()["rates"]["digest"].clone();
    fs::write(running.folder.path().join("rates.toml"), CARD.split_once("[policy").unwrap().0).unwrap();
    let refused = running.ask(&["reload"]);
    assert_eq!(code(&refused), Some(1));
    assert!(stderr(&refused).contains("has to be accepted first, since it changes `rates.file`: "), "{refused:?}");
    assert!(
        stderr(&refused).contains(
            "`policy.owners.deny`: 1 owner -> 0 owners, without `akash18adqqqqqqqqqqqqqqqqqqqqqqqqqqqqq45t8l9`"
        ),
        "{refused:?}"
    );
    let line = running.wait_for("has to be accepted first");
    assert!(
        line.contains("WARN") && line.contains("policy.owners.deny") && line.contains("--accept sha256:"),
        "{line}"
    );
    // SIGHUP requests a reload, and accepts nothing.
    running.signal(Signal::HUP);
    running.wait_for("SIGHUP");
    running.wait_for("has to be accepted first");
    let status = running.status();
    assert_eq!(status["rates"]["digest"], in_use);
    let pending = &status["reload"]["pending"];
    assert_eq!((&pending["state"], &pending["changes_left_out"]), (&"refused".into(), &0.into()));
    assert_eq!(change(pending, "policy.owners.deny")["concern"], "owners");
    let shown = stdout(&running.ask(&["status"]));
    assert!(shown.contains("to accept") && shown.contains("accept by") && shown.contains("--accept"), "{shown}");
    // Texts that are not its complete digest.
    let digest = pending["digest"].as_str().unwrap().to_owned();
    for (given, expected) in [("", 2), ("sha256:", 2), (&digest[..30], 2), ("yes", 2), (in_use.as_str().unwrap(), 1)] {
        let refused = running.ask(&["reload", "--accept", given]);
        assert_eq!(code(&refused), Some(expected), "{given}: {refused:?}");
    }
    assert_eq!(running.status()["rates"]["digest"], in_use);
    // A check on its own does not accept it, and neither does a restart.
    let checked = bidprice(running.folder.path(), &["config", "check", "bidprice.toml", "--output", "json"]);
    let warned = json(&checked);
    let warned = warned["problems"].as_array().unwrap().iter().find(|problem| problem["key"] == "rates").unwrap();
    assert_eq!((code(&checked), &warned["severity"]), (Some(0), &"warning".into()));
    assert!(warned["message"].as_str().unwrap().contains(&digest), "{warned}");
    running.signal(Signal::TERM);
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    let folder = std::mem::replace(&mut running.folder, tempfile::tempdir().unwrap());
    let running = Running::start_in(folder);
    let status = running.status();
    assert_eq!(status["rates"]["digest"], in_use);
    let command = status["reload"]["pending"]["command"].as_str().unwrap();
    let accepted = shell(running.folder.path(), command);
    assert_eq!(code(&accepted), Some(0), "{accepted:?}");
    assert!(stdout(&accepted).contains(&digest), "{accepted:?}");
    let status = running.status();
    assert_eq!((&status["rates"]["digest"], &status["reload"]["pending"]), (&digest.into(), &Value::Null));
}

#[test]
fn a_check_tells_of_a_file_of_what_was_accepted_that_a_start_could_not_use() {
    let folder = prepared();
    let at = folder.path();
    let check = || bidprice(at, &["config", "check", "bidprice.toml"]);
    assert_eq!(code(&check()), Some(0));
    let state =
        |path: &str, share: &str| CONFIG.replace("watch", &format!("state = \"{path}\"\nmax_change = {share}\nwatch"));
    fs::write(at.join("damaged"), "bidprice accepted 1 ").unwrap();
    fs::set_permissions(at.join("damaged"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    for (config, key, message) in [
        (state("damaged", "0"), "reload.state", "is damaged"),
        (state("rates.toml/x", "0"), "reload.state", "it is not a folder"),
        (state("fine", "50"), "reload.max_change", "expected a percentage such as `50%`"),
        (state("fine", "\"101%\""), "reload.max_change", "expected a percentage such as `50%`"),
        (state("fine", "0.5"), "reload.max_change", "expected a percentage"),
        (state("", "0"), "reload.state", "expected a path"),
    ] {
        fs::write(at.join("bidprice.toml"), config).unwrap();
        let told = check();
        assert_eq!(code(&told), Some(1), "{told:?}");
        assert!(stdout(&told).contains(&format!("error: `{key}`: ")) && stdout(&told).contains(message), "{told:?}");
    }
    fs::write(at.join("bidprice.toml"), state("fine", "\"12.5 %\"")).unwrap();
    assert_eq!(code(&check()), Some(0));
    // Nothing was started or created.
    assert!(!at.join("fine").exists() && !at.join("fine.lock").exists() && !at.join("log").exists());
}
