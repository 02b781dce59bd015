use rust_decimal::Decimal;

use super::*;
use crate::address::Address;
use crate::gpu::GpuKind;
use crate::money::Denom;
use crate::rates::{AmbiguousGpu, BelowMinimum, GpuRate, Origins, Placement, Provider, UnlistedGpu};

const ALYCE: &str = "akash1alyceqqqqqqqqqqqqqqqqqqqqqqqqqqqfkk45q";

const EVERYTHING: &str = r#"
[rates]
cpu = "1.75"
memory = 1
endpoint = "0.06"
ip = "4"
[rates.storage]
ephemeral = "0.03"
nfs = "0.5"
[rates.gpu]
"nvidia/a100/80Gi/sxm" = "1300"
"a100.80Gi" = "1000"
t4 = 80
"*" = "50"
[policy]
unlisted_gpu = "25"
ambiguous_gpu = "lowest"
placement = "pinned"
minimum_usd_per_month = "2"
below_minimum = "raise"
[policy.owners]
allow = ["akash1alyceqqqqqqqqqqqqqqqqqqqqqqqqqqqfkk45q", "akash1daveqqqqqqqqqqqqqqqqqqqqqqqqqqqq7ga7ws"]
deny = ["akash1crankqqqqqqqqqqqqqqqqqqqqqqqqqqquqa2wu"]
[policy.owners.discount]
akash1alyceqqqqqqqqqqqqqqqqqqqqqqqqqqqfkk45q = "0.9"
[chain]
blocks_per_month = "430000"
[chain.denoms]
ufork = { usd = "2", exponent = 8 }
uakt = { feed = "akt", exponent = 6 }
[commit]
cpu = "2"
gpu = 1
"#;

#[test]
fn every_key_is_read() {
    let pricing = read(EVERYTHING).unwrap();
    assert_eq!(pricing.rates.cpu.to_string(), "1.75");
    assert_eq!(pricing.rates.memory.to_string(), "1");
    assert_eq!(pricing.rates.storage["nfs"].to_string(), "0.5");
    assert_eq!(pricing.rates.storage["beta3"].to_string(), "0.04");
    let keys: Vec<&str> = pricing.rates.gpu.entries().iter().map(GpuRate::key).collect();
    assert_eq!(keys, ["nvidia/a100/80Gi/sxm", "a100.80Gi", "t4", "*"]);
    assert!(pricing.rates.gpu.lookup(&GpuKind::new("nvidia", "h100", "", "")).is_some());
    assert_eq!(pricing.policy.unlisted_gpu, UnlistedGpu::Price(crate::money::Usd::parse("25").unwrap()));
    assert_eq!(pricing.policy.ambiguous_gpu, AmbiguousGpu::Lowest);
    assert_eq!(pricing.policy.placement, Placement::Pinned);
    assert_eq!(pricing.policy.below_minimum, BelowMinimum::Raise);
    let names = |list: &[Address]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&pricing.policy.owners.allow), [ALYCE, "akash1daveqqqqqqqqqqqqqqqqqqqqqqqqqqqq7ga7ws"]);
    assert_eq!(names(&pricing.policy.owners.deny), ["akash1crankqqqqqqqqqqqqqqqqqqqqqqqqqqquqa2wu"]);
    assert_eq!(pricing.policy.owners.discount[ALYCE].to_string(), "0.9");
    assert_eq!(pricing.chain.address_prefix.as_str(), "akash");
    assert_eq!(pricing.chain.denoms[&Denom::new("ufork")].exponent, 8);
    assert!(pricing.chain.denoms.contains_key(&Denom::new("uact")));
    assert_eq!(pricing.commit.cpu, Decimal::TWO);
    assert_eq!(pricing.origins.get("rates.cpu"), &Origin::File);
    assert_eq!(pricing.origins.get("rates.gpu.\"a100.80Gi\""), &Origin::File);
    assert_eq!(pricing.origins.get("rates.storage.beta3"), &Origin::Default);
}

