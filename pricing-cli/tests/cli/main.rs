//! The programs, run as people and scripts run them.

#[path = "../../../pricing-service/tests/service/decisions/mod.rs"]
mod decisions;
mod deploy;
mod diff;
mod drills;
mod drop_in;
mod environment;
mod feed;
#[path = "../../../pricing-service/tests/service/free_address.rs"]
mod free_address;
mod golden;
mod market;
mod plugin;
mod programs;
mod python;
mod replay;
mod report;
mod scripts;
mod serve;
mod service;
mod simulate;
mod simulate_examples;
mod simulate_script;
mod simulate_streams;
mod simulate_sweep;
mod soak;
mod study;
