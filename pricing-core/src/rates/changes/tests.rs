#![expect(clippy::arithmetic_side_effects, reason = "the numbers of tests are small")]

use core::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::gpu::GpuKind;
use crate::order::detect;
use crate::quote::{self, Decision, Supply, Terms};
use crate::rates::{Origins, UnlistedGpu, toml};

const EXAMPLE: &str = include_str!("../../../../examples/rates.toml");

const EVERYTHING: &str = r#"
[rates]
cpu = "5"
memory = 2
endpoint = "0.06"
ip = "4"
[rates.storage]
ephemeral = "0.03"
nfs = "0.5"
ram = "3"
[rates.gpu]
"nvidia/a100/80Gi/sxm" = "1300"
"a100.80Gi" = "1000"
h100 = 1900
t4 = 80
"nvidia/*" = "60"
"*" = "50"
[policy]
unlisted_gpu = "25"
ambiguous_gpu = "decline"
minimum_usd_per_month = "2"
below_minimum = "raise"
[policy.owners]
allow = ["akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx", "akash1cqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqvqruma"]
deny = ["akash1dqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqg4ck8d", "akash1eqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqnp3s56"]
[policy.owners.discount]
akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx = "0.9"
[chain]
blocks_per_month = "400000"
[chain.denoms]
ufork = { usd = "2", exponent = 8 }
uact = { usd = "0.9", exponent = 6 }
uakt = { usd = "0.5", exponent = 6 }
[commit]
cpu = "2"
gpu = 3
"#;

