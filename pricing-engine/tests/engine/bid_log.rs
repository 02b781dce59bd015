//! Tests of the bid log: faults of the disk and the process, and that a replay makes the same decisions.

#![expect(clippy::unwrap_used, reason = "a broken test must say so at once")]

use crate::decisions;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::HANG;
use crate::decisions::{Sample, closed, host};
use pricing_core::quote::{Item, ReasonCode};
use pricing_core::reserve::Scheduler;
use pricing_core::reserve::kubernetes::KubernetesVersion;
use pricing_engine::bid_log::entry::{Damage, Entry};
use pricing_engine::bid_log::read::Log;
use pricing_engine::bid_log::replay::{Report, WhatIf, replay};
use pricing_engine::bid_log::{BidLog, Outcome};
use pricing_engine::config::{self, Fsync, LoadedRates, LoadedScheduler};
use pricing_engine::decision::{self, Settings};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};

fn config(folder: &Path) -> config::BidLog {
    config::BidLog { folder: folder.join("log"), file_bytes: 64 << 20, files: 16, fsync: Fsync::Never }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder.join("log")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    files
}

fn objects(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder.join("log/objects")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Returns the sequence numbers of all lines, and the damage of the others.
fn sequences(folder: &Path) -> (Vec<u64>, Vec<Damage>) {
    let mut found = (Vec::new(), Vec::new());
    for (_, line) in Log::open(&folder.join("log")).unwrap().lines() {
        match line {
            Ok(entry) => found.0.push(entry.sequence()),
            Err(damage) => found.1.push(damage),
        }
    }
    found
}

fn replayed(folder: &Path, what_if: &WhatIf) -> Report {
    replay(&Log::open(&folder.join("log")).unwrap(), host(), what_if, 1000)
}

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < HANG, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_thousand_mixed_decisions_over_the_corpus_are_the_same_byte_for_byte_when_priced_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    let samples = decisions::corpus(1000);
    let mut groups = 0;
    for sample in &samples {
        groups += sample.record(&log).len();
    }
    let reading = closed(&log);
    assert_eq!((reading.waiting, reading.lost, reading.problem), (0, 0, None));
    assert_eq!(reading.written, u64::try_from(groups).unwrap());
    let report = replayed(folder.path(), &WhatIf::default());
    assert_eq!(report.problems, []);
    assert_eq!(report.changes, []);
    let checked = report.decisions + report.screenings;
    assert_eq!((checked, report.same), (u64::try_from(groups).unwrap(), u64::try_from(groups).unwrap()));
    // The decisions are really mixed.
    let text: String = files(folder.path()).iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    for part in
        ["\"decision\":\"bid\"", "\"decision\":\"decline\"", "\"decision\":\"fault\"", "\"held\":[{", "\"fuel\":"]
    {
        assert!(text.matches(part).count() > 20, "{part}");
    }
    assert!(report.screenings > 20);
}

#[test]
fn an_altered_price_is_found_with_its_path_and_the_rest_stays_proven() {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    for number in 0..10 {
        let _ = Sample::plain(number).record(&log);
    }
    closed(&log);
    let file = &files(folder.path())[0];
    let text = fs::read_to_string(file).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let line = lines[4].clone();
    let (before, rest) = line.split_once("\"price\":{\"denom\":\"uact\",\"amount\":\"").unwrap();
    let (amount, rest) = rest.split_once('"').unwrap();
    lines[4] = format!("{before}\"price\":{{\"denom\":\"uact\",\"amount\":\"9{amount}\"{rest}");
    fs::write(file, lines.join("\n") + "\n").unwrap();
    let report = replayed(folder.path(), &WhatIf::default());
    assert_eq!((report.same, report.changed), (9, 1));
    let change = &report.changes[0];
    assert_eq!((change.sequence, change.paths.clone()), (5, vec!["price.amount".to_owned()]));
    assert_eq!(change.before.price.as_ref().unwrap().amount, format!("9{amount}"));
    assert_eq!(change.after.price.as_ref().unwrap().amount, amount);
}

#[test]
fn another_rate_card_shows_what_would_have_been_won_and_lost() {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    for number in 0..10 {
        let _ = Sample::plain(number).record(&log);
    }
    closed(&log);
    let rates = LoadedRates::read("[rates]\ncpu = \"1000000000\"\n".to_owned()).unwrap();
    let report = replayed(folder.path(), &WhatIf { rates: Some(rates), plugin: None });
    let total = report.summary.unwrap().total;
    assert_eq!((total.orders, total.lost, total.now_above_max), (10, 10, 10));
    assert!(!total.usd_before.is_zero() && total.usd_after.is_zero());
}

