//! Tests of an inventory in a file that another program rewrites.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use pricing_engine::config::Inventory as Config;
use pricing_engine::inventory::State;
use tempfile::TempDir;

use super::{DAY, follow, known, known_at, names, patient, until, until_reading};

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inventory.json");
    (folder, path)
}

fn config(path: &Path) -> Config {
    Config { file: Some(path.to_owned()), ..patient() }
}

fn text(names: &[&str]) -> String {
    let node = |name: &&str| {
        format!(
            r#"{{"name":"{name}","resources":{{"cpu":{{"quantity":{{"allocatable":"8"}}}},"memory":{{"quantity":{{"allocatable":"64Gi"}}}}}}}}"#
        )
    };
    format!(r#"{{"nodes":[{}],"storage":[]}}"#, names.iter().map(node).collect::<Vec<_>>().join(","))
}

fn age(path: &Path, age: Duration) {
    fs::File::options().append(true).open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

#[tokio::test]
async fn a_file_that_is_replaced_or_rewritten_is_read_again() {
    let (folder, path) = folder();
    fs::write(&path, text(&["a"])).unwrap();
    let inventory = follow(&config(&path));
    until("the first", || names(&inventory) == ["a"]).await;
    assert_eq!(&*known(&inventory).unwrap().text.text, text(&["a"]));
    fs::write(&path, text(&["b"])).unwrap();
    until("the second", || names(&inventory) == ["b"]).await;
    let next = folder.path().join("next");
    fs::write(&next, text(&["c", "d"])).unwrap();
    fs::rename(&next, &path).unwrap();
    until("the third", || names(&inventory) == ["c", "d"]).await;
}

#[tokio::test]
async fn a_file_that_is_emptied_or_garbage_or_gone_keeps_the_last_good_one() {
    let (_folder, path) = folder();
    fs::write(&path, text(&["a"])).unwrap();
    let inventory = follow(&config(&path));
    until("the first", || names(&inventory) == ["a"]).await;
    for (content, code) in
        [("", "malformed"), ("{}", "no-usable-node"), ("<html>", "malformed"), (r#"{"nodes":[{"na"#, "malformed")]
    {
        fs::write(&path, content).unwrap();
        let stale = until_reading(&inventory, content, |reading| {
            reading.state == State::Stale && reading.counters.refused.contains_key(code)
        })
        .await;
        assert!(stale.problem.is_some());
        assert_eq!(names(&inventory), ["a"]);
        fs::write(&path, text(&["a"])).unwrap();
        until_reading(&inventory, "fresh again", |reading| reading.state == State::Fresh).await;
    }
    fs::write(&path, [0xff, 0xfe]).unwrap();
    until_reading(&inventory, "no text", |reading| {
        reading.problem.as_deref().is_some_and(|problem| problem.contains("UTF-8"))
    })
    .await;
    fs::remove_file(&path).unwrap();
    let gone = until_reading(&inventory, "gone", |reading| reading.counters.lost > 0).await;
    assert_eq!(gone.state, State::Stale);
    assert!(gone.problem.unwrap().contains("No such file"));
    assert_eq!(names(&inventory), ["a"]);
    fs::write(&path, text(&["e"])).unwrap();
    until("it is back", || names(&inventory) == ["e"]).await;
}

#[tokio::test]
async fn a_file_that_nobody_rewrites_grows_old_and_then_there_is_no_bid() {
    let (_folder, path) = folder();
    fs::write(&path, text(&["a"])).unwrap();
    age(&path, DAY + DAY);
    let inventory = follow(&config(&path));
    until_reading(&inventory, "read", |reading| reading.counters.taken > 0).await;
    let why = known(&inventory).unwrap_err();
    assert!(why.contains("is 2days") && why.contains("`inventory.max_age` is 1day"), "{why}");
    age(&path, DAY / 2);
    until("it is young enough", || names(&inventory) == ["a"]).await;
    assert!(known_at(&inventory, Instant::now() + DAY).unwrap_err().contains("`inventory.max_age` is 1day"));
    // If the clock is wrong, any file would look new.
    age_ahead(&path, Duration::from_secs(9999));
    let reading = until_reading(&inventory, "it is not used", |reading| {
        reading.problem.as_deref().is_some_and(|problem| problem.contains("s in the future"))
    });
    assert_eq!(reading.await.state, State::Stale);
    assert_eq!(inventory.reading(Instant::now() + DAY).state, State::Unusable);
    // A small clock skew is accepted.
    let before = Instant::now();
    age_ahead(&path, Duration::from_secs(60));
    let reading = until_reading(&inventory, "it counts as now", |reading| reading.state == State::Fresh).await;
    assert!(reading.age.unwrap() <= before.elapsed());
}

fn age_ahead(path: &Path, ahead: Duration) {
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() + ahead).unwrap();
}

#[tokio::test]
async fn a_file_that_is_not_there_yet_is_waited_for() {
    let (_folder, path) = folder();
    let inventory = follow(&config(&path));
    until_reading(&inventory, "lost", |reading| reading.counters.lost > 1).await;
    let why = known(&inventory).unwrap_err();
    assert!(why.contains("inventory.json has given no usable snapshot yet: it cannot be read: No such file"), "{why}");
    fs::write(&path, text(&["a"])).unwrap();
    until("it is there", || names(&inventory) == ["a"]).await;
    assert!(inventory.reading(Instant::now()).source.contains("inventory.json"));
}