fn read(text: &str) -> Pricing {
    toml::read_sections(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn changed(before: &str, after: &str) -> Vec<Change> {
    changes(&read(before), &read(after), Limit::default())
}

fn limit(max_change: &str) -> Limit {
    Limit { max_change: MaxChange::parse(max_change).unwrap(), may_lose_keys: false }
}

/// The changes found, as `concern key` or `- key`.
fn told(before: &str, after: &str) -> Vec<String> {
    let name = |change: &Change| format!("{} {}", change.concern.map_or("-", Concern::name), change.key);
    changed(before, after).iter().map(name).collect()
}

/// Whether two cards mean the same for every order, computed by other means than the code under test.
fn is_same(one: &Pricing, other: &Pricing) -> bool {
    let without = |pricing: &Pricing| {
        let mut pricing = Pricing { origins: Origins::default(), ..pricing.clone() };
        pricing.rates.gpu = Default::default();
        for level in
            [&mut pricing.commit.cpu, &mut pricing.commit.memory, &mut pricing.commit.gpu, &mut pricing.commit.storage]
        {
            *level = (*level).max(Decimal::ONE);
        }
        pricing
    };
    let mut kinds = vec![GpuKind::new("nvidia", "nothing", "", ""), GpuKind::new("x", "nothing", "", "")];
    for entry in one.rates.gpu.entries().iter().chain(other.rates.gpu.entries()) {
        let card = entry.card();
        for vendor in ["nvidia", "x", card.vendor()] {
            for ram in ["40Gi", "80Gi", "7Gi", card.ram().unwrap_or("")] {
                kinds.extend(["pcie", "sxm", ""].map(|interface| GpuKind::new(vendor, card.model(), ram, interface)));
            }
        }
    }
    let usd = |pricing: &Pricing, kind: &GpuKind| match (pricing.rates.gpu.lookup(kind), pricing.policy.unlisted_gpu) {
        (Some(rate), _) => Some(rate.usd()),
        (None, UnlistedGpu::Price(usd)) => Some(usd),
        (None, UnlistedGpu::Decline) => None,
    };
    let ignoring_unlisted = |pricing: &Pricing| {
        let mut pricing = without(pricing);
        pricing.policy.unlisted_gpu = UnlistedGpu::Decline;
        if pricing.policy.minimum_usd_per_month.is_zero() {
            pricing.policy.below_minimum = Default::default();
        }
        pricing
    };
    ignoring_unlisted(one) == ignoring_unlisted(other) && kinds.iter().all(|kind| usd(one, kind) == usd(other, kind))
}

#[test]
fn what_could_cost_money_has_to_be_accepted() {
    let base = "[rates]\ncpu = 4\n[rates.storage]\nnfs = 1\n[rates.gpu]\nh100 = 1900\n\"a100.80Gi\" = 1000\nt4 = 80\n";
    let policy = |text: &str| format!("{base}[policy]\n{text}\n");
    let rates = |from: &str, to: &str| base.replace(from, to);
    for (before, after, expected) in [
        // The allow and the deny list.
        (
            policy("owners.allow = [\"akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx\"]"),
            policy(""),
            "owners policy.owners.allow",
        ),
        (
            policy("owners.allow = [\"akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx\"]"),
            policy("owners.allow = []"),
            "owners policy.owners.allow",
        ),
        (
            policy("owners.deny = [\"akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx\"]"),
            policy("owners.deny = []"),
            "owners policy.owners.deny",
        ),
        (
            policy(
                "owners.deny = [\"akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx\", \"akash1cqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqvqruma\"]",
            ),
            policy("owners.deny = [\"akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx\"]"),
            "owners policy.owners.deny",
        ),
        (
            policy("owners.deny = [\"akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx\"]"),
            policy("owners.deny = [\"akash1cqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqvqruma\"]"),
            "owners policy.owners.deny",
        ),
        (
            policy("owners.deny = [\"akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx\"]"),
            policy("owners.allow = [\"akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx\"]"),
            "owners policy.owners.deny",
        ),
        // Discounts.
        (
            policy(""),
            policy("owners.discount.akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx = \"0.4\""),
            "lowered policy.owners.discount.akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx",
        ),
        (
            policy("owners.discount.akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx = \"0.9\""),
            policy("owners.discount.akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx = \"0.4\""),
            "lowered policy.owners.discount.akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx",
        ),
        // The minimum, and what is below it.
        (policy("minimum_usd_per_month = 3"), policy(""), "minimum policy.minimum_usd_per_month"),
        (
            policy("minimum_usd_per_month = 3"),
            policy("minimum_usd_per_month = 0"),
            "minimum policy.minimum_usd_per_month",
        ),
        (
            policy("minimum_usd_per_month = 3"),
            policy("minimum_usd_per_month = 1"),
            "lowered policy.minimum_usd_per_month",
        ),
        (
            policy("minimum_usd_per_month = 3"),
            policy("minimum_usd_per_month = 3\nbelow_minimum = \"raise\""),
            "policy policy.below_minimum",
        ),
        // Choices.
        (policy(""), policy("ambiguous_gpu = \"lowest\""), "policy policy.ambiguous_gpu"),
        (policy("ambiguous_gpu = \"decline\""), policy(""), "policy policy.ambiguous_gpu"),
        (policy(""), policy("ambiguous_gpu = \"expected\""), "policy policy.ambiguous_gpu"),
        (policy(""), policy("placement = \"pinned\""), "policy policy.placement"),
        (
            policy("ambiguous_gpu = \"lowest\"\nplacement = \"pinned\""),
            policy("ambiguous_gpu = \"lowest\""),
            "policy policy.placement",
        ),
        (policy(""), policy("unlisted_gpu = 500"), "cards-opened policy.unlisted_gpu"),
        (policy("unlisted_gpu = 50"), policy("unlisted_gpu = 5"), "lowered policy.unlisted_gpu"),
        (policy("unlisted_gpu = 50"), policy(""), "entry-gone policy.unlisted_gpu"),
        // Entries.
        (base.to_owned(), rates("t4 = 80\n", ""), "entry-gone rates.gpu.t4"),
        (base.to_owned(), rates("t4 = 80\n", "l4 = 80\n"), "entry-gone rates.gpu.t4"),
        (base.to_owned(), rates("\"a100.80Gi\"", "\"amd/a100\""), "entry-gone rates.gpu.\"a100.80Gi\""),
        (base.to_owned(), rates("\"a100.80Gi\"", "\"nvidia/a100/80Gi\""), "entry-gone rates.gpu.\"a100.80Gi\""),
        (base.to_owned(), rates("t4 = 80\n", "\"*\" = 90\n"), "entry-gone rates.gpu.t4"),
        (base.to_owned(), rates("t4 = 80\n", "t4 = 80\n\"*\" = 5000\n"), "cards-opened rates.gpu.\"*\""),
        (base.to_owned(), rates("t4 = 80\n", "t4 = 80\n\"amd/*\" = 5000\n"), "cards-opened rates.gpu.\"amd/*\""),
        (base.to_owned(), rates("nfs = 1", "beta1 = 1"), "entry-gone rates.storage.nfs"),
        // A more specific entry, or a less specific one in place of another.
        (base.to_owned(), rates("t4 = 80", "t4 = 80\n\"h100.80Gi.sxm\" = 190"), "lowered rates.gpu.\"h100.80Gi.sxm\""),
        (base.to_owned(), rates("t4 = 80", "t4 = 80\n\"nvidia/h100\" = 190"), "lowered rates.gpu.\"nvidia/h100\""),
        (base.to_owned(), rates("\"a100.80Gi\" = 1000", "a100 = 400"), "entry-gone rates.gpu.\"a100.80Gi\""),
        (
            policy("ambiguous_gpu = \"lowest\""),
            policy("ambiguous_gpu = \"lowest\"").replace("t4 = 80", "t4 = 80\nl4 = 30"),
            "lowered rates.gpu.l4",
        ),
        (
            policy("ambiguous_gpu = \"lowest\"").replace("t4 = 80", ""),
            policy("ambiguous_gpu = \"lowest\"").replace("t4 = 80", "\"a100.40Gi\" = 300"),
            "lowered rates.gpu.\"a100.40Gi\"",
        ),
        // Amounts.
        (base.to_owned(), rates("cpu = 4", "cpu = \"1.99\""), "lowered rates.cpu"),
        (base.to_owned(), rates("cpu = 4", "cpu = 0"), "lowered rates.cpu"),
        (base.to_owned(), rates("t4 = 80", "t4 = 8"), "lowered rates.gpu.t4"),
        (base.to_owned(), rates("nfs = 1", "nfs = \"0.1\""), "lowered rates.storage.nfs"),
        // A key that is gone is a concern however little the amount falls.
        (rates("cpu = 4", "cpu = \"1.61\""), rates("cpu = 4", ""), "lowered rates.cpu"),
        (rates("nfs = 1", "ephemeral = \"0.021\""), rates("nfs = 1", ""), "lowered rates.storage.ephemeral"),
        // The chain.
        (base.to_owned(), format!("{base}[chain]\nblocks_per_month = 900000"), "lowered chain.blocks_per_month"),
        (format!("{base}[chain]\nblocks_per_month = 429908"), base.to_owned(), "lowered chain.blocks_per_month"),
        (
            base.to_owned(),
            format!("{base}[chain.denoms]\nuact = {{ usd = \"2.1\", exponent = 6 }}"),
            "lowered chain.denoms.uact",
        ),
        (
            base.to_owned(),
            format!("{base}[chain.denoms]\nuact = {{ usd = \"1\", exponent = 5 }}"),
            "lowered chain.denoms.uact",
        ),
        (
            base.to_owned(),
            format!("{base}[chain.denoms]\nuakt = {{ usd = \"1\", exponent = 6 }}"),
            "incomparable chain.denoms.uakt",
        ),
        (
            format!("{base}[chain.denoms]\nufork = {{ usd = 1, exponent = 6 }}"),
            base.to_owned(),
            "entry-gone chain.denoms.ufork",
        ),
        // Overcommit.
        (base.to_owned(), format!("{base}[commit]\ncpu = 3"), "overcommitted commit.cpu"),
        (format!("{base}[commit]\ngpu = 2"), format!("{base}[commit]\ngpu = 5"), "overcommitted commit.gpu"),
    ] {
        let told = told(&before, &after);
        assert!(told.iter().any(|told| told == expected), "{expected}: {told:?}\n{after}");
    }
}

#[test]
fn everything_else_is_taken() {
    let base = "[rates]\ncpu = 4\n[rates.gpu]\nh100 = 1900\n\"a100.80Gi\" = 1000\n\"*\" = 40\n[policy]\nminimum_usd_per_month = 1\n";
    let policy = |text: &str| format!("{base}{text}\n");
    let rates = |from: &str, to: &str| base.replace(from, to);
    for (before, after, expected) in [
        (base.to_owned(), rates("cpu = 4", "cpu = 400"), "- rates.cpu"),
        (base.to_owned(), rates("cpu = 4", "cpu = 2"), "- rates.cpu"),
        (base.to_owned(), rates("h100 = 1900", "h100 = 950"), "- rates.gpu.h100"),
        (base.to_owned(), rates("h100", "l40s = 30\nh100"), "- rates.gpu.l40s"),
        (base.replace("\"*\" = 40", ""), base.replace("\"*\" = 40", "l40s = 1"), "- rates.gpu.l40s"),
        (base.replace("cpu = 4", "cpu = 1"), base.replace("cpu = 4", ""), "- rates.cpu"),
        (base.to_owned(), policy("ambiguous_gpu = \"decline\""), "- policy.ambiguous_gpu"),
        (policy("ambiguous_gpu = \"lowest\""), base.to_owned(), "- policy.ambiguous_gpu"),
        (policy("below_minimum = \"raise\""), base.to_owned(), "- policy.below_minimum"),
        (base.to_owned(), base.replace("month = 1", "month = 100"), "- policy.minimum_usd_per_month"),
        (
            base.to_owned(),
            policy("owners.allow = [\"akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx\"]"),
            "- policy.owners.allow",
        ),
        (
            policy("owners.allow = [\"akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx\"]"),
            policy(
                "owners.allow = [\"akash1cqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqvqruma\", \"akash1dqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqg4ck8d\"]",
            ),
            "- policy.owners.allow",
        ),
        (
            base.to_owned(),
            policy("owners.deny = [\"akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx\"]"),
            "- policy.owners.deny",
        ),
        (
            policy("owners.discount.akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx = \"0.9\""),
            base.to_owned(),
            "- policy.owners.discount.akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx",
        ),
        (
            base.to_owned(),
            policy("owners.discount.akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx = \"0.5\""),
            "- policy.owners.discount.akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx",
        ),
        (base.to_owned(), format!("{base}[chain]\nblocks_per_month = 300000"), "- chain.blocks_per_month"),
        (base.to_owned(), format!("{base}[chain.denoms]\nunew = {{ usd = 9, exponent = 2 }}"), "- chain.denoms.unew"),
        (base.to_owned(), format!("{base}[chain]\naddress_prefix = \"cosmos\""), "- chain.address_prefix"),
        (base.to_owned(), format!("{base}[commit]\ncpu = 2"), "- commit.cpu"),
        (format!("{base}[commit]\ncpu = 9"), base.to_owned(), "- commit.cpu"),
        (base.to_owned(), format!("{base}[rates.storage]\nnfs = 1"), "- rates.storage.nfs"),
    ] {
        assert_eq!(told(&before, &after), [expected], "{after}");
    }
}

#[test]
fn a_key_that_is_gone_lowers_too_much_where_it_can_have_been_cut() {
    let (before, after) = (read("[rates]\ncpu = \"2\"\nip = 5"), read("[rates]\nip = 5"));
    for may_lose_keys in [false, true] {
        let found = changes(&before, &after, Limit { may_lose_keys, ..Limit::default() });
        assert_eq!(found[0].to_string(), "`rates.cpu`: 2 -> 1.6 (20 % lower)");
        assert_eq!(found[0].concern, (!may_lose_keys).then_some(Concern::Lowered));
    }
}

#[test]
fn another_notation_and_what_prices_nothing_change_nothing() {
    let card = |gpu: &str| format!("[rates.gpu]\n{gpu}\n");
    for (before, after) in [
        (card("\"a100.80Gi\" = 1000"), card("\"A100.80gi\" = \"1000.00\"")),
        (card("t4 = 80\nh100 = 1900"), card("h100 = 1900\nt4 = 80")),
        // The entry costs what `*` costs.
        (card("t4 = 50\n\"*\" = 50"), card("\"*\" = 50")),
        (card("\"*\" = 50"), card("t4 = 50\n\"nvidia/*\" = 50\n\"*\" = 50")),
        // With `*`, nothing is unlisted.
        (card("\"*\" = 50\n[policy]\nunlisted_gpu = 7"), card("\"*\" = 50")),
        (card("t4 = 1\n[policy]\nbelow_minimum = \"raise\""), card("t4 = 1")),
        (card("t4 = 1\n[commit]\ncpu = \"0.5\""), card("t4 = 1")),
    ] {
        assert_eq!(changed(&before, &after), [], "{before} {after}");
    }
}

#[test]
fn several_that_are_small_enough_are_too_much_together() {
    let card = |cpu: &str, blocks: &str, discount: &str| {
        format!(
            "[rates]\ncpu = \"{cpu}\"\n[policy.owners.discount]\nakash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx = \"{discount}\"\n[chain]\nblocks_per_month = {blocks}\n"
        )
    };
    let before = card("10", "400000", "1");
    for (after, together) in [
        (card("6", "400000", "1"), false),
        (card("6", "500000", "1"), true),
        (card("7", "400000", "0.7"), true),
        (card("8", "500000", "0.8"), false),
        (card("7", "500000", "0.8"), true),
        // Increases do not compensate for reductions.
        (card("6", "100", "0.8"), true),
    ] {
        let concerns = changed(&before, &after).into_iter().filter(|change| change.concern.is_some());
        let keys: Vec<_> = concerns.map(|change| change.key).collect();
        let expected: &[&str] = if together { &["rates, chain and discounts together"] } else { &[] };
        assert_eq!(keys, expected, "{after}");
    }
}

#[test]
fn amounts_are_looked_at_only_where_they_are_to_be() {
    let (before, after) = (read(EVERYTHING), read("[rates]\ncpu = \"0.01\""));
    let none = changes(&before, &after, limit("0"));
    let names: std::collections::BTreeSet<_> =
        none.iter().filter_map(|change| change.concern.map(Concern::name)).collect();
    assert_eq!(names, ["entry-gone", "incomparable", "minimum", "owners", "policy"].into());
    let narrow = changes(&before, &read(&EVERYTHING.replace("cpu = \"5\"", "cpu = \"4.9\"")), limit("1%"));
    assert_eq!(narrow[0].to_string(), "`rates.cpu`: 5 -> 4.9 (2 % lower)");
    assert_eq!(narrow[0].concern, Some(Concern::Lowered));
}

#[test]
fn changes_are_told_in_words() {
    let told: Vec<String> = changed(
        EVERYTHING,
        "[rates]\ncpu = \"1.60\"\n[rates.gpu]\nh100 = 1900\n\"h100.80Gi\" = 20\n\"*\" = 50\n[policy]\n\
         [policy.owners]\nallow = []\ndeny = [\"akash1eqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqnp3s56\", \"akash1fqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq03z0j3\"]\n[chain.denoms]\nuakt = { usd = \"5\", exponent = 6 }",
    )
    .iter()
    .map(ToString::to_string)
    .collect();
    for line in [
        "`rates.cpu`: 5 -> 1.6 (68 % lower)",
        "`rates.gpu.t4`: 80 -> 50 by `rates.gpu.\"*\"` (37.5 % lower)",
        "`rates.gpu.\"h100.80Gi\"`: 1900 by `rates.gpu.h100` -> 20 (98.95 % lower)",
        "`policy.owners.allow`: 2 owners -> everyone",
        "`policy.owners.deny`: 2 owners -> 2 owners, without `akash1dqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqg4ck8d`, with `akash1fqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq03z0j3`",
        "`policy.minimum_usd_per_month`: 2 -> none",
        "`chain.denoms.ufork`: 2 USD, exponent 8 -> no bid",
        "`chain.denoms.uakt`: 0.5 USD, exponent 6 -> 5 USD, exponent 6 (90 % lower)",
    ] {
        assert!(told.iter().any(|told| told == line), "{line} is not in\n{}", told.join("\n"));
    }
}

/// A card with many entries that all have to be told apart.
fn many_cards(number: usize) -> String {
    let mut text = "[rates.gpu]\n".to_owned();
    for entry in 0..number {
        writeln!(text, "\"v{entry}/a100/{entry}0Gi/sxm\" = 1").unwrap();
    }
    text.replace("/00Gi", "/5Gi")
}

#[test]
fn more_cards_than_can_be_compared_have_to_be_accepted() {
    let (small, large) = (many_cards(60), many_cards(400));
    assert_eq!(told(&small, &format!("{small}t4 = 5")), ["- rates.gpu.t4"]);
    assert_eq!(told(&large, &format!("{large}\"v1/a100\" = 5")), ["incomparable rates.gpu"]);
    // Unchanged entries need not be compared.
    assert_eq!(told(&large, &format!("{large}t4 = 5")), ["- rates.gpu.t4"]);
    assert_eq!(told(&large, &large), Vec::<String>::new());
}

/// Every key of a card's text that has a value, by its path.
fn leaves(table: &::toml::Table, path: &[String], found: &mut Vec<Vec<String>>) {
    for (key, value) in table {
        let path = [path, std::slice::from_ref(key)].concat();
        match value {
            // A denom is one value.
            ::toml::Value::Table(inner) if path.len() < 3 || path[0] == "policy" && path.len() < 4 => {
                leaves(inner, &path, found);
            }
            _ => found.push(path),
        }
    }
}

fn without(table: &::toml::Table, path: &[String]) -> ::toml::Table {
    let mut table = table.clone();
    match path {
        [key] => {
            table.remove(key);
        }
        [key, rest @ ..] => {
            let inner = table[key].as_table().unwrap();
            table.insert(key.clone(), without(inner, rest).into());
        }
        [] => {}
    }
    table
}

#[test]
fn every_key_that_is_removed_is_found_or_changes_nothing() {
    for text in [EXAMPLE, EVERYTHING] {
        let table: ::toml::Table = text.parse().unwrap();
        let mut keys = Vec::new();
        leaves(&table, &[], &mut keys);
        // And whole sections.
        keys.extend(keys.clone().iter().flat_map(|path| (1..path.len()).map(|length| path[..length].to_vec())));
        assert!(keys.len() > 15, "{keys:?}");
        let mut found = 0;
        for key in keys {
            let (before, after) = (read(text), read(&without(&table, &key).to_string()));
            let changes = changes(&before, &after, Limit::default());
            assert_eq!(changes.is_empty(), is_same(&before, &after), "{key:?}: {changes:?}");
            found += usize::from(!changes.is_empty());
        }
        assert!(found > 10, "{found}");
    }
}

#[test]
fn a_card_that_was_cut_anywhere_is_seen() {
    for text in [EXAMPLE, EVERYTHING] {
        let before = read(text);
        let mut last = None;
        for (cut, _) in text.char_indices() {
            let after = &text[..cut];
            assert!(is_cut(text, after) || text[cut..].trim().is_empty(), "{cut}");
            // Most cuts are in the middle of something, or in a comment.
            let Ok(after) = toml::read(after) else { continue };
            if last.as_ref() == Some(&after) {
                continue;
            }
            let changes = changes(&before, &after, Limit::default());
            assert_eq!(changes.is_empty(), is_same(&before, &after), "{cut}: {changes:?}");
            last = Some(after);
        }
        assert!(!is_cut(text, text) && !is_cut(text, &format!("{text}\n\n")) && !is_cut(text, &format!("#{text}")));
        assert!(is_cut(text, "") && is_cut(text, "\n"));
    }
}

/// Cards with few distinct words, so that their entries often overlap.
fn card() -> impl Strategy<Value = String> {
    let amount = || prop_oneof![Just(0_u32), 1_u32..20, 100_u32..200];
    let key = prop::sample::select(vec![
        "*",
        "nvidia/*",
        "amd/*",
        "a100",
        "nvidia/a100",
        "a100.80Gi",
        "a100.40Gi",
        "a100.sxm",
        "nvidia/a100/80Gi/sxm",
        "t4",
        "h100.80Gi",
    ]);
    let gpu = prop::collection::btree_map(key, amount(), 0..6);
    let policy = (
        prop::option::of(1_u32..200),
        prop::sample::select(vec!["highest", "lowest", "expected", "decline"]),
        prop::sample::select(vec![0_u32, 10, 15, 100]),
        prop::sample::select(vec!["decline", "raise"]),
        prop::sample::subsequence(OWNERS[..3].to_vec(), 0..=3),
        prop::sample::subsequence(OWNERS[..3].to_vec(), 0..=3),
        prop::option::of(1_u32..=10),
    );
    let chain =
        (prop::sample::select(vec![300_000_u32, 429_909, 600_000]), prop::sample::select(vec![1_u32, 2, 3]), 5_u32..8);
    (amount(), gpu, policy, chain).prop_map(|(cpu, gpu, policy, (blocks, usd, exponent))| {
        let (unlisted, ambiguous, minimum, below, allow, mut deny, discount) = policy;
        // No owner may be on both lists.
        deny.retain(|owner| !allow.contains(owner));
        let mut text = format!("[rates]\ncpu = {cpu}\nmemory = 0\nendpoint = 0\n[rates.gpu]\n");
        gpu.iter().for_each(|(key, usd)| writeln!(text, "\"{key}\" = {usd}").unwrap());
        writeln!(text, "[policy]\nambiguous_gpu = \"{ambiguous}\"\nbelow_minimum = \"{below}\"").unwrap();
        writeln!(text, "minimum_usd_per_month = {minimum}").unwrap();
        unlisted.iter().for_each(|usd| writeln!(text, "unlisted_gpu = {usd}").unwrap());
        writeln!(text, "[policy.owners]\nallow = {allow:?}\ndeny = {deny:?}").unwrap();
        let tenths = |tenths: u32| if tenths == 10 { "1".to_owned() } else { format!("0.{tenths}") };
        discount.iter().for_each(|factor| writeln!(text, "discount.{} = \"{}\"", OWNERS[0], tenths(*factor)).unwrap());
        writeln!(text, "[chain]\nblocks_per_month = {blocks}").unwrap();
        writeln!(text, "denoms.uact = {{ usd = {usd}, exponent = {exponent} }}").unwrap();
        text
    })
}

fn order(gpu: &str) -> String {
    format!(
        r#"{{"resources":[{{"memory":0,"cpu":2000,"gpu":{{"units":1,"attributes":{{"vendor":{{"nvidia":{gpu}}}}}}},"storage":[],"count":1,"endpoint_quantity":0,"ip_lease_quantity":0}}],"price":{{"denom":"uact","amount":"100000000000"}},"price_precision":18}}"#
    )
}

/// Addresses of tenants. The lists have the first three.
const OWNERS: [&str; 4] = [
    "akash1aqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq59tfpx",
    "akash1cqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqvqruma",
    "akash1dqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqg4ck8d",
    "akash1eqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqnp3s56",
];

const REQUESTS: [&str; 6] = [
    r#"{"model":"*"}"#,
    r#"{"model":"a100"}"#,
    r#"{"model":"a100","ram":"80Gi"}"#,
    r#"{"model":"a100","ram":"80Gi","interface":"sxm"}"#,
    r#"{"model":"t4"}"#,
    r#"{"model":"l40"}"#,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_card_beside_itself_changes_nothing(text in card()) {
        prop_assert_eq!(changed(&text, &text), []);
    }

    #[test]
    fn what_need_not_be_accepted_bids_at_least_half_and_only_to_those_it_bid_to(
        before in card(), after in card(), request in prop::sample::select(REQUESTS.to_vec()), owner in prop::sample::select(OWNERS.to_vec()),
    ) {
        let (before, after) = (read(&before), read(&after));
        let changes = changes(&before, &after, Limit::default());
        prop_assert_eq!(changes.is_empty(), is_same(&before, &after), "{:?}", changes);
        if changes.iter().any(|change| change.concern.is_some()) {
            return Ok(());
        }
        let order = detect::read(&order(request), None).unwrap().remove(0);
        let terms = Terms { owner: Some(owner.into()), ..Terms::default() };
        let [before_bid, after_bid] = [&before, &after].map(|pricing| quote::quote(&quote::QuoteRequest::new(&order, pricing, Supply::Unknown, &terms)));
        match (&before_bid.decision, &after_bid.decision) {
            (Decision::Bid(before), Decision::Bid(after)) => {
                // Each line and the bid are rounded.
                let least = before.amount() / Decimal::TWO - Decimal::new(1, 6);
                prop_assert!(after.amount() >= least, "{before:?} {after:?}");
            }
            (Decision::NoBid(reason), Decision::Bid(_)) => {
                prop_assert!(reason.code != quote::ReasonCode::OwnerDenied, "{reason:?}");
                let is_listed = after.policy.owners.allow.iter().any(|listed| listed.as_str() == owner);
                prop_assert!(reason.code != quote::ReasonCode::OwnerNotAllowed || is_listed, "{reason:?}");
            }
            (_, Decision::NoBid(_)) => {}
        }
    }
}

#[test]
fn a_provider_that_is_gone_or_blocks_less_has_to_be_accepted() {
    let before = "[provider]\nattributes = { region = \"us\" }\nblocked_hostnames = [\"a.com\", \"b.com\"]\n";
    let concerns =
        |after: &str| changed(before, after).into_iter().map(|change| (change.key, change.concern)).collect::<Vec<_>>();
    assert_eq!(concerns(before), []);
    assert_eq!(concerns(""), [("provider".to_owned(), Some(Concern::Policy))]);
    let fewer = before.replace(", \"b.com\"", "");
    assert_eq!(concerns(&fewer), [("provider.blocked_hostnames".to_owned(), Some(Concern::Policy))]);
    let other = format!("{}volumes = 8\nreclamation_window = \"24h\"\n", before.replace("\"us\"", "\"eu\""));
    let keys = ["provider.attributes", "provider.reclamation_window", "provider.volumes"];
    assert_eq!(concerns(&other), keys.map(|key| (key.to_owned(), None)));
    assert_eq!(changed("", before).into_iter().map(|change| change.concern).collect::<Vec<_>>(), [None]);
}