#[test]
fn a_missing_object_and_garbage_lines_are_listed_and_the_rest_is_proven() {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    let samples = decisions::corpus(60);
    let known: Vec<&Sample> = samples.iter().filter(|sample| sample.snapshot().is_some()).collect();
    for sample in &known {
        let _ = sample.record(&log);
    }
    closed(&log);
    let lost = known[0].snapshot().unwrap();
    let named =
        known.iter().filter(|sample| sample.snapshot() == Some(lost)).map(|sample| sample.groups()).sum::<usize>();
    fs::remove_file(folder.path().join(format!("log/objects/sha256-{}.gz", lost.hex()))).unwrap();
    let file = &files(folder.path())[0];
    let mut content = b"garbage\n\xff\xfe\n{\"schema\":2,\"kind\":\"decision\",\"sequence\":1}\n{}\n\n".to_vec();
    content.extend(fs::read(file).unwrap());
    content.extend(b"{\"schema\":1,\"kind\":\"something new\",\"sequence\":4711}\n{\"schema\":1,\"kind\":\"deci");
    fs::write(file, content).unwrap();
    let report = replayed(folder.path(), &WhatIf::default());
    assert_eq!(report.unchecked, u64::try_from(named + 5).unwrap());
    assert_eq!((report.cut, report.changed), (1, 0));
    assert!(report.same > 10);
    let missing = |problem: &str| problem.contains("is not among the log's objects");
    assert_eq!(report.problems.iter().filter(|found| missing(&found.problem)).count(), named);
    assert!(report.problems.iter().any(|found| found.place.line == 3 && found.problem.contains("schema 2")));
}

#[test]
fn a_cut_last_line_is_dropped_at_the_start_and_the_numbers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    for number in 0..5 {
        let _ = Sample::plain(number).record(&log);
    }
    closed(&log);
    let file = &files(folder.path())[0];
    let whole = fs::read(file).unwrap();
    let mut cut = whole.clone();
    cut.extend_from_slice(&whole[..300]);
    fs::write(file, &cut).unwrap();
    assert_eq!(sequences(folder.path()).1, [Damage::Cut]);
    let log = BidLog::open(&config(folder.path())).unwrap();
    assert_eq!(fs::read(file).unwrap(), whole);
    assert_eq!(Sample::plain(6).record(&log)[0].sequence(), Some(6));
    closed(&log);
    assert_eq!(sequences(folder.path()), ((1..=6).collect(), Vec::new()));
    assert_eq!(replayed(folder.path(), &WhatIf::default()).same, 6);
}

#[test]
fn eight_threads_lose_and_tear_nothing_while_files_are_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let config = config::BidLog { file_bytes: 100_000, files: 10_000, ..config(folder.path()) };
    let log = BidLog::open(&config).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let log = log.clone();
            scope.spawn(move || {
                for number in 0..100 {
                    let pending = Sample::plain(thread * 1000 + number).record(&log);
                    if number % 10 == 0 {
                        assert!(pending.into_iter().all(|pending| pending.wait() == Outcome::Written));
                    }
                }
            });
        }
    });
    closed(&log);
    assert!(files(folder.path()).len() > 5, "{}", files(folder.path()).len());
    assert_eq!(sequences(folder.path()), ((1..=800).collect(), Vec::new()));
    let report = replayed(folder.path(), &WhatIf::default());
    assert_eq!((report.same, report.missing_sequences), (800, 0));
}

