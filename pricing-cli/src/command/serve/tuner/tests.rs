use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;

/// Its GPU entries are not in alphabetical order, as in most rate cards.
const CARD: &str = "[rates]\ncpu = \"1\"\nmemory = \"1\"\n[rates.gpu]\n\"t4\" = \"80\"\n\"h100\" = \"2000\" # list price\n\"a100\" = \"900\"\n";
const SCENARIO: &str = "[orders]\nhistory = \".\"\n[inventory]\ndescribe = \"1 node x 8 h100\"\n[[strategy]]\nname = \"card\"\nrates = \"rates.toml\"\n[market]\nobserved = true\n";

/// An order of a day for an H100, for which the only rival bids 1800 or 2050 USD a month.
fn order(number: u32) -> Value {
    let (day, hour, rival) = (number / 6 + 1, number % 12, if number.is_multiple_of(2) { 2050 } else { 1800 });
    let at = format!("2026-01-{day:02}T{hour:02}:00:00Z");
    json!({
        "order_id": format!("akash1tenant/{number}/1/1"), "at": at, "height": number,
        "order": {
            "name": "dcloud",
            "requirements": { "signed_by": { "all_of": [], "any_of": [] }, "attributes": [] },
            "resources": [{
                "resource": {
                    "id": 1,
                    "cpu": { "units": { "val": "1000" }, "attributes": [] },
                    "memory": { "quantity": { "val": "1073741824" }, "attributes": [] },
                    "storage": [],
                    "gpu": { "units": { "val": "1" }, "attributes": [{ "key": "vendor/nvidia/model/h100", "value": "true" }] },
                    "endpoints": []
                },
                "count": 1,
                "price": { "denom": "uact", "amount": "1000000.000000000000000000" }
            }]
        },
        "max_price": null,
        "bids": [{ "provider": "akash1rival", "price": "1", "denom": "uact", "usd_per_month": rival.to_string(), "won": true }],
        "winner": "akash1rival",
        "lease": { "from": at, "until": format!("2026-01-{day:02}T{:02}:00:00Z", hour + 6), "reason": null }
    })
}

/// A folder with a history of 28 days, of whose orders every other one can be won at the current rate.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("orders.jsonl", &(0..168).map(|number| format!("{}\n", order(number))).collect::<String>());
    write("history.json", "{\"schema\":1,\"provider\":\"akash1us\"}");
    write("rates.toml", CARD);
    write("scenario.toml", SCENARIO);
    folder
}

/// What is asked of the tuner in a folder.
fn config(folder: &Path, key: &str) -> config::Tune {
    let text = format!(
        "[rates]\nfile = \"rates.toml\"\n[tune]\nscenario = \"scenario.toml\"\nmax_step = \"5%\"\nresamples = 40\nvary = {{ \"{key}\" = \"1500..2200\" }}\n"
    );
    let mut tune = config::parse(&text).unwrap().tune.unwrap();
    tune.scenario = folder.join(tune.scenario);
    tune
}

