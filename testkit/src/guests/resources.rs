//! Guests that create resources: handles that the host stores in its own memory.

use pricing_core::quote::ReasonCode;

use super::Attack;
use crate::guest::component_of;

/// A world with the functions of a plugin, and a resource.
const WORLD: &str = "package hostile:extra@0.1.0;
  interface things { resource thing; }
  world plugin { include bidprice:plugin/plugin@0.1.0; export things; }";

/// A component that creates resources forever.
#[must_use]
pub fn endless() -> Vec<u8> {
    component_of(
        r#"(import "[export]hostile:extra/things@0.1.0" "[resource-new]thing" (func $new (param i32) (result i32)))
        (memory (export "memory") 2)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "bidprice:plugin/pricer@0.1.0#price") (param i32) (result i32)
          (loop $again (drop (call $new (i32.const 1))) (br $again)) unreachable)"#,
        Some(WORLD),
    )
}

/// Every attack by resources.
#[must_use]
pub fn attacks() -> Vec<Attack> {
    vec![Attack::new("makes resources without end", endless(), ReasonCode::MemoryExceeded)]
}