#[test]
fn the_oldest_file_goes_with_what_it_alone_named_and_never_with_what_others_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = config::BidLog { file_bytes: 30_000, files: 3, ..config(folder.path()) };
    for round in 0..3 {
        // A restart must not forget the objects that earlier files name.
        let log = BidLog::open(&config).unwrap();
        for number in 0..60 {
            let sample = Sample::with_new_snapshot(round * 100 + number);
            assert!(sample.record(&log).into_iter().all(|pending| pending.wait() == Outcome::Written));
        }
        closed(&log);
    }
    // Objects are removed with the last file that names them, once the files of earlier runs are scanned. There is one
    // snapshot for each decision, and the rate card. Some objects of the last removed file may be left.
    let log = BidLog::open(&config).unwrap();
    let mut numbers = 300..;
    until("the objects that no line names are gone", || {
        let sample = Sample::with_new_snapshot(numbers.next().unwrap());
        assert!(sample.record(&log).into_iter().all(|pending| pending.wait() == Outcome::Written));
        let lines = |file: &PathBuf| fs::read_to_string(file).unwrap().lines().count();
        objects(folder.path()).len() <= files(folder.path()).iter().map(lines).sum::<usize>() + 40
    });
    closed(&log);
    assert!(files(folder.path()).len() <= 3);
    let report = replayed(folder.path(), &WhatIf::default());
    assert_eq!((report.unchecked, report.changed), (0, 0), "{:?}", report.problems);
    assert!(report.same > 0 && report.same < 180);
}

#[test]
fn a_folder_that_is_open_to_others_or_a_link_or_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let refused = |config: &config::BidLog| BidLog::open(config).unwrap_err().to_string();
    let log = BidLog::open(&config).unwrap();
    assert_eq!(fs::metadata(&config.folder).unwrap().permissions().mode() & 0o777, 0o700);
    let _ = Sample::plain(1).record(&log);
    assert!(refused(&config).contains("another service writes to"), "{}", refused(&config));
    closed(&log);
    assert_eq!(fs::metadata(&files(folder.path())[0]).unwrap().permissions().mode() & 0o777, 0o600);
    let linked = folder.path().join("linked");
    symlink(&config.folder, &linked).unwrap();
    assert!(refused(&config::BidLog { folder: linked, ..config.clone() }).contains("symbolic link"));
    fs::set_permissions(&config.folder, fs::Permissions::from_mode(0o750)).unwrap();
    assert!(refused(&config).contains("chmod 700"));
    fs::set_permissions(&config.folder, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(refused(&config::BidLog { files: 0, ..config.clone() }).contains("bid_log.files"));
    assert!(BidLog::open(&config).is_ok());
}

#[test]
fn a_file_that_was_removed_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    assert!(Sample::plain(1).record(&log).into_iter().all(|pending| pending.wait() == Outcome::Written));
    fs::remove_file(&files(folder.path())[0]).unwrap();
    assert!(Sample::plain(2).record(&log).into_iter().all(|pending| pending.wait() == Outcome::Written));
    closed(&log);
    assert_eq!(sequences(folder.path()), (vec![2], Vec::new()));
}

#[test]
fn objects_that_vanish_are_told_of_and_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    let record = |number: u64| {
        let recorded = Sample::plain(usize::try_from(number).unwrap()).record(&log);
        assert!(recorded.into_iter().all(|pending| pending.wait() == Outcome::Written));
    };
    record(0);
    let kept = objects(folder.path());
    assert_eq!(kept.len(), 1);
    let ways: [fn(&Path) -> std::io::Result<()>; 2] =
        [|object| fs::remove_file(object), |object| fs::remove_dir_all(object.parent().unwrap())];
    for (vanish, round) in ways.into_iter().zip(1..) {
        vanish(&kept[0]).unwrap();
        // An idle log notices it, too.
        until("it is told of", || log.reading().objects_lost == round);
        let problem = log.reading().problem.unwrap();
        assert!(problem.starts_with("another program took away ") && problem.contains("log/objects`"), "{problem}");
        record(round);
        assert_eq!(objects(folder.path()), kept);
    }
    let reading = closed(&log);
    assert_eq!((reading.written, reading.objects_lost), (3, 2));
    assert_eq!(replayed(folder.path(), &WhatIf::default()).same, 3);
}

#[test]
fn a_folder_of_objects_that_vanishes_before_anything_was_decided_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    fs::remove_dir(folder.path().join("log/objects")).unwrap();
    until("it is told of", || log.reading().objects_lost == 1);
    assert!(Sample::plain(1).record(&log).into_iter().all(|pending| pending.wait() == Outcome::Written));
    let reading = closed(&log);
    assert!(reading.problem.is_some_and(|problem| problem.contains("took away `")));
}

