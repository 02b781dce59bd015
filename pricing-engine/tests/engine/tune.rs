//! Tests of tuning: what a proposal may change, how often, and what stops it.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use pricing_engine::Engine;
use pricing_engine::config;
use pricing_engine::tune::{Gain, Proposal, ProposedRate, Reading, TuneDecision, TuneTask, Tuner};
use pricing_host::compile::Compiler;
use rust_decimal::Decimal;

const CARD: &str = "[rates]\ncpu = \"1.60\"\n[rates.gpu]\nh100 = \"1900\"\n\"*\" = \"50\"\n";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Always proposes 1500.
#[derive(Debug)]
struct Fixed(TuneDecision);

impl Tuner for Fixed {
    fn check(&self, task: &TuneTask<'_>) -> Result<(), String> {
        task.config.scenario.ends_with("scenario.toml").then_some(()).ok_or_else(|| "another scenario".to_owned())
    }

    fn propose(&self, task: &TuneTask<'_>, _: &AtomicBool) -> Result<Proposal, String> {
        let text = fs::read_to_string(task.card).unwrap();
        let rate = text.split("h100 = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let gain = || Gain { mean: "100".to_owned(), low: "10".to_owned(), high: "190".to_owned() };
        Ok(Proposal {
            decision: self.0,
            rates: vec![ProposedRate {
                key: "rates.gpu.h100".to_owned(),
                path: ["rates", "gpu", "h100"].map(str::to_owned).to_vec(),
                current: rate.parse().unwrap(),
                proposal: 1500.into(),
            }],
            gain_usd: gain(),
            gain_percent: Some(gain()),
            days: 30,
            orders: 100,
            warnings: Vec::new(),
        })
    }

    fn apply(&self, card: &str, values: &[(Vec<String>, Decimal)]) -> Result<String, String> {
        let [(_, value)] = values else { return Err("one value".to_owned()) };
        let (before, rest) = card.split_once("h100 = \"").unwrap();
        let (_, after) = rest.split_once('"').unwrap();
        Ok(format!("{before}h100 = \"{value}\"{after}"))
    }
}

fn tune(more: &str) -> String {
    format!(
        "[rates]\nfile = \"rates.toml\"\n[feed]\nusd_per_akt = \"0.5\"\n[reload]\nwatch = \"0s\"\n[bid_log]\nfolder = \"log\"\n\
         [tune]\nscenario = \"scenario.toml\"\nmax_step = \"10%\"\nvary = {{ \"rates.gpu.h100\" = \"1600..2200\" }}\n{more}"
    )
}

fn start(folder: &Path, config: &str, decision: TuneDecision) -> Engine {
    let path = folder.join("bidprice.toml");
    fs::write(&path, config).unwrap();
    Engine::start_with(&path, Compiler::InProcess, Some(Arc::new(Fixed(decision)))).unwrap()
}

fn propose(engine: &Engine, now: SystemTime) -> Reading {
    engine.propose(&AtomicBool::new(false), now);
    engine.tune_reading().unwrap()
}

fn card(folder: &Path) -> String {
    fs::read_to_string(folder.join("rates.toml")).unwrap()
}

fn lines(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder.join("log")).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|kind| kind == "jsonl"));
    files.flat_map(|path| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_change_by_one_step_a_day_also_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rates.toml"), CARD).unwrap();
    let now = SystemTime::UNIX_EPOCH + 400 * DAY;
    let engine = start(folder.path(), &tune("apply = true\n"), TuneDecision::Change);
    let reading = propose(&engine, now);
    assert_eq!((reading.problem, reading.changed, reading.changed_at), (None, 1, Some(now)));
    assert_eq!(card(folder.path()), CARD.replace("1900", "1710"));
    assert_eq!(engine.active().loaded.card.as_deref(), Some(card(folder.path()).as_str()), "it is in use");
    let hour = now + Duration::from_secs(3600);
    let reading = propose(&engine, hour);
    assert!(reading.problem.unwrap().contains("once a day"));
    assert_eq!((reading.proposed, reading.changed), (2, 1));
    engine.shutdown();
    let [line] = lines(folder.path()).try_into().unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["kind"], &line["refused"]), (&"tune".into(), &serde_json::Value::Null));
    let change = serde_json::json!({ "key": "rates.gpu.h100", "before": "1900", "after": "1710" });
    assert_eq!(line["changes"], serde_json::json!([change]));
    drop(engine);
    let engine = start(folder.path(), &tune("apply = true\n"), TuneDecision::Change);
    assert!(propose(&engine, hour).problem.unwrap().contains("once a day"));
    assert_eq!(propose(&engine, now + DAY).problem, None);
    // Ten percent would be 1539, below the floor.
    assert_eq!(card(folder.path()), CARD.replace("1900", "1600"));
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_changes_unless_it_is_asked_for_and_decided() {
    for (more, decision) in [
        ("", TuneDecision::Change),
        ("apply = true\n", TuneDecision::Stay),
        ("apply = true\n", TuneDecision::NeedMoreData),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("rates.toml"), CARD).unwrap();
        let engine = start(folder.path(), &tune(more), decision);
        let reading = propose(&engine, SystemTime::now());
        assert_eq!((reading.problem, reading.changed, reading.proposed), (None, 0, 1));
        assert_eq!(reading.proposal.unwrap().decision, decision);
        assert_eq!(card(folder.path()), CARD);
        let page = engine.metrics().render(&engine.readings());
        let value = u8::from(decision == TuneDecision::Change);
        assert!(page.contains(&format!("bidprice_tune_decision{{decision=\"change\"}} {value}")), "{page}");
        assert!(page.contains("bidprice_tune_rate{key=\"rates.gpu.h100\",value=\"proposal\"} 1500.0"), "{page}");
        assert!(page.contains("bidprice_tune_gain_usd{value=\"low\"} 10.0"), "{page}");
        engine.shutdown();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_is_not_in_use_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rates.toml"), CARD).unwrap();
    let engine = start(folder.path(), &tune("apply = true\n"), TuneDecision::Change);
    let edited = CARD.replace("1.60", "1.65");
    fs::write(folder.path().join("rates.toml"), &edited).unwrap();
    let reading = propose(&engine, SystemTime::now());
    assert!(reading.problem.unwrap().contains("is not what is in use"));
    assert_eq!((card(folder.path()), reading.changed), (edited, 0));
    assert!(!folder.path().join("log/tune.state").exists(), "the day is not used up");
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_stops_changes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rates.toml"), CARD).unwrap();
    let engine = start(folder.path(), &tune("apply = true\n"), TuneDecision::Change);
    propose(&engine, SystemTime::UNIX_EPOCH + DAY);
    fs::write(folder.path().join("log/tune.state"), "{").unwrap();
    let reading = propose(&engine, SystemTime::UNIX_EPOCH + 9 * DAY);
    assert!(reading.problem.unwrap().contains("is damaged"));
    assert_eq!(card(folder.path()), CARD.replace("1900", "1710"));
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tuned_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rates.toml"), CARD).unwrap();
    let path = folder.path().join("bidprice.toml");
    let error = |config: &str, tuner: bool| {
        fs::write(&path, config).unwrap();
        let tuner: Option<Arc<dyn Tuner>> = tuner.then(|| Arc::new(Fixed(TuneDecision::Stay)) as _);
        Engine::start_with(&path, Compiler::InProcess, tuner).unwrap_err().to_string()
    };
    assert!(error(&tune(""), false).contains("built without the simulation"));
    assert!(error(&tune("").replace("scenario.toml", "other"), true).contains("another scenario"));
}

