use std::path::Path;

use pricing_core::reserve::kubernetes::ScoringStrategyType;
use proptest::prelude::*;

use super::*;

const GOOD: &str = r#"
[listen]
socket = "bidprice.sock"
tcp = "127.0.0.1:9310"
metrics = "127.0.0.1:9311"
[inventory]
provider = "https://localhost:8444"
fingerprint = "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"
max_age = "10m"
hold = "0s"
[rates]
cpu = "1.60"
[policy]
unlisted_gpu = "decline"
[reserve]
scheduler = "provider"
search_steps = 1_000
[[feed.source]]
name = "one"
url = "https://example.com/price"
path = "data.0.price"
[feed]
interval = "30s"
[plugin]
file = "pricer.wasm"
class = "engine"
fallback = "last-plugin"
memory_limit = "256Mi"
deadline = "2s"
[shadow]
rates = "other.toml"
[bid_log]
folder = "log"
fsync = "each"
[outcomes]
rest = ["https://one.example", "http://127.0.0.1:1317"]
provider = "akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63"
interval = "5m"
[limits]
concurrency = 4
rate = 100
drain = "0s"
[reload]
watch = "0s"
[tracing]
level = "info,pricing_host=debug"
format = "json"
"#;

/// Returns the message of a refused configuration.
fn refused(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn a_configuration_with_every_section_is_taken() {
    let text = GOOD.replace("[[feed.source]]", "[feed]\ninterval = \"30s\"\n[[feed.source]]").replacen(
        "[feed]\ninterval = \"30s\"\n[plugin]",
        "[plugin]",
        1,
    );
    let config = parse(&text).unwrap();
    assert_eq!(config.reserve.search_steps, 1000);
    assert_eq!(config.feed.source.len(), 1);
    assert_eq!(config.reload.watch, Span::secs(0));
}

#[test]
fn an_empty_configuration_is_the_defaults() {
    assert_eq!(parse("").unwrap(), Config::default());
}

#[test]
fn what_is_misspelt_is_named_with_its_place_and_what_was_meant() {
    for (text, message) in [
        (
            "[listn]\ntcp = \"127.0.0.1:1\"",
            "line 1, column 2, at `listn`: `listn` is not a key of the configuration (did you mean `listen`?)",
        ),
        (
            "[limits]\n\nconcurency = 4",
            "line 3, column 1, at `limits.concurency`: `concurency` is not a key of the configuration (did you mean `concurrency`?)",
        ),
        (
            "[plugin]\nfile = \"x\"\nclass = \"standart\"",
            "line 3, column 9, at `plugin.class`: `standart` is not known here (did you mean `standard`?)",
        ),
        (
            "[shadow.plugin]\nfile = \"x\"\nfule = 1",
            "line 3, column 1, at `shadow.plugin.fule`: `fule` is not a key of the configuration (did you mean `file`?)",
        ),
        (
            "[[feed.source]]\nurl = \"https://x\"\npath = \"a\"\nkey = \"b\"",
            "line 4, column 1, at `feed.source[0].key`: `key` is not a key of the configuration (expected one of `name`, `kind`, `url`, `path`, `max_age`)",
        ),
        (
            "[reload]\nxyz = 1",
            "line 2, column 1, at `reload.xyz`: `xyz` is not a key of the configuration (expected one of `watch`, `max_change`, `state`)",
        ),
        ("[plugin]\nclass = \"engine\"", "line 2, column 1, at `plugin`: `file` is missing"),
        ("[plugin", "line 1, column 8: unclosed table, expected `]`"),
    ] {
        assert_eq!(refused(text), message, "{text}");
    }
}

#[test]
fn values_out_of_range_are_refused_with_what_is_allowed() {
    for (text, message) in [
        (
            "[limits]\nconcurrency = 0",
            "line 2, column 15, at `limits.concurrency`: `0` is out of range; expected a whole number from 1 to 1024",
        ),
        (
            "[limits]\nqueue = -1",
            "line 2, column 9, at `limits.queue`: `-1` is out of range; expected a whole number from 0 to 100000",
        ),
        (
            "[limits]\nrequest_bytes = 99999999999999999999",
            "line 2, column 17, at `limits.request_bytes`: `99999999999999999999` is out of range; expected a whole number from 1024 to 67108864",
        ),
        (
            "[inventory]\nmax_age = \"0s\"",
            "line 2, column 11, at `inventory.max_age`: `0s` is out of range; expected from `1s` to `10years`",
        ),
        (
            "[feed]\ninterval = \"1000years\"",
            "line 2, column 12, at `feed.interval`: `1000years` is out of range; expected from `1s` to `1day`",
        ),
        (
            "[feed]\ninterval = \"soon\"",
            "line 2, column 12, at `feed.interval`: `soon` is not a duration such as `90s` or `1h 30m` (expected from `1s` to `1day`)",
        ),
        (
            "[reload]\nwatch = \"1ms\"",
            "line 2, column 9, at `reload.watch`: `1ms` is out of range; expected `0s`, or from `100ms` to `1h`",
        ),
        (
            "[reload]\nwatch = 2",
            "line 2, column 9, at `reload.watch`: expected a duration such as `\"90s\"`, found an integer",
        ),
        (
            "[feed]\nusd_per_akt = 0.5",
            "line 2, column 15, at `feed.usd_per_akt`: `0.5` is a float, which is not exact (put it in quotes: `\"0.5\"`)",
        ),
        (
            "[feed]\nusd_per_akt = \"0\"",
            "line 2, column 15, at `feed.usd_per_akt`: USD/AKT must be above 0 and at most 1000000",
        ),
        (
            "[listen]\ntcp = \"localhost:9310\"",
            "line 2, column 7, at `listen.tcp`: `localhost:9310` is not an address (expected an IP address and a port, such as `127.0.0.1:9310` or `[::1]:9310`)",
        ),
        (
            "[listen]\nmetrics_public = \"yes\"",
            "line 2, column 18, at `listen.metrics_public`: expected `true` or `false`, found a string",
        ),
        (
            "[inventory]\nprovider = \"localhost\"",
            "line 2, column 12, at `inventory.provider`: `localhost` is not an address: relative URL without a base (expected one such as `https://host:8444`)",
        ),
        (
            "[inventory]\noperator = \"http://x:8081/status\"",
            "line 2, column 12, at `inventory.operator`: a gRPC address has neither path nor query",
        ),
        ("[plugin]\nfile = \"\"", "line 2, column 8, at `plugin.file`: expected a path that is not empty"),
        (
            "[plugin]\nfile = \"x\"\nmemory_limit = \"much\"",
            "line 3, column 16, at `plugin.memory_limit`: `much` is not a size; expected one such as `16Mi`",
        ),
        (
            "[plugin]\nfile = \"x\"\nmemory_limit = \"1Gi\"",
            "line 3, column 1, at `plugin.memory_limit`: the size class `standard` has room for 64 MiB at most",
        ),
        ("rates = 5", "line 1, column 9, at `rates`: expected a table, found an integer"),
    ] {
        assert_eq!(refused(text), message, "{text}");
    }
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    for (text, message) in [
        (
            "[inventory]\nfile = \"x\"\noperator = \"http://x:1\"",
            "line 3, column 1, at `inventory.operator`: `file` and `operator` exclude each other (take one of them out)",
        ),
        (
            "[feed]\nusd_per_akt = 1\n[[feed.source]]\nurl = \"https://x\"\npath = \"a\"",
            "line 3, column 8, at `feed.source`: `usd_per_akt` and `source` exclude each other (take one of them out)",
        ),
        (
            "[rates]\nfile = \"x\"\ncpu = 1",
            "line 3, column 1, at `rates.cpu`: `file` names a rate card, so `cpu` cannot be set here, too (put it into the rate card, or take `file` out)",
        ),
        (
            "[listen]\nmetrics = \"0.0.0.0:9311\"",
            "line 2, column 1, at `listen.metrics`: anyone who can reach `0.0.0.0:9311` could read the metrics (name an address of this machine alone, or set `metrics_public = true`)",
        ),
        (
            "[listen]\ntcp = \"127.0.0.1:1\"\nmetrics = \"127.0.0.1:1\"",
            "line 3, column 1, at `listen.metrics`: it is the same address as `tcp` (give each a port of its own)",
        ),
        (
            "[listen]\nsocket = \"\"",
            "line 1, column 2, at `listen`: no client could connect; name a `socket`, or an address in `tcp`",
        ),
        (
            "[inventory]\nfile = \"x\"\nca = \"y\"",
            "line 3, column 1, at `inventory.ca`: it needs an `https://` address (remove it, or make `provider` or `operator` begin with `https://`)",
        ),
        (
            "[feed]\nmax_age = \"30s\"",
            "line 2, column 1, at `feed.max_age`: a value is used for 30s and fetched every 1m (make it longer than `interval`; otherwise there are no bids in uakt in between)",
        ),
        (
            "[shadow]",
            "line 1, column 2, at `shadow`: it prices exactly as the service does (name `rates` or a `[shadow.plugin]`, or take the section out)",
        ),
    ] {
        assert_eq!(refused(text), message, "{text}");
    }
    assert!(
        refused("[listen]\ntcp = \"0.0.0.0:1\"")
            .starts_with("line 2, column 1, at `listen.tcp`: anyone who can reach `0.0.0.0:1`")
    );
}

#[test]
fn everything_that_is_wrong_is_told_in_the_order_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bidprice.toml");
    std::fs::write(&path, "[limits]\nqueu = 1\nrate = 0\n[reload]\nwatch = true\n").unwrap();
    let errors: Vec<String> = inspect(&path).unwrap_err().iter().map(ToString::to_string).collect();
    let at = |error: &String, place: &str| error.contains(place);
    assert!(
        matches!(errors.as_slice(), [a, b, c] if at(a, "`limits.queu`") && at(b, "`limits.rate`") && at(c, "`reload.watch`")),
        "{errors:#?}"
    );
}