/// Makes a log unwritable and then writable again, and checks that no line is lost.
fn outlives(spoil: impl Fn(&Path), mend: impl Fn(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    assert_eq!(Sample::plain(0).record(&log).remove(0).wait(), Outcome::Written);
    spoil(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for number in 1..4 {
        let recorded = Sample::with_new_snapshot(number).record(&log).remove(0);
        assert_eq!(runtime.block_on(recorded.written()), Outcome::Late);
    }
    until("it is told why", || log.reading().problem.is_some());
    assert_eq!((log.reading().written, log.reading().waiting), (1, 3));
    mend(folder.path());
    until("the lines are written", || log.reading().waiting == 0);
    let reading = closed(&log);
    assert_eq!((reading.written, reading.lost, reading.problem), (4, 0, None));
    assert_eq!(replayed(folder.path(), &WhatIf::default()).same, 4);
}

#[test]
fn lines_wait_while_something_else_is_where_the_folder_was() {
    let spoil = |folder: &Path| {
        fs::rename(folder.join("log"), folder.join("aside")).unwrap();
        fs::write(folder.join("log"), "a file").unwrap();
    };
    let mend = |folder: &Path| {
        fs::remove_file(folder.join("log")).unwrap();
        fs::rename(folder.join("aside"), folder.join("log")).unwrap();
    };
    outlives(spoil, mend);
}

#[test]
fn lines_wait_while_the_folder_is_read_only() {
    if rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: root may write to what is read-only");
        return;
    }
    let mode = |mode| {
        move |folder: &Path| {
            for name in ["log/objects", "log"] {
                fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
            }
        }
    };
    outlives(mode(0o500), mode(0o700));
}

#[test]
fn every_policy_of_syncing_writes_the_same_lines() {
    for fsync in [Fsync::Never, Fsync::Second, Fsync::Each] {
        let folder = tempfile::tempdir().unwrap();
        let config = config::BidLog { file_bytes: 20_000, fsync, ..config(folder.path()) };
        let log = BidLog::open(&config).unwrap();
        for number in 0..20 {
            let _ = Sample::with_new_snapshot(number).record(&log);
        }
        closed(&log);
        assert_eq!(sequences(folder.path()), ((1..=20).collect(), Vec::new()), "{fsync:?}");
        assert_eq!(replayed(folder.path(), &WhatIf::default()).same, 20, "{fsync:?}");
    }
}

/// Replays with other settings would have other probabilities in the quote.
#[test]
fn predictions_are_made_again_with_the_same_scheduler_and_the_same_steps() {
    const PACKING: &str = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- \
                           pluginConfig:\n  - name: NodeResourcesFit\n    args:\n      scoringStrategy:\n        type: \
                           MostAllocated\n";
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    let mut given_up = Vec::new();
    for kubernetes in [
        LoadedScheduler::default(),
        LoadedScheduler::read(false, KubernetesVersion::default(), 0, None).unwrap(),
        LoadedScheduler::read(true, KubernetesVersion::V1_36, 30, Some(PACKING.into())).unwrap(),
    ] {
        let sample = Sample::many_groups(10, 16_000_000);
        let sample = Sample { settings: Arc::new(Settings { kubernetes, ..(*sample.settings).clone() }), ..sample };
        let priced = decision::price(&sample.settings, &sample.live, &sample.request, &sample.budget());
        given_up.push(priced.iter().filter(|priced| priced.quote.pods.is_given_up()).count());
        assert!(sample.record(&log).into_iter().all(|pending| pending.wait() == Outcome::Written));
    }
    assert!(given_up[0] > 0 && given_up[1] == 0, "{given_up:?}");
    closed(&log);
    let report = replayed(folder.path(), &WhatIf::default());
    assert_eq!((report.same, report.changed, report.unchecked), (30, 0, 0), "{:?}", report.changes);
    let text = fs::read_to_string(&files(folder.path())[0]).unwrap();
    assert!(text.contains("\"prediction_steps_left\":") && text.contains("\"kubernetes\":{\"predict\":false"));
}

#[test]
fn the_groups_of_an_order_are_not_promised_the_same_card_and_replay_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    for scheduler in [Scheduler::Sound, Scheduler::Provider] {
        let sample = Sample::two_groups_for_one_card(scheduler);
        let priced = decision::price(&sample.settings, &sample.live, &sample.request, &sample.budget());
        let declines = |place: usize| priced[place].quote.reason().map(|reason| reason.code);
        // The second group finds no free card, and the third wants none.
        let expected = [None, Some(ReasonCode::InsufficientCapacity), None];
        assert_eq!([declines(0), declines(1), declines(2)], expected, "{scheduler:?}");
        let held = decision::capacity_to_hold(&sample.settings, &sample.request, &priced).unwrap();
        assert_eq!(held.iter().map(|held| held.gpus).sum::<u64>(), 1, "{scheduler:?}");
        assert!(sample.record(&log).into_iter().all(|pending| pending.wait() == Outcome::Written));
        // An order that the daemon has already reserved does not compete with itself.
        let mut placed = sample;
        placed.request.already_reserved = true;
        let priced = decision::price(&placed.settings, &placed.live, &placed.request, &placed.budget());
        assert!(priced.iter().all(|priced| priced.quote.price().is_some()), "{scheduler:?}");
    }
    closed(&log);
    let report = replayed(folder.path(), &WhatIf::default());
    assert_eq!((report.same, report.changed, report.unchecked), (6, 0, 0), "{:?}", report.changes);
}

