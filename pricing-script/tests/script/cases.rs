//! The settings of the drop-in, one by one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::{NO_GPU, NO_GPU_UACT, prices, refuses, request, run};

/// A folder with files.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file that is its owner's alone.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

#[test]
fn without_a_rate_uakt_comes_to_nothing_and_the_reason_is_named() {
    let answer = run(request("uakt", NO_GPU).as_bytes(), &[]);
    assert_eq!((answer.exit, answer.stdout.as_str()), (Some(0), "0.000000"));
    assert!(answer.stderr.contains("rate-unavailable: "), "{}", answer.stderr);
    prices(&request("uact", NO_GPU), &[], NO_GPU_UACT);
    refuses(&request("uosmo", NO_GPU), &[], "denom in not supported: uosmo");
}

#[test]
fn a_set_rate_must_be_a_rate() {
    prices(&request("uakt", NO_GPU), &[("BIDPRICE_USD_PER_AKT", "0.5")], "11.258197");
    for rate in ["abc", "0", "-1", "1000000.1", "1e3", "NaN"] {
        refuses(&request("uakt", NO_GPU), &[("BIDPRICE_USD_PER_AKT", rate)], "BIDPRICE_USD_PER_AKT: ");
    }
}

#[test]
fn a_cached_rate_counts_while_it_is_fresh_and_its_owners_alone() {
    let folder = Folder::new();
    let cache = folder.file("rate.cache", "0.50\n");
    let path = cache.to_str().unwrap();
    prices(&request("uakt", NO_GPU), &[("BIDPRICE_RATE_CACHE", path)], "11.258197");

    let unusable = |path: &str, max_age: &str, reason: &str| {
        let env = [("BIDPRICE_RATE_CACHE", path), ("BIDPRICE_RATE_CACHE_MAX_AGE", max_age)];
        let answer = run(request("uakt", NO_GPU).as_bytes(), &env);
        assert_eq!((answer.exit, answer.stdout.as_str()), (Some(0), "0.000000"), "{reason}");
        assert!(answer.stderr.contains("rate-unavailable: ") && answer.stderr.contains(reason), "{}", answer.stderr);
    };
    let handle = fs::File::options().write(true).open(&cache).unwrap();
    handle.set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
    unusable(path, "", "is the limit");
    prices(
        &request("uakt", NO_GPU),
        &[("BIDPRICE_RATE_CACHE", path), ("BIDPRICE_RATE_CACHE_MAX_AGE", "3h")],
        "11.258197",
    );
    handle.set_modified(SystemTime::now() + Duration::from_secs(7200)).unwrap();
    unusable(path, "", "future");
    let link = folder.path("rate.link");
    std::os::unix::fs::symlink(&cache, &link).unwrap();
    unusable(link.to_str().unwrap(), "1d", "symbolic link");
    unusable(folder.0.path().to_str().unwrap(), "1d", "not a regular file");
    unusable("/nonexistent/rate", "1d", "cannot be opened");
    handle.set_modified(SystemTime::now()).unwrap();
    for mode in [0o620, 0o640, 0o604] {
        fs::set_permissions(&cache, fs::Permissions::from_mode(mode)).unwrap();
        unusable(path, "1d", "open to others");
    }
    for (name, text) in [("rate.empty", ""), ("rate.word", "abc"), ("rate.zero", "0"), ("rate.large", "1000001")] {
        unusable(folder.file(name, text).to_str().unwrap(), "1d", "holds no rate");
    }
    unusable(folder.file("rate.long", &"1".repeat(5000)).to_str().unwrap(), "1d", "more than");
    refuses(
        &request("uakt", NO_GPU),
        &[("BIDPRICE_RATE_CACHE", path), ("BIDPRICE_RATE_CACHE_MAX_AGE", "soon")],
        "BIDPRICE_RATE_CACHE_MAX_AGE: ",
    );
}

