//! Damaged and random files: refused, or harmless; never a panic.

use std::sync::LazyLock;

use pricing_host::SizeClass;
use pricing_host::compile::Compiler;
use pricing_host::inspect::inspect;
use proptest::prelude::*;

use super::guests::{command, compile, component, is_one_line, wasm};

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let command = command(
        r#"(import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))
           (table 2 funcref) (elem (i32.const 0) $f) (global (mut i64) (i64.const 5))
           (data (i32.const 8) "price") (start $f)
           (func $f (local i32 f64) (block (loop (br_if 1 (i32.const 1)) (br 0))))"#,
    );
    let component = component(
        r#"(import "bidprice:plugin/log@0.1.0" (instance
               (type (enum "debug" "info")) (export "level" (type (eq 0)))
               (export "log" (func (param "level" 1) (param "message" string)))))
           (component $c (core module $m (memory 1)) (core instance (instantiate $m)))
           (instance (instantiate $c))"#,
    );
    vec![wasm(&command), wasm(&component), command.into_bytes(), component.into_bytes()]
});

#[test]
fn every_truncation_is_refused() {
    for sample in SAMPLES.iter() {
        inspect(sample, SizeClass::Standard).unwrap();
        for length in 0..sample.len() {
            let Err(fault) = inspect(&sample[..length], SizeClass::Standard) else {
                // Text may lack its last line's end, and a binary its last custom section.
                continue;
            };
            assert!(!fault.message.is_empty() && is_one_line(&fault.message), "{fault:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_never_panic(
        sample in 0..4_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6),
    ) {
        let mut file = SAMPLES[sample].clone();
        for (place, byte, edit) in edits {
            let place = place.index(file.len());
            match edit {
                0 => file[place] = byte,
                1 => file[place] ^= 1 << (byte % 8),
                2 => file.insert(place, byte),
                _ => file.truncate(place.max(9)),
            }
        }
        match inspect(&file, SizeClass::Standard) {
            Err(fault) => prop_assert!(is_one_line(&fault.message), "{fault:?}"),
            // What passes can at least be given to the compiler.
            Ok(_) if place_of_compile(&file) => {
                let _ = compile(&Compiler::InProcess, &file, SizeClass::Standard);
            }
            Ok(_) => {}
        }
    }

    #[test]
    fn random_bytes_never_panic(header in 0..4_usize, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let headers = [&b""[..], b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0", b"(module "];
        let file = [headers[header], &bytes].concat();
        if let Err(fault) = inspect(&file, SizeClass::Engine) {
            prop_assert!(is_one_line(&fault.message), "{fault:?}");
        }
    }
}

/// Compiling is slow: one in sixteen is tried.
fn place_of_compile(file: &[u8]) -> bool {
    file.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) % 16 == 0
}