#[test]
fn a_section_in_both_files_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bidprice.toml");
    std::fs::write(folder.path().join("rates.toml"), "[rates]\nip = 5\n[policy]\nambiguous_gpu = \"lowest\"\n")
        .unwrap();
    std::fs::write(&path, "[rates]\nfile = \"rates.toml\"\n[policy]\nambiguous_gpu = \"highest\"\n").unwrap();
    let error = load(&path).unwrap_err().to_string();
    assert!(
        error.contains("bidprice.toml: line 3, column 2, at `policy`: the section is here and in the rate card"),
        "{error}"
    );
    std::fs::write(&path, "[rates]\nfile = \"rates.toml\"\n").unwrap();
    let loaded = load(&path).unwrap();
    assert_eq!(
        loaded.rates.digest,
        crate::digest::Digest::of("[rates]\nip = 5\n[policy]\nambiguous_gpu = \"lowest\"\n")
    );
}

#[test]
fn the_configuration_of_the_scheduler_is_read_with_the_others_and_refused_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bidprice.toml");
    let read = |section: &str, scheduler: &str| {
        std::fs::write(&path, format!("[rates]\nip = 5\n[kubernetes]\n{section}\n")).unwrap();
        std::fs::write(folder.path().join("scheduler.yaml"), scheduler).unwrap();
        load(&path)
    };
    const PACKING: &str = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- \
                           pluginConfig:\n  - name: NodeResourcesFit\n    args:\n      scoringStrategy:\n        type: \
                           MostAllocated\n";
    let loaded = read("scheduler_config = \"scheduler.yaml\"\npods_without_requests = 3", PACKING).unwrap();
    let strategy = &loaded.scheduler.scheduler.profile.scoring_strategy;
    assert_eq!(strategy.strategy_type(), &ScoringStrategyType::MostAllocated);
    assert_eq!((loaded.scheduler.scheduler.pods_without_requests, loaded.scheduler.predict), (3, true));
    assert_eq!(loaded.files.len(), 2);
    let odd = read("scheduler_config = \"scheduler.yaml\"", &format!("{PACKING}extenders:\n- urlPrefix: http://x\n"));
    let told = odd.unwrap().scheduler.told(Path::new("scheduler.yaml"));
    assert!(matches!(told.as_slice(), [one] if one.contains("extenders")), "{told:?}");
    let refused = |section: &str, scheduler: &str| read(section, scheduler).unwrap_err().to_string();
    let broken = refused("scheduler_config = \"scheduler.yaml\"", "kind: Pod\n");
    assert!(broken.contains("scheduler.yaml: "), "{broken}");
    assert!(refused("scheduler_config = \"absent.yaml\"", "").contains("absent.yaml: No such file"));
    for section in ["scheduler_config = \"\"", "pods_without_requests = -1", "predict = 1", "predikt = false"] {
        assert!(refused(section, "").contains("at `kubernetes."), "{}", refused(section, ""));
    }
    assert!(refused("version = \"1.38\"", "").contains("use 1.37, the newest of them"));
    assert!(refused("pods_without_requests = 10001", "").contains("10000"));
    assert!(!read("predict = false", "").unwrap().scheduler.predict);
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_no_reason_to_wait() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bidprice.toml");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(load(&path).unwrap_err().to_string().ends_with("it is a pipe, not a plain file"));
}

