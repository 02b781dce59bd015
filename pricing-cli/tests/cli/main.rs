//! Tests of the programs as people and scripts run them. Each build has the tests whose commands are in it.

#[cfg(all(feature = "simulate", feature = "service"))]
mod backtest;
#[cfg(all(feature = "parquet", feature = "service"))]
mod book;
#[cfg(feature = "service")]
#[path = "../../../pricing-engine/tests/engine/decisions/mod.rs"]
mod decisions;
#[cfg(feature = "service")]
mod deploy;
#[cfg(all(feature = "parquet", feature = "service"))]
mod diff;
#[cfg(feature = "service")]
mod doctor;
#[cfg(feature = "service")]
mod drills;
#[cfg(feature = "service")]
mod drop_in;
mod environment;
#[cfg(feature = "service")]
mod feed;
#[cfg(feature = "service")]
mod files;
#[cfg(feature = "service")]
mod golden;
#[cfg(feature = "service")]
mod guard;
#[cfg(feature = "service")]
mod helm;
mod left_out;
#[cfg(feature = "service")]
mod log;
#[cfg(feature = "simulate")]
mod market;
#[cfg(feature = "simulate")]
mod market_pull;
mod negative;
#[cfg(all(feature = "service", feature = "simulate"))]
mod outcomes;
#[cfg(feature = "plugins")]
mod plugin;
#[cfg(feature = "simulate")]
mod prefer;
#[cfg_attr(not(feature = "service"), expect(dead_code, reason = "some of it is for the tests of the service alone"))]
mod programs;
#[cfg(feature = "service")]
mod python;
mod quote;
#[cfg(feature = "service")]
mod quote_socket;
#[cfg(feature = "simulate")]
mod rates_check;
#[cfg(all(feature = "service", feature = "simulate"))]
mod rates_init;
#[cfg(feature = "service")]
mod replay;
#[cfg(feature = "simulate")]
mod report;
#[cfg(feature = "simulate")]
#[cfg_attr(
    not(all(feature = "parquet", feature = "service")),
    expect(dead_code, reason = "some of it is for the tests of `diff` alone")
)]
mod scripts;
#[cfg(feature = "service")]
mod serve;
#[cfg(feature = "service")]
mod service;
#[cfg(feature = "parquet")]
mod simulate;
#[cfg(feature = "simulate")]
mod simulate_examples;
#[cfg(feature = "parquet")]
mod simulate_export;
#[cfg(feature = "simulate")]
mod simulate_script;
#[cfg(all(feature = "parquet", feature = "service"))]
mod simulate_streams;
#[cfg(feature = "simulate")]
mod simulate_sweep;
#[cfg(feature = "service")]
mod soak;
mod stdout;
#[cfg(feature = "simulate")]
mod study;
#[cfg(feature = "simulate")]
mod tune;
#[cfg(feature = "simulate")]
mod which_card;
#[cfg(all(feature = "service", feature = "simulate"))]
mod words;
