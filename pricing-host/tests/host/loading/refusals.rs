//! Every refusal before anything is compiled, and its words.

use pricing_host::SizeClass;
use pricing_host::inspect::{Kind, WASI_FUNCTIONS, WASI_MODULE, inspect};

use super::guests::{COMMAND, accepted, command, component, component_exporting, refused, wasm};

#[track_caller]
fn says(file: impl AsRef<[u8]>, words: &[&str]) {
    let message = refused(file.as_ref());
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}

/// As text, and as the binary of it.
#[track_caller]
fn text_says(text: &str, words: &[&str]) {
    says(text, words);
    says(wasm(text), words);
}

#[test]
fn good_files_are_described() {
    let text = command(
        r#"(import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))
           (table 3 5 funcref)
           (func $big (block (loop (nop) (nop) (nop) (nop))))"#,
    );
    let command = accepted(text.as_bytes());
    assert_eq!((command.kind, command.text), (Kind::Command, true));
    assert_eq!(command.imports, ["wasi_snapshot_preview1.fd_write"]);
    assert_eq!(command.exports, ["memory", "_start"]);
    assert_eq!((command.modules, command.functions, command.instances, command.nesting), (1, 3, 1, 2));
    let largest = command.largest_function.clone().unwrap();
    assert_eq!((largest.index, largest.name.as_deref()), (1, Some("big")));
    assert_eq!((command.minimum_memory_bytes(), command.memories[0].maximum_bytes), (64 << 10, None));
    assert_eq!((command.tables[0].minimum, command.tables[0].maximum), (3, Some(5)));
    assert!(command.has_names && command.custom_sections == ["name"]);
    assert!(command.digest.to_string().starts_with("sha256:") && command.digest != command.wasm_digest);
    let binary = wasm(&text);
    let again = accepted(&binary);
    assert_eq!((again.text, again.digest, again.wasm_digest), (false, command.wasm_digest, command.wasm_digest));
    let length = u64::try_from(binary.len()).unwrap();
    assert_eq!((again.wasm_bytes, again.file_bytes, command.wasm_bytes), (length, length, length));

    let text = component(
        r#"(import "bidprice:plugin/types@0.1.0" (instance (type string) (export "decimal" (type (eq 0)))))
           (import "bidprice:plugin/log@0.1.7" (instance
               (type (enum "debug" "info")) (export "level" (type (eq 0)))
               (export "log" (func (param "level" 1) (param "message" string)))))"#,
    );
    let component = accepted(text.as_bytes());
    assert_eq!((component.kind, component.wit_version.as_deref()), (Kind::Component, Some("0.1.0")));
    assert_eq!(component.imports, ["bidprice:plugin/types@0.1.0", "bidprice:plugin/log@0.1.7"]);
    assert_eq!((component.modules, component.instances, component.functions), (1, 1, 1));
}

