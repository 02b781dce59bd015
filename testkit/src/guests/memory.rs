//! Guests that ask for as much memory as possible, or keep the host busy with what they have.

use pricing_core::quote::ReasonCode;

use super::Attack;
use crate::guest::{Guest, text_answer, text_data};

/// Grows the memory to the default limit: 256 pages, of which 2 exist.
const GROW_TO_CAP: &str = "(drop (memory.grow (i32.const 254)))";
/// Fills all memory at the limit, forever.
const FILL: &str = "(loop $again
  (memory.fill (i32.const 0) (i32.const 170) (i32.const 16777216)) (br $again)) unreachable";
/// Copies one half of the memory to the other, forever.
const COPY: &str = "(loop $again
  (memory.copy (i32.const 0) (i32.const 8388608) (i32.const 8388608)) (br $again)) unreachable";
/// Writes to every page, forever.
const TOUCH: &str = "(loop $again
  (i32.store (local.get 0) (i32.const 1))
  (local.set 0 (i32.and (i32.add (local.get 0) (i32.const 4096)) (i32.const 16777215))) (br $again)) unreachable";
const SPIN: &str = super::entry_points::SPIN;

fn price(fields: &str, body: &str) -> Vec<u8> {
    Guest { price: body, fields, ..Guest::default() }.component()
}

/// A guest that would price normally, if it were not for its memory or its tables.
fn declares(memory: &str, fields: &str) -> Vec<u8> {
    let fields = format!("{}{fields}", text_data("1.5"));
    Guest { price: &text_answer(0, 3), fields: &fields, memory, ..Guest::default() }.component()
}

/// Every attack on memory and tables.
#[must_use]
pub fn attacks() -> Vec<Attack> {
    let mut attacks = growth();
    attacks.extend(minimums());
    attacks.extend(tables());
    for (name, body) in [("spins", SPIN), ("fills it", FILL), ("copies it", COPY), ("touches every page", TOUCH)] {
        let file = price("", &format!("{GROW_TO_CAP}{body}"));
        let attack = Attack::new(format!("grows to the cap and {name}"), file, ReasonCode::BudgetExhausted);
        attacks.push(attack.by_clock());
        attacks.push(attack);
    }
    attacks
}

fn growth() -> Vec<Attack> {
    let exceeded = |name, file| Attack::new(name, file, ReasonCode::MemoryExceeded);
    let step = "(loop $more (drop (memory.grow (i32.const 1))) (br $more)) unreachable";
    let leap = "(drop (memory.grow (i32.const 65534))) unreachable";
    let over = "(drop (memory.grow (i32.const -1))) unreachable";
    let bounded = format!("(drop (memory.grow (i32.const 1))){}", text_answer(0, 3));
    let in_realloc =
        Guest { price: &text_answer(0, 3), realloc: step, fields: &text_data("1.5"), ..Guest::default() }.component();
    let good = text_data("1.5");
    vec![
        exceeded("grows page by page", price("", step)),
        exceeded("grows to 4 GiB at once", price("", leap)),
        exceeded("grows page by page in `cabi_realloc`", in_realloc),
        exceeded("grows in its start function", declares("2", &format!("(func $begin {step}) (start $begin)"))),
        exceeded("asks for more than 4 GiB", price("", over)),
        Attack::harmless(
            "grows past its own bound and is told so",
            Guest { price: &bounded, fields: &good, memory: "2 2", ..Guest::default() }.component(),
            "1.5",
        ),
    ]
}

fn minimums() -> Vec<Attack> {
    vec![
        Attack::harmless("starts with all it may have", declares("256", ""), "1.5"),
        Attack::new("starts with a page more", declares("257", ""), ReasonCode::MemoryExceeded),
        Attack::new("starts with 1 GiB", declares("16384", ""), ReasonCode::LoadRejected),
        Attack::new("starts with 4 GiB", declares("65536", ""), ReasonCode::LoadRejected),
        Attack::harmless("allows itself 4 GiB and takes little", declares("2 65536", ""), "1.5"),
        Attack::harmless("starts with the largest table", declares("2", "(table 20000 funcref)"), "1.5"),
        Attack::new("starts with an element more", declares("2", "(table 20001 funcref)"), ReasonCode::LoadRejected),
        Attack::new(
            "starts with 4 billion elements",
            declares("2", "(table 4294967295 funcref)"),
            ReasonCode::LoadRejected,
        ),
        Attack::new("has many tables", declares("2", &"(table 20000 funcref)".repeat(50)), ReasonCode::LoadRejected),
    ]
}

/// Attacks through tables.
fn tables() -> Vec<Attack> {
    let table = "(table $table 1 funcref)";
    let grow = "(loop $more (drop (table.grow $table (ref.null func) (i32.const 1))) (br $more)) unreachable";
    let leap = "(drop (table.grow $table (ref.null func) (i32.const 20000))) unreachable";
    let long_leap = "(drop (table.grow $table (ref.null func) (i32.const -1))) unreachable";
    let bounded = format!("(drop (table.grow $table (ref.null func) (i32.const 1))){}", text_answer(0, 3));
    let fill = "(drop (table.grow $table (ref.null func) (i32.const 19999)))
      (loop $again (table.fill $table (i32.const 0) (ref.func $realloc) (i32.const 20000)) (br $again)) unreachable";
    let copy = "(drop (table.grow $table (ref.null func) (i32.const 19999)))
      (loop $again (table.copy $table $table (i32.const 0) (i32.const 1) (i32.const 19999)) (br $again)) unreachable";
    let mut attacks = vec![
        Attack::new("grows a table element by element", price(table, grow), ReasonCode::MemoryExceeded),
        Attack::new("grows a table at once", price(table, leap), ReasonCode::MemoryExceeded),
        Attack::new("grows a table by 4 billion", price(table, long_leap), ReasonCode::MemoryExceeded),
        Attack::harmless(
            "grows a table past its own bound and is told so",
            price(&format!("{}(table $table 1 1 funcref)", text_data("1.5")), &bounded),
            "1.5",
        ),
    ];
    let declared = format!("{table}(elem declare func $realloc)");
    for (name, body) in [("fills", fill), ("copies", copy)] {
        let file = price(&declared, body);
        let attack = Attack::new(format!("{name} a table at the cap without end"), file, ReasonCode::BudgetExhausted);
        attacks.push(attack.by_clock());
        attacks.push(attack);
    }
    attacks
}
