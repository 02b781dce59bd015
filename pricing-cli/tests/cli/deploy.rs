//! Checks that the files in `deploy/` match the programs and names of this build.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pricing_engine::config;
use pricing_engine::metrics::NAMES;

use crate::programs::{BIDPRICE, bidprice_script, spawn_new};

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(deploy(name)).unwrap()
}

/// Runs a program in an environment with only these variables.
fn run(program: &str, stdin: &str, env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program);
    command.env_clear().envs(env.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn_new(&mut command).unwrap();
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

/// Returns whether a tool is installed. If it is not, a line names it, since the test then checks nothing.
#[expect(clippy::print_stderr, reason = "a test that skips says so")]
fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("SKIPPED: `{tool}` is not on this machine");
    }
    found
}

#[test]
fn the_images_contents_price_as_the_programs_do_through_the_launcher_in_an_empty_environment() {
    let image = tempfile::tempdir().unwrap();
    let programs = Path::new(BIDPRICE).parent().unwrap();
    let laid = Command::new(deploy("helm/provider/contents.sh")).arg(image.path()).arg(programs).status().unwrap();
    assert!(laid.success());
    let bin = image.path().join("usr/local/bin");
    // The launcher as the chart mounts it, except for the root folder, which a test cannot replace.
    let launcher = image.path().join("price_script.sh");
    let written = std::fs::read_to_string(image.path().join("bidpricescript.sh")).unwrap();
    assert_eq!(written.lines().count(), 3);
    std::fs::write(&launcher, written.replace("/usr/local/bin", bin.to_str().unwrap())).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o744);
    std::fs::set_permissions(&launcher, mode).unwrap();

    let vectors = include_str!("../../../corpus/bid-script/vectors.jsonl");
    let script = bidprice_script();
    let script = script.to_str().unwrap();
    let (mut bids, mut refusals) = (0, 0);
    for vector in vectors.lines().step_by(10) {
        let vector: serde_json::Value = serde_json::from_str(vector).unwrap();
        let stdin = vector["stdin"].as_str().unwrap();
        let rate = [("BIDPRICE_USD_PER_AKT", vector["usd_per_akt"].as_str().unwrap())];
        let (direct, launched) = (run(script, stdin, &rate), run(launcher.to_str().unwrap(), stdin, &rate));
        assert_eq!((launched.status.code(), &launched.stdout), (direct.status.code(), &direct.stdout), "{vector}");
        match direct.status.code() {
            Some(0) => bids += 1,
            _ => refusals += 1,
        }
        let said = String::from_utf8(launched.stderr).unwrap();
        let (silence, rest) = said.split_once('\n').unwrap();
        // Nobody listens on the launcher's socket, so the fallback prices.
        assert!(silence.contains("/config/bidprice.sock") && silence.ends_with("; pricing without it"), "{said}");
        assert_eq!(rest.as_bytes(), direct.stderr);
    }
    assert!(bids > 10 && refusals > 0, "{bids} bids and {refusals} refusals are too few to tell");
}