#[test]
fn sections_that_contradict_each_other_are_refused() {
    let error = |text: &str| config::parse(text).unwrap_err().to_string();
    let good = tune("");
    assert!(config::parse(&good).is_ok());
    for (from, to, said) in [
        ("\"1600..2200\"", "\"1600..\"", "not a floor and a ceiling"),
        ("\"1600..2200\"", "\"..2200\"", "not a floor and a ceiling"),
        ("\"1600..2200\"", "\"2200..1600\"", "below the ceiling"),
        ("\"rates.gpu.h100\" =", "rates.gpu.h100 =", "is quoted"),
        ("{ \"rates.gpu.h100\" = \"1600..2200\" }", "{}", "1 to 4 keys"),
        ("max_step = \"10%\"\n", "", "`max_step` is missing"),
        ("\"10%\"", "\"60%\"", "at most `50%`"),
        ("\"10%\"", "\"0%\"", "above `0%`"),
        ("scenario = \"scenario.toml\"\n", "", "`scenario` is missing"),
        ("file = \"rates.toml\"", "cpu = \"1\"", "not in a file"),
        ("[tune]", "[plugin]\nfile = \"p.wasm\"\n[tune]", "a plugin prices"),
        ("[tune]", "[tune]\nobjective = \"profit\"", "belong together"),
        ("[tune]", "[tune]\nobjective = \"revenues\"", "is not known here"),
        ("[tune]", "[tune]\ninterval = \"1m\"", "out of range"),
        ("[bid_log]\nfolder = \"log\"\n[tune]", "[tune]\napply = true", "no place to keep"),
    ] {
        assert!(good.contains(from), "{from}");
        let found = error(&good.replace(from, to));
        assert!(found.contains(said), "{to}: {found}");
    }
    for (section, said) in [
        ("", "`spread` is missing"),
        ("spread = \"0%\"", "above `0%`"),
        ("spread = \"21%\"", "at most `20%`"),
        ("spread = 3", "expected a percentage"),
        ("spread = \"3\"", "is not a spread"),
        ("spread = \"3%\"\nseeds = 1", "is not a key"),
        ("spread = \"3%\"\nseed = -1", "out of range"),
    ] {
        let found = error(&format!("[explore]\n{section}\n"));
        assert!(found.contains(said), "{section}: {found}");
    }
}