#[test]
fn a_file_without_a_rate_is_refused_and_no_sections_at_all_are_the_default_card() {
    for (text, message) in [
        ("", "the rate card is empty"),
        (" \n\t\r\n", "the rate card is empty"),
        ("# nothing\n# but comments", "the rate card is empty"),
        ("\u{feff}", "the rate card is empty"),
        ("[policy]\nminimum_usd_per_month = 1", "the rate card has no `[rates]`"),
        ("[chain]\n[commit]\n[policy.owners]\n", "the rate card has no `[rates]`"),
        ("[rates]", "the rate card has no rate in its `[rates]`"),
        ("rates = {}", "the rate card has no rate in its `[rates]`"),
        (
            "[rates]\n[rates.gpu]\n[rates.storage]\n[policy]\nunlisted_gpu = 5",
            "the rate card has no rate in its `[rates]`",
        ),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!(error.message(), message, "{text:?}");
        assert!(error.hint_text().is_some_and(|hint| hint.starts_with("was it cut?")));
        read_sections(text).unwrap();
    }
    assert_eq!(read_sections("").unwrap(), Pricing::default());
    for text in ["[rates]\ncpu = 1", "rates.ip = 1", "[rates.gpu]\nt4 = 1", "[rates.storage]\nbeta1 = 1"] {
        assert_eq!(read(text).unwrap(), read_sections(text).unwrap());
    }
    // What else is wrong comes first: it has a place.
    assert!(read("[polcy]").unwrap_err().to_string().contains("did you mean `policy`?"));
}

#[test]
fn a_file_that_was_cut_anywhere_is_refused_or_has_a_rate() {
    for cut in 0..EVERYTHING.len() {
        if let Ok(pricing) = read(&EVERYTHING[..cut]) {
            assert_ne!(pricing.origins, Origins::default(), "{cut}");
        }
    }
}

#[test]
fn wrong_entries_are_named_with_their_place() {
    let cases = [
        ("[rates]\nmemroy = 1", "line 2, column 1, at `rates.memroy`", "did you mean `memory`?"),
        ("[listen]\ntcp = \"x\"", "at `listen`", "expected one of `rates`"),
        ("[rates]\ncpu = 1.60", "line 2, column 7, at `rates.cpu`", "put it in quotes: `\"1.60\"`"),
        ("[rates]\ncpu = \"-1\"", "at `rates.cpu`", "is negative"),
        ("[rates]\ncpu = \"1e3\"", "at `rates.cpu`", "is not a decimal number"),
        ("[rates]\ncpu = true", "at `rates.cpu`", "found a boolean"),
        ("[rates]\ncpu = 0x10", "at `rates.cpu`", "decimal"),
        ("rates = 1", "at `rates`", "expected a table"),
        ("[rates.gpu]\n\"a100.80Gi\" = \"abc\"", "line 2, column 15, at `rates.gpu.\"a100.80Gi\"`", "`abc`"),
        ("[rates.gpu]\n\"a100.nvlink.x\" = 1", "at `rates.gpu.\"a100.nvlink.x\"`", "is not a GPU key"),
        ("[rates.gpu]\n\"a100.sxm4\" = 1\n\"A100.SXM\" = 2", "line 3", "two keys for one card"),
        ("[rates.storage]\n\"\" = 1", "at `rates.storage.\"\"`", "storage class"),
        ("[policy]\nplacement = \"pined\"", "at `policy.placement`", "did you mean `pinned`?"),
        ("[policy]\nambiguous_gpu = \"higest\"", "at `policy.ambiguous_gpu`", "did you mean `highest`?"),
        ("[policy]\nunlisted_gpu = \"declin\"", "at `policy.unlisted_gpu`", "neither `decline` nor a price"),
        ("[policy]\nbelow_minimum = 1", "at `policy.below_minimum`", "expected one of"),
        ("[policy.owners]\nallow = \"akash1\"", "at `policy.owners.allow`", "array of strings"),
        (
            "[policy.owners]\nallow = [1]",
            "line 2, column 10, at `policy.owners.allow[0]`",
            "expected a string, found an integer",
        ),
        ("[chain]\naddress_prefix = \"Akash\"", "line 2, column 18, at `chain.address_prefix`", "is not the prefix"),
        ("[chain]\naddress_prefix = 1", "at `chain.address_prefix`", "expected a string"),
        ("[chain]\nblocks_per_month = 0", "at `chain.blocks_per_month`", "above 0"),
        ("[chain.denoms]\nu = { exponent = 6 }", "at `chain.denoms.u`", "either `usd` or `feed`"),
        ("[chain.denoms]\nu = { usd = 1, feed = \"akt\", exponent = 6 }", "at `chain.denoms.u`", "exclude"),
        ("[chain.denoms]\nu = { feed = \"btc\", exponent = 6 }", "at `chain.denoms.u.feed`", "`btc`"),
        ("[chain.denoms]\nu = { usd = 1, exponent = 19 }", "at `chain.denoms.u.exponent`", "from 0 to 18"),
        ("[chain.denoms]\nu = { usd = 0, exponent = 6 }", "at `chain.denoms.u.usd`", "worth nothing"),
        ("[chain.denoms]\nu = { usd = 1 }", "at `chain.denoms.u`", "`exponent`"),
        ("[commit]\ncpu = \"-2\"", "at `commit.cpu`", "above 0"),
        ("[rates]\ncpu = 1\ncpu = 2", "line 3", "duplicate key"),
        ("[rates\ncpu = 1", "line 1", ""),
    ];
    for (text, place, message) in cases {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(place) && error.contains(message), "{text}\n{error}\n{place} {message}");
    }
}

