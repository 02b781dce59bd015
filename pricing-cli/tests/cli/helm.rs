//! Checks that the chart in `deploy/helm/bidprice` matches this build, without helm. `cargo xtask helm` renders it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use crate::programs::bidprice;

fn chart(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/helm/bidprice").join(name)).unwrap()
}

/// Returns a block of text in YAML, `KEY: |` at the top level, without its indentation.
fn block(yaml: &str, key: &str) -> String {
    let (_, rest) = yaml.split_once(&format!("\n{key}: |\n")).unwrap();
    let lines = rest.lines().take_while(|line| line.is_empty() || line.starts_with("  "));
    lines.map(|line| line.strip_prefix("  ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_default_configuration_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_str().unwrap();
    let values = chart("values.yaml");
    // The chart has no rate card of its own: a price that nobody has chosen is worse than none.
    assert!(values.lines().any(|line| line == "rates: \"\""));
    // What the chart adds, in the test's folder.
    let added = "\n[listen]\nsocket = \"/run/bidprice/bidprice.sock\"\n[rates]\nfile = \"rates.toml\"\n";
    let configuration = block(&values, "configuration") + added;
    assert!(configuration.contains("[inventory]") && configuration.contains("\nfolder = \"/var/lib/bidprice/"));
    let local = configuration.replace("/var/lib/bidprice", at).replace("/run/bidprice", at);
    fs::write(folder.path().join("bidprice.toml"), local).unwrap();
    fs::copy("../examples/rates.toml", folder.path().join("rates.toml")).unwrap();
    let checked = bidprice().args(["config", "check"]).arg(folder.path().join("bidprice.toml")).output().unwrap();
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success() && said.starts_with("good, with 0 warnings\n"), "{said}");
}

#[test]
fn its_versions_are_the_workspaces() {
    let about = chart("Chart.yaml");
    for key in ["version", "appVersion"] {
        let line = format!("{key}: {}", env!("CARGO_PKG_VERSION"));
        assert!(about.lines().any(|known| known == line), "Chart.yaml has to say `{line}`");
    }
}

#[test]
fn its_pods_run_commands_that_the_program_has() {
    let absent = tempfile::tempdir().unwrap().path().join("absent");
    let absent = absent.to_str().unwrap();
    let deployment = chart("templates/deployment.yaml");
    let probe = deployment.lines().next().unwrap();
    let words: Vec<&str> = probe.split('"').skip(3).step_by(2).collect();
    let mut commands = vec![words.join(" ")];
    for template in [&deployment, &chart("templates/tests/config-check.yaml")] {
        assert!(template.contains("command: [/usr/local/bin/bidprice]\n"));
        let args = template.lines().find_map(|line| line.trim().strip_prefix("args: [")).unwrap();
        commands.push(args.trim_end_matches(']').replace(", ", " "));
    }
    assert_eq!(
        commands,
        [
            "probe --socket /run/bidprice/bidprice.sock",
            "serve --config /etc/bidprice/bidprice.toml",
            "config check /etc/bidprice/bidprice.toml"
        ]
    );
    // Each is understood, and fails only since its file is not there.
    for command in commands {
        let local = command.replace("/run/bidprice", absent).replace("/etc/bidprice", absent);
        let run = bidprice().args(local.split(' ')).output().unwrap();
        let said = String::from_utf8([run.stdout, run.stderr].concat()).unwrap();
        assert_eq!(run.status.code(), Some(1), "{command}: {said}");
        assert!(said.contains(absent), "{command}: {said}");
    }
}
