//! Guests for the plugin host: components from core modules in text.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve};

/// The project's WIT package, which is the same for all guests.
static PACKAGE: LazyLock<(Resolve, PackageId)> = LazyLock::new(|| {
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pricing-host/wit");
    let (package, _) = resolve.push_dir(wit).expect("the WIT package");
    (resolve, package)
});

/// A core module's fields and another WIT package.
type Source = (String, Option<String>);

/// Caches the components. Encoding one takes longer than most tests with it, and many tests use the same.
static COMPONENTS: LazyLock<Mutex<BTreeMap<Source, Vec<u8>>>> = LazyLock::new(Mutex::default);

/// The body of a bump allocator that starts at 65536, grows the memory as needed, and never frees.
const BUMP: &str = r#"
    (local $at i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (local.set $at (global.get $next))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (block $fits (loop $grow
      (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
      (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
      (br $grow)))
    (local.get $at)
"#;

/// Makes a component from a core module's fields. It must export `memory`, `cabi_realloc` and
/// `bidprice:plugin/pricer@0.1.0#price` (a request's address to an answer's address), and may import
/// `bidprice:plugin/log@0.1.0` `log` (level, address, length).
///
/// # Panics
/// When the text is not a module or does not match the WIT package.
#[must_use]
pub fn component(fields: &str) -> Vec<u8> {
    component_of(fields, None)
}

/// Makes a component like [`component`], for the world `plugin` of another WIT package, which may use the project's.
///
/// # Panics
/// When the text is not a module or does not match the world.
#[must_use]
pub fn component_of(fields: &str, package: Option<&str>) -> Vec<u8> {
    let source = (fields.to_owned(), package.map(ToOwned::to_owned));
    let made = || COMPONENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(component) = made().get(&source) {
        return component.clone();
    }
    let component = encoded(fields, package);
    made().insert(source, component.clone());
    component
}

fn encoded(fields: &str, package: Option<&str>) -> Vec<u8> {
    ComponentEncoder::default()
        .module(&core_module_of(fields, package))
        .and_then(|encoder| encoder.validate(true).encode())
        .unwrap_or_else(|error| panic!("the guest is not a component: {error:#}"))
}

/// Makes the core module of [`component`], including the metadata that says which world it is for.
///
/// # Panics
/// When the text is not a module.
#[must_use]
pub fn core_module(fields: &str) -> Vec<u8> {
    core_module_of(fields, None)
}

fn core_module_of(fields: &str, package: Option<&str>) -> Vec<u8> {
    let (mut resolve, own) = PACKAGE.clone();
    let package = package.map_or(own, |text| resolve.push_str("other.wit", text).expect("another WIT package"));
    let world = resolve.select_world(&[package], Some("plugin")).expect("the world");
    let mut module = wat::parse_str(format!("(module {fields})")).expect("a module in text");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata");
    module
}

/// The core module of a component, in text. Empty parts are those of a harmless plugin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Guest<'a> {
    /// Imports, such as [`LOG_IMPORT`].
    pub imports: &'a str,
    /// Other fields: globals, data, functions.
    pub fields: &'a str,
    /// The body of `price`: parameter 0 is the request's address, the result the answer's.
    pub price: &'a str,
    /// The initial pages of memory, or the minimum and the maximum. Default: 2.
    pub memory: &'a str,
    /// The body of the allocator: parameter 3 is the length, the result an address.
    pub realloc: &'a str,
    /// The body of the function that is called after the answer was read. Parameter 0 is the answer's address.
    pub post_return: &'a str,
}

impl Guest<'_> {
    /// Makes the component.
    #[must_use]
    pub fn component(&self) -> Vec<u8> {
        component(&self.text())
    }

    /// Makes its core module.
    #[must_use]
    pub fn core_module(&self) -> Vec<u8> {
        core_module(&self.text())
    }

    fn text(&self) -> String {
        let Self { imports, fields, price, .. } = self;
        let given = |text: &str, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text.to_owned() };
        let (memory, realloc) = (given(self.memory, "2"), given(self.realloc, BUMP));
        let post_return = match self.post_return {
            "" => String::new(),
            body => format!(r#"(func (export "cabi_post_bidprice:plugin/pricer@0.1.0#price") (param i32) {body})"#),
        };
        format!(
            r#"{imports}
            (memory (export "memory") {memory})
            (global $next (mut i32) (i32.const 65536))
            (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {realloc})
            {fields}
            (func $price (export "bidprice:plugin/pricer@0.1.0#price") (param i32) (result i32) {price})
            {post_return}"#
        )
    }
}

/// The import of the log: level, address, length.
pub const LOG_IMPORT: &str = r#"(import "bidprice:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))"#;

/// Where [`text_answer`] puts its answer.
const ANSWER: u32 = 16;
/// Where [`text_answer`] expects its text.
const TEXT: u32 = 64;

/// The body of a `price` that answers the text at 64: case 0 is a price, 1 a decline.
#[must_use]
pub fn text_answer(case: u8, length: usize) -> String {
    format!(
        "(i32.store8 (i32.const {ANSWER}) (i32.const {case}))
         (i32.store (i32.const {}) (i32.const {TEXT}))
         (i32.store (i32.const {}) (i32.const {length}))
         (i32.const {ANSWER})",
        ANSWER + 4,
        ANSWER + 8
    )
}

/// A data segment.
#[must_use]
pub fn data(at: u32, bytes: &[u8]) -> String {
    let bytes: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("(data (i32.const {at}) \"{bytes}\")")
}

/// A data segment with a text where [`text_answer`] expects it.
#[must_use]
pub fn text_data(text: &str) -> String {
    data(TEXT, text.as_bytes())
}

/// A component that always answers the same text: case 0 is a price, 1 a decline.
#[must_use]
pub fn answers(case: u8, text: &str) -> Vec<u8> {
    Guest { price: &text_answer(case, text.len()), fields: &text_data(text), ..Guest::default() }.component()
}