#[test]
fn owners_who_are_not_on_the_list_get_no_bid() {
    let folder = Folder::new();
    let list = folder.file("whitelist", "# akash1gone\nakash1alice\nakash1bob  Bob's\n");
    let path = list.to_str().unwrap();
    for owner in ["akash1alice", "akash1bob"] {
        prices(&request("uact", NO_GPU), &[("BIDPRICE_WHITELIST", path), ("AKASH_OWNER", owner)], NO_GPU_UACT);
    }
    for owner in ["akash1", "akash1alic", "akash1alicee", "akash1gone", "", "."] {
        let env = [("BIDPRICE_WHITELIST", path), ("AKASH_OWNER", owner)];
        refuses(&request("uact", NO_GPU), &env, &format!("{owner} is not whitelisted"));
    }
    refuses(&request("uact", NO_GPU), &[("WHITELIST_URL", "https://example.com/list")], "BIDPRICE_WHITELIST");
    refuses(&request("uact", NO_GPU), &[("BIDPRICE_WHITELIST", "/nonexistent")], "BIDPRICE_WHITELIST: ");
}

#[test]
fn a_rate_card_stands_in_for_the_environment() {
    let folder = Folder::new();
    let card = folder.file(
        "card.toml",
        r#"
[rates]
cpu = 2
[rates.gpu]
"a100.40Gi" = 600
"a100.80Gi" = 1000
h100 = 1900
[policy]
minimum_usd_per_month = "1"
[policy.owners]
deny = ["akash1bad"]
discount = { akash1friend = "0.5" }
"#,
    );
    let path = card.to_str().unwrap();
    let with = |owner| [("BIDPRICE_RATES", path), ("AKASH_OWNER", owner), ("PRICE_TARGET_CPU", "99")];
    // (2 + 0.80 + 0.02) / 429909 * 1000000, and half of it.
    prices(&request("uact", NO_GPU), &with("akash1me"), "6.559528");
    prices(&request("uact", NO_GPU), &with("akash1friend"), "3.279764");
    refuses(&request("uact", NO_GPU), &with("akash1bad"), "owner-denied");
    let gpu = |details: &str| format!(r#"{{"units":1,"attributes":{{"vendor":{{"nvidia":{details}}}}}}}"#);
    // (600 + 2.82) / 429909 * 1000000
    prices(&request("uact", &gpu(r#"{"model":"a100","ram":"40Gi"}"#)), &with(""), "1402.203722");
    prices(&request("uact", &gpu(r#"{"model":"a100"}"#)), &with(""), "2332.633185");
    prices(&request("uact", &gpu(r#"{"model":"*"}"#)), &with(""), "4426.099477");
    refuses(&request("uact", &gpu(r#"{"model":"t4"}"#)), &with(""), "unlisted-gpu");

    let broken = folder.file("broken.toml", "[rates]\nmemroy = 1\n");
    let env = [("BIDPRICE_RATES", broken.to_str().unwrap())];
    refuses(&request("uact", NO_GPU), &env, "did you mean `memory`?");
    refuses(&request("uact", NO_GPU), &[("BIDPRICE_RATES", "/nonexistent")], "BIDPRICE_RATES: ");
}

#[test]
fn committed_amounts_are_restored() {
    let env = [("BIDPRICE_COMMIT_CPU", "2"), ("BIDPRICE_COMMIT_MEMORY", "0.5")];
    // (3.20 + 0.80 + 0.02) / 429909 * 1000000
    prices(&request("uact", NO_GPU), &env, "9.350816");
    for factor in ["0", "-1", "x", "1e3"] {
        refuses(&request("uact", NO_GPU), &[("BIDPRICE_COMMIT_CPU", factor)], "BIDPRICE_COMMIT_CPU: ");
    }
    refuses(&request("uact", NO_GPU), &[("BIDPRICE_COMMIT_MEMORY", "1000000000000000")], "arithmetic-overflow");
}

#[test]
fn an_inventory_that_cannot_be_read_is_no_bid() {
    let folder = Folder::new();
    for path in ["/nonexistent", "/"] {
        refuses(&request("uact", NO_GPU), &[("BIDPRICE_INVENTORY", path)], "inventory-unusable");
    }
    let nonsense = folder.file("nonsense.json", "{");
    refuses(&request("uact", NO_GPU), &[("BIDPRICE_INVENTORY", nonsense.to_str().unwrap())], "inventory-unusable");
}
