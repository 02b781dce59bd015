//! A plugin that takes a while and then bids.

use testkit::guest::{Guest, text_answer, text_data};

/// The plugin's bid.
pub(crate) const BID: &str = "1.5 uact";

/// Returns a component that counts up to `counts` before it bids.
pub(crate) fn plugin(counts: u32) -> Vec<u8> {
    let fields = format!("(global $count (mut i32) (i32.const 0)) {}", text_data("1.5"));
    let price = format!(
        "(loop $again (global.set $count (i32.add (global.get $count) (i32.const 1)))
         (br_if $again (i32.lt_u (global.get $count) (i32.const {counts})))) {}",
        text_answer(0, 3)
    );
    Guest { fields: &fields, price: &price, ..Guest::default() }.component()
}

/// Returns a configuration with the plugin and these limits.
pub(crate) fn config(limits: &str) -> String {
    format!(
        "[plugin]\nfile = \"slow.wasm\"\ndeadline = \"10m\"\nfuel = 1000000000000\n[limits]\n{limits}\n\
         [reload]\nwatch = \"0s\"\n"
    )
}
