//! The kit for authors of pricing plugins in Rust.
//!
//! A plugin is a function from a [`Request`] to an [`Answer`]. This is a complete one:
//!
//! ```
//! use pricing_guest::{Answer, Request, decimal};
//!
//! pricing_guest::plugin!(price);
//!
//! /// Ten percent off for everyone but one, and nothing below 5 USD a month.
//! fn price(request: &Request) -> Result<Answer, String> {
//!     if request.owner() == Some("akash1spammerqqqqqqqqqqqqqqqqqqqqqqqqqqauy75") {
//!         return Ok(Answer::decline("this owner does not pay"));
//!     }
//!     Ok(Answer::multiply(decimal!("0.9")).floor(decimal!("5")).into())
//! }
//! # fn main() {}
//! ```
//!
//! # What happens on a failure
//! A plugin can *decline*, which is a decision, or *fail*. An `Err`, a panic and an arithmetic overflow are failures:
//! the message is written to the log as an error, and the call traps. The host turns that into a fault, shows the
//! message, and does not bid. A failure never becomes a bid, and never looks like a decision to decline.
//!
//! # What a plugin can use
//! Only the request: there are no files, network, clock or random numbers. Each call runs in a fresh instance, so what
//! one call writes to a `static` is gone in the next. Money never uses floats: [`decimal!`] makes constants that the
//! compiler checks, and [`parse`] reads the request's texts.
//!
//! # How to test a plugin
//! The function is ordinary Rust, so `cargo test` on any machine can call it with a [`Request`] from [`Sample`]. Log
//! lines go to standard error there.

#[doc(hidden)]
pub mod bindings;

#[cfg(all(target_family = "wasm", feature = "arena"))]
mod arena;

mod answer;
mod decimal;
pub mod log;
mod request;
mod run;
mod sample;
mod share;

pub use answer::Changes;
pub use bindings::bidprice::plugin::types::{
    Answer, Attribute, BidRequest as Request, Builtin, Change, Coin, Endpoints, GpuKind, GpuRequest, GpuUsage, Item,
    Line, LinePrice, Order, Placement, Quote, Rate, RateCard, Reason, ResourceUnit, Target, Usage, Utilisation, Volume,
};
#[doc(hidden)]
pub use decimal::constant;
pub use decimal::{Error, parse};
#[doc(hidden)]
pub use run::run;
pub use rust_decimal::{Decimal, RoundingStrategy};
pub use sample::Sample;
pub use share::Share;

/// Makes a plugin from a function: `fn(&Request) -> Result<impl Into<Answer>, impl Display>`.
///
/// The crate needs `crate-type = ["cdylib"]`. See the [crate's documentation](crate) for what an error does.
#[macro_export]
macro_rules! plugin {
    ($price:path) => {
        /// Uses the function even where no host calls it, so that the compiler does not report it as unused.
        const _: fn(&$crate::Request) -> $crate::Answer = |request| $crate::run(request, $price);

        const _: () = {
            struct Plugin;

            impl $crate::bindings::exports::bidprice::plugin::pricer::Guest for Plugin {
                fn price(request: $crate::Request) -> $crate::Answer {
                    $crate::run(&request, $price)
                }
            }

            #[cfg(target_family = "wasm")]
    $crate::bindings::export!(Plugin with_types_in $crate::bindings);
        };
    };
}

/// Makes a [`Decimal`] from a text at compile time: `decimal!("0.9")`. A text that is not a decimal does not compile.
#[macro_export]
macro_rules! decimal {
    ($text:expr) => {
        const { $crate::constant($text) }
    };
}
