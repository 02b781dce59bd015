//! `bidprice quote` with a provider's own description, and with the daemon's scales.

#![expect(clippy::unwrap_used, reason = "a broken test case must say so at once")]

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

const CPU: (&str, &str) = ("AKASH_BID_PRICE_CPU_SCALE", "0.004");
const STORAGE: (&str, &str) = ("AKASH_BID_PRICE_STORAGE_SCALE", "0.0000000001");

/// Returns an order for 2 threads in a denom that no rate card knows.
fn order(storage: &str, rest: &str) -> String {
    format!(
        r#"{{"spec":{{"name":"g","requirements":{{"attributes":[{{"key":"region","value":"us-west"}}]}},
        "resources":[{{"resource":{{"id":1,"cpu":{{"units":{{"val":"2000"}}}},"memory":{{"quantity":{{"val":"1048576"}}}},
        "storage":[{storage}],"endpoints":[{{"kind":"SHARED_HTTP"}}]}},"count":1,
        "price":{{"denom":"ufoo","amount":"100"}}}}]}}{rest}}}"#
    )
}

fn volume(bytes: u64, class: &str) -> String {
    format!(
        r#"{{"name":"v","quantity":{{"val":"{bytes}"}},"attributes":[{{"key":"class","value":"{class}"}},
        {{"key":"persistent","value":"true"}}]}}"#
    )
}

struct Ran {
    exit: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn quote(&self) -> Value {
        let answer: Value = serde_json::from_str(&self.stdout).unwrap();
        answer.pointer("/quotes/0").unwrap().clone()
    }
}

