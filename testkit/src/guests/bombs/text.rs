//! Texts for which a parser takes more than linear time, or too much memory.

use super::Bomb;

const FIELDS: &str = "2000 fields";
/// The maximum size of a text, in bytes.
const MOST: usize = 4 << 20;

/// A command with fields before its `_start`.
fn command(fields: &str) -> String {
    format!(r#"(module {fields} (memory (export "memory") 1) (func (export "_start")))"#)
}

/// As many copies of a field as fit.
fn many(field: &str) -> String {
    field.repeat((MOST - 200) / field.len())
}

/// Something nested in itself, as deep as fits.
fn enclosed(open: &str, close: &str) -> String {
    let times = (MOST - 200) / (open.len() + close.len());
    format!("{}{}", open.repeat(times), close.repeat(times))
}

/// Texts.
pub(super) fn texts() -> Vec<Bomb> {
    let lift = r#"(func (canon lift (core func $i "f")))"#;
    let liftable = r#"(core module $m (func (export "f"))) (core instance $i (instantiate $m))"#;
    let imports: String = (0..30_000).map(|index| format!("(import \"a{index:x}\" (func (param \"a\" u8)))")).collect();
    let core_imports: String =
        (0..30_000).map(|index| format!("(import \"m\" \"f{index}\" (func (param i64)))")).collect();
    let named: String = (0..90_000).map(|index| format!("(func $f{index} (call $f{index}))")).collect();
    let typed: String = (0..19_000).map(|index| format!("(func {})", "(param i32) ".repeat(index % 20))).collect();
    vec![
        Bomb::refused("60,000 lifts as text", format!("(component {liftable} {})", lift.repeat(60_000)), FIELDS),
        Bomb::refused("30,000 component imports as text", format!("(component {imports})"), FIELDS),
        Bomb::refused("30,000 imports of a module as text", command(&core_imports), "imports"),
        Bomb::limited(
            "1,900 lifts in each of many components",
            components(&format!("{liftable} {}", lift.repeat(1_900))),
        ),
        Bomb::refused(
            "fields of an instance type",
            format!("(component (type (instance {})))", many("(type u8)")),
            FIELDS,
        ),
        Bomb::limited("parentheses that open", "(".repeat(MOST)),
        Bomb::limited("parentheses that close", ")".repeat(MOST)),
        Bomb::limited("expressions within expressions", command(&format!("(func {})", enclosed("(i32.eqz ", ")")))),
        Bomb::limited("blocks within blocks as text", command(&format!("(func {})", enclosed("(block ", ")")))),
        Bomb::limited("components within components as text", enclosed("(component ", ")")),
        Bomb::limited("types within types as text", format!("(component (type {}))", enclosed("(list ", ")"))),
        Bomb::limited("comments within comments", enclosed("(;", ";)")),
        Bomb::limited("a number of 4 MiB", command(&format!("(func i64.const {})", many("9")))),
        Bomb::limited("a fraction of 4 MiB", command(&format!("(func f64.const 0.{})", many("9")))),
        Bomb::limited("a hexadecimal fraction of 4 MiB", command(&format!("(func f64.const 0x1.{}p1)", many("f")))),
        Bomb::limited("a text of 4 MiB", command(&format!("(data (i32.const 0) \"{}\")", many("\\u{10ffff}")))),
        Bomb::limited("empty functions as text", command(&many("(func)"))),
        Bomb::limited("functions that name each other", command(&named)),
        Bomb::limited("functions with types of their own", command(&typed)),
        Bomb::limited("segments as text", command(&many("(data \"\")"))),
        Bomb::limited("empty strings", command(&format!("(data {})", many("\"\"")))),
        Bomb::limited("annotations", format!("(module {})", many("(@a)"))),
        Bomb::limited("an identifier of 4 MiB", format!("(module ${})", "a".repeat(MOST - 200))),
        Bomb::limited("zero bytes of a module in quotes", format!("(module binary {})", many("\"\\00\""))),
    ]
}

fn components(fields: &str) -> String {
    let one = format!("(component {fields})");
    format!("(component {})", one.repeat((MOST - 200) / one.len()))
}
