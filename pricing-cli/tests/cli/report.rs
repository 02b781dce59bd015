//! `bidprice simulate --report`: the contents of the report, and that a browser shows all of it and loads nothing.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A name that is harmful wherever it is not escaped.
const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\u{202e}&quot;'\"--><svg onload=alert(2)>";

const SCENARIO: &str = r#"name = "A study with <b>markup</b> & more"
[orders]
openb = "pods.csv"
[inventory]
openb = "nodes.csv"
[[strategy]]
name = "card"
rates = "rates.toml"
[[strategy]]
name = "old"
rates = "rates.toml"
gpu = "highest-wildcard"
[market]
rates = "rates.toml"
spread = "0.4"
"#;

const RATES: &str = r#"[rates.gpu]
"t4" = "100"
"p100" = "150"
"v100" = "700"
"#;

/// A folder with a scenario and its files.
struct Study(tempfile::TempDir);

impl Study {
    fn new(scenario: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut nodes = "sn,cpu_milli,memory_mib,gpu,model\n".to_owned();
        for (node, model) in ["T4", "T4", "P100", "V100M16", "V100M32"].iter().enumerate() {
            writeln!(nodes, "node-{node},64000,262144,4,{model}").unwrap();
        }
        let columns = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time";
        let mut pods = format!("{columns}\n");
        for pod in 0..240_u32 {
            let name = match pod % 40 {
                0 => format!("\"{}{pod}\"", HOSTILE.replace('"', "\"\"")),
                1 => format!("{}{pod}", "order-with-a-name-that-never-ends".repeat(8)),
                _ => format!("pod-{pod:04}"),
            };
            let (cards, spec) = (1 + pod % 4, ["", "T4", "", "V100M16|V100M32", "P100"][(pod % 5) as usize]);
            let (from, to) = (pod * 7_200, pod * 7_200 + 30_000 + (pod % 7) * 20_000);
            writeln!(pods, "{name},{},8192,{cards},1000,{spec},LS,Running,{from},{to},{from}", 1000 * (1 + pod % 6))
                .unwrap();
        }
        for (name, text) in
            [("study.toml", scenario), ("nodes.csv", &nodes), ("pods.csv", &pods), ("rates.toml", RATES)]
        {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn simulate(&self, report: &str, more: &[&str]) -> Output {
        let mut command = crate::programs::bidprice();
        command.current_dir(&self.0).args(["simulate", "study.toml", "--report", report]).args(more);
        command.output().unwrap()
    }

    /// Creates a report, and returns its path and content.
    fn report(&self, name: &str, more: &[&str]) -> (PathBuf, String) {
        let output = self.simulate(name, more);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let path = self.0.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    }
}

/// Returns the study with a hostile and a very long strategy name, and several seeds.
fn hostile() -> Study {
    let name = toml_text(HOSTILE);
    let long = toml_text(&"strategy/with_a_name-that.nobody".repeat(9));
    Study::new(&format!(
        "{SCENARIO}[[strategy]]\nname = {name}\n[[strategy]]\nname = {long}\nrates = \"rates.toml\"\n[sweep]\nseeds = 3\n"
    ))
}

/// Returns the study with two axes, one of which has names as values.
fn sweep() -> Study {
    let axes = "[sweep]\nseeds = 3\n[sweep.axes]\n\"strategy.card.set.rates.cpu\" = [1, \"2.5\", 40, 1000]\n\
        \"orders.gpu_share\" = [\"up\", \"nearest\", \"skip\"]\n";
    Study::new(&format!("{SCENARIO}{axes}"))
}

fn toml_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[test]
fn names_that_others_chose_are_only_ever_text() {
    let (_, text) = hostile().report("report.html", &[]);
    for harm in ["<script", "<img", "<svg onload", "<b>markup"] {
        assert!(!text.contains(harm), "{harm}");
    }
    assert!(text.contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(!text.contains('\u{202e}'), "text that turns around what follows it");
}

#[test]
fn one_run_gives_the_same_bytes_on_any_number_of_threads_and_in_any_folder() {
    let (_, one) = sweep().report("report.html", &["--threads", "1"]);
    let (_, other) = sweep().report("another.html", &["--threads", "2"]);
    assert!(one == other, "two reports on one run differ");
    assert!(one.contains("bidprice simulate scenario.toml --report report.html"));
}

#[test]
fn the_report_has_the_sections_in_the_order_in_which_they_are_read() {
    let (_, text) = hostile().report("report.html", &[]);
    let sections = [
        "What was simulated",
        "Findings",
        "Key figures",
        "Revenue",
        "Cards in use",
        "Win rate by price",
        "Lost orders by reason",
        "Overcharge and undercharge",
        "Which orders flipped, and why",
        "Assumptions",
        "Do it again",
    ];
    let places = sections.map(|name| text.find(&format!("<h2>{name}</h2>")).unwrap_or_else(|| panic!("no {name}")));
    assert!(places.is_sorted(), "{places:?}");
    assert!(text.contains("default-src 'none'; style-src 'unsafe-inline'"));
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_the_runs() {
    let study = Study::new(SCENARIO);
    for (place, message) in [("absent/report.html", "absent/report.html"), (".", "it is a folder")] {
        let output = study.simulate(place, &[]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(message) && output.stdout.is_empty(), "{stderr}");
    }
    let output = study.simulate("rates.toml", &[]);
    assert!(!output.status.success(), "it wrote over its own input");
    assert_eq!(fs::read_to_string(study.0.path().join("rates.toml")).unwrap(), RATES);
}

/// Returns a Chromium: `BIDPRICE_CHROMIUM`, or one of this machine.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("BIDPRICE_CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let known = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    named.into_iter().chain(known).find(|program| program.is_file())
}

#[test]
fn a_browser_shows_all_of_it_loads_nothing_and_prints_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report");
    let ready = folder.join("node_modules/puppeteer-core").is_dir();
    let Some(chromium) = chromium().filter(|_| ready) else {
        let required = std::env::var_os("BIDPRICE_REQUIRE_CHROMIUM").is_some();
        assert!(!required, "no Chromium or no puppeteer-core, though both must be there");
        eprintln!("SKIPPED: no Chromium or no puppeteer-core:");
        eprintln!("  apt-get install chromium && npm ci --prefix pricing-cli/tests/report");
        return;
    };
    let studies = [(Study::new(SCENARIO), "plain.html"), (hostile(), "hostile.html"), (sweep(), "sweep.html")];
    let reports = studies.iter().map(|(study, name)| study.report(name, &[]).0);
    let output = Command::new("node").arg(folder.join("check.mjs")).arg(chromium).args(reports).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    eprintln!("{stdout}");
}
