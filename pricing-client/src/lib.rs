//! Asks a running bidprice service: `bidprice.v1.Pricing`, over a Unix socket or TCP.
//!
//! Every call has a deadline, which is also sent to the service (`grpc-timeout`), so that the service stops when its
//! caller has given up. Calls are never retried: a bid is due within seconds, and only the caller knows whether there
//! is time for another attempt. The first call opens the connection, and a call after it broke opens a new one, so a
//! client outlives restarts of the service.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use pricing_client::messages::{Decision, Order, QuoteRequest, order::Form};
//! use pricing_client::{CallError, Client};
//!
//! # async fn ask(request: String) -> Result<(), CallError> {
//! let client = Client::unix("/run/bidprice/bidprice.sock").with_deadline(Duration::from_secs(2));
//! let order = Order { form: Some(Form::Text(request)) };
//! let request = QuoteRequest { order: Some(order), owner: "akash1tenantqqqqqqqqqqqqqqqqqqqqqqqqqq7wpl8u".to_owned(), ..QuoteRequest::default() };
//! match client.quote(request).await {
//!     Ok(answer) => {
//!         for quote in answer.quotes {
//!             match (quote.decision(), quote.price, quote.reason) {
//!                 (Decision::Bid, Some(price), _) => println!("{}: {} {}", quote.group, price.amount, price.denom),
//!                 (_, _, reason) => println!("{}: no bid: {}", quote.group, reason.unwrap_or_default().message),
//!             }
//!         }
//!     }
//!     // Nobody answered: what to do then is the caller's choice, and never to bid an old price.
//!     Err(error) if error.is_silence() => eprintln!("{error}"),
//!     // The service answered, and the answer is no.
//!     Err(error) => return Err(error),
//! }
//! # Ok(())
//! # }
//! ```

mod client;
mod connect;
mod error;
mod once;
mod stream;
#[cfg(feature = "tls")]
mod tls;

pub use client::{Client, DEFAULT_DEADLINE};
pub use error::{AddressError, CallError};
pub use once::quote_once;
pub use stream::Answers;
#[cfg(feature = "tls")]
pub use tls::Tls;

/// The messages of `bidprice.v1`.
pub use pricing_proto::bidprice::v1 as messages;
