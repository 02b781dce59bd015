//! Scripts are run as the provider's daemon runs them, and none can harm the simulation.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use pricing_core::gpu::GpuKind;
use pricing_core::order::detect;
use pricing_core::quote::CardGroup;
use pricing_core::rates::Placement;
use serde_json::Value;

use super::*;
use crate::stream::with_maximum;

const ORDER: &str = r#"{"resources":[{"memory":1073741824,"cpu":1000,
  "gpu":{"units":1,"attributes":{"vendor":{"nvidia":{"model":"*","ram":"80Gi"}}}},
  "storage":[{"class":"ephemeral","size":1073741824}],"count":1,"endpoint_quantity":1,"ip_lease_quantity":0}],
 "price":{"denom":"uact","amount":"1000.000000000000000000"},"price_precision":6}"#;

fn order() -> Order {
    detect::read(ORDER, None).unwrap().swap_remove(0)
}

fn script(folder: &Path, text: &str) -> Script {
    let path = folder.join("script.sh");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Script::new(path, BTreeMap::new(), Duration::from_secs(3600))
}

fn bash(folder: &Path, body: &str) -> Script {
    script(folder, &format!("#!/usr/bin/env bash\n{body}\n"))
}

fn ask(script: &Script) -> Result<Answer, Reason> {
    script.ask(&order(), &[], Some("akash1owner".into()), &CommitLevels::default())
}

fn fault(answer: Result<Answer, Reason>) -> (&'static str, String) {
    let reason = answer.unwrap_err();
    (reason.code.name(), reason.message)
}

#[test]
fn a_script_is_told_the_request_and_its_variables_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("seen");
    let body = format!("cat > '{0}.json'; env | sort > '{0}.env'; echo '  12.50'", seen.display());
    let mut script = bash(folder.path(), &body);
    script.env.insert("PRICE_TARGET_CPU".to_owned(), "1.60".to_owned());
    assert_eq!(ask(&script), Ok(Answer::Price(Decimal::new(125, 1))));
    let request: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("seen.json")).unwrap()).unwrap();
    assert_eq!(request, serde_json::from_str::<Value>(ORDER).unwrap());
    let env = fs::read_to_string(folder.path().join("seen.env")).unwrap();
    let names: Vec<&str> = env.lines().filter_map(|line| line.split('=').next()).collect();
    let own_to_bash = ["PWD", "SHLVL", "_", "OLDPWD"];
    let told = ["AKASH_DENOM", "AKASH_OWNER", "HOME", "PATH", "PRICE_TARGET_CPU"];
    assert!(names.iter().all(|name| told.contains(name) || own_to_bash.contains(name)), "{env}");
    assert!(env.contains("AKASH_OWNER=akash1owner\n") && env.contains("AKASH_DENOM=uact\n"), "{env}");
}

#[test]
fn one_process_answers_a_request_however_often_and_by_however_many_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let script = bash(folder.path(), &format!("cat >/dev/null; echo run >> '{}'; sleep 0.2; echo 1", count.display()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(ask(&script), Ok(Answer::Price(Decimal::ONE))));
        }
    });
    assert_eq!(fs::read_to_string(&count).unwrap().lines().count(), 1);
    script.ask(&order(), &[], Some("akash1other".into()), &CommitLevels::default()).unwrap();
    assert_eq!(fs::read_to_string(&count).unwrap().lines().count(), 2);
}

#[test]
fn another_exit_declines_with_what_stderr_says_cut_and_printable() {
    let folder = tempfile::tempdir().unwrap();
    let declined = |body: &str| match ask(&bash(folder.path(), body)) {
        Ok(Answer::Decline(reason)) => reason,
        other => unreachable!("{other:?}"),
    };
    assert_eq!(declined("echo 5; echo 'not on the list' >&2; exit 1"), "not on the list");
    assert_eq!(declined("exit 7"), "the script ended with exit code 7 and gave no reason");
    assert!(!declined("printf 'a\\033[2Jb' >&2; exit 1").contains('\u{1b}'));
    let long = declined("for i in {1..100000}; do echo line$i; done >&2; echo the end >&2; exit 1");
    assert!(long.starts_with('…') && long.ends_with("the end") && long.chars().count() <= 301, "{long}");
}

