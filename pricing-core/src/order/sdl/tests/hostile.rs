//! Inputs that try to exhaust memory, stack or time.

use super::super::read;
use crate::order::MAX_INPUT_BYTES;

/// Returns the message of the error.
fn refusal(text: &str) -> String {
    read(text).unwrap_err().message().to_owned()
}

#[test]
fn an_alias_bomb_is_counted_before_it_goes_off() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let alias = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![alias; 10].join(", ")));
    }
    assert_eq!(refusal(&text), "more than 200000 values, aliases expanded");
    // Nested mappings through merges.
    let mut text = "a0: &a0 {k: v}\n".to_owned();
    for level in 1..30 {
        let alias = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} {{x: {alias}, y: {alias}, <<: [{alias}, {alias}]}}\n"));
    }
    assert_eq!(refusal(&text), "more than 200000 values, aliases expanded");
}

#[test]
fn nesting_is_bounded() {
    // Within brackets the parser looks ahead for a `:`. It has its own bound there.
    for flow in ["[".repeat(100_000) + &"]".repeat(100_000), "{a: ".repeat(100_000), "[{a: ".repeat(100_000)] {
        let message = refusal(&flow);
        assert!(message == "nested deeper than 64 levels" || message.contains("recursion limit"), "{message}");
    }
    let flow = "[".repeat(65) + &"]".repeat(65);
    assert_eq!(refusal(&flow), "nested deeper than 64 levels");
    let block = "- ".repeat(100_000);
    assert_eq!(refusal(&block), "nested deeper than 64 levels");
    let questions = "? ".repeat(100_000);
    assert_eq!(refusal(&questions), "a list or mapping as a key; expected text");
    let indented: String = (0..500).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert_eq!(refusal(&indented), "nested deeper than 64 levels");
    // An alias cannot add depth unnoticed.
    let deep = |n: usize, core: &str| format!("{}{core}{}", "[".repeat(n), "]".repeat(n));
    let text = format!("a: &a {}\nb: &b {}\nc: {}\n", deep(30, "1"), deep(30, "*a"), deep(30, "*b"));
    assert_eq!(refusal(&text), "nested deeper than 64 levels");
}

#[test]
fn size_is_bounded_before_anything_is_read() {
    let text = " ".repeat(MAX_INPUT_BYTES + 1);
    assert_eq!(refusal(&text), "4194305 bytes are more than an order may have; the most is 4194304");
    assert_eq!(refusal(&" ".repeat(1 << 20)), "the file is empty");
    assert_eq!(refusal(&"\n".repeat(1 << 20)), "the file is empty");
}

#[test]
fn many_values_are_refused() {
    let text = format!("a: [{}]", "1,".repeat(300_000));
    assert_eq!(refusal(&text), "more than 200000 values, aliases expanded");
}

#[test]
fn shared_profiles_do_not_multiply_without_bound() {
    let names = |count: usize, name: &str, value: &str| -> String {
        (0..count).map(|index| format!("{name}{index}: {value}, ")).collect()
    };
    let volumes: String = (0..5000).map(|index| format!("{{name: v{index}, size: 1Gi}}, ")).collect();
    let text = format!(
        "version: '2.0'
services: {{{}}}
profiles:
  compute: {{p: {{resources: {{cpu: {{units: 1}}, memory: {{size: 1Gi}}, storage: [{volumes}]}}}}}}
  placement: {{w: {{pricing: {{p: {{denom: uakt, amount: 1}}}}}}}}
deployment: {{{}}}
",
        names(5000, "s", "{image: x}"),
        names(5000, "s", "{w: {profile: p, count: 1}}")
    );
    assert_eq!(refusal(&text), "the deployments come to more than 100000 volumes, cards and ports");
}

#[test]
fn long_names_are_not_compared() {
    let long = "x".repeat(1 << 20);
    assert_eq!(refusal(&format!("? {long}\n: 1")).len(), "unknown key ``".len() + 60 + "…".len());
}

#[test]
fn long_words_are_cut_in_messages() {
    for text in [format!("{}: 1", "k".repeat(1000)), format!("version: \"{}\"", "v".repeat(100_000))] {
        assert!(read(&text).unwrap_err().to_string().len() < 600);
    }
    assert!(!read("version: \"\\e[2J\"").unwrap_err().to_string().contains('\u{1b}'));
}

#[test]
fn odd_text_is_an_error_and_never_a_panic() {
    for text in [
        "x",
        "5",
        "[]",
        "{}",
        "~",
        "---",
        "...",
        "--- ---",
        "version",
        ": ",
        "- ",
        "?",
        "!",
        "&a",
        "*a",
        "|",
        ">",
        "'",
        "\"",
        "%TAG ! x",
        "\u{feff}",
        "\u{feff}\u{feff}",
        "\u{2028}",
        "\r",
        "\t",
        "<<: {}",
        "a: !!str",
        "a: !!str {}",
        "version: !!str 2.0",
    ] {
        assert!(read(text).is_err(), "{text:?}");
    }
}
