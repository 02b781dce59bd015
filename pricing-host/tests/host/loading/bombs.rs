//! Files that are made to be slow or large to compile.

use std::fmt::Write;
use std::time::Duration;

use pricing_core::quote::ReasonCode;
use pricing_host::compile::Wanted;
use pricing_host::{Fault, LoadLimits, SizeClass};
use testkit::guests::bombs::{self, Bomb};
use testkit::guests::compiling::branchy;

use super::guests::{accepted, command, compile, compile_within, compiler, is_one_line, patient, refused, wasm};

fn limits() -> LoadLimits {
    patient(SizeClass::Standard)
}

#[test]
fn one_branchy_function_is_refused_by_its_size() {
    let message = refused(&branchy(1, 110_000));
    assert!(message.contains("function 0 has 1.") && message.contains("may have 64 KiB"), "{message}");
}

#[test]
fn many_branchy_functions_are_stopped_by_the_clock() {
    let bomb = branchy(60, 3_600);
    let inspection = accepted(&bomb);
    assert!(inspection.largest_function.unwrap().bytes > 50 << 10);
    // Less than it takes on any machine to start a process.
    let within = LoadLimits { compile_time: Duration::from_micros(1), ..limits() };
    let fault = compile_within(&compiler(), &bomb, &within).unwrap_err();
    assert!(fault.message.contains("took longer than 1µs to inspect and compile"), "{fault}");
}

#[test]
fn many_branchy_functions_are_stopped_by_memory() {
    let limits = LoadLimits { compile_memory: 120 << 20, ..limits() };
    let fault = compile_within(&compiler(), &branchy(8, 3_600), &limits).unwrap_err();
    assert!(fault.message.contains("120 MiB of memory"), "{fault}");
}

#[test]
fn many_functions_are_refused_by_their_number() {
    let message = refused(&branchy(200_000, 0));
    assert!(message.contains("200001 functions") && message.contains("may have 20000"), "{message}");
    let text = |component: &str| format!("(component {component})");
    let half = format!("(core module {})", "(func)".repeat(11_000));
    assert!(refused(&wasm(&text(&half.repeat(2)))).contains("22000 functions"));
    let imports = r#"(import "m" "f" (func))"#.repeat(20_001);
    assert!(refused(&wasm(&command(&imports))).contains("20001 imports"));
}

#[test]
fn deep_blocks_are_refused() {
    let nested = |depth: usize| wasm(&command(&format!("(func {}{})", "block ".repeat(depth), "end ".repeat(depth))));
    assert!(refused(&nested(30_000)).contains("may have 64 KiB"));
    assert!(refused(&nested(5_000)).contains("nests blocks 5000 deep"));
    assert_eq!(accepted(&nested(1_000)).nesting, 1_000);
    compile(&compiler(), &nested(1_000), SizeClass::Standard).unwrap();
}

#[test]
fn much_data_is_refused_or_compiled() {
    let data = |bytes: usize| {
        let text = command(&format!(r#"(data (i32.const 0) "{}")"#, "x".repeat(bytes)));
        wasm(&text.replace("\"memory\") 1", "\"memory\") 64"))
    };
    assert!(refused(&data(4 << 20)).contains("the file is larger than 4 MiB"));
    compile(&compiler(), &data((4 << 20) - 200), SizeClass::Standard).unwrap();
}

#[test]
fn many_small_things_are_compiled_or_refused() {
    let mut bombs = vec![
        "(global i32 (i32.const 0))".repeat(100_000),
        format!("(table 1 funcref) (func $f) {}", "(elem (i32.const 0) $f)".repeat(50_000)),
        r#"(data (i32.const 0) "")"#.repeat(90_000),
        format!("(func (local {}))", "i32 ".repeat(49_999)),
    ];
    let mut types = String::new();
    for number in 0..50_000 {
        write!(types, "(type (func (param {})))", ["i32 ", "i64 "][number % 2].repeat(number % 40)).unwrap();
    }
    bombs.push(types);
    for bomb in bombs {
        let binary = wasm(&command(&bomb));
        // Compiled or not, it ends.
        let _ = compile_within(&compiler(), &binary, &LoadLimits { compile_cpu: Duration::from_secs(1), ..limits() });
    }
}

/// Examines a bomb, and says why it is refused, if it is.
fn examined(bomb: &Bomb, compile_cpu: Duration) -> Option<Fault> {
    let limits = LoadLimits { compile_cpu, ..limits() };
    let examined = compiler().examine_within(&bomb.file, Wanted::artefact(SizeClass::Standard), &limits);
    let fault = Fault::from(examined.compiled().err()?.clone());
    assert_eq!(fault.code, ReasonCode::LoadRejected, "{}", bomb.name);
    assert!(is_one_line(&fault.message), "{}: {fault}", bomb.name);
    Some(fault)
}

#[test]
fn bombs_are_refused_by_their_looks() {
    for bomb in bombs::all() {
        if let Some(words) = bomb.refused {
            // A slow machine takes longer to look, too.
            let fault = examined(&bomb, Duration::from_secs(60)).unwrap_or_else(|| panic!("{} was taken", bomb.name));
            assert!(fault.message.contains(words), "{}: {fault}", bomb.name);
        }
    }
}

#[test]
#[ignore = "takes minutes; run by `cargo xtask soak`"]
fn what_does_not_look_like_a_bomb_is_ended_by_the_limits() {
    for bomb in bombs::all().iter().filter(|bomb| bomb.refused.is_none()) {
        examined(bomb, Duration::from_secs(1));
    }
}

#[test]
fn what_is_at_the_caps_is_accepted() {
    let values = |number: usize| vec!["i64"; number].join(" ");
    let function = |params: usize, results: usize| {
        command(&format!("(func (param {}) (result {}) unreachable)", values(params), values(results)))
    };
    accepted(function(128, 128).as_bytes());
    assert!(refused(function(129, 0).as_bytes()).contains("has 129 parameters or results"));
    assert!(refused(function(0, 129).as_bytes()).contains("may have 128"));
    let block = format!("(func (block (result {}) unreachable) unreachable)", values(129));
    assert!(refused(command(&block).as_bytes()).contains("has 129 parameters or results"));
    let import = |number: usize| {
        let import = r#"(import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))"#;
        wasm(&command(&import.repeat(number)))
    };
    assert_eq!(accepted(&import(1_000)).functions, 1_001);
    assert!(refused(&import(1_001)).contains("1001 imports"));
    let types = |number: usize| wasm(&command(&"(type (func (param i64)))".repeat(number)));
    accepted(&types(19_000));
    assert!(refused(&types(20_001)).contains("may have 20000"));
}

#[test]
fn values_are_counted_where_types_are_wide_only() {
    // Seven values a call, in as much code as may be: what a compiler writes.
    let narrow = command(&format!(
        "(func $f (param i32 i32 i32 i32 i32 i32) (result i32) unreachable) {}",
        format!(
            "(func {})",
            "(call $f (i32.const 1) (i32.const 1) (i32.const 1) (i32.const 1) (i32.const 1) (i32.const 1)) drop "
                .repeat(3_000)
        )
        .repeat(40)
    ));
    accepted(&wasm(&narrow));
    let wide = |blocks: usize| {
        let block = format!("(block (result {}) unreachable) unreachable ", vec!["i32"; 100].join(" "));
        command(&format!("(func {})", block.repeat(blocks)))
    };
    accepted(&wasm(&wide(1_000)));
}
