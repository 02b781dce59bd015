//! Guests whose allocator lies, and guests that call imports when they must not.

use pricing_core::quote::ReasonCode;

use super::Attack;
use crate::guest::{Guest, LOG_IMPORT, text_answer, text_data};

fn with(realloc: &str, post_return: &str) -> Vec<u8> {
    let fields = text_data("1.5");
    let price = text_answer(0, 3);
    Guest { imports: LOG_IMPORT, price: &price, fields: &fields, realloc, post_return, ..Guest::default() }.component()
}

/// Every attack through the allocator, and through what follows the answer.
#[must_use]
pub fn attacks() -> Vec<Attack> {
    let log = "(call $log (i32.const 1) (i32.const 64) (i32.const 3))";
    let invalid = |name, realloc: &str| Attack::new(name, with(realloc, ""), ReasonCode::InvalidOutput);
    vec![
        // Address 0 is as good as any other; the guest may corrupt its own memory.
        Attack::harmless("allocates everything at 1024", with("(i32.const 1024)", ""), "1.5"),
        invalid("allocates beyond its memory", "(i32.const 131072)"),
        invalid("allocates at the last address", "(i32.const -8)"),
        invalid("allocates at odd addresses", "(i32.const 1025)"),
        Attack::new("crashes when it is to allocate", with("unreachable", ""), ReasonCode::Trap),
        Attack::new(
            "allocates a new page each time, without end",
            with("(drop (memory.grow (i32.const 300))) (i32.const 1024)", ""),
            ReasonCode::MemoryExceeded,
        ),
        Attack::new("logs from its allocator", with(&format!("{log}(i32.const 1024)"), ""), ReasonCode::Trap),
        Attack::new("logs after its answer was read", with("", log), ReasonCode::Trap),
        Attack::new("crashes after its answer was read", with("", "unreachable"), ReasonCode::Trap),
    ]
}
