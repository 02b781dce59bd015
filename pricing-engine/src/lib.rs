//! The pricing engine of a provider's daemon: prices orders with a live inventory, a live USD/AKT rate and a
//! configuration that reloads, and logs every decision. It does not serve gRPC itself: `pricing-service` serves it on
//! sockets.
//!
//! A decision depends on four inputs: the [`config`] with rates and plugin, the live [`inventory`], the live [`feed`],
//! and the request. [`engine`] brings them together, [`decision`] prices with them, and [`bid_log`] records every
//! decision with its inputs. [`guard`] refuses rate cards that could cost money by mistake. [`shadow`] prices every
//! order a second time and compares. [`outcomes`] follows what became of the bids, and
//! [`placements`] where their pods started.
//!
//! A daemon that is written in Rust links the engine:
//!
//! ```no_run
//! # async fn daemon() -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//! use std::time::{Duration, Instant};
//!
//! use pricing_engine::Engine;
//! use pricing_engine::decision::OrderRequest;
//! use pricing_host::compile::Compiler;
//! use tokio_util::sync::CancellationToken;
//!
//! // Needs a Tokio runtime, on which the inventory and the feed are kept up to date.
//! let engine = Engine::start(Path::new("bidprice.toml"), Compiler::InProcess)?;
//! let stop = CancellationToken::new();
//! // Reloads the configuration whenever its files change.
//! let watching = tokio::spawn(engine.clone().watch(None, stop.clone()));
//!
//! let order = OrderRequest::read(std::fs::read_to_string("order.json")?)?;
//! let quoting = engine.clone();
//! let deadline = Instant::now() + Duration::from_secs(1);
//! // Pricing is CPU-bound, so it runs on a thread for blocking work.
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
pub mod clock;
pub mod comparison;
pub mod config;
pub mod decision;
pub mod digest;
pub mod engine;
pub mod explore;
pub mod feed;
pub mod guard;
pub mod inventory;
pub mod metrics;
pub mod order_name;
pub mod outcomes;
mod own_file;
pub mod placements;
pub mod shadow;
pub mod telemetry;
pub mod tune;

pub use engine::Engine;
