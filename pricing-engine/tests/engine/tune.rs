//! Tests of tuning: what a proposal may change, how often, and what stops it.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use pricing_engine::Engine;
use pricing_engine::config::{self, ConfigError};
use pricing_engine::engine::check::check;
use pricing_engine::tune::{Gain, Proposal, ProposedRate, Reading, TuneDecision, TuneTask, Tuner};
use pricing_host::compile::Compiler;
use rust_decimal::Decimal;
use serde_json::{Value, json};

const CARD: &str = "[rates]\ncpu = \"1.60\"\n[rates.gpu]\nh100 = \"1900\"\n\"*\" = \"50\"\n";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A time that is as good as any.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + 400 * DAY
}

/// Always proposes 1500.
struct Fixed {
    decision: TuneDecision,
    newest_order: Option<SystemTime>,
    /// What happens while the proposal is worked out.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    panics: bool,
}

impl std::fmt::Debug for Fixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fixed").field(&self.decision).finish()
    }
}

/// A tuner with a history whose newest order is of this time.
fn fixed(decision: TuneDecision, newest_order: SystemTime) -> Fixed {
    Fixed { decision, newest_order: Some(newest_order), meanwhile: Mutex::default(), panics: false }
}

impl Tuner for Fixed {
    fn check(&self, task: &TuneTask<'_>) -> Result<(), String> {
        task.config.scenario.ends_with("scenario.toml").then_some(()).ok_or_else(|| "another scenario".to_owned())
    }