#[test]
fn every_wasi_function_may_be_imported_with_its_own_type_only() {
    let import = |name: &str, params: &[String], results: &[String]| {
        let (params, results) = (params.join(" "), results.join(" "));
        format!(r#"(import "{WASI_MODULE}" "{name}" (func (param {params}) (result {results})))"#)
    };
    let mut all = String::new();
    for function in WASI_FUNCTIONS {
        let names = |types: &[wasmparser::ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (mut params, results) = (names(function.params), names(function.results));
        all.push_str(&import(function.name, &params, &results));
        params.push("i32".to_owned());
        text_says(&command(&import(function.name, &params, &results)), &[function.name, "its type is"]);
    }
    assert_eq!(accepted(command(&all).as_bytes()).imports.len(), WASI_FUNCTIONS.len());
}

#[test]
fn commands_with_other_imports_are_refused() {
    let import = |module: &str, name: &str| command(&format!(r#"(import "{module}" "{name}" (func))"#));
    for (module, name, words) in [
        (WASI_MODULE, "fd_open", "no such function"),
        ("wasi_unstable", "fd_write", "preview 0"),
        ("env", "sqrt", "the linker did not find it"),
        ("__wbindgen_placeholder__", "__wbindgen_throw", "wasm-bindgen"),
        ("extism:host/env", "input", "a plugin for Extism"),
        ("extism:host/user", "anything", "a plugin for Extism"),
        ("host", "price", "nothing but `wasi_snapshot_preview1`"),
    ] {
        text_says(&import(module, name), &[words]);
    }
    text_says(&command(r#"(import "env" "memory" (global i32))"#), &["env.memory", "linker"]);
    text_says(&command(r#"(import "wasi_snapshot_preview1" "fd_write" (global i32))"#), &["functions only"]);
    text_says(&import(r"a\1b[2J\u{202e}`", &"x".repeat(90_000)), &["imports `a\u{fffd}[2J\u{fffd}'.xxx"]);
}

#[test]
fn commands_without_their_exports_are_refused() {
    for (text, words) in [
        ("(module)", "exports no `_start`"),
        (r#"(module (memory (export "memory") 1) (func (export "_initialize")))"#, "a WASI library"),
        (r#"(module (func (export "_start")))"#, "exports no `memory`"),
        (r#"(module (func (export "_start")) (func (export "memory")))"#, "`memory` is not a memory"),
        (r#"(module (memory (export "memory") 1) (global (export "_start") i32 (i32.const 0)))"#, "not a function"),
        (
            r#"(module (memory (export "memory") 1) (func (export "_start") (param i32) (result i64) (i64.const 0)))"#,
            "has the type (i32) -> (i64)",
        ),
        (r#"(module (@custom "component-type:plugin" "x") (memory (export "memory") 1))"#, "bidprice plugin pack"),
        (r#"(module (import "bidprice:plugin/log@0.1.0" "log" (func (param i32 i32 i32))))"#, "not packed yet"),
    ] {
        text_says(text, &[words]);
    }
}

#[test]
fn components_with_other_imports_are_refused() {
    let function = |name: &str| component(&format!(r#"(import "{name}" (instance (export "f" (func))))"#));
    for (name, words) in [
        ("wasi:cli/environment@0.2.6", "wasm32-unknown-unknown"),
        ("wasi:clocks/wall-clock@0.2.0", "wasm32-wasip2"),
        ("other:package/log@0.1.0", "nothing else"),
        ("bidprice:plugin/log@0.2.0", "of version `0.2.0`, and this host speaks 0.1"),
        ("bidprice:plugin/log@1.1.0", "of version `1.1.0`"),
        ("bidprice:plugin/log", "of version ``"),
        ("bidprice:plugin/log@0.1.0", "has no `f`"),
        ("bidprice:plugin/types@0.1.0", "has no `f`"),
        ("bidprice:plugin/pricer@0.1.0", "this is what a plugin exports"),
        ("bidprice:plugin/clock@0.1.0", "no such interface"),
    ] {
        text_says(&function(name), &[name.split('@').next().unwrap(), words]);
    }
    text_says(&component(r#"(import "log" (func))"#), &["imports `log`"]);
    text_says(&component(r#"(import "bidprice:plugin/log@0.1.0" (func))"#), &["something else of this name"]);
    text_says(
        &component(r#"(import "bidprice:plugin/types@0.1.0" (instance (export "r" (type (sub resource)))))"#),
        &["has no `r`"],
    );
}

#[test]
fn components_without_a_pricer_are_refused() {
    for (interface, function, words) in [
        ("bidprice:plugin/pricer@0.2.0", "price", "exports `bidprice:plugin/pricer` of version `0.2.0`"),
        ("bidprice:plugin/pricer", "price", "of version ``"),
        ("bidprice:plugin/pricer@0.1.0", "cost", "has no function `price`"),
        ("wasi:cli/run@0.2.0", "run", "a program of WASI 0.2"),
        ("other:package/pricer@0.1.0", "price", "exports no `bidprice:plugin/pricer@0.1.0`"),
    ] {
        text_says(&component_exporting("", interface, function), &[words]);
    }
    text_says("(component)", &["exports no `bidprice:plugin/pricer@0.1.0`"]);
}

#[test]
fn what_is_no_webassembly_is_named() {
    for (file, words) in [
        (&b""[..], "is empty"),
        (b"\0asm", "cut off"),
        (b"\0asm\x01\0\0", "cut off"),
        (b"\0asm\x02\0\0\0", "header that is unknown"),
        (b"\x7fELF\x02\x01\x01\x00rest", "native program"),
        (b"\x7fELF\x02\x01\x01\xc8rest", "compiled before"),
        (b"MZ\x90", "Windows"),
        (b"#!/bin/sh\necho 5", "a script"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"PK\x03\x04", "zip"),
        (b"\xff\xfe\x00\x01", "neither"),
        (b"hello", "line 1, column 1"),
        (b"(module\n  (func (export \"_start\")\n    i32.bogus))", "line 3, column 5"),
        (b"(module (func (call $nowhere)))", "line 1, column 21"),
        (b"(module\n ;; \x1b[2J\n (bogus))", "line 3"),
        ("(module (func (export \"\u{202e}".as_bytes(), "line 1"),
    ] {
        says(file, &[words]);
    }
    says("(".repeat(4_000_000), &["line 1"]);
    says("x".repeat(5 << 20), &["larger than 4 MiB"]);
    says([wasm(COMMAND), wasm(COMMAND)].concat(), &["damaged"]);
}

#[test]
fn compiled_artefacts_are_refused() {
    let artefact = wasmtime::Engine::default().precompile_module(&wasm(COMMAND)).unwrap();
    says(artefact, &["compiled before", "`.wasm`"]);
}

#[test]
fn proposals_are_named() {
    for (fields, words) in [
        ("(memory i64 1) (func $f (return_call $f))", "several proposals"),
        (
            "(func (param i64 i64 i64 i64) (result i64 i64) (i64.add128 (local.get 0) (local.get 1) (local.get 2) \
          (local.get 3)))",
            "not finished",
        ),
        ("(memory 1 1 (pagesize 1))", "pages of another size"),
        ("(memory 1 2 shared)", "threads"),
        ("(memory (export \"m\") 1) (func (drop (i32.atomic.load (i32.const 0))))", "threads"),
        ("(memory i64 1)", "64-bit memory"),
        ("(tag) (func (throw 0))", "exceptions"),
        ("(type (struct))", "garbage-collected"),
        ("(func (result (ref null any)) (ref.null any))", "garbage-collected"),
        ("(func (param externref))", "host references"),
        ("(func $f (return_call $f))", "tail calls"),
        ("(memory 1) (memory 1)", "several memories"),
        ("(func (param v128) (drop (i32x4.relaxed_trunc_f32x4_s (local.get 0))))", "relaxed SIMD"),
    ] {
        text_says(&format!("(module {fields})"), &["the plugin uses", words]);
    }
}

#[test]
fn sizes_over_the_limits_are_refused_in_words() {
    for (fields, words) in [
        (r#"(memory (export "memory") 1025)"#, "starts with 64.1 MiB of memory"),
        (r#"(memory (export "memory") 65536)"#, "starts with 4 GiB of memory"),
        ("(table 20001 funcref)", "a table of 20001 elements"),
        ("(table 4294967295 funcref)", "table"),
        ("(table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)", "5 tables"),
    ] {
        text_says(&format!(r#"(module {fields} (func (export "_start")))"#), &[words]);
    }
    let text = command(r#"(table 20000 funcref)"#).replace("\"memory\") 1", "\"memory\") 1024 65536");
    assert_eq!(accepted(text.as_bytes()).minimum_memory_bytes(), 64 << 20);
    let large = command("").replace("\"memory\") 1", "\"memory\") 8192");
    assert!(inspect(large.as_bytes(), SizeClass::Standard).is_err());
    assert!(inspect(large.as_bytes(), SizeClass::Engine).is_ok());
}

#[test]
fn components_are_counted_as_they_will_be_instantiated() {
    let one = "(core module $m (memory 16) (table 2 funcref) (func))";
    let instances = |number: usize| "(core instance (instantiate $m))".repeat(number);
    let inspection = accepted(component(&format!("{one}{}", instances(2))).as_bytes());
    assert_eq!((inspection.instances, inspection.memories.len(), inspection.tables.len()), (3, 2, 2));
    assert_eq!(inspection.minimum_memory_bytes(), 2 << 20);
    text_says(&component(&format!("{one}{}", instances(3))), &["3 memories", "may have 2"]);
    text_says(&component(&format!("(core module $m){}", instances(8))), &["9 core instances"]);

    // Each component instantiates the one before it twice.
    let mut doubling = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for level in 1..=100 {
        let below = level - 1;
        doubling = format!(
            "{doubling} (component $c{level} (alias outer $root $c{below} (component $b)) \
             (instance (instantiate $b)) (instance (instantiate $b)))"
        );
    }
    text_says(
        &format!("(component $root {doubling} (instance (instantiate $c100)))"),
        &["core instances, and a plugin of this size class may have 8"],
    );
    text_says(
        r#"(component (import "m" (core module $m)) (core instance (instantiate $m)))"#,
        &["gets from elsewhere"],
    );
    let deep = format!("{}{}", "(component ".repeat(60), ")".repeat(60));
    text_says(&deep, &["over 16 deep"]);
}
