//! The scenarios in `examples/simulate` run as they are shipped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

fn run(scenario: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/simulate");
    let output = crate::programs::bidprice()
        .arg("simulate")
        .arg(examples.join(scenario))
        .args(["--output", "json"])
        .args(more)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_made_up_week_is_won_and_lost_for_every_reason_that_it_is_to_show() {
    let (code, stdout, stderr) = run("made-up.toml", &[]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for part in ["real-card", "dearest", "outbid", "price-above-max"] {
        assert!(stdout.contains(part), "{part}");
    }
    assert_eq!(run("made-up.toml", &["--threads", "1"]).1, stdout);
    assert_ne!(run("made-up.toml", &["--seed", "2"]).1, stdout);
}