#[test]
fn the_pods_of_each_group_are_predicted_on_what_those_of_the_previous_ones_leave() {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    let sample = Sample::two_groups_for_two_kinds("ambiguous_gpu = \"likely\"");
    let priced = decision::price(&sample.settings, &sample.live, &sample.request, &sample.budget());
    let gpu_rates: Vec<String> = priced
        .iter()
        .flat_map(|priced| &priced.quote.lines)
        .filter(|line| line.item == Item::Gpu)
        .map(|line| line.rate.clone())
        .collect();
    // Kubernetes puts the first pod on the larger node, so the card there is not free for the second one.
    assert_eq!(gpu_rates, ["a100.40Gi", "a100.80Gi"]);
    assert!(priced.iter().all(|priced| priced.quote.pods.placements().unwrap().pending.is_none()));
    assert_eq!(priced[1].before.started[0].node, "larger");
    assert!(sample.record(&log).into_iter().all(|pending| pending.wait() == Outcome::Written));
    closed(&log);
    let report = replayed(folder.path(), &WhatIf::default());
    assert_eq!((report.same, report.changed, report.unchecked), (3, 0, 0), "{:?}", report.changes);
    // The release that decided is told even where it is the default.
    let text = fs::read_to_string(&files(folder.path())[0]).unwrap();
    assert!(text.contains("\"kubernetes\":{\"predict\":true,\"version\":\"1.34\""), "{text}");
}

/// Runs one of the ignored tests in a separate process. A shell runs `prefix` first.
fn child(test: &str, prefix: &str, folder: &Path) -> Child {
    let (_, module) = module_path!().split_once("::").unwrap();
    let script = format!("{prefix} exec \"$0\" --ignored --exact {module}::{test} --nocapture");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(std::env::current_exe().unwrap()).env("BID_LOG_DRILL", folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn drill_folder() -> PathBuf {
    std::env::var_os("BID_LOG_DRILL").map(PathBuf::from).unwrap()
}

#[test]
fn kill_9_loses_no_acknowledged_line_and_never_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 1..=3 {
        let mut child = child("writes_until_it_is_killed", "", folder.path());
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let Some(sequence) = line.strip_prefix("written ") else { continue };
            acknowledged.insert(sequence.parse::<u64>().unwrap());
            if acknowledged.len() >= round * 200 {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(acknowledged.len() >= round * 200, "it ended by itself");
        let (found, damaged) = sequences(folder.path());
        let found: BTreeSet<u64> = found.into_iter().collect();
        assert!(acknowledged.is_subset(&found), "{:?}", acknowledged.difference(&found).collect::<Vec<_>>());
        assert!(damaged.is_empty() || damaged == [Damage::Cut], "{damaged:?}");
    }
    let report = replayed(folder.path(), &WhatIf::default());
    assert_eq!((report.unchecked, report.changed), (0, 0), "{:?}", report.problems);
}

#[test]
#[ignore = "a child of another test"]
fn writes_until_it_is_killed() {
    let log = BidLog::open(&config(&drill_folder())).unwrap();
    for number in 0.. {
        for pending in Sample::with_new_snapshot(number).record(&log) {
            let sequence = pending.sequence().unwrap();
            assert_eq!(pending.wait(), Outcome::Written);
            println!("written {sequence}");
        }
    }
}

#[test]
fn a_full_disk_delays_lines_keeps_their_order_and_never_stops_pricing() {
    let folder = tempfile::tempdir().unwrap();
    // A write beyond the limit must fail instead of killing the process.
    let mut child = child("fills_its_disk", "trap '' XFSZ;", folder.path());
    let status = child.wait().unwrap();
    let mut told = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut told).unwrap();
    assert!(status.success(), "{told}");
    let (found, damaged) = sequences(folder.path());
    assert_eq!(damaged, []);
    assert_eq!(found, (1..=60).collect::<Vec<u64>>());
    assert_eq!(replayed(folder.path(), &WhatIf::default()).same, 60);
}

/// Limits the size of files.
fn room(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}

#[test]
#[ignore = "a child of another test"]
fn fills_its_disk() {
    let folder = drill_folder();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let log = BidLog::open(&config(&folder)).unwrap();
    let record = |number: usize| Sample::plain(number).record(&log).remove(0);
    assert_eq!(record(0).wait(), Outcome::Written);
    // The limit is in the middle of the next line.
    room(Some(files(&folder)[0].metadata().unwrap().len() + 100));
    for number in 1..40 {
        assert_eq!(runtime.block_on(record(number).written()), Outcome::Late);
    }
    until("it is told why", || log.reading().problem.is_some());
    assert_eq!((log.reading().late, log.reading().lost), (39, 0));
    // The incomplete line is removed.
    until("the cut line is taken off", || fs::read(&files(&folder)[0]).unwrap().ends_with(b"\n"));
    room(None);
    until("the lines are written", || log.reading().waiting == 0);
    for number in 40..60 {
        assert_eq!(record(number).wait(), Outcome::Written);
    }
    let reading = closed(&log);
    assert_eq!((reading.written, reading.lost, reading.problem), (60, 0, None));
}

#[test]
fn a_disk_that_stays_full_is_given_up_when_the_service_stops_and_what_is_lost_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = child("stops_on_a_full_disk", "trap '' XFSZ;", folder.path());
    assert!(child.wait().unwrap().success());
    assert_eq!(sequences(folder.path()), (vec![1], Vec::new()));
}