/// What `contents.sh` says to its arguments: exit code and stderr. Whatever it says, nothing was laid down.
fn lay(folder: &Path, arguments: &[&Path]) -> (Option<i32>, String) {
    let output = Command::new(deploy("helm/provider/contents.sh")).args(arguments).output().unwrap();
    assert!(!folder.join("usr").exists() && output.stdout.is_empty(), "{arguments:?}");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A folder with two programs that say what they are told to.
fn programs(versions: [&str; 2]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, version) in ["bidprice-script", "bidprice"].into_iter().zip(versions) {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\necho '{version}'\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    folder
}

#[test]
fn wrong_usage_of_the_images_contents_is_exit_2() {
    let image = tempfile::tempdir().unwrap();
    let (at, empty) = (image.path(), Path::new(""));
    let cases: [(&[&Path], &str); 5] = [
        (&[], "FOLDER is missing"),
        (&[empty], "FOLDER is empty"),
        (&[Path::new("--folder")], "there is no option `--folder`"),
        (&[at, empty], "PROGRAMS is empty"),
        (&[at, at, at], "more than two arguments"),
    ];
    for (arguments, complaint) in cases {
        let (exit, said) = lay(at, arguments);
        assert_eq!(exit, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(complaint) && said.contains("usage: contents.sh FOLDER [PROGRAMS]"), "{said}");
    }
}

#[test]
fn the_images_contents_are_checked_before_anything_is_laid_down() {
    let image = tempfile::tempdir().unwrap();
    let at = image.path();
    let (absent, file) = (at.join("absent"), at.join("file"));
    std::fs::write(&file, "").unwrap();
    let ours = Path::new(BIDPRICE).parent().unwrap();
    let good = programs(["bidprice-script 1.0.0", "bidprice 1.0.0"]);
    let swapped = programs(["bidprice 1.0.0", "bidprice-script 1.0.0"]);
    let plain = programs(["bidprice-script 1.0.0", "bidprice 1.0.0"]);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(plain.path().join("bidprice"), mode).unwrap();
    let foreign = programs(["bidprice-script 1.0.0", "bidprice 1.0.0"]);
    // A program that is made for another machine cannot be run, nor can one whose interpreter is not there.
    std::fs::write(foreign.path().join("bidprice"), "#!/nonexistent/interpreter\n").unwrap();
    let cases: [(&Path, &Path, &str); 8] = [
        (&absent, good.path(), "absent` is not there; make it: mkdir -p"),
        (&file, good.path(), "file` is not a folder"),
        (at, &absent, "absent` is not a folder; name the one that has bidprice-script and bidprice"),
        (at, at, "bidprice-script` is not there; build it"),
        (at, plain.path(), "bidprice` is not executable"),
        (at, foreign.path(), "bidprice --version` does not run here"),
        (at, swapped.path(), "is not bidprice-script: its --version says `bidprice 1.0.0`"),
        (Path::new("/proc/self/fd"), good.path(), "cannot be written to"),
    ];
    for (folder, programs, complaint) in cases {
        let (exit, said) = lay(at, &[folder, programs]);
        assert_eq!(exit, Some(1), "{folder:?} {programs:?}: {said}");
        assert!(said.contains(complaint), "`{said}` lacks `{complaint}`");
    }
    // A rate card that lies there is one, or nothing is laid down.
    let card = at.join("rates.toml");
    std::fs::write(&card, "[rates]\nmemroy = 1\n").unwrap();
    let (exit, said) = lay(at, &[at, ours]);
    assert_eq!(exit, Some(1), "{said}");
    assert!(said.contains("did you mean `memory`?") && said.contains("is not a rate card"), "{said}");
    std::fs::write(&card, "[rates]\nmemory = 1\n").unwrap();
    let laid = Command::new(deploy("helm/provider/contents.sh")).arg(at).arg(ours).output().unwrap();
    assert!(laid.status.success() && laid.stderr.is_empty(), "{}", String::from_utf8_lossy(&laid.stderr));
    assert!(at.join("usr/local/bin/bidprice-script").is_file() && card.is_file());
}

#[test]
fn the_values_have_the_launcher() {
    let values = text("helm/provider/values.yaml");
    let encoded = values.lines().find_map(|line| line.strip_prefix("bidpricescript: ")).unwrap();
    let mut decoder = Command::new("base64").arg("-d").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    decoder.stdin.take().unwrap().write_all(encoded.as_bytes()).unwrap();
    let decoded = decoder.wait_with_output().unwrap().stdout;
    assert_eq!(
        String::from_utf8(decoded).unwrap(),
        text("helm/provider/bidpricescript.sh"),
        "base64 -w0 bidpricescript.sh"
    );
}

#[test]
fn the_configurations_are_taken() {
    config::load(&deploy("bidprice.toml")).unwrap();
    let manifest = text("kubernetes/bidprice.yaml");
    let (_, rest) = manifest.split_once("bidprice.toml: |\n").unwrap();
    let lines = rest.lines().take_while(|line| line.starts_with("    ")).map(str::trim_start);
    let config = config::parse(&lines.collect::<Vec<_>>().join("\n")).unwrap();
    assert!(config.listen.tls.is_some() && config.rates.file.is_some());
}

#[test]
fn the_service_accepts_the_folders_of_its_pods() {
    // An emptyDir may be written to by everyone, so that the socket needs a folder of its own in it.
    let (manifest, chart) = (text("kubernetes/bidprice.yaml"), text("helm/bidprice/templates/deployment.yaml"));
    assert!(manifest.contains("{name: run, mountPath: /run}") && chart.contains(r#"ternary "/run/bidprice" "/run""#));
    assert!(manifest.contains("socket = \"/run/bidprice/") && manifest.contains("{name: run, emptyDir: {}}"));
    // By default the kubelet opens a volume's files to the group at each start. The service refuses such a bid log.
    for pod in [manifest, text("helm/bidprice/values.yaml")] {
        assert!(pod.lines().any(|line| line.trim() == "fsGroupChangePolicy: OnRootMismatch"));
    }
}

#[test]
fn the_example_has_every_section() {
    let example = text("bidprice.toml");
    let schema: serde_json::Value = serde_json::from_str(&text("bidprice.schema.json")).unwrap();
    for section in schema["properties"].as_object().unwrap().keys() {
        let heading = [format!("[{section}]"), format!("[{section}.")];
        let named = |line: &str| {
            let line = line.trim_start_matches("# ");
            heading.iter().any(|heading| line.starts_with(heading))
        };
        // Nobody starts by changing the defaults of `[chain]`, which are those of the network.
        assert!(example.lines().any(named) || section == "chain", "`[{section}]` is not in the example");
    }
}

/// Returns every word of a text that looks like a metric of this program.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("bidprice_")).collect()
}

#[test]
fn the_dashboard_and_the_alerts_name_what_is_exported() {
    let (rules, dashboard) = (text("prometheus/bidprice.rules.yml"), text("grafana/bidprice.json"));
    let mut named = BTreeSet::new();
    for metric in metrics(&rules).into_iter().chain(metrics(&dashboard)) {
        let name = ["_bucket", "_sum", "_count"].iter().find_map(|end| metric.strip_suffix(end)).unwrap_or(metric);
        assert!(NAMES.contains(&name), "`{metric}` is not exported");
        named.insert(name);
    }
    let unseen: Vec<&&str> = NAMES.iter().filter(|name| !named.contains(**name)).collect();
    assert!(unseen.is_empty(), "no panel and no alert shows {unseen:?}");
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 15);
}

#[test]
fn prometheus_takes_the_rules() {
    if !has("promtool") {
        return;
    }
    let checked =
        Command::new("promtool").args(["check", "rules"]).arg(deploy("prometheus/bidprice.rules.yml")).output();
    let checked = checked.unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn systemd_takes_the_unit() {
    let unit = text("systemd/bidprice.service");
    for setting in [
        "RuntimeDirectoryMode=0700",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "Restart=on-failure",
        // If it were set, no plugin could be loaded.
        "MemoryDenyWriteExecute=no",
    ] {
        assert!(unit.lines().any(|line| line == setting), "{setting}");
    }
    if !has("systemd-analyze") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bidprice.service");
    std::fs::write(&path, unit.replace("/usr/local/bin/bidprice", BIDPRICE)).unwrap();
    let verified = Command::new("systemd-analyze").arg("verify").arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    let ours = said.lines().filter(|line| line.contains("bidprice.service")).count();
    assert!(verified.status.success() && ours == 0, "{said}");
}

#[cfg(feature = "simulate")]
#[test]
fn the_job_runs_shards_as_the_program_takes_them() {
    let job = text("kubernetes/simulate-job.yaml");
    let deployment = text("kubernetes/bidprice.yaml");
    for line in [
        "completionMode: Indexed",
        "completions: 8",
        "backoffLimitPerIndex: 2",
        "restartPolicy: Never",
        "- {name: plan, mountPath: /plan, readOnly: true}",
    ] {
        assert!(job.lines().any(|known| known.trim() == line), "{line}");
    }
    // The pod has the same restrictions as the service.
    for line in [
        "automountServiceAccountToken: false",
        "runAsNonRoot: true",
        "runAsUser: 10001",
        "fsGroup: 10001",
        "seccompProfile: {type: RuntimeDefault}",
        "allowPrivilegeEscalation: false",
        "readOnlyRootFilesystem: true",
        "capabilities: {drop: [ALL]}",
    ] {
        let has = |manifest: &str| manifest.lines().any(|known| known.trim() == line);
        assert!(has(&job) && has(&deployment), "{line}");
    }
    // The program accepts the pod's command: it fails only at the plan, which does not exist.
    let (_, rest) = job.split_once("command: [").unwrap();
    let mut words = rest.split_once(']').unwrap().0.split(',').map(|word| word.trim().trim_matches('"'));
    assert_eq!(words.next(), Some("/usr/local/bin/bidprice"));
    let run = crate::programs::bidprice().args(words).env("JOB_COMPLETION_INDEX", "0").output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(1), "{said}");
    assert!(said.contains("/plan/plan.json"), "{said}");
}
