//! Binaries for which a validator or compiler takes more than linear time.

use super::Bomb;
use super::encode::{body, body_with, command, function_type, list, name, number, section, times, with};
use crate::guests::compiling;

/// Words in rejections.
const ARITY: &str = "parameters or results";
const VALUES: &str = "hands on too many values";
const DEFINITIONS: &str = "types, imports, exports and instances";

/// Within a function's 64 KiB.
const TARGETS: usize = 65_000;

/// Modules.
pub(super) fn modules() -> Vec<Bomb> {
    vec![
        Bomb::refused("branch tables of 1,000 values", tables(63, 1_000), ARITY),
        Bomb::refused("branch tables of 128 values", tables(63, 128), VALUES),
        Bomb::limited("branch tables of 8 values", tables(63, 8)),
        Bomb::refused("conditional branches of 128 values", branches(), VALUES),
        Bomb::refused("calls with 128 values each way", calls(), VALUES),
        Bomb::refused("blocks of 128 values", blocks(), VALUES),
        Bomb::refused("1,000 parameters", command(&[function_type(1_000, 0)], &[body(&[])]), ARITY),
        Bomb::limited("50,000 locals in 19,000 functions", locals()),
        Bomb::refused("1,000,000 types", command(&vec![function_type(0, 0); 1_000_000], &[]), DEFINITIONS),
        Bomb::limited("16,000 types of 128 parameters", command(&vec![function_type(128, 128); 16_000], &[])),
        Bomb::refused("400,000 exports", exports(400_000), DEFINITIONS),
        Bomb::refused("200,000 imports", imports(200_000), "imports"),
        Bomb::limited("100,000 data segments", segments()),
        Bomb::limited("a data segment of 4 MiB", data()),
        Bomb::limited("99,000 element segments", elements()),
        Bomb::limited("600,000 globals", globals()),
        Bomb::limited("1,000,000 custom sections", with(&plain(), &vec![section(0, &name("a")); 1_000_000])),
        Bomb::limited("names of 100,000 bytes", long_names()),
        Bomb::limited("800,000 names of functions", many_names()),
        Bomb::limited("4 MiB of code that needs another proposal", proposal()),
        Bomb::limited("19,000 functions that grow the memory", functions()),
        Bomb::limited("branches that are slow to compile", compiling::branchy(70, 3_600)),
    ]
}

/// A command that does nothing.
fn plain() -> Vec<u8> {
    command(&[], &[])
}

/// Functions that branch to all targets of a table with a number of values, in unreachable code.
fn tables(functions: usize, values: usize) -> Vec<u8> {
    let table = [&[0x02, 1, 0x00, 0x0e][..], &times(TARGETS, &[0]), &[0, 0x0b, 0x00]].concat();
    command(&[function_type(0, 0), function_type(0, values)], &vec![body(&table); functions])
}

fn branches() -> Vec<u8> {
    let code = [&[0x02, 1, 0x00][..], &[0x0d, 0].repeat(TARGETS / 2), &[0x0b, 0x00]].concat();
    command(&[function_type(0, 0), function_type(0, 128)], &vec![body(&code); 63])
}

fn calls() -> Vec<u8> {
    let code = [&[0x00][..], &[0x10, 0].repeat(TARGETS / 2), &[0x00]].concat();
    command(&[function_type(128, 128)], &vec![body(&code); 63])
}

fn blocks() -> Vec<u8> {
    let code = [&[0x00][..], &[0x02, 1, 0x0b].repeat(TARGETS / 3), &[0x00]].concat();
    command(&[function_type(0, 0), function_type(128, 128)], &vec![body(&code); 63])
}

fn locals() -> Vec<u8> {
    let many = [&[1][..], &number(50_000), &[0x7e]].concat();
    command(&[function_type(0, 0)], &vec![body_with(&many, &[]); 19_000])
}

fn exports(count: u32) -> Vec<u8> {
    let export = |index: u32| [name(&format!("e{index:x}")), vec![2, 0]].concat();
    let sections = [section(5, &[1, 0, 1]), section(7, &list(&(0..count).map(export).collect::<Vec<_>>()))];
    with(b"\0asm\x01\0\0\0", &sections)
}

fn imports(count: usize) -> Vec<u8> {
    let import = [name("m"), name("f"), vec![0, 0]].concat();
    let sections = [section(1, &list(&[function_type(0, 0)])), section(2, &times(count, &import))];
    with(b"\0asm\x01\0\0\0", &sections)
}

fn segments() -> Vec<u8> {
    with(&plain(), &[section(11, &times(100_000, &[0, 0x41, 0, 0x0b, 1, 7]))])
}

