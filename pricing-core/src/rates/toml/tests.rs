use super::*;
use crate::gpu::GpuKind;
use crate::rates::Origins;

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
minimum_usd_per_month = "2"
below_minimum = "raise"
[policy.owners]
allow = ["akash1a", "akash1b"]
deny = ["akash1c"]
[policy.owners.discount]
akash1a = "0.9"
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
    assert_eq!(pricing.policy.below_minimum, BelowMinimum::Raise);
    assert_eq!(pricing.policy.owners.allow, ["akash1a", "akash1b"]);
    assert_eq!(pricing.policy.owners.discount["akash1a"].to_string(), "0.9");
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
        ("[policy]\nambiguous_gpu = \"higest\"", "at `policy.ambiguous_gpu`", "did you mean `highest`?"),
        ("[policy]\nunlisted_gpu = \"declin\"", "at `policy.unlisted_gpu`", "neither `decline` nor a price"),
        ("[policy]\nbelow_minimum = 1", "at `policy.below_minimum`", "expected one of"),
        ("[policy.owners]\nallow = \"akash1\"", "at `policy.owners.allow`", "array of strings"),
        ("[policy.owners]\nallow = [\"a\", 1]", "line 2, column 15, at `policy.owners.allow[1]`", "expected a string"),
        ("[policy.owners.discount]\na = \"1.1\"", "at `policy.owners.discount.a`", "at most 1"),
        ("[policy.owners.discount]\na = 0", "at `policy.owners.discount.a`", "above 0"),
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
fn hostile_documents_are_errors() {
    for text in ["[".repeat(100_000), format!("a = {}", "[".repeat(100_000)), "a.".repeat(100_000), "{".repeat(50_000)]
    {
        assert!(read(&text).is_err());
    }
    assert!(read(&" ".repeat(MAX_INPUT_BYTES + 1)).is_err());
}
