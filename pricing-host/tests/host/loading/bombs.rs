//! Files that are made to be slow or large to compile.

use std::fmt::Write;
use std::time::Duration;

use pricing_host::inspect::Kind;
use pricing_host::{LoadLimits, SizeClass};
use testkit::guests::compiling::branchy;

use super::guests::{accepted, command, compiled, compiler, patient, refused, wasm};

fn limits() -> LoadLimits {
    patient(SizeClass::Standard)
}

#[test]
fn one_branchy_function_is_refused_by_its_size() {
    let message = refused(&branchy(1, 110_000));
    assert!(message.contains("function 0 has 1.") && message.contains("may have 64 KiB"), "{message}");
}

#[test]
fn many_branchy_functions_are_stopped_by_the_clock_and_by_the_processor_time() {
    let bomb = branchy(60, 3_600);
    let inspection = accepted(&bomb);
    assert!(inspection.largest_function.unwrap().bytes > 50 << 10);
    let refused = |limits| compiler().compile_within(&bomb, Kind::Command, SizeClass::Standard, &limits).unwrap_err();
    let fault = refused(LoadLimits { compile_time: Duration::from_millis(300), ..limits() });
    assert!(fault.message.contains("took longer than 300ms to compile"), "{fault}");
    let fault = refused(LoadLimits { compile_cpu: Duration::from_secs(1), ..limits() });
    assert!(fault.message.contains("took more than 1s of processor time to compile"), "{fault}");
}

#[test]
fn many_branchy_functions_are_stopped_by_memory() {
    let limits = LoadLimits { compile_memory: 120 << 20, ..limits() };
    let fault = compiler().compile_within(&branchy(8, 3_600), Kind::Command, SizeClass::Standard, &limits).unwrap_err();
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
    assert!(refused(&wasm(&command(&imports))).contains("functions"));
}

#[test]
fn deep_blocks_are_refused() {
    let nested = |depth: usize| wasm(&command(&format!("(func {}{})", "block ".repeat(depth), "end ".repeat(depth))));
    assert!(refused(&nested(30_000)).contains("may have 64 KiB"));
    assert!(refused(&nested(5_000)).contains("nests blocks 5000 deep"));
    let inspection = accepted(&nested(1_000));
    assert_eq!(inspection.nesting, 1_000);
    compiled(&compiler(), &inspection.wasm, Kind::Command, SizeClass::Standard);
}

#[test]
fn much_data_is_refused_or_compiled() {
    let data = |bytes: usize| {
        let text = command(&format!(r#"(data (i32.const 0) "{}")"#, "x".repeat(bytes)));
        wasm(&text.replace("\"memory\") 1", "\"memory\") 64"))
    };
    assert!(refused(&data(4 << 20)).contains("the file is larger than 4 MiB"));
    let inspection = accepted(&data((4 << 20) - 200));
    compiled(&compiler(), &inspection.wasm, Kind::Command, SizeClass::Standard);
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
        if pricing_host::inspect::inspect(&binary, SizeClass::Standard).is_ok() {
            // Compiled or not, it ends.
            let _ = compiler().compile(&binary, Kind::Command, SizeClass::Standard);
        }
    }
}
