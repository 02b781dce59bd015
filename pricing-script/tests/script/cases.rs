//! The settings of the drop-in, one by one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::{NO_GPU, NO_GPU_UACT, prices, refuses, request, run};

const ALYCE: &str = "akash1alyceqqqqqqqqqqqqqqqqqqqqqqqqqqqfkk45q";
const DAVE: &str = "akash1daveqqqqqqqqqqqqqqqqqqqqqqqqqqqq7ga7ws";
const GONE: &str = "akash1g0neqqqqqqqqqqqqqqqqqqqqqqqqqqqq278wzj";

/// A temporary folder with files.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file that only its owner can access.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

#[test]
fn without_a_rate_uakt_is_no_bid_and_the_reason_is_named() {
    let unknown = "rate-unavailable: what an AKT is worth is not known; ";
    let ways = "set BIDPRICE_USD_PER_AKT to a number, or BIDPRICE_RATE_CACHE to a file";
    refuses(&request("uakt", NO_GPU), &[], &format!("{unknown}{ways}"));
    // The legacy form is answered in uakt, too.
    let resources = request("uakt", NO_GPU);
    let resources: serde_json::Value = serde_json::from_str(&resources).unwrap();
    refuses(&resources["resources"].to_string(), &[], unknown);
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
        assert_eq!((answer.exit, answer.stdout.as_str()), (Some(1), ""), "{reason}");
        assert!(answer.stderr.contains("rate-unavailable: ") && answer.stderr.contains(reason), "{}", answer.stderr);
        // An order in dollars needs no rate.
        prices(&request("uact", NO_GPU), &env, NO_GPU_UACT);
    };
    let handle = fs::File::options().write(true).open(&cache).unwrap();
    handle.set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
    unusable(path, "60m", "is the limit");
    unusable(path, "60m", "set BIDPRICE_USD_PER_AKT");
    prices(
        &request("uakt", NO_GPU),
        &[("BIDPRICE_RATE_CACHE", path), ("BIDPRICE_RATE_CACHE_MAX_AGE", "3h")],
        "11.258197",
    );
    handle.set_modified(SystemTime::now() + Duration::from_secs(7200)).unwrap();
    unusable(path, "60m", "future");
    let link = folder.path("rate.link");
    std::os::unix::fs::symlink(&cache, &link).unwrap();
    unusable(link.to_str().unwrap(), "1d", "symbolic link");
    unusable(folder.0.path().to_str().unwrap(), "1d", "not a regular file");
    unusable("/nonexistent/rate", "1d", "cannot be opened");
    handle.set_modified(SystemTime::now()).unwrap();
    for mode in [0o620, 0o602, 0o666] {
        fs::set_permissions(&cache, fs::Permissions::from_mode(mode)).unwrap();
        unusable(path, "1d", "may be written by others than its owner");
    }
    // Only root can give a file away.
    if rustix::process::geteuid().is_root() {
        let foreign = folder.file("rate.foreign", "0.50\n");
        std::os::unix::fs::chown(&foreign, Some(65_534), None).unwrap();
        unusable(foreign.to_str().unwrap(), "1d", "belongs to another user");
    }
    // Read access for others does not matter.
    for mode in [0o644, 0o640, 0o600] {
        fs::set_permissions(&cache, fs::Permissions::from_mode(mode)).unwrap();
        prices(&request("uakt", NO_GPU), &[("BIDPRICE_RATE_CACHE", path)], "11.258197");
    }
    for (name, text) in [("rate.empty", ""), ("rate.word", "abc"), ("rate.zero", "0"), ("rate.large", "1000001")] {
        unusable(folder.file(name, text).to_str().unwrap(), "1d", "does not contain a rate");
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
    let list = folder.file("whitelist", &format!("\u{feff}# {GONE}\r\n{ALYCE}\r\n\r\n  {DAVE} # Dave's\r\n"));
    let path = list.to_str().unwrap();
    for owner in [ALYCE, DAVE] {
        prices(&request("uact", NO_GPU), &[("BIDPRICE_WHITELIST", path), ("AKASH_OWNER", owner)], NO_GPU_UACT);
    }
    let upper = ALYCE.to_uppercase();
    let spaced = format!("{ALYCE} ");
    for owner in ["akash1", &ALYCE[..43], &upper, &spaced, GONE, "", ".", "*"] {
        let env = [("BIDPRICE_WHITELIST", path), ("AKASH_OWNER", owner)];
        refuses(&request("uact", NO_GPU), &env, &format!("{owner} is not whitelisted"));
    }
    refuses(&request("uact", NO_GPU), &[("WHITELIST_URL", "https://example.com/list")], "BIDPRICE_WHITELIST");
    prices(&request("uact", NO_GPU), &[("WHITELIST_URL", "")], NO_GPU_UACT);
}

