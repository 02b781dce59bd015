//! WASI preview 1 commands that do harm, or try to see more than they should.

use pricing_core::quote::ReasonCode;

use super::entry_points::SPIN;
use super::{Attack, answers};
use crate::guest::data;

const IMPORTS: &str = r#"
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 16)
"#;

/// The address of texts to print.
const TEXT: u32 = 65_536;

/// A command: other fields, and the body of `_start`.
#[must_use]
pub fn command(fields: &str, start: &str) -> Vec<u8> {
    format!(r#"(module {IMPORTS}{fields}(func $main (export "_start") {start}))"#).into_bytes()
}

/// Prints the bytes at an address to a stream.
fn print(stream: u32, address: u32, length: u32) -> String {
    format!(
        "(i32.store (i32.const 16) (i32.const {address})) (i32.store (i32.const 20) (i32.const {length}))
         (drop (call $fd_write (i32.const {stream}) (i32.const 16) (i32.const 1) (i32.const 8)))"
    )
}

/// A command that prints a text, and does something else first.
fn prints_after(first: &str, text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("a short text");
    command(&data(TEXT, text.as_bytes()), &format!("{first}{}", print(1, TEXT, length)))
}

/// A command that prints a text.
#[must_use]
pub fn prints(text: &str) -> Vec<u8> {
    prints_after("", text)
}

/// A command that writes to standard error and exits with a code.
#[must_use]
pub fn exits(code: u32, text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("a short text");
    let body = format!("{}(call $exit (i32.const {code}))", print(2, TEXT, length));
    command(&data(TEXT, text.as_bytes()), &body)
}

/// A command that writes to standard error and crashes.
#[must_use]
pub fn crashes(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("a short text");
    command(&data(TEXT, text.as_bytes()), &format!("{}unreachable", print(2, TEXT, length)))
}

/// Every attack by a command.
#[must_use]
pub fn attacks() -> Vec<Attack> {
    [entry_points(), memory(), output(), waiting(), curiosity(), prices()].concat()
}

fn endless(body: &str) -> String {
    format!("(loop $again {body} (br $again))")
}

/// Both ways to end a command that does not end by itself.
fn both(name: &str, file: Vec<u8>) -> [Attack; 2] {
    let attack = Attack::new(name, file, ReasonCode::BudgetExhausted);
    [attack.by_clock(), attack]
}

fn entry_points() -> Vec<Attack> {
    let deep = "(func $deep (param i32) (result i32)
      (i32.add (i32.const 1) (call $deep (i32.add (local.get 0) (i32.const 1)))))";
    let dive = "(drop (call $deep (i32.const 0)))";
    let mut attacks = Vec::new();
    for (entry, declare) in [("_start", ""), ("start function", "(start $f)"), ("_initialize", "")] {
        let at = |body: &str| match entry {
            "_start" => (String::new(), body.to_owned()),
            "_initialize" => (format!(r#"(func (export "_initialize") {body})"#), String::new()),
            _ => (format!("(func $f {body}){declare}"), String::new()),
        };
        let file = |fields: &str, body: &str| {
            let (entry, start) = at(body);
            command(&format!("{fields}{entry}"), &start)
        };
        attacks.extend(both(&format!("endless loop in {entry} of a command"), file("", SPIN)));
        let name = |what: &str| format!("{what} in {entry} of a command");
        attacks.push(Attack::new(name("recursion"), file(deep, dive), ReasonCode::StackExhausted));
        attacks.push(Attack::new(name("crash"), file("", "unreachable"), ReasonCode::Trap));
    }
    attacks
}

fn memory() -> Vec<Attack> {
    let grow = endless("(drop (memory.grow (i32.const 1)))");
    let fill = endless("(memory.fill (i32.const 0) (i32.const 170) (i32.const 16777216))");
    let mut attacks = vec![Attack::new("a command grows page by page", command("", &grow), ReasonCode::MemoryExceeded)];
    attacks.extend(both(
        "a command fills its memory",
        command("", &format!("(drop (memory.grow (i32.const 240))){fill}")),
    ));
    attacks
}

/// Attacks through the output of a command.
fn output() -> Vec<Attack> {
    let exceeded = |name: &str, body: &str| Attack::new(name, command("", body), ReasonCode::OutputExceeded);
    let invalid = |name: &str, body: &str| Attack::new(name, command("", body), ReasonCode::InvalidOutput);
    // Buffers that all point to the same megabyte.
    let buffers: Vec<u8> = (0..1_000).flat_map(|_| [0, 1 << 20].map(u32::to_le_bytes).concat()).collect();
    let many = "(drop (call $fd_write (i32.const 1) (i32.const 65536) (i32.const 1000) (i32.const 8)))";
    vec![
        exceeded("prints without end", &endless(&print(1, TEXT, 100))),
        exceeded("prints all its memory", &print(1, 0, 1 << 20)),
        Attack::new(
            "prints 1,000 times all its memory at once",
            command(&data(65_536, &buffers), many),
            ReasonCode::OutputExceeded,
        ),
        // More than its memory: it gets an error, and has printed nothing.
        invalid("prints 1 GiB at once", &print(1, 0, 1 << 30)),
        invalid(
            "prints 2^31 buffers",
            "(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const -2147483648) (i32.const 8)))",
        ),
        Attack::new(
            "fails on standard error without end",
            command("", &endless(&print(2, TEXT, 100))),
            ReasonCode::BudgetExhausted,
        ),
        invalid("prints nothing", ""),
        invalid(
            "prints what is not UTF-8",
            &format!("(i32.store (i32.const {TEXT}) (i32.const -1)){}", print(1, TEXT, 4)),
        ),
        Attack::new("exits with 1 and says nothing", exits(1, ""), ReasonCode::PluginDeclined),
        Attack::new("exits with 2^32 - 1", exits(u32::MAX, "no"), ReasonCode::PluginDeclined),
        Attack::new("crashes after it printed a price", crash_after_price(), ReasonCode::Trap),
    ]
}

fn crash_after_price() -> Vec<u8> {
    command(&data(TEXT, b"1.5"), &format!("{}unreachable", print(1, TEXT, 3)))
}

/// A year to sleep, at 32: a subscription to the clock.
const YEAR: &str = r#"(data (i32.const 32) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00")
  (data (i32.const 56) "\00\00\40\d8\1c\09\70\00")"#;
const SLEEP: &str = "(drop (call $poll (i32.const 32) (i32.const 1024) (i32.const 1) (i32.const 8)))";

fn waiting() -> Vec<Attack> {
    let price = format!("{SLEEP}{}", print(1, TEXT, 3));
    let fields = format!("{YEAR}{}", data(TEXT, b"1.5"));
    // A program that polls the clock, which stands still, waits forever.
    let until_later = "(drop (call $clock (i32.const 1) (i64.const 1) (i32.const 256)))
      (br_if $again (i64.eq (i64.load (i32.const 256)) (i64.load (i32.const 256))))";
    let mut attacks = vec![
        Attack::harmless("sleeps for a year, which is over at once", command(&fields, &price), "1.5"),
        Attack::harmless("reads its standard input twice", reads_twice(), "1.5"),
    ];
    attacks.extend(both("sleeps for a year without end", command(YEAR, &endless(SLEEP))));
    attacks.extend(both("yields without end", command("", &endless("(drop (call $yield))"))));
    attacks.extend(both("waits for the clock", command("", &endless(until_later))));
    let random = "(drop (call $random (i32.const 0) (i32.const 1048576)))";
    attacks.extend(both("asks for a megabyte of random numbers without end", command("", &endless(random))));
    let read = "(i32.store (i32.const 16) (i32.const 4096)) (i32.store (i32.const 20) (i32.const 4096))
      (drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 8)))";
    attacks.extend(both("reads without end", command("", &endless(read))));
    attacks
}