fn data() -> Vec<u8> {
    let segment = [vec![0, 0x41, 0, 0x0b], times((4 << 20) - 200, &[1])].concat();
    with(&plain(), &[section(11, &list(&[segment]))])
}

fn elements() -> Vec<u8> {
    let sections = [
        section(1, &list(&[function_type(0, 0)])),
        section(3, &[1, 0]),
        section(4, &[1, 0x70, 0, 1]),
        section(5, &[1, 0, 1]),
        section(7, &list(&[[name("memory"), vec![2, 0]].concat(), [name("_start"), vec![0, 0]].concat()])),
        section(9, &times(99_000, &[0, 0x41, 0, 0x0b, 1, 0])),
        section(10, &list(&[body(&[])])),
    ];
    with(b"\0asm\x01\0\0\0", &sections)
}

fn globals() -> Vec<u8> {
    let sections = [
        section(1, &list(&[function_type(0, 0)])),
        section(3, &[1, 0]),
        section(5, &[1, 0, 1]),
        section(6, &times(600_000, &[0x7f, 1, 0x41, 0, 0x0b])),
        section(7, &list(&[[name("memory"), vec![2, 0]].concat(), [name("_start"), vec![0, 0]].concat()])),
        section(10, &list(&[body(&[])])),
    ];
    with(b"\0asm\x01\0\0\0", &sections)
}

/// A name section with names of functions.
fn names(names: &[Vec<u8>]) -> Vec<u8> {
    section(0, &[name("name"), section(1, &list(names))].concat())
}

fn long_names() -> Vec<u8> {
    let long = "a".repeat(100_000);
    let entries: Vec<Vec<u8>> = (0..40).map(|index| [number(index), name(&long)].concat()).collect();
    with(&command(&[function_type(0, 0)], &vec![body(&[]); 39]), &[names(&entries)])
}

fn many_names() -> Vec<u8> {
    let entries: Vec<Vec<u8>> = (0..800_000).map(|index| [number(index), name("")].concat()).collect();
    with(&plain(), &[names(&entries)])
}

/// Code with common operators, and one of the threads proposal at its end.
fn proposal() -> Vec<u8> {
    let code = [0x41, 1, 0x41, 2, 0x6a, 0x1a].repeat(10_000);
    let fence = [0xfe, 0x03, 0];
    let mut bodies = vec![body(&code); 69];
    bodies.push(body(&fence));
    command(&[function_type(0, 0)], &bodies)
}

fn functions() -> Vec<u8> {
    let code = [0x41, 1, 0x40, 0, 0x1a].repeat(40);
    command(&[function_type(0, 0)], &vec![body(&code); 19_000])
}

/// Assembles a component.
fn component(text: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {text})")).expect("a component in text")
}

/// A component with a core function that can be lifted.
fn liftable() -> Vec<u8> {
    component(
        r#"(core module $m (func (export "f")))
           (core instance $i (instantiate $m))
           (alias core export $i "f" (core func $f))
           (type $t (func))"#,
    )
}

/// Components.
pub(super) fn components() -> Vec<Bomb> {
    let lifts = section(8, &times(800_000, &[0, 0, 0, 0, 0]));
    let types = section(7, &times(900_000, &[0x40, 0, 1, 0]));
    let aliases = section(6, &times(900_000, &[3, 2, 0, 0]));
    let core_types = section(3, &times(1_000_000, &[0x60, 0, 0]));
    let wide = section(3, &list(&[function_type(1_000, 0)]));
    vec![
        Bomb::refused("800,000 lifts of one function", with(&liftable(), &[lifts]), DEFINITIONS),
        Bomb::refused("900,000 component types", with(&liftable(), &[types]), DEFINITIONS),
        Bomb::refused("900,000 aliases", with(&liftable(), &[aliases]), DEFINITIONS),
        Bomb::refused("1,000,000 core types of a component", with(&liftable(), &[core_types]), DEFINITIONS),
        Bomb::refused("a core type of 1,000 parameters", with(&liftable(), &[wide]), ARITY),
        Bomb::refused("200,000 component imports", component_imports(), "imports"),
        Bomb::refused("200,000 component exports", component_exports(), DEFINITIONS),
        Bomb::refused("an instance type of 500,000 parts", instance_type(), DEFINITIONS),
        Bomb::refused("types of components within one another", nested_types(), "within one another"),
        Bomb::refused("the same behind what is not valid", late_nested_types(), "damaged"),
        Bomb::limited("types that double in size", doubling_types()),
        Bomb::refused("components that instantiate components", doubling_instances(15, 60), "component instances"),
        Bomb::refused("1,900 exports, instantiated 900 times", many_instances(), "component instances"),
        Bomb::refused("components within components", nested(40), "over 16 deep"),
        Bomb::refused("1,000 modules", component(&"(core module (func))".repeat(1_000)), "exports no"),
        Bomb::refused("components that call each other", adapters(), "call each other"),
    ]
}

