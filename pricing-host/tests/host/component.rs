//! Components: what they are told, and what becomes of their answers.

use crate::common::{load, outcome, quote};
use testkit::guest::answers;

#[test]
fn a_price_is_a_bid() {
    let plugin = load(&answers(0, "1.5"));
    let quote = quote(&plugin);
    assert_eq!(outcome(&quote), "1.5 uact");
    assert!(quote.plugin.unwrap().fuel.unwrap() > 0);
}

#[test]
fn a_decline_is_the_plugins() {
    let plugin = load(&answers(1, "no miners\u{1b}[2J"));
    assert_eq!(outcome(&quote(&plugin)), "plugin-declined: no miners\u{fffd}[2J");
}
