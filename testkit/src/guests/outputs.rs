//! Guests whose answers are too large, or not where they claim.

use pricing_core::quote::ReasonCode;

use super::Attack;
use crate::guest::{Guest, data};

/// The address of the answers here.
const ANSWER: u32 = 16;
/// The maximum size of one answer, in bytes.
const OUTPUT: u32 = 64 << 10;
/// The cases of `answer`.
const PRICE: u32 = 0;
const DECLINE: u32 = 1;
const CHANGE: u32 = 2;

/// The body of a `price` whose answer is a case, and a list or text at an address.
fn answer(case: u32, address: u32, length: u32) -> String {
    format!(
        "(i32.store8 (i32.const {ANSWER}) (i32.const {case}))
         (i32.store (i32.const {}) (i32.const {address}))
         (i32.store (i32.const {}) (i32.const {length}))
         (i32.const {ANSWER})",
        ANSWER + 4,
        ANSWER + 8
    )
}

fn says(case: u32, address: u32, length: u32, fields: &str) -> Vec<u8> {
    Guest { price: &answer(case, address, length), fields, memory: "200", ..Guest::default() }.component()
}

/// All attacks by what an answer points to.
#[must_use]
pub fn attacks() -> Vec<Attack> {
    [texts(), lists(), addresses()].concat()
}

fn texts() -> Vec<Attack> {
    let invalid = |name, file| Attack::new(name, file, ReasonCode::InvalidOutput);
    let exceeded = |name, file| Attack::new(name, file, ReasonCode::OutputExceeded);
    vec![
        invalid("a text of 1 GiB", says(PRICE, 64, 1 << 30, "")),
        invalid("a text of 4 GiB", says(DECLINE, 64, u32::MAX, "")),
        invalid("a text that starts beyond the memory", says(DECLINE, 200 << 16, 1, "")),
        invalid("a text that ends beyond the memory", says(DECLINE, (200 << 16) - 1, 2, "")),
        invalid("a text at the last address", says(DECLINE, u32::MAX, u32::MAX, "")),
        exceeded("a text of all its memory", says(DECLINE, 0, 200 << 16, "")),
        exceeded("a text of a byte too many", says(DECLINE, 4 << 20, OUTPUT + 1, "")),
        Attack::new("a text as long as may be", says(DECLINE, 4 << 20, OUTPUT, ""), ReasonCode::PluginDeclined),
        invalid("a price of 64 KiB", says(PRICE, 4 << 20, OUTPUT, "")),
        invalid("a text that is not UTF-8", says(DECLINE, 64, 4, &data(64, b"\xff\xfe\x80\x00"))),
        invalid("a text cut within a character", says(DECLINE, 64, 2, &data(64, "\u{20ac}".as_bytes()))),
        invalid("a surrogate in a text", says(DECLINE, 64, 3, &data(64, b"\xed\xa0\x80"))),
        invalid("a character written too long", says(DECLINE, 64, 2, &data(64, b"\xc0\xaf"))),
        invalid("a character beyond Unicode", says(DECLINE, 64, 4, &data(64, b"\xf4\x90\x80\x80"))),
    ]
}

fn lists() -> Vec<Attack> {
    let invalid = |name, file| Attack::new(name, file, ReasonCode::InvalidOutput);
    let exceeded = |name, file| Attack::new(name, file, ReasonCode::OutputExceeded);
    // A change is 16 bytes: its case, then the address and length of its text.
    let one =
        |case: u32, address: u32, length: u32| data(1024, &[case, address, length, 0].map(u32::to_le_bytes).concat());
    let heavy: Vec<u8> = (0..1_000).flat_map(|_| [0, 65_536, 60_000, 0_u32].map(u32::to_le_bytes).concat()).collect();
    vec![
        invalid("2^31 changes", says(CHANGE, 1024, 1 << 31, "")),
        invalid("2^28 changes, which wrap around the address space", says(CHANGE, 1024, 1 << 28, "")),
        invalid("4 billion changes", says(CHANGE, 1024, u32::MAX, "")),
        exceeded("800,000 changes, which its memory has room for", says(CHANGE, 0, 800_000, "")),
        exceeded("changes that repeat one large text", says(CHANGE, 1024, 1_000, &data(1024, &heavy))),
        invalid("changes at an odd address", says(CHANGE, 1025, 1, "")),
        invalid("a list that starts beyond the memory", says(CHANGE, 200 << 16, 1, "")),
        invalid("a list that ends beyond the memory", says(CHANGE, (200 << 16) - 16, 2, "")),
        invalid("a change that there is none of", says(CHANGE, 1024, 1, &one(4, 64, 1))),
        invalid("a change without a number", says(CHANGE, 1024, 1, &one(255, 64, 1))),
        invalid("a change whose text is beyond the memory", says(CHANGE, 1024, 1, &one(1, 200 << 16, 5))),
        invalid("a change whose text is 2 GiB", says(CHANGE, 1024, 1, &one(1, 0, 1 << 31))),
        invalid("an answer that there is none of", says(3, 64, 1, "")),
        invalid("an answer of case 255", says(255, 64, 1, "")),
    ]
}

fn addresses() -> Vec<Attack> {
    let invalid = |name, body: &str| {
        Attack::new(name, Guest { price: body, ..Guest::default() }.component(), ReasonCode::InvalidOutput)
    };
    vec![
        invalid("an answer beyond the memory", "(i32.const 131072)"),
        invalid("an answer that ends beyond the memory", "(i32.const 131064)"),
        invalid("an answer at the last address", "(i32.const -4)"),
        invalid("an answer at an odd address", "(i32.const 17)"),
    ]
}