#[test]
fn what_is_no_price_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    for said in
        ["", "-1", "0", "abc", "1 2", "1e3", "0x10", ".5", "1.0000000000000000001", "1.0000000000000000000", "NaN"]
    {
        let (code, message) = fault(ask(&bash(folder.path(), &format!("cat >/dev/null; echo '{said}'"))));
        assert_eq!(code, "invalid-output", "{said}: {message}");
    }
    let (code, message) = fault(ask(&bash(folder.path(), "kill -SEGV $$")));
    assert_eq!(code, "trap", "{message}");
}

#[test]
fn a_script_that_takes_too_long_is_killed_with_everything_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let mut timeout = Duration::from_millis(500);
    // As much time as this machine needs to start both processes.
    while !fs::read_to_string(&pids).is_ok_and(|pids| pids.ends_with('\n')) {
        let mut script = bash(folder.path(), &format!("sleep 1000 & echo $! $$ > '{}'; wait", pids.display()));
        script.timeout = timeout;
        let (code, message) = fault(ask(&script));
        let took = format!("the script took more than {}", humantime::format_duration(timeout));
        assert_eq!((code, message), ("deadline-exceeded", took));
        timeout *= 4;
    }
    for pid in fs::read_to_string(&pids).unwrap().split_whitespace() {
        until_ended(pid);
    }
}

/// Waits until a process has ended. One that was killed may wait for the system to collect it, but it does not run.
fn until_ended(pid: &str) {
    let start = Instant::now();
    let runs = || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while runs() {
        assert!(start.elapsed() < Duration::from_secs(600), "{pid} runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_process_in_the_background_that_keeps_the_output_does_not_keep_the_simulation() {
    let folder = tempfile::tempdir().unwrap();
    let mut timeout = Duration::from_millis(500);
    // As much time as this machine needs for the script itself to end.
    let message = loop {
        let mut script = bash(folder.path(), "sleep 1000 & echo 1");
        script.timeout = timeout;
        let (code, message) = fault(ask(&script));
        assert_eq!(code, "deadline-exceeded");
        if !message.starts_with("the script took more than") {
            break message;
        }
        timeout *= 4;
    };
    assert!(message.contains("kept its output open"), "{message}");
}

#[test]
fn a_script_that_writes_without_end_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (code, message) = fault(ask(&bash(folder.path(), "yes")));
    assert_eq!(code, "output-exceeded", "{message}");
    // Output on stderr is ignored if there is an answer.
    let script = bash(folder.path(), "head -c 3000000 /dev/zero >&2; cat >/dev/null; echo 3");
    assert_eq!(ask(&script), Ok(Answer::Price(Decimal::from(3))));
}

#[test]
fn a_script_need_not_read_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let mut many = order();
    let unit = many.group.resources()[0].clone();
    let units = (1..=2000).map(|id| pricing_core::order::ResourceUnit { id, ..unit.clone() }).collect();
    many.group = pricing_core::order::GroupSpec::new(String::new(), Default::default(), units).unwrap();
    for body in ["exec 0<&-; echo 2", "echo 2", "head -c 10 >/dev/null; head -c 60000 /dev/zero >&2; echo 2"] {
        let script = bash(folder.path(), body);
        let answer = script.ask(&many, &[], None, &CommitLevels::default());
        assert_eq!(answer, Ok(Answer::Price(Decimal::TWO)), "{body}");
    }
}

#[test]
fn no_process_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let script = bash(folder.path(), "cat >/dev/null; sleep 300 >/dev/null 2>&1 & echo $! >> \"$0.pids\"; echo 1");
    for owner in 0..20 {
        let owner = owner.to_string();
        script.ask(&order(), &[], Some(owner.as_str().into()), &CommitLevels::default()).unwrap();
    }
    let pids = fs::read_to_string(folder.path().join("script.sh.pids")).unwrap();
    assert_eq!(pids.lines().count(), 20);
    pids.lines().for_each(until_ended);
}