#[test]
#[ignore = "a child of another test"]
fn stops_on_a_full_disk() {
    let folder = drill_folder();
    let log = BidLog::open(&config(&folder)).unwrap();
    assert_eq!(Sample::plain(0).record(&log).remove(0).wait(), Outcome::Written);
    room(Some(files(&folder)[0].metadata().unwrap().len() + 10));
    let _ = Sample::plain(1).record(&log);
    log.close();
    until("the line is given up", || log.reading().waiting == 0);
    let reading = log.reading();
    assert_eq!((reading.written, reading.waiting, reading.lost), (1, 0, 1));
    // An order after the end is not recorded, and its caller learns that.
    assert_eq!(Sample::plain(2).record(&log).remove(0).wait(), Outcome::Lost);
}

#[test]
fn a_service_that_hangs_at_its_end_leaves_whole_lines() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = child("writes_until_it_is_killed", "", folder.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !lines.next().unwrap().unwrap().starts_with("written 20") {}
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::STOP).unwrap();
    // A stopped service still locks the folder, but its files can be read.
    assert!(BidLog::open(&config(folder.path())).is_err());
    assert!(sequences(folder.path()).0.len() >= 20);
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    child.wait().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    let _ = std::io::stdout().flush();
    closed(&log);
    assert_eq!(sequences(folder.path()).1, []);
}

#[test]
fn a_line_of_an_earlier_version_with_the_required_fields_alone_is_priced_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = BidLog::open(&config(folder.path())).unwrap();
    let _ = Sample::plain(0).record(&log);
    closed(&log);
    let file = &files(folder.path())[0];
    let mut line: serde_json::Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let required =
        ["schema", "kind", "sequence", "call", "order", "group", "rates", "scheduler", "search_steps", "quote"];
    // This preserves the order of the fields, since a quote is compared byte for byte.
    line.as_object_mut().unwrap().retain(|key, _| required.contains(&key.as_str()));
    line.as_object_mut().unwrap().insert("of_a_later_version".to_owned(), true.into());
    fs::write(file, format!("{line}\n")).unwrap();
    let report = replayed(folder.path(), &WhatIf::default());
    assert_eq!((report.same, report.problems), (1, Vec::new()));
    for (_, entry) in Log::open(file).unwrap().lines() {
        assert!(matches!(entry.unwrap(), Entry::Decision(_)));
    }
}
