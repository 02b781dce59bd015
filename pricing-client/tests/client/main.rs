//! The client, with services and with everything else that may listen in their place.

#[expect(unreachable_pub, reason = "the tests of the drop-in use it too")]
mod fake;

mod calls;
mod tls;