#[test]
fn every_scalar_key_of_the_model_has_a_rule_or_needs_none() {
    // A key without a rule accepts any value of its type.
    let free = [
        "listen.metrics_public",
        "reserve.scheduler",
        "reserve.prefer",
        "plugin.class",
        "plugin.fallback",
        "bid_log.fsync",
        "tracing.format",
    ];
    for key in free {
        assert!(rules::of(key).is_none(), "{key}");
    }
    let schema = schemars::schema_for!(Config).to_value();
    let definitions = schema["$defs"].as_object().unwrap();
    let mut missing = Vec::new();
    for (section, definition) in [
        ("listen", "Listen"),
        ("inventory", "Inventory"),
        ("feed", "Feed"),
        ("plugin", "Plugin"),
        ("bid_log", "BidLog"),
        ("limits", "Limits"),
        ("reload", "Reload"),
        ("tracing", "Tracing"),
        ("reserve", "Reserve"),
        ("listen.tls", "Tls"),
        ("outcomes", "Outcomes"),
    ] {
        for key in definitions[definition]["properties"].as_object().unwrap().keys() {
            let path = format!("{section}.{key}");
            if rules::of(&path).is_none()
                && !free.contains(&path.as_str())
                && path != "feed.source"
                && path != "outcomes.rest"
                && path != "listen.tls"
            {
                missing.push(path);
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn outcomes_need_nodes_an_account_and_a_folder() {
    const GIVEN: &str =
        "rest = [\"https://one.example\"]\nprovider = \"akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63\"\n";
    for (text, message) in [
        ("[outcomes]\n", "at `outcomes`: `rest` is missing"),
        ("[outcomes]\nrest = [\"https://x\"]", "at `outcomes`: `provider` is missing"),
        ("[outcomes]\nrest = []\nPROVIDER", "at `outcomes.rest`: it names no node"),
        ("[outcomes]\nrest = [\"\"]\nPROVIDER", "at `outcomes.rest[0]`: `` is not an address"),
        ("[outcomes]\nrest = [\"ftp://x\"]\nPROVIDER", "does not begin with `http://` or `https://`"),
        ("[outcomes]\nrest = [\"https://x?y=1\"]\nPROVIDER", "the address of a node has no query"),
        ("[outcomes]\nrest = \"https://x\"\nPROVIDER", "expected an array"),
        ("[outcomes]\nrest = [\"https://x\", \"https://x\"]\nPROVIDER", "`https://x` is there twice"),
        ("[outcomes]\nrest = [\"https://x\"]\nprovider = \"\"", "is not an address: it is empty"),
        ("[outcomes]\nrest = [\"https://x\"]\nprovider = \"akash1own\"", "is not an address"),
        ("[outcomes]\nGIVENintervall = \"1m\"", "did you mean `interval`?"),
        ("[outcomes]\nGIVENinterval = \"1s\"", "expected from `10s` to `7days`"),
        ("[outcomes]\nGIVENsince = \"\"", "`` is not a duration"),
        ("[outcomes]\nGIVENrequests_per_second = 0", "expected a whole number from 1 to 1000"),
        ("[outcomes]\nGIVENfolder = \"\"", "expected a path that is not empty"),
        ("[outcomes]\nGIVEN", "there is no bid log in whose folder the history could be"),
    ] {
        let provider = GIVEN.lines().last().unwrap_or_default();
        let text = text.replace("PROVIDER", provider).replace("GIVEN", GIVEN);
        assert!(refused(&text).contains(message), "{text}: {}", refused(&text));
    }
    for more in ["folder = \"history\"", "[bid_log]\nfolder = \"log\""] {
        let config = parse(&format!("[outcomes]\n{GIVEN}{more}\n")).unwrap();
        assert_eq!(config.outcomes.unwrap().interval, Span::secs(600));
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = parse(&text);
        let _ = position(&text, "limits.queue");
    }

    #[test]
    fn no_edit_of_a_configuration_makes_it_panic(
        at in 0..GOOD.len(), length in 0_usize..20, with in "[\\[\\]\"'=.,{}#\\n0-9a-z\u{1b}-]{0,8}",
    ) {
        let end = (at + length).min(GOOD.len());
        let text = format!("{}{with}{}", &GOOD[..at], &GOOD[end..]);
        if let Err(error) = parse(&text) {
            let drives = error.to_string().contains('\u{1b}');
            prop_assert!(!drives, "it drives a terminal");
        }
    }
}
