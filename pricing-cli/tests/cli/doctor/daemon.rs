//! `bidprice doctor` in the container of the provider's daemon.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use super::{BASE, FIXED, INVENTORY, installed, problems};
use crate::programs::bidprice_script;
use crate::serve::{Running, stderr, stdout};

/// Runs it with variables, without a configuration.
fn doctor(folder: &Path, variables: &[(&str, &str)]) -> Output {
    let mut command = crate::programs::bidprice();
    command.current_dir(folder).arg("doctor").envs(variables.iter().copied()).output().unwrap()
}

fn script(folder: &Path, name: &str, text: &str, mode: u32) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Expects an exit code, and words in what is shown. Without a problem, they are those of another line.
fn expect(folder: &Path, variables: &[(&str, &str)], exit: i32, words: &[&str]) {
    let output = doctor(folder, variables);
    let shown = stdout(&output);
    assert_eq!(output.status.code(), Some(exit), "{variables:?}: {output:?}");
    assert_eq!(problems(&shown).len(), usize::from(exit == 3), "{variables:?}:\n{shown}");
    for word in words {
        assert!(shown.contains(word), "`{word}` is missing in:\n{shown}");
    }
}

const STRATEGY: (&str, &str) = ("AKASH_BID_PRICE_STRATEGY", "shellScript");
const USD: (&str, &str) = ("BIDPRICE_USD_PER_AKT", "0.5");

#[test]
fn the_strategy_and_the_script_of_the_daemon_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let drop_in = bidprice_script();
    let drop_in = drop_in.to_str().unwrap();
    let ours = script(at, "ours.sh", &format!("#!/bin/sh\nexec {drop_in}\n"), 0o755);
    let lost = script(at, "lost.sh", "#!/bin/sh\nexec /nowhere/bidprice-script\n", 0o755);
    let plain = script(at, "plain.sh", &format!("#!/bin/sh\nexec {drop_in}\n"), 0o644);
    let other = script(at, "other.sh", "#!/bin/sh\necho 5 # not bidprice\n", 0o755);
    let path = |path| ("AKASH_BID_PRICE_SCRIPT_PATH", path);
    for (variables, exit, words) in [
        (&[STRATEGY, path(&*ours), USD][..], 0, &["ok       AKASH_BID_PRICE_STRATEGY: `shellScript`", "it runs `"][..]),
        (&[STRATEGY, path(drop_in), USD], 0, &["it is `bidprice-script`"]),
        (&[STRATEGY, path(&*other)], 0, &["warning  AKASH_BID_PRICE_SCRIPT_PATH ", "neither `bidprice-script` nor"]),
        (&[STRATEGY, path(&*lost)], 3, &["it runs `/nowhere/bidprice-script`, which is missing or not executable"]),
        (&[STRATEGY, path(&*plain)], 3, &["it is not executable, so there is no bid; `chmod +x` it"]),
        (
            &[STRATEGY, path("/nowhere/script.sh")],
            3,
            &["AKASH_BID_PRICE_SCRIPT_PATH /nowhere/script.sh: ", "No such file"],
        ),
        (&[STRATEGY, path("/")], 3, &["it is a folder"]),
        (&[STRATEGY], 3, &["AP_BID_PRICE_SCRIPT_PATH: it is not set, so no script can be asked"]),
        (&[STRATEGY, path("")], 3, &["it is not set, so no script can be asked"]),
        // The prefix `AP_` comes first.
        (
            &[STRATEGY, ("AP_BID_PRICE_STRATEGY", "scale")],
            3,
            &["AP_BID_PRICE_STRATEGY: `scale`: the daemon asks no script; set AP_BID_PRICE_STRATEGY=shellScript"],
        ),
        (&[("AKASH_BID_PRICE_STRATEGY", "shellscript")], 3, &["not a strategy", "did you mean `shellScript`?"]),
        (&[path(&*ours)], 3, &["it is not set, and the daemon prices by `scale`"]),
    ] {
        expect(at, variables, exit, words);
    }
}

#[test]
fn what_the_drop_in_finds_in_its_environment_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let drop_in = bidprice_script();
    let named = ("AKASH_BID_PRICE_SCRIPT_PATH", drop_in.to_str().unwrap());
    let cache = script(at, "cache", "0.5\n", 0o644);
    let open = script(at, "open", "0.5\n", 0o666);
    for (variables, exit, words) in [
        (&[("PRICE_TARGET_CPU", "1.5"), USD][..], 0, &["ok       PRICE_TARGET_*: 1 rate"][..]),
        (&[("PRICE_TARGET_CPUS", "1.5"), USD], 3, &["PRICE_TARGET_CPUS", "did you mean `PRICE_TARGET_CPU`?"]),
        (&[("PRICE_TARGET_CPU", "cheap"), USD], 3, &["PRICE_TARGET_*: at `PRICE_TARGET_CPU`: ", "makes no bid"]),
        (&[("BIDPRICE_RATES", "/nowhere/rates.toml"), USD], 3, &["BIDPRICE_RATES: /nowhere/rates.toml: "]),
        (&[("BIDPRICE_WHITLIST", "x"), USD], 3, &["BIDPRICE_WHITLIST", "did you mean `BIDPRICE_WHITELIST`?"]),
        (&[("WHITELIST_URL", "http://a"), USD], 3, &["WHITELIST_URL: it is set without BIDPRICE_WHITELIST"]),
        (&[], 0, &["warning  BIDPRICE_RATE_CACHE: neither it nor BIDPRICE_USD_PER_AKT is set"]),
        (&[("BIDPRICE_RATE_CACHE", &*cache)], 0, &["/cache: 0.5 USD, "]),
        (&[("BIDPRICE_RATE_CACHE", &*open)], 3, &["others than its owner may write it"]),
        (
            &[("BIDPRICE_SOCKET", "/nowhere/s")],
            3,
            &["BIDPRICE_SOCKET /nowhere/s: ", "there is no bid; start the service"],
        ),
        (
            &[("BIDPRICE_SOCKET", "/nowhere/s"), ("BIDPRICE_FALLBACK", "local"), USD],
            0,
            &["warning  BIDPRICE_SOCKET /nowhere/s: ", "BIDPRICE_FALLBACK=local prices without it"],
        ),
    ] {
        expect(at, &[&[STRATEGY, named], variables].concat(), exit, words);
    }
}

#[test]
fn the_service_is_asked_from_where_the_launcher_would_ask_it() {
    let running = Running::start_in(installed(&[BASE, INVENTORY, FIXED].concat()));
    let at = running.folder.path();
    let (drop_in, socket) = (bidprice_script(), at.join("bidprice.sock"));
    let text = format!("#!/bin/sh\nexport BIDPRICE_SOCKET={}\nexec {}\n", socket.display(), drop_in.display());
    let launcher = script(at, "launcher.sh", &text, 0o755);
    let named = ("AP_BID_PRICE_SCRIPT_PATH", &*launcher);
    expect(at, &[STRATEGY, named], 0, &["a service answers from here, "]);
    let misspelt = script(at, "launcher.sh", &text.replace("exec", "export BIDPRICE_FALBACK=local; exec"), 0o755);
    expect(at, &[STRATEGY, ("AP_BID_PRICE_SCRIPT_PATH", &*misspelt)], 3, &["the launcher: ", "`BIDPRICE_FALLBACK`?"]);
}

#[test]
fn there_has_to_be_something_to_check() {
    let output = doctor(Path::new("."), &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("name the service's configuration with --config FILE"), "{output:?}");
}