/// A folder with an order and other files, in which `bidprice quote` runs.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(order: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.put("order.json", order);
        folder
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn quote(&self, args: &[&str], env: &[(&str, &str)]) -> Ran {
        let mut command = crate::programs::bidprice();
        command.current_dir(self.0.path()).args(["quote", "order.json"]).args(args).envs(env.iter().copied());
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { exit: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn by_scales(&self, env: &[(&str, &str)]) -> Ran {
        self.quote(&["--mode", "scale", "--output", "json"], env)
    }
}

#[test]
fn a_bid_by_scales_is_exact_and_in_the_orders_denom() {
    let quoted =
        Folder::new(&order("", "")).by_scales(&[CPU, ("AKASH_BID_PRICE_ENDPOINT_SCALE", "0.000000000000000001")]);
    assert_eq!(quoted.exit, Some(0), "{}{}", quoted.stdout, quoted.stderr);
    let quote = quoted.quote();
    assert_eq!(quote["decision"], "bid");
    assert_eq!(quote["price"], json!({ "denom": "ufoo", "amount": "8.000000000000000001" }));
    assert_eq!((&quote["usd_per_month"], &quote["lines"], &quote["reason"]), (&Value::Null, &json!([]), &Value::Null));
    let shown = Folder::new(&order("", "")).quote(&["--mode", "scale"], &[CPU]);
    assert!(
        shown.stdout.starts_with("g: bid 8 ufoo a block; the tenant pays at most 100 ufoo a block"),
        "{}",
        shown.stdout
    );
}

#[test]
fn what_the_daemon_cannot_price_by_scales_is_a_fault() {
    for (storage, env, reason) in [
        (volume(1 << 20, "beta3"), [CPU, STORAGE], "no pricing configured for storage class: beta3"),
        (r#"{"name":"v","quantity":{"val":"3"}}"#.to_owned(), [CPU, STORAGE], "exceeds max precision"),
        (
            String::new(),
            [("AKASH_BID_PRICE_CPU_SCALE", "0"), ("AKASH_BID_PRICE_IP_SCALE", "1")],
            "a bid of zero was produced",
        ),
        (String::new(), [("AKASH_BID_PRICE_CPU_SCALE", "1e30"), STORAGE], "a bid quantity is invalid"),
    ] {
        let quoted = Folder::new(&order(&storage, "")).by_scales(&env);
        assert_eq!(quoted.exit, Some(4), "{reason}: {}{}", quoted.stdout, quoted.stderr);
        let quote = quoted.quote();
        assert_eq!((&quote["decision"], &quote["price"]), (&json!("fault"), &Value::Null), "{reason}");
        assert_eq!(quote["reason"]["code"], "invalid-output");
        assert!(quote["reason"]["message"].as_str().unwrap().contains(reason), "{quote:#}");
    }
    let dear = Folder::new(&order("", "")).by_scales(&[("AKASH_BID_PRICE_CPU_SCALE", "1")]);
    assert_eq!((dear.exit, dear.quote()["reason"]["code"].as_str()), (Some(3), Some("price-above-max")));
}

#[test]
fn scales_that_the_daemon_refuses_are_an_error() {
    for (env, problem) in [
        (&[][..], "at least one bid price must be a non-zero number"),
        (&[("AKASH_BID_PRICE_CPU_SCALE", "-1")], "scale price cannot be negative"),
        (&[("AKASH_BID_PRICE_CPU_SCALE", "cheap")], "AKASH_BID_PRICE_CPU_SCALE"),
        (&[CPU, ("AKASH_BID_PRICE_MEM_SCALE", "1")], "this variable is not a scale of the daemon's"),
    ] {
        let refused = Folder::new(&order("", "")).by_scales(env);
        assert_eq!(refused.exit, Some(1), "{problem}: {}", refused.stdout);
        assert!(refused.stderr.contains(problem), "{}", refused.stderr);
    }
    let usage = Folder::new(&order("", "")).quote(&["--mode", "scale", "--all-targets"], &[CPU]);
    assert_eq!(usage.exit, Some(2));
}

#[test]
fn an_order_is_held_against_the_provider_that_a_file_describes() {
    let priced = |order: &str| order.replace("ufoo", "uact");
    let folder =
        Folder::new(&priced(&order("", r#","hostnames":["a.bobsdefi.com"],"reclamation":{"min_window":"86400s"}"#)));
    let quoted = |provider: &str| {
        folder.put("provider.toml", provider);
        let quoted = folder.quote(&["--provider", "provider.toml", "--output", "json"], &[]);
        let reason = quoted.quote()["reason"]["code"].as_str().unwrap_or("bid").to_owned();
        (quoted.exit, reason)
    };
    let declined = |code: &str| (Some(3), code.to_owned());
    let good = "[provider]\nattributes = { region = \"us-west\" }\nreclamation_window = \"24h\"\n";
    assert_eq!(quoted(good), (Some(0), "bid".to_owned()));
    assert_eq!(quoted("[provider]\n"), declined("incompatible-attributes"));
    assert_eq!(quoted(&good.replace("24h", "23h")), declined("reclamation-window"));
    assert_eq!(quoted(&format!("{good}blocked_hostnames = [\".bobsdefi.com\"]\n")), declined("hostname-unavailable"));
    assert_eq!(quoted(&format!("{good}volumes = 0\n")), (Some(0), "bid".to_owned()), "it has no volumes");
    // The file replaces the rate card's own description.
    folder.put("rates.toml", &format!("[rates]\ncpu = \"1\"\n{good}"));
    let by_card = folder.quote(&["--rates", "rates.toml", "--output", "json"], &[]);
    assert_eq!(by_card.exit, Some(0), "{}", by_card.stderr);
    folder.put("provider.toml", "[provider]\n");
    let replaced = folder.quote(&["--rates", "rates.toml", "--provider", "provider.toml", "--output", "json"], &[]);
    assert_eq!(replaced.quote()["reason"]["code"], "incompatible-attributes");
    folder.put("provider.toml", "[provder]\n");
    let refused = folder.quote(&["--provider", "provider.toml"], &[]);
    assert!(
        refused.exit == Some(1) && refused.stderr.contains("the section `[provider]` is missing"),
        "{}",
        refused.stderr
    );
}

#[test]
fn overcommit_may_be_given_as_the_daemons_percentage() {
    let folder = Folder::new(&order("", "").replace("ufoo", "uact"));
    assert_eq!(folder.quote(&["--commit", "cpu=150%,memory=1.5"], &[]).exit, Some(0));
    for (commit, problem) in [("gpu=100%", "the daemon does not overcommit GPUs"), ("cpu=x%", "is not a percentage")] {
        let refused = folder.quote(&["--commit", commit], &[]);
        assert!(refused.exit == Some(2) && refused.stderr.contains(problem), "{commit}: {}", refused.stderr);
    }
}