fn reads_twice() -> Vec<u8> {
    let read = "(i32.store (i32.const 16) (i32.const 4096)) (i32.store (i32.const 20) (i32.const 60000))
      (drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 8)))";
    // The second read is at the end: it must return 0 bytes rather than block.
    let check = "(if (i32.load (i32.const 8)) (then unreachable))";
    prints_after(&format!("{read}{read}{check}"), "1.5")
}

fn curiosity() -> Vec<Attack> {
    let path = b"/etc/passwd";
    let mut attacks = Vec::new();
    for descriptor in [0, 3, 4, 1_000] {
        // A file that opens is a trap; after the errors it goes on to the price.
        let open = format!(
            "(if (i32.eqz (call $path_open (i32.const {descriptor}) (i32.const 0) (i32.const 128) (i32.const {})
               (i32.const 0) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 8))) (then unreachable))",
            path.len()
        );
        let fields = format!("{}{}", data(128, path), data(TEXT, b"1.5"));
        let file = command(&fields, &format!("{open}{}", print(1, TEXT, 3)));
        attacks.push(Attack::harmless(format!("opens a file at descriptor {descriptor}"), file, "1.5"));
    }
    // Exactly two variables: AKASH_OWNER=akash1owner, AKASH_DENOM=uact.
    let environment = "(drop (call $environ_sizes (i32.const 256) (i32.const 260)))
      (if (i32.ne (i32.load (i32.const 256)) (i32.const 2)) (then unreachable))
      (if (i32.gt_u (i32.load (i32.const 260)) (i32.const 64)) (then unreachable))";
    attacks.push(Attack::harmless("counts its environment", prints_after(environment, "1.5"), "1.5"));
    let outside = "(if (i32.eqz (call $environ_get (i32.const -8) (i32.const 0))) (then unreachable))";
    let name = "has the environment written beyond its memory";
    attacks.push(Attack::harmless(name, prints_after(outside, "1.5"), "1.5"));
    attacks
}

fn prices() -> Vec<Attack> {
    let short = ["", " ", "\n"].into_iter().chain(answers::BAD_PRICES);
    let invalid = |name: String, text: &str| Attack::new(name, prints(text), ReasonCode::InvalidOutput);
    let mut attacks: Vec<Attack> = short.map(|text| invalid(format!("printing {text:?}"), text)).collect();
    attacks.extend(answers::long_prices().iter().map(|(name, text)| invalid(format!("printing {name}"), text)));
    let padded = answers::PADDED_PRICES.iter();
    attacks.extend(padded.map(|text| Attack::harmless(format!("printing {text:?}"), prints(text), "1.5")));
    attacks.extend(
        answers::good_prices()
            .iter()
            .map(|(name, text, bid)| Attack::harmless(format!("printing {name}"), prints(text), bid)),
    );
    attacks
}
