//! Prices orders as a provider's daemon needs it: with a live inventory, a live rate, a configuration that reloads, and
//! a log of every decision. It speaks no gRPC of its own: `pricing-service` serves it on sockets.
//!
//! A decision depends on four things: the [`config`] with rates and plugin, the live [`inventory`], the live [`feed`],
//! and the request. [`engine`] brings them together, [`decision`] prices with them, [`bid_log`] records every decision
//! with what it depended on, [`guard`] keeps out rate cards that could cost money by mistake, and [`shadow`] prices
//! every order a second time and compares.
//!
//! A daemon in Rust links the engine and prices orders with it:
//!
//! ```no_run
//! # async fn daemon() -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//! use std::time::{Duration, Instant};
//!
//! use pricing_engine::Engine;
//! use pricing_engine::decision::Ask;
//! use pricing_host::compile::Compiler;
//! use tokio_util::sync::CancellationToken;
//!
//! // Within a tokio runtime, on which inventory and feed are kept up to date.
//! let engine = Engine::start(Path::new("bidprice.toml"), Compiler::InProcess)?;
//! let stop = CancellationToken::new();
//! // Takes changed files, and the configuration anew whenever somebody asks for it.
//! let watching = tokio::spawn(engine.clone().watch(None, stop.clone()));
//!
//! let order = Ask::read(std::fs::read_to_string("order.json")?)?;
//! let quoting = engine.clone();
//! let deadline = Instant::now() + Duration::from_secs(1);
//! // Pricing takes processor time, so it does not belong on the runtime's own threads.
//! let answer = tokio::task::spawn_blocking(move || quoting.quote(order, deadline)).await?;
//! for priced in answer.when_written().await {
//!     println!("{:?}", priced.quote.price());
//! }
//!
//! stop.cancel();
//! watching.await?;
//! engine.shutdown();
//! # Ok(())
//! # }
//! ```

pub mod bid_log;
pub mod comparison;
pub mod config;
pub mod decision;
pub mod digest;
pub mod engine;
pub mod feed;
pub mod guard;
pub mod inventory;
pub mod metrics;
pub mod order_name;
mod own_file;
pub mod shadow;
pub mod telemetry;

pub use engine::Engine;