fn component_imports() -> Vec<u8> {
    let import = |index: u32| [vec![0], name(&format!("a{index:x}")), vec![1, 0]].concat();
    with(&liftable(), &[section(10, &list(&(0..200_000).map(import).collect::<Vec<_>>()))])
}

fn component_exports() -> Vec<u8> {
    let export = |index: u32| [vec![0], name(&format!("a{index:x}")), vec![1, 0, 0]].concat();
    let lift = section(8, &[1, 0, 0, 0, 0, 0]);
    with(&liftable(), &[lift, section(11, &list(&(0..200_000).map(export).collect::<Vec<_>>()))])
}

fn instance_type() -> Vec<u8> {
    let part = [1, 0x40, 0, 1, 0];
    let ty = [vec![0x42], times(500_000, &part)].concat();
    with(&liftable(), &[section(7, &list(&[ty]))])
}

/// A component type that declares a component type, and so on: recursive readers run out of stack.
fn nested_types() -> Vec<u8> {
    let ty = [&[0x41, 1, 1].repeat(1_000_000)[..], &[0x41, 0]].concat();
    with(&liftable(), &[section(7, &list(&[ty]))])
}

/// A reader that looks for the cause of the first fault arrives at the nested types.
fn late_nested_types() -> Vec<u8> {
    let ty = [&[0x41, 1, 1].repeat(1_000_000)[..], &[0x41, 0]].concat();
    with(&liftable(), &[section(8, &[1, 0, 0, 9, 0, 0]), section(7, &list(&[ty]))])
}

/// Tuples of the previous tuple: the last type has as many parts as possible.
fn doubling_types() -> Vec<u8> {
    let mut text = String::from("(type $t0 (tuple u8 u8))");
    for level in 1..19 {
        text.push_str(&format!("(type $t{level} (tuple $t{0} $t{0}))", level - 1));
    }
    text.push_str("(type (func (param \"a\" $t18)))");
    component(&text)
}

/// Components that each instantiate the previous one a number of times, without any module.
fn doubling_instances(levels: usize, times: usize) -> Vec<u8> {
    let mut text = String::from("(component $c0)");
    for level in 1..levels {
        let instantiate = format!("(instance (instantiate $c{}))", level - 1);
        text.push_str(&format!(
            "(component $c{level} (alias outer 1 $c{0} (component $c{0})) {1})",
            level - 1,
            instantiate.repeat(times)
        ));
    }
    text.push_str(&format!("(instance (instantiate $c{}))", levels - 1));
    component(&text)
}

fn many_instances() -> Vec<u8> {
    let exports: String = (0..1_900).map(|index| format!("(export \"a{index:x}\" (type $t))")).collect();
    component(&format!("(component $c (type $t (tuple u8)) {exports}) {}", "(instance (instantiate $c))".repeat(900)))
}

fn nested(depth: usize) -> Vec<u8> {
    component(&format!("{}{}", "(component ".repeat(depth), ")".repeat(depth)))
}

/// A component that passes a string to another one, for which the engine would need an adapter between two memories.
fn adapters() -> Vec<u8> {
    component(
        r#"(component $callee
             (core module $m
               (memory (export "memory") 1)
               (func (export "f") (param i32 i32))
               (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
             (core instance $i (instantiate $m))
             (func (export "f") (param "a" string)
               (canon lift (core func $i "f") (memory $i "memory") (realloc (func $i "realloc")))))
           (component $caller
             (import "f" (func $f (param "a" string)))
             (core module $libc
               (memory (export "memory") 1)
               (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
             (core instance $libc (instantiate $libc))
             (core func $lowered
               (canon lower (func $f) (memory $libc "memory") (realloc (func $libc "realloc"))))
             (core module $m (import "" "f" (func $f (param i32 i32))) (func (export "price") i32.const 0 i32.const 0 call $f))
             (core instance $i (instantiate $m (with "" (instance (export "f" (func $lowered))))))
             (func (export "price") (canon lift (core func $i "price"))))
           (instance $callee (instantiate $callee))
           (instance $caller (instantiate $caller (with "f" (func $callee "f"))))
           (func $price (alias export $caller "price"))
           (instance $exported (export "price" (func $price)))
           (export "bidprice:plugin/pricer@0.1.0" (instance $exported))"#,
    )
}