fn asked<R>(folder: &Path, key: &str, card: &str, ask: impl FnOnce(&TuneTask<'_>) -> R) -> R {
    let (config, file): (_, PathBuf) = (config(folder, key), folder.join("rates.toml"));
    let pricing = rates::toml::read(card).unwrap();
    ask(&TuneTask { config: &config, card: &file, pricing: &pricing })
}

fn check(folder: &Path, key: &str) -> Result<(), String> {
    asked(folder, key, CARD, |task| ReplayTuner.check(task))
}

#[test]
fn a_lower_rate_that_wins_more_is_proposed_and_can_be_applied() {
    let folder = folder();
    let go = AtomicBool::new(false);
    let found = asked(folder.path(), "rates.gpu.h100", CARD, |task| ReplayTuner.propose(task, &go)).unwrap();
    assert_eq!((found.decision, found.days, found.orders), (TuneDecision::Change, 28, 168));
    let newest = found.newest_order.map(|at| humantime::format_rfc3339_seconds(at).to_string());
    assert_eq!(newest.as_deref(), Some("2026-01-28T11:00:00Z"));
    let [rate] = found.rates.as_slice() else { panic!("{found:?}") };
    assert_eq!(rate.current, 2000.into());
    assert!(rate.proposal < 1800.into() && rate.proposal > 1700.into(), "{rate:?}");
    assert!(found.gain_usd.low.parse::<f64>().unwrap() > 0.0);
    let card = ReplayTuner.apply(CARD, &[(rate.path.clone(), 1900.into())]).unwrap();
    assert!(card.contains("\"h100\" = \"1900\" # was \"2000\"; list price"), "{card}");
}

#[test]
fn what_was_stopped_proposes_nothing() {
    let folder = folder();
    let stopped = AtomicBool::new(true);
    let found = asked(folder.path(), "rates.gpu.h100", CARD, |task| ReplayTuner.propose(task, &stopped));
    assert!(found.unwrap_err().contains("stopped"));
}

#[test]
fn the_age_of_a_history_with_relative_times_is_not_known() {
    let folder = folder();
    let manifest = "{\"schema\":1,\"provider\":\"akash1us\",\"relative_times\":true}";
    fs::write(folder.path().join("history.json"), manifest).unwrap();
    let go = AtomicBool::new(false);
    let found = asked(folder.path(), "rates.gpu.h100", CARD, |task| ReplayTuner.propose(task, &go)).unwrap();
    assert_eq!(found.newest_order, None);
}

#[test]
fn the_doubts_can_be_stopped_too() {
    let folder = folder();
    let found = asked(folder.path(), "rates.gpu.h100", CARD, |task| {
        let (scene, variations) = (TuneScene::read(task).unwrap(), variations(task.config));
        let mut replays = Replays::new(&scene.table, &variations, &scene.files, &SimulationHost, None).unwrap();
        let space = Space::new(variations, replays.keys.current().clone(), None).unwrap();
        let settings = Settings { objective: Objective::Revenue, resamples: 40, threads: 1 };
        let tuned = tune(&space, &replays, &settings).unwrap();
        doubts(&mut replays, &space, &tuned, &settings, &AtomicBool::new(true))
    });
    assert!(found.unwrap_err().to_string().contains("stopped"));
}

#[test]
fn a_card_that_is_not_in_use_is_not_tuned() {
    let folder = folder();
    let other = CARD.replace("2000", "2100");
    let go = AtomicBool::new(false);
    let found = asked(folder.path(), "rates.gpu.h100", &other, |task| ReplayTuner.propose(task, &go));
    assert!(found.unwrap_err().contains("is not the one in use"));
}

#[test]
fn a_scenario_of_another_card_is_refused() {
    let folder = folder();
    let write = |text: &str| fs::write(folder.path().join("scenario.toml"), text).unwrap();
    assert_eq!(check(folder.path(), "rates.gpu.h100"), Ok(()));
    assert!(check(folder.path(), "rates.gpu.l40s").unwrap_err().contains("is not an entry"));
    // The rate is 80, and would be varied from 1500.
    let said = check(folder.path(), "rates.gpu.t4").unwrap_err();
    assert!(said.contains("`rates.gpu.t4` is 80 in the rate card, outside the range 1500..2200"), "{said}");
    fs::write(folder.path().join("copy.toml"), CARD).unwrap();
    let first = |rates: &str| SCENARIO.replace("rates = \"rates.toml\"\n", rates);
    for (other, problem) in [
        ("rates = \"copy.toml\"\n", "is not the service's rate card"),
        ("", "is not the service's rate card"),
        ("rates = \"rates.toml\"\nset.rates.cpu = \"2\"\n", "has `set`"),
        ("rates = \"rates.toml\"\nscript = \"old.sh\"\n", "has `script`"),
        ("rates = \"rates.toml\"\ngpu = \"highest-wildcard\"\n", "has `gpu`"),
    ] {
        write(&first(other));
        let said = check(folder.path(), "rates.gpu.h100").unwrap_err();
        assert!(said.contains(problem), "{other}: {said}");
    }
    write(&SCENARIO.replace("history = \".\"", "jsonl = \"orders.jsonl\""));
    assert!(check(folder.path(), "rates.gpu.h100").unwrap_err().contains("orders.history"));
    write("");
    assert!(check(folder.path(), "rates.gpu.h100").is_err());
}
