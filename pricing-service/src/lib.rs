//! The pricing service beside a provider's daemon.
//!
//! What a decision depends on comes from four places: the [`config`] with rates and plugin, the live [`inventory`], the
//! live [`feed`], and the request. [`pricer`] brings them together and decides; [`bid_log`] keeps every decision with
//! what it depended on; [`guard`] lets no new rate card in that could cost money by mistake; [`shadow`] prices a second time and compares; [`server`] speaks gRPC.

pub mod bid_log;
pub mod comparison;
pub mod config;
mod connections;
pub mod convert;
pub mod digest;
pub mod feed;
pub mod guard;
pub mod inventory;
pub mod metrics;
pub mod order_name;
mod own_file;
pub mod pricer;
pub mod server;
pub mod shadow;
pub mod telemetry;