#[test]
fn a_script_that_cannot_be_started_is_told_before_anything_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let complaint = |script: &Script| script.check().unwrap_err().to_string();
    bash(folder.path(), "echo 1").check().unwrap();
    let missing = Script::new(folder.path().join("none.sh"), BTreeMap::new(), DEFAULT_TIMEOUT);
    assert!(complaint(&missing).contains("cannot be read"));
    assert!(
        complaint(&Script::new(folder.path().to_owned(), BTreeMap::new(), DEFAULT_TIMEOUT)).contains("is not a file")
    );
    assert!(complaint(&script(folder.path(), "#!/bin/bash\r\necho 1\r\n")).contains("carriage return"));
    assert!(complaint(&script(folder.path(), "#!/no/such/bash\necho 1\n")).contains("`/no/such/bash`"));
    assert!(complaint(&script(folder.path(), "\u{1}\u{2}no program")).contains("cannot be started"));
    let mut variables = bash(folder.path(), "echo 1");
    variables.env.insert("A=B".to_owned(), String::new());
    assert!(complaint(&variables).contains("`A=B`"));
    fs::set_permissions(folder.path().join("script.sh"), fs::Permissions::from_mode(0o644)).unwrap();
    variables.env.clear();
    assert!(complaint(&variables).contains("chmod +x"));
}

#[test]
fn a_script_is_told_the_model_that_was_allocated_and_the_ram_that_was_named() {
    let told = |order: &Order, groups: &[&[(&str, &str, &str)]], levels: &CommitLevels| {
        let group = |kinds: &&[(&str, &str, &str)]| CardGroup {
            node: Some("node1".into()),
            replicas: 1,
            kinds: kinds.iter().map(|(model, ram, at)| GpuKind::new("nvidia", model, ram, at)).collect(),
            known: true,
            candidates: Vec::new(),
        };
        let target = QuotedTarget {
            resource_id: 1,
            count: 1,
            nodes: vec!["node1".into()],
            gpu_units: 1,
            cards: groups.iter().map(group).collect(),
            kinds: Vec::new(),
            others: Vec::new(),
            approximate: false,
            placement: Placement::Pinned,
            selector: None,
        };
        let text = script_request::to_json(&request::allocated(order, &[target], levels));
        serde_json::from_str::<Value>(&text).unwrap()["resources"][0].clone()
    };
    let (order, none) = (order(), CommitLevels::default());
    let card = |unit: &Value| unit["gpu"]["attributes"]["vendor"]["nvidia"].clone();
    let a100 = ("a100", "80Gi", "sxm");
    // The tenant named RAM, and no interface.
    let expected = serde_json::json!({"model": "a100", "ram": "80Gi"});
    assert_eq!(card(&told(&order, &[&[a100]], &none)), expected);
    // On a node with several models it is unknown which one.
    let written = serde_json::json!({"model": "*", "ram": "80Gi"});
    assert_eq!(card(&told(&order, &[&[a100, ("h100", "80Gi", "sxm")]], &none)), written);
    // What was not placed has no card.
    assert_eq!(card(&told(&order, &[], &none)), written);
    let half = CommitLevels { cpu: Decimal::TWO, memory: Decimal::from(4), ..none };
    let unit = told(&order, &[&[a100]], &half);
    // A script request carries committed amounts already.
    assert_eq!((unit["cpu"].as_u64(), unit["memory"].as_u64()), (Some(1000), Some(1 << 30)));
    let group = Order { format: pricing_core::order::OrderFormat::GroupSpec, ..order };
    let unit = told(&group, &[&[a100]], &half);
    assert_eq!((unit["cpu"].as_u64(), unit["memory"].as_u64()), (Some(500), Some(1 << 28)));
}

#[test]
fn orders_without_a_maximum_are_sent_with_one() {
    let bare = Order { max_price: None, ..order() };
    let (order, _) = with_maximum(bare, "uact");
    let request: Value = serde_json::from_str(&script_request::to_json(&order)).unwrap();
    assert_eq!(request["price"]["amount"], "1000000000000000.000000000000000000");
}
