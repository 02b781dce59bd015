//! The request to a plugin.

use pricing_core::quote::{Quote, QuoteRequest};

/// Everything that a plugin's price can depend on.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What the quote is asked for.
    pub asked: QuoteRequest<'a>,
    /// The built-in quote, with the order's targets.
    pub draft: &'a Quote,
}
