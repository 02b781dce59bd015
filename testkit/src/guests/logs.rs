//! Guests that log too much, or log invalid text.

use pricing_core::quote::ReasonCode;

use super::Attack;
use crate::guest::{Guest, LOG_IMPORT, data, text_answer, text_data};

/// A guest that logs in `price`, and prices normally if it gets that far.
fn logging(body: &str, fields: &str) -> Vec<u8> {
    let price = format!("{body}{}", text_answer(0, 3));
    let fields = format!("{}{fields}", text_data("1.5"));
    Guest { imports: LOG_IMPORT, price: &price, fields: &fields, memory: "200", ..Guest::default() }.component()
}

fn log(level: u32, address: u32, length: u32) -> String {
    format!("(call $log (i32.const {level}) (i32.const {address}) (i32.const {length}))")
}

/// A component that logs a text a number of times and then prices normally.
#[must_use]
pub fn logs(text: &str, times: u32) -> Vec<u8> {
    let one = log(1, 1024, u32::try_from(text.len()).expect("a short text"));
    let body = format!(
        "(local $left i32) (local.set $left (i32.const {times}))
         (loop $again {one}
           (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))"
    );
    logging(&body, &data(1024, text.as_bytes()))
}

/// Every attack through the log.
#[must_use]
pub fn attacks() -> Vec<Attack> {
    let invalid = |name, file| Attack::new(name, file, ReasonCode::InvalidOutput);
    let endless = |text| format!("(loop $again {text} (br $again))");
    let flood = Attack::new("logs without end", logging(&endless(log(1, 64, 3)), ""), ReasonCode::BudgetExhausted);
    let nothing =
        Attack::new("logs nothing without end", logging(&endless(log(1, 64, 0)), ""), ReasonCode::BudgetExhausted);
    let large = Attack::new(
        "logs 60 KiB without end",
        logging(&endless(log(1, 4 << 20, 60 << 10)), ""),
        ReasonCode::BudgetExhausted,
    );
    let mut attacks: Vec<Attack> = [flood, nothing, large].iter().flat_map(|a| [a.clone(), a.by_clock()]).collect();
    attacks.extend([
        Attack::harmless("logs 5,000 lines", logs("a line", 5_000), "1.5"),
        Attack::harmless("logs a text of 2,000 lines", logs(&"\n".repeat(2_000), 3), "1.5"),
        Attack::harmless("logs what drives a terminal", logs("\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}31m", 3), "1.5"),
        Attack::new("logs 12 MiB at once", logging(&log(1, 0, 12 << 20), ""), ReasonCode::OutputExceeded),
        invalid("logs 2 GiB at once", logging(&log(1, 64, 1 << 31), "")),
        invalid("logs from beyond its memory", logging(&log(1, 200 << 16, 1), "")),
        invalid("logs what is not UTF-8", logging(&log(1, 1024, 2), &data(1024, b"\xff\xfe"))),
        invalid("logs at a level that there is none of", logging(&log(4, 64, 3), "")),
        invalid("logs at level 2^32 - 1", logging(&log(u32::MAX, 64, 3), "")),
    ]);
    attacks
}