#[test]
fn a_gpu_key_without_its_quotes_is_told_how_to_be_written() {
    for (line, hint) in [
        ("a100.80Gi = \"1\"", r#"write `"a100.80Gi" = "1"`"#),
        ("  a100.80Gi.sxm4 = 1 # a comment", r#"write `"a100.80Gi.sxm4" = 1`"#),
        ("nvidia/a100 = \"1250\"", r#"write `"nvidia/a100" = "1250"`"#),
        ("nvidia/a100/80Gi/sxm=\"1\" # SXM", r#"write `"nvidia/a100/80Gi/sxm" = "1"`"#),
        ("* = \"50\"", r#"write `"*" = "50"`"#),
    ] {
        // Also where the model has an entry of its own, which makes the table a clash.
        for above in ["", "t4 = 1\n", "a100 = \"900\"\n"] {
            let error = read(&format!("[rates.gpu] # cards\n{above}{line}\n")).unwrap_err();
            assert_eq!(error.hint_text(), Some(hint), "{above}{line}: {error}");
            assert!(error.message().ends_with("needs quotes"), "{error}");
            let place = (Some(2 + above.lines().count()), Some(1 + line.len() - line.trim_start().len()));
            assert_eq!((error.line(), error.column()), place, "{error}");
        }
    }
    let both = inspect("[rates.gpu]\na100.40Gi = \"1\"\na100.80Gi = \"2\"\n").unwrap_err();
    assert_eq!(both.iter().map(InputError::line).collect::<Vec<_>>(), [Some(2), Some(3)]);
    // What else is wrong in a line keeps its own error.
    for text in ["[rates.gpu]\nt4 = \n", "[rates]\na.b/c = 1\n", "[rates.gpu]\n\"t4\" = 1 1\n", "[rates.gpu]\n! = 1\n"]
    {
        assert!(!read(text).unwrap_err().message().contains("quotes"), "{text}");
    }
}

#[test]
fn everything_that_is_wrong_is_found_in_the_order_of_the_file() {
    let text = format!(
        "[policy]\nplacement = \"pined\"\n[rates]\ncpu = 1.6\nmemroy = 1\n[rates.gpu]\n\"a100.80\" = 1\nt4 = \"x\"\n\
         [rates.storage]\nbeta1 = true\n[policy.owners]\ndeny = [\"x\", \"{ALYCE}\", \"{ALYCE}\"]\n\
         [chain]\nblocks_per_month = 0\n[commit]\ncpu = \"-1\"\n[provider]\nvolumes = -1\n[polcy]\n"
    );
    let problems = inspect(&text).unwrap_err();
    let lines: Vec<Option<usize>> = problems.iter().map(InputError::line).collect();
    assert_eq!(lines, [2, 4, 5, 7, 8, 10, 12, 12, 14, 16, 18, 19].map(Some), "{problems:#?}");
    assert_eq!(read(&text).unwrap_err(), problems[0]);
}

#[test]
fn what_is_not_an_address_is_an_error_with_its_place_in_every_list() {
    for (written, problem) in [
        (String::new(), "it is empty"),
        (format!(" {ALYCE}"), "character 1 is a blank"),
        (ALYCE.to_uppercase(), "character 1 is a capital letter"),
        (ALYCE.replace("alyce", "alcye"), "its checksum is wrong"),
        (ALYCE.replace("akash1", "cosmos1"), "does not begin with `akash1`"),
        ("akash1spammer".to_owned(), "it has 13 characters, and addresses have 44 or 64"),
        ("*".to_owned(), "does not begin with `akash1`"),
    ] {
        for list in ["allow", "deny"] {
            let error = read(&format!("[policy.owners]\n{list} = [\n  \"{written}\",\n]")).unwrap_err().to_string();
            let place = format!("line 3, column 3, at `policy.owners.{list}[0]`: ");
            assert!(error.starts_with(&place) && error.contains(problem), "{error}");
        }
        let error = read(&format!("[policy.owners.discount]\n\"{written}\" = \"0.9\"")).unwrap_err().to_string();
        assert!(
            error.starts_with("line 2, column 1, at `policy.owners.discount.") && error.contains(problem),
            "{error}"
        );
    }
    let factor = |factor: &str| {
        let text = format!("[policy.owners.discount]\n{ALYCE} = {factor}");
        read(&text).unwrap_err().to_string()
    };
    assert!(factor("\"1.1\"").contains("at most 1") && factor("0").contains("above 0"));
}

#[test]
fn an_owner_stands_on_one_list_and_once() {
    let twice = format!("[policy.owners]\ndeny = [\"{ALYCE}\", \"{ALYCE}\"]");
    assert!(read(&twice).unwrap_err().to_string().contains("at `policy.owners.deny[1]`: "), "{twice}");
    for lists in [["allow", "deny"], ["deny", "allow"]] {
        let both = lists.map(|list| format!("{list} = [\"{ALYCE}\"]\n")).concat();
        let error = read(&format!("[policy.owners]\n{both}")).unwrap_err().to_string();
        let place = format!("at `policy.owners.{}[0]`: ", lists[1]);
        assert!(error.contains(&place) && error.contains("on the allow list and on the deny list"), "{error}");
    }
}

#[test]
fn another_network_s_addresses_are_read_by_its_prefix_wherever_that_stands() {
    let lists = "[rates]\ncpu = 1\n[policy.owners]\nallow = [\"cosmos1tenantqqqqqqqqqqqqqqqqqqqqqqqqqqn4vc7x\"]\n";
    let chain = "[chain]\naddress_prefix = \"cosmos\"\n";
    assert!(read(lists).is_err());
    assert_eq!(read(&format!("{lists}{chain}")).unwrap().policy, read(&format!("{chain}{lists}")).unwrap().policy);
    assert!(read(&format!("{chain}[rates]\ncpu = 1\n[policy.owners]\ndeny = [\"{ALYCE}\"]\n")).is_err());
}

#[test]
fn hostile_documents_are_errors() {
    for text in ["[".repeat(100_000), format!("a = {}", "[".repeat(100_000)), "a.".repeat(100_000), "{".repeat(50_000)]
    {
        assert!(read(&text).is_err());
    }
    assert!(read(&" ".repeat(MAX_INPUT_BYTES + 1)).is_err());
}

const PROVIDER: &str = r#"
[provider]
attributes = { region = "us-west", "capabilities/storage/1/class" = "beta3" }
audited_by = ["akash1daveqqqqqqqqqqqqqqqqqqqqqqqqqqqq7ga7ws"]
blocked_hostnames = ["Example.com", ".bobsdefi.com"]
reclamation_window = "1h30m"
volumes = 2
"#;

#[test]
fn a_provider_is_read_with_the_card_or_by_itself() {
    let pricing = read(&format!("[rates]\ncpu = 1\n{PROVIDER}")).unwrap();
    let provider = pricing.provider.clone().unwrap();
    assert_eq!(provider.attributes["capabilities/storage/1/class"], "beta3");
    assert_eq!(provider.audited_by.len(), 1);
    assert_eq!(
        provider.blocked_hostnames.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["example.com", ".bobsdefi.com"]
    );
    assert_eq!(provider.reclamation_window.unwrap().as_secs(), 5_400);
    assert_eq!(provider.volumes, 2);
    assert_eq!(*pricing.origins.get("provider.volumes"), Origin::File);
    let mut alone = Pricing::default();
    read_provider(&format!("[listen]\nsocket = \"x\"\n{PROVIDER}"), &mut alone).unwrap();
    assert_eq!(alone.provider, Some(provider));
    // Without the key the daemon's default applies, and without the section there is no check.
    assert_eq!(read_sections("[provider]").unwrap().provider.unwrap(), Provider::default());
    assert_eq!(Provider::default().volumes, 4);
    assert_eq!(read_sections("").unwrap().provider, None);
}

#[test]
fn a_slip_in_a_provider_is_an_error_with_its_place() {
    for (line, problem) in [
        (
            "attributs = {}",
            "at `provider.attributs`: `attributs` is not a key of a rate card (did you mean `attributes`?)",
        ),
        ("attributes = { region = 1 }", "at `provider.attributes.region`: expected a string"),
        ("attributes = \"region\"", "at `provider.attributes`: expected a table"),
        ("audited_by = [\"akash1dave\"]", "at `provider.audited_by[0]`: `akash1dave` is not an address"),
        (
            "blocked_hostnames = [\"*.bobsdefi.com\"]",
            "at `provider.blocked_hostnames[0]`: `*.bobsdefi.com` is not a hostname",
        ),
        ("blocked_hostnames = \"bobsdefi.com\"", "at `provider.blocked_hostnames`: expected an array of strings"),
        ("reclamation_window = \"a day\"", "at `provider.reclamation_window`: `a day` is not a duration"),
        ("reclamation_window = \"30m\"", "`30m` is out of range; the chain takes from 1h to 720h"),
        ("reclamation_window = 24", "at `provider.reclamation_window`: expected a string, such as `24h`"),
        ("volumes = -1", "at `provider.volumes`: `-1` is out of range"),
    ] {
        let text = format!("[provider]\n{line}\n");
        let error = read_sections(&text).unwrap_err().to_string();
        assert!(error.contains(problem) && error.contains("line 2"), "{line}: {error}");
        assert_eq!(read_provider(&text, &mut Pricing::default()).unwrap_err().to_string(), error);
    }
    let error = read_provider("[provder]\nvolumes = 1\n", &mut Pricing::default()).unwrap_err().to_string();
    assert!(error.contains("the section `[provider]` is missing"), "{error}");
}

#[test]
fn overcommit_may_be_the_daemons_percentage_but_not_for_gpus() {
    let levels =
        read_sections("[commit]\ncpu = \"150%\"\nmemory = \"50%\"\nstorage = \"1.5\"\ngpu = 2\n").unwrap().commit;
    assert_eq!([levels.cpu, levels.memory, levels.gpu], [Decimal::TWO, Decimal::ONE, Decimal::TWO]);
    assert_eq!(levels.storage.to_string(), "1.5");
    let error = read_sections("[commit]\ngpu = \"150%\"\n").unwrap_err().to_string();
    assert!(
        error.starts_with("line 2, column 7, at `commit.gpu`: `150%` is a percentage, and the daemon does not"),
        "{error}"
    );
    let error = read_sections("[commit]\ncpu = \"x%\"\n").unwrap_err().to_string();
    assert!(error.contains("at `commit.cpu`: `x%` is not a percentage that the daemon takes"), "{error}");
}