#[test]
fn a_list_that_cannot_be_read_whole_is_no_bid() {
    let folder = Folder::new();
    let owned = |path: &str, reason: &str| {
        let env = [("BIDPRICE_WHITELIST", path), ("AKASH_OWNER", ALYCE)];
        refuses(&request("uact", NO_GPU), &env, reason);
    };
    owned("", "at `BIDPRICE_WHITELIST`: this variable is set, but empty");
    owned("/nonexistent", "BIDPRICE_WHITELIST: `/nonexistent` cannot be opened");
    owned(folder.0.path().to_str().unwrap(), "is not a regular file");
    owned("/dev/zero", "is not a regular file");
    let pipe = folder.path("whitelist.pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    owned(pipe.to_str().unwrap(), "is not a regular file");
    for (name, text, reason) in [
        ("whitelist.empty", String::new(), "the list has no addresses"),
        ("whitelist.notes", format!("# {ALYCE}\n\n"), "the list has no addresses"),
        ("whitelist.slip", format!("{ALYCE}\n{}\n", DAVE.replace("dave", "davy")), "line 2, column 1: "),
        ("whitelist.long", format!("{ALYCE}\n").repeat(400_000), "has more than 16777216 bytes"),
        ("whitelist.html", format!("<html>{ALYCE}</html>"), "is not an address"),
    ] {
        owned(folder.file(name, &text).to_str().unwrap(), reason);
    }
    let bytes = folder.file("whitelist.latin1", "");
    fs::write(&bytes, [ALYCE.as_bytes(), b"\n# J\xfcrgen"].concat()).unwrap();
    owned(bytes.to_str().unwrap(), "is not UTF-8");
}

#[test]
fn another_network_s_list_is_read_by_its_prefix() {
    let tenant = "cosmos1tenantqqqqqqqqqqqqqqqqqqqqqqqqqqn4vc7x";
    let folder = Folder::new();
    let list = folder.file("whitelist.cosmos", tenant);
    let list = ("BIDPRICE_WHITELIST", list.to_str().unwrap());
    let owner = ("AKASH_OWNER", tenant);
    prices(&request("uact", NO_GPU), &[list, owner, ("BIDPRICE_ADDRESS_PREFIX", "cosmos")], NO_GPU_UACT);
    refuses(&request("uact", NO_GPU), &[list, owner], "does not begin with `akash1`");
    refuses(&request("uact", NO_GPU), &[("BIDPRICE_ADDRESS_PREFIX", "Cosmos")], "BIDPRICE_ADDRESS_PREFIX: ");
}

#[test]
fn a_misspelt_and_an_empty_variable_are_no_bid() {
    for (name, value, reason) in [
        ("BIDPRICE_WHITLIST", "/tmp/list", "did you mean `BIDPRICE_WHITELIST`?"),
        ("BIDPRICE_SOKET", "/run/x", "did you mean `BIDPRICE_SOCKET`?"),
        ("BIDPRICE_FOO", "x", "known are `BIDPRICE_ADDRESS_PREFIX`"),
        ("PRICE_TARGET_CPUS", "9", "did you mean `PRICE_TARGET_CPU`?"),
        ("BIDPRICE_SOCKET", "", "is set, but empty"),
        ("BIDPRICE_RATES", "", "is set, but empty"),
        ("BIDPRICE_USD_PER_AKT", "", "is set, but empty"),
        ("BIDPRICE_COMMIT_CPU", "", "is set, but empty"),
        ("BIDPRICE_RATE_CACHE_MAX_AGE", "", "is set, but empty"),
    ] {
        refuses(&request("uact", NO_GPU), &[(name, value)], &format!("at `{name}`: "));
        refuses(&request("uact", NO_GPU), &[(name, value)], reason);
    }
    // Variables of other programs and of Kubernetes are ignored. So are the bash script's where a rate card replaces
    // them.
    let folder = Folder::new();
    let card = folder.file("card.variables.toml", "[rates]\ncpu = \"1.60\"\n");
    for more in [
        ("BIDPRICE_PLUGIN_CACHE", "/nonexistent"),
        ("BIDPRICE_SERVICE_HOST", "10.0.0.1"),
        ("BIDPRICE_PORT_9310_TCP", "tcp://10.0.0.1:9310"),
        ("PRICE_TARGET_CPU", ""),
    ] {
        prices(&request("uact", NO_GPU), &[more], NO_GPU_UACT);
    }
    let env = [("BIDPRICE_RATES", card.to_str().unwrap()), ("PRICE_TARGET_CPUS", "9")];
    prices(&request("uact", NO_GPU), &env, NO_GPU_UACT);
}

#[test]
fn what_a_setting_says_is_repeated_as_an_excerpt() {
    let folder = Folder::new();
    let hostile = format!("\u{1b}[2J\u{202e}\nok{}", "x".repeat(100_000));
    for name in [
        "AKASH_OWNER",
        "BIDPRICE_WHITELIST",
        "BIDPRICE_RATES",
        "BIDPRICE_INVENTORY",
        "BIDPRICE_RATE_CACHE",
        "BIDPRICE_RATE_CACHE_MAX_AGE",
        "BIDPRICE_USD_PER_AKT",
        "BIDPRICE_COMMIT_CPU",
        "BIDPRICE_FALLBACK",
        "BIDPRICE_DEADLINE",
        "BIDPRICE_SOCKET",
        "BIDPRICE_ADDRESS_PREFIX",
        "PRICE_TARGET_CPU",
    ] {
        let list = folder.file("whitelist.hostile", ALYCE);
        let list = ("BIDPRICE_WHITELIST", list.to_str().unwrap());
        let env = if name == "AKASH_OWNER" { vec![list, (name, &hostile)] } else { vec![(name, &*hostile)] };
        let answer = run(request("uakt", NO_GPU).as_bytes(), &env);
        assert_eq!((answer.exit, answer.stdout.as_str()), (Some(1), ""), "{name}");
        assert!(answer.stderr.len() < 1_000 && answer.stderr.lines().count() == 1, "{name}: {}", answer.stderr);
        assert!(!answer.stderr.trim_end().contains(|c: char| c.is_control() || c == '\u{202e}'), "{name}");
    }
}

#[test]
fn a_rate_that_is_arithmetic_is_no_bid_rather_than_another_price_than_the_scripts() {
    for (name, value) in [
        ("PRICE_TARGET_CPU", "1.2*3000"),
        ("PRICE_TARGET_MEMORY", "(0.80)"),
        ("PRICE_TARGET_HD_EPHEMERAL", "0.03 - 0.01"),
        ("PRICE_TARGET_IP", "sqrt(25)"),
        ("PRICE_TARGET_ENDPOINT", "-(0.05-0.10)"),
        ("PRICE_TARGET_GPU_MAPPINGS", "t4=80,a100=1.2*3000"),
    ] {
        let answer = run(request("uact", NO_GPU).as_bytes(), &[(name, value)]);
        assert_eq!((answer.exit, answer.stdout.as_str()), (Some(1), ""), "{name}={value}");
        assert!(answer.stderr.contains(name) && answer.stderr.contains("is arithmetic"), "{}", answer.stderr);
    }
    // A sign is not arithmetic.
    prices(&request("uact", NO_GPU), &[("PRICE_TARGET_IP", "-1")], NO_GPU_UACT);
}

#[test]
fn where_the_script_prints_0_there_is_no_bid_and_the_reason_is_named() {
    // What the script's calculator cannot read leaves it without a number.
    for value in ["1 2", "1*", "1\u{e9}*2"] {
        refuses(&request("uact", NO_GPU), &[("PRICE_TARGET_IP", value)], "`PRICE_TARGET_IP` is not a number");
    }
    let gpus = [("PRICE_TARGET_GPU_MAPPINGS", "t4=1e3")];
    let t4 = r#"{"units":1,"attributes":{"vendor":{"nvidia":{"model":"t4"}}}}"#;
    refuses(&request("uact", t4), &gpus, "`PRICE_TARGET_GPU_MAPPINGS` is not a number");
    let bare = request("uact", NO_GPU).replace(r#"{"class":"ephemeral","size":1073741824}"#, "");
    refuses(&bare, &[], "resources without storage");
    let free = ["PRICE_TARGET_CPU", "PRICE_TARGET_MEMORY", "PRICE_TARGET_HD_EPHEMERAL"].map(|name| (name, "0"));
    refuses(&request("uact", NO_GPU), &free, "the price comes to 0.000000 uact a block");
    let negative = [("PRICE_TARGET_CPU", "-100")];
    refuses(&request("uact", NO_GPU), &negative, "the price comes to -");
    // A fallback does not turn it into a bid.
    let alone = [free.as_slice(), &[("BIDPRICE_SOCKET", "/nonexistent"), ("BIDPRICE_FALLBACK", "local")]].concat();
    refuses(&request("uact", NO_GPU), &alone, "the price comes to 0.000000 uact a block");
}

#[test]
fn a_request_may_begin_with_a_byte_order_mark() {
    let plain = request("uact", NO_GPU);
    let marked = run(format!("\u{feff}{plain}").as_bytes(), &[]);
    assert_eq!((marked.exit, marked.stdout), (Some(0), run(plain.as_bytes(), &[]).stdout), "{}", marked.stderr);
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
deny = ["BAD"]
discount = { FRIEND = "0.5" }
"#
        .replace("BAD", GONE)
        .replace("FRIEND", ALYCE)
        .as_str(),
    );
    let path = card.to_str().unwrap();
    fn with<'a>(path: &'a str, owner: &'a str) -> [(&'static str, &'a str); 3] {
        [("BIDPRICE_RATES", path), ("AKASH_OWNER", owner), ("PRICE_TARGET_CPU", "99")]
    }
    // (2 + 0.80 + 0.02) / 429909 * 1000000, and half of it.
    prices(&request("uact", NO_GPU), &with(path, DAVE), "6.559528");
    prices(&request("uact", NO_GPU), &with(path, ALYCE), "3.279764");
    refuses(&request("uact", NO_GPU), &with(path, GONE), "owner-denied");
    for spoilt in [format!("{GONE} "), GONE.to_uppercase()] {
        refuses(
            &request("uact", NO_GPU),
            &with(path, &spoilt),
            "so it cannot be held against the rate card's deny list",
        );
    }
    let gpu = |details: &str| format!(r#"{{"units":1,"attributes":{{"vendor":{{"nvidia":{details}}}}}}}"#);
    // (600 + 2.82) / 429909 * 1000000
    prices(&request("uact", &gpu(r#"{"model":"a100","ram":"40Gi"}"#)), &with(path, ""), "1402.203722");
    prices(&request("uact", &gpu(r#"{"model":"a100"}"#)), &with(path, ""), "2332.633185");
    prices(&request("uact", &gpu(r#"{"model":"*"}"#)), &with(path, ""), "4426.099477");
    refuses(&request("uact", &gpu(r#"{"model":"t4"}"#)), &with(path, ""), "unlisted-gpu");

    let slip = folder.file("slip.toml", "[rates]\ncpu = 1\n[policy.owners]\ndeny = [\" akash1x\"]\n");
    let env = [("BIDPRICE_RATES", slip.to_str().unwrap())];
    refuses(
        &request("uact", NO_GPU),
        &env,
        "line 4, column 9, at `policy.owners.deny[0]`: ` akash1x` is not an address",
    );
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
    // The percentages of the daemon's flags: factors of 2 and 1.
    prices(&request("uact", NO_GPU), &[("BIDPRICE_COMMIT_CPU", "150%"), ("BIDPRICE_COMMIT_MEMORY", "50%")], "9.350816");
    for factor in ["0", "-1", "x", "1e3", "%", "-1%", "1.5%"] {
        refuses(&request("uact", NO_GPU), &[("BIDPRICE_COMMIT_CPU", factor)], "BIDPRICE_COMMIT_CPU: ");
    }
    let of_gpus = "BIDPRICE_COMMIT_GPU: `150%` is a percentage, and the daemon does not overcommit GPUs";
    refuses(&request("uact", NO_GPU), &[("BIDPRICE_COMMIT_GPU", "150%")], of_gpus);
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
