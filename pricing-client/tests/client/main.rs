//! The client, against services that answer and all that may be in their place.

#[expect(unreachable_pub, reason = "the tests of the drop-in use it too")]
mod fake;

mod calls;
mod tls;