    fn propose(&self, task: &TuneTask<'_>, _: &AtomicBool) -> Result<Proposal, String> {
        let text = fs::read_to_string(task.card).unwrap();
        let meanwhile = self.meanwhile.lock().unwrap().take();
        meanwhile.into_iter().for_each(|happens| happens());
        let rate = text.split("h100 = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let gain = || Gain { mean: "100".to_owned(), low: "10".to_owned(), high: "190".to_owned() };
        Ok(Proposal {
            decision: self.decision,
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
            newest_order: self.newest_order,
            warnings: Vec::new(),
        })
    }

    fn apply(&self, card: &str, values: &[(Vec<String>, Decimal)]) -> Result<String, String> {
        assert!(!self.panics, "what it was told to");
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

fn start(folder: &Path, config: &str, tuner: Fixed) -> Engine {
    start_with(folder, config, &Arc::new(tuner))
}

fn start_with(folder: &Path, config: &str, tuner: &Arc<Fixed>) -> Engine {
    let path = folder.join("bidprice.toml");
    fs::write(&path, config).unwrap();
    let tuner = Arc::clone(tuner);
    Engine::start_with(&path, Compiler::InProcess, Some(tuner)).unwrap()
}

/// A folder with the rate card.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rates.toml"), CARD).unwrap();
    folder
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
    let folder = place();
    let at = now();
    let engine = start(folder.path(), &tune("apply = true\n"), fixed(TuneDecision::Change, now()));
    let reading = propose(&engine, at);
    assert_eq!((reading.problem, reading.changed, reading.changed_at), (None, 1, Some(at)));
    assert_eq!(card(folder.path()), CARD.replace("1900", "1710"));
    assert_eq!(engine.active().loaded.card.as_deref(), Some(card(folder.path()).as_str()), "it is in use");
    let hour = at + Duration::from_secs(3600);
    let reading = propose(&engine, hour);
    assert!(reading.problem.unwrap().contains("once a day"));
    assert_eq!((reading.proposed, reading.changed), (2, 1));
    engine.shutdown();
    let change = json!({ "key": "rates.gpu.h100", "before": "1900", "after": "1710", "proposal": "1500" });
    for (line, stage) in lines(folder.path()).iter().zip(["planned", "done"]) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["kind"], &line["stage"], &line["refused"]), (&json!("tune"), &json!(stage), &Value::Null));
        assert_eq!(line["changes"], json!([change]));
    }
    assert_eq!(lines(folder.path()).len(), 2);
    drop(engine);
    let engine = start(folder.path(), &tune("apply = true\n"), fixed(TuneDecision::Change, now()));
    assert!(propose(&engine, hour).problem.unwrap().contains("once a day"));
    assert_eq!(propose(&engine, at + DAY).problem, None);
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
        let folder = place();
        let engine = start(folder.path(), &tune(more), fixed(decision, now()));
        let reading = propose(&engine, now());
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
    let folder = place();
    let engine = start(folder.path(), &tune("apply = true\n"), fixed(TuneDecision::Change, now()));
    let edited = CARD.replace("1.60", "1.65");
    fs::write(folder.path().join("rates.toml"), &edited).unwrap();
    let reading = propose(&engine, now());
    assert!(reading.problem.unwrap().contains("is not what is in use"));
    assert_eq!((card(folder.path()), reading.changed), (edited, 0));
    assert!(!folder.path().join("log/tune.state").exists(), "the day is not used up");
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_stops_changes() {
    let folder = place();
    let engine = start(folder.path(), &tune("apply = true\n"), fixed(TuneDecision::Change, now()));
    propose(&engine, now());
    fs::write(folder.path().join("log/tune.state"), "{").unwrap();
    let reading = propose(&engine, now() + 2 * DAY);
    assert!(reading.problem.unwrap().contains("is damaged"));
    assert_eq!(card(folder.path()), CARD.replace("1900", "1710"));
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tuned_is_refused_at_the_start() {
    let folder = place();
    let path = folder.path().join("bidprice.toml");
    let error = |config: &str, tuner: bool| {
        fs::write(&path, config).unwrap();
        let tuner: Option<Arc<dyn Tuner>> = tuner.then(|| Arc::new(fixed(TuneDecision::Stay, now())) as _);
        Engine::start_with(&path, Compiler::InProcess, tuner).unwrap_err().to_string()
    };
    assert!(error(&tune(""), false).contains("built without the simulation"));
    let other = |more: &str| tune(more).replace("scenario.toml", "other");
    assert!(error(&other("apply = true\n"), true).contains("another scenario"));
    // Proposing alone never keeps the service from bidding.
    let engine = start(folder.path(), &other(""), fixed(TuneDecision::Stay, now()));
    assert!(engine.tune_reading().unwrap().problem.unwrap().contains("another scenario"));
    fs::write(&path, tune("")).unwrap();
    engine.reload().unwrap();
    assert_eq!(engine.tune_reading().unwrap().problem, None);
    fs::write(&path, other("")).unwrap();
    engine.reload().unwrap();
    assert!(engine.tune_reading().unwrap().problem.unwrap().contains("another scenario"));
    engine.shutdown();
}

/// Proposes while something happens. Returns what the problem is, after a check that nothing was changed.
fn refused(tuner: Fixed, config: &str, happens: impl FnOnce(&Engine, &Path) + Send + 'static) -> String {
    let (folder, tuner) = (place(), Arc::new(tuner));
    let engine = start_with(folder.path(), config, &tuner);
    let (other, path) = (engine.clone(), folder.path().to_owned());
    *tuner.meanwhile.lock().unwrap() = Some(Box::new(move || happens(&other, &path)));
    engine.propose(&AtomicBool::new(false), now());
    assert_eq!(card(folder.path()).matches("1900").count(), 1, "the rate stays");
    assert!(!folder.path().join("log/tune.state").exists(), "the day is not used up");
    // The section may be gone, and with it what is known.
    fs::write(folder.path().join("bidprice.toml"), config).unwrap();
    if let Err(ConfigError::Unaccepted(refusal)) = engine.reload() {
        engine.accept(refusal.digest).unwrap();
    }
    let reading = engine.tune_reading().unwrap();
    assert_eq!((reading.running, reading.changed), (false, 0));
    engine.shutdown();
    reading.problem.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_changes_meanwhile_counts() {
    let config = tune("apply = true\n");
    let without = config.split("[tune]").next().unwrap().to_owned();
    for changed in [
        config.replace("apply = true", "apply = false"),
        config.replace("1600..2200", "1800..2200"),
        config.replace("10%", "5%"),
        without,
    ] {
        let edit = move |engine: &Engine, path: &Path| {
            fs::write(path.join("bidprice.toml"), changed).unwrap();
            engine.reload().unwrap();
        };
        let said = refused(fixed(TuneDecision::Change, now()), &config, edit);
        assert!(said.contains("`[tune]` was changed while it was worked out"), "{said}");
    }
    let said = refused(fixed(TuneDecision::Change, now()), &config, |engine, path| {
        fs::write(path.join("rates.toml"), CARD.replace("1.60", "1.65")).unwrap();
        engine.reload().unwrap();
    });
    assert!(said.contains("the rates were changed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_to_be_reloaded_or_accepted_comes_first() {
    let config = tune("apply = true\n");
    let staged = format!("{config}\n[limits]\nqueue = 7\n");
    let said = refused(fixed(TuneDecision::Change, now()), &config, move |_, path| {
        fs::write(path.join("bidprice.toml"), staged).unwrap();
    });
    assert!(said.contains("bidprice.toml` is not what is in use"), "{said}");
    let good = config.clone();
    let said = refused(fixed(TuneDecision::Change, now()), &config, move |engine, path| {
        fs::write(path.join("bidprice.toml"), good.replace("1600..2200", "1500..2200")).unwrap();
        assert!(engine.reload().unwrap_err().to_string().contains("accepted first"));
        fs::write(path.join("bidprice.toml"), good).unwrap();
    });
    assert!(said.contains("the last reload was refused"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_ahead_does_not_allow_a_second_step() {
    let folder = place();
    let engine = start(folder.path(), &tune("apply = true\n"), fixed(TuneDecision::Change, now()));
    assert_eq!(propose(&engine, now()).problem, None);
    let said = propose(&engine, now() + 3 * DAY).problem.unwrap();
    assert!(said.contains("at most once a day"), "{said}");
    assert_eq!(card(folder.path()), CARD.replace("1900", "1710"));
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_old_or_of_unknown_age_changes_nothing() {
    let config = tune("apply = true\n");
    for (newest_order, said) in [
        (None, "not known how old"),
        (now().checked_sub(8 * DAY), "more than 7 days old"),
        (Some(now() + 2 * DAY), "in the future"),
    ] {
        let found = refused(Fixed { newest_order, ..fixed(TuneDecision::Change, now()) }, &config, |_, _| {});
        assert!(found.contains(said), "{found}");
    }
    let folder = place();
    let engine = start(folder.path(), &tune(""), fixed(TuneDecision::Change, now()));
    let warnings = propose(&engine, now() + 8 * DAY).proposal.unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.contains("more than 7 days old")), "{warnings:?}");
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_without_a_line_of_it() {
    let said = refused(fixed(TuneDecision::Change, now()), &tune("apply = true\n"), |engine, _| engine.shutdown());
    assert!(said.contains("the bid log cannot be written"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_problem_and_not_the_end() {
    let tuner = Fixed { panics: true, ..fixed(TuneDecision::Change, now()) };
    let said = refused(tuner, &tune("apply = true\n"), |_, _| {});
    assert!(said.contains("it panicked"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_outside_of_the_runtime_can_change_rates_and_reload_everything() {
    let folder = place();
    let config = tune("apply = true\n");
    let engine = start(folder.path(), &config, fixed(TuneDecision::Change, now()));
    let other = engine.clone();
    std::thread::spawn(move || other.propose(&AtomicBool::new(false), now())).join().unwrap();
    assert_eq!(card(folder.path()), CARD.replace("1900", "1710"));
    // An inventory is followed by tasks.
    let inventory = format!("{config}\n[inventory]\nfile = \"inventory.json\"\n");
    fs::write(folder.path().join("bidprice.toml"), inventory).unwrap();
    let other = engine.clone();
    let reloaded = std::thread::spawn(move || other.reload().map(|_| ())).join();
    assert!(reloaded.unwrap().is_ok());
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_the_accepted_card_has_its_text_and_tunes_nothing() {
    let folder = place();
    let config = tune("apply = true\n");
    start(folder.path(), &config, fixed(TuneDecision::Change, now())).shutdown();
    let refused = CARD.replace("1900", "190");
    fs::write(folder.path().join("rates.toml"), &refused).unwrap();
    let engine = start(folder.path(), &config, fixed(TuneDecision::Change, now()));
    assert_eq!(engine.active().loaded.card.as_deref(), Some(CARD), "the text belongs to the rates in use");
    assert!(propose(&engine, now()).problem.unwrap().contains("is not what is in use"));
    assert_eq!(card(folder.path()), refused);
    engine.shutdown();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_card_keeps_its_mode() {
    let folder = place();
    let path = folder.path().join("rates.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let engine = start(folder.path(), &tune("apply = true\n"), fixed(TuneDecision::Change, now()));
    assert_eq!(propose(&engine, now()).changed, 1);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    engine.shutdown();
}

#[test]
fn a_check_finds_what_would_stop_a_change() {
    let folder = place();
    let path = folder.path().join("bidprice.toml");
    let checked = |config: &str| {
        fs::write(&path, config).unwrap();
        let tuner: Arc<dyn Tuner> = Arc::new(fixed(TuneDecision::Stay, now()));
        let report = check(&path, &Compiler::InProcess, Some(&tuner), |_, _| {});
        let of = |key: &str| report.problems.iter().filter(|problem| problem.key.as_deref() == Some(key)).count();
        (of("tune.apply"), of("explore.seed"))
    };
    let config = tune("apply = true\n");
    assert_eq!(checked(&config), (0, 0));
    let log = folder.path().join("log");
    fs::create_dir(&log).unwrap();
    fs::set_permissions(&log, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(log.join("tune.state"), "{").unwrap();
    assert_eq!(checked(&config), (1, 0));
    assert_eq!(checked(&tune("")), (0, 0));
    let explore = |seed: &str| format!("{}[explore]\nspread = \"3%\"\nseed = {seed}\n", tune(""));
    assert_eq!([checked(&explore("3")), checked(&explore("\"9f86d081884c7d659a2feaa0c55ad015\""))], [(0, 1), (0, 0)]);
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
        ("spread = \"0%\"\nseed = 3", "above `0%`"),
        ("spread = \"21%\"\nseed = 3", "at most `20%`"),
        ("spread = 3\nseed = 3", "expected a percentage"),
        ("spread = \"3\"\nseed = 3", "is not a spread"),
        ("spread = \"3%\"\nseed = 3\nseeds = 1", "is not a key"),
        ("spread = \"3%\"", "`seed` is missing"),
        ("spread = \"3%\"\nseed = \" \"", "openssl rand -hex 16"),
        ("spread = \"3%\"\nseed = 1.5", "expected a private text or number"),
    ] {
        let found = error(&format!("[explore]\n{section}\n"));
        assert!(found.contains(said), "{section}: {found}");
    }
}
